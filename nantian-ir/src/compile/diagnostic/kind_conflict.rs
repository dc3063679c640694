//! An HTTPRoute and a GRPCRoute want the same hostname of one listener. Exactly one of them is accepted: the older one,
//! then the first by namespace and name (`GRPCRouteSpec.hostnames`).
