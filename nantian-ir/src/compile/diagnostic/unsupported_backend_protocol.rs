//! The `appProtocol` of a Service port is not one that the route can send (GEP-1911), or the port is of another
//! transport than the route. Requests get 500, and `ResolvedRefs` is `False` with the reason `UnsupportedProtocol`.
