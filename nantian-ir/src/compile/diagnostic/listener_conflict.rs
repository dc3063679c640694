//! Listeners of one Gateway have the same port and hostname, or the same port with different protocols. None of them is
//! served, as the specification says; the Gateway's other listeners are.
