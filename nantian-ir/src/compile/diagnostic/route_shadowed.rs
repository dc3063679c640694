//! Of several routes of kind TLSRoute, TCPRoute or UDPRoute that want the same connections of a listener, the oldest
//! gets all of them, then the first by `namespace/name`. The others stay accepted and attached, and take over if that
//! one goes.
