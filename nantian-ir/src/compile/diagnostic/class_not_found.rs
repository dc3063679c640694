//! A Gateway is of a GatewayClass that does not exist and that is not one of ours by configuration. Nothing serves it,
//! and it gets no status.
