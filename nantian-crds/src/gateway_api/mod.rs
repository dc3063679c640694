//! The kinds of the Kubernetes Gateway API, v1.5.1, standard and experimental fields
//! (<https://gateway-api.sigs.k8s.io/reference/spec/>). TCPRoute and UDPRoute also read as v1.6 has them.
//!
//! Fields that the API server defaults have the default here too, so that an object reads the same before and after
//! admission. Values of closed enumerations that a later version adds arrive as `Unknown`, not as an error: a newer CRD
//! must not make whole objects unreadable.

pub mod backend_tls_policy;
pub(crate) mod fragment;
pub mod gateway;
pub mod gateway_class;
pub mod grpc_route;
pub mod http_route;
pub mod listener_set;
pub mod reference_grant;
pub mod shared;
pub mod stream_route;

pub use backend_tls_policy::BackendTlsPolicy;
pub use gateway::Gateway;
pub use gateway_class::GatewayClass;
pub use grpc_route::GrpcRoute;
pub use http_route::HttpRoute;
pub use listener_set::ListenerSet;
pub use reference_grant::ReferenceGrant;
pub use stream_route::{TcpRoute, TlsRoute, UdpRoute};

/// The API group of all these kinds.
pub const GROUP: &str = "gateway.networking.k8s.io";
