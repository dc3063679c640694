//! A `backendRef` names a Service that does not exist, or a port that the Service does not have. The share of requests
//! that would go there gets 500, and the route's `ResolvedRefs` condition is `False` with the reason `BackendNotFound`.
