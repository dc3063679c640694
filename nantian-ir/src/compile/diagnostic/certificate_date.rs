//! A certificate that a listener serves has expired or is not valid yet. It is served all the same, since clients
//! decide what they trust.
