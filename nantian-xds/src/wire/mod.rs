//! The messages: `proto/**/*.proto` as Rust types. The files in `codegen/` are written by `cargo xtask proto` and
//! checked in, so that a build needs no protobuf compiler; a test compares.

use std::fmt;

/// `nantian.ir.v1`: the model of `nantian-ir`, message for type.
#[allow(
    missing_docs,
    clippy::all,
    clippy::pedantic,
    reason = "generated; a message has the docs of the type of its name"
)]
pub mod ir {
    include!("codegen/nantian.ir.v1.rs");
}

// Messages name each other by the path that their packages give them.
#[doc(hidden)]
#[allow(missing_docs, clippy::all, clippy::pedantic, reason = "generated")]
pub mod envoy {
    pub mod config {
        pub mod core {
            pub mod v3 {
                include!("codegen/envoy.config.core.v3.rs");
            }
        }
    }
    pub mod service {
        pub mod discovery {
            pub mod v3 {
                include!("codegen/envoy.service.discovery.v3.rs");
            }
        }
    }
}
#[doc(hidden)]
#[allow(missing_docs, clippy::all, clippy::pedantic, reason = "generated")]
pub mod google {
    pub mod protobuf {
        include!("codegen/google.protobuf.rs");
    }
    pub mod rpc {
        include!("codegen/google.rpc.rs");
    }
}

/// `envoy.service.discovery.v3`: what of the xDS transport is used, compatible with every peer that speaks it.
pub mod discovery {
    pub use super::envoy::service::discovery::v3::{
        DeltaDiscoveryRequest, DeltaDiscoveryResponse, Resource, aggregated_discovery_service_client,
        aggregated_discovery_service_server,
    };
}

pub use envoy::config::core::v3::Node;
pub use google::protobuf::Any;
pub use google::rpc::Status;

/// Length only: a resource may be a private key.
impl fmt::Debug for Any {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Any({}; {} bytes)", self.type_url, self.value.len())
    }
}

/// Without the private key.
impl fmt::Debug for ir::Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key, chain, private_key } = self;
        f.debug_struct("Certificate")
            .field("key", key)
            .field("chain", chain)
            .field("private_key", &format_args!("[redacted; {} bytes]", private_key.len()))
            .finish()
    }
}
