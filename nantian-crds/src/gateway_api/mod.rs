//! The kinds of the Kubernetes Gateway API, v1.5.1, standard and experimental fields
//! (<https://gateway-api.sigs.k8s.io/reference/spec/>).
//!
//! Fields that the API server defaults have the default here too, so that an object reads the same before and after
//! admission. Values of closed enumerations that a later version adds arrive as `Unknown`, not as an error: a newer CRD
//! must not make whole objects unreadable.

pub mod gateway;
pub mod gateway_class;
pub mod grpc_route;
pub mod http_route;
pub mod reference_grant;
pub mod shared;

pub use gateway::Gateway;
pub use gateway_class::GatewayClass;
pub use grpc_route::GrpcRoute;
pub use http_route::HttpRoute;
pub use reference_grant::ReferenceGrant;

/// The API group of all these kinds.
pub const GROUP: &str = "gateway.networking.k8s.io";
