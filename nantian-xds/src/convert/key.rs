//! Names of resources.

use nantian_ir::{
    BackendKey, BackendKind, BackendProtocol, CaBundleKey, CertificateKey, ListenerKey, ListenerSetKey, RouteKey,
    RouteKind, RuleKey,
};

use super::{enumeration, message};

message!(ListenerKey { namespace, gateway, set, listener });
message!(ListenerSetKey { namespace, name });
enumeration!(RouteKind { Http, Grpc, Tls, Tcp, Udp });
message!(RouteKey { kind, namespace, name });
message!(RuleKey { route, rule, variant });
enumeration!(BackendKind { Service });
enumeration!(BackendProtocol { Http1, H2c, WebSocket, Tcp, Udp });
message!(BackendKey { kind, namespace, name, port, protocol });
message!(CertificateKey { namespace, name });
message!(CaBundleKey { namespace, name });
