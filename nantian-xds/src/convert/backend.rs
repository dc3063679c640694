//! Backends, and where they are reached.

use nantian_ir::{
    Backend, BackendIdentity, BackendTls, CaBundleKey, Endpoint, EndpointHost, EndpointSet, SubjectAltName, Trust,
};

use super::{Convert, FieldError, choice, message};
use crate::wire::ir;

message!(Backend { key, tls });
choice!(BackendTls as backend_tls::Mode in mode { Verify = "verify"; Refuse });
message!(BackendIdentity { server_name, subject_alt_names, trust });
choice!(SubjectAltName as subject_alt_name::Name in name { Hostname = "hostname", Uri = "uri"; });
choice!(Trust as trust::Authorities in authorities { CaBundles = "ca_bundles"; System });
message!(EndpointSet { key, endpoints });
message!(Endpoint { host, port });
choice!(EndpointHost as endpoint_host::Host in host { Ip = "ip", Dns = "dns"; });

/// A oneof cannot hold a list.
impl Convert<ir::CaBundleKeys> for Vec<CaBundleKey> {
    fn to_wire(&self) -> ir::CaBundleKeys {
        ir::CaBundleKeys { keys: self.to_wire() }
    }

    fn from_wire(wire: ir::CaBundleKeys) -> Result<Self, FieldError> {
        Self::from_wire(wire.keys).map_err(|error| error.in_field("keys"))
    }
}
