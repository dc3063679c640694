//! A Gateway, or the parent of a route, is of a GatewayClass of another controller. It is left alone and gets no status
//! from us.
