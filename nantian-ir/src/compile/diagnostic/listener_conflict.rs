//! Listeners of one Gateway have the same port and hostname, or the same port with protocols that do not go together.
//! None of them is served, as the specification says; the Gateway's other listeners are. A listener of a ListenerSet
//! that conflicts with one of its Gateway, or of a ListenerSet that comes first (the older one, then the first by
//! `namespace/name`), loses.
