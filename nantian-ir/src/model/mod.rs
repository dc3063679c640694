//! The IR: what a data plane needs to know, as plain data with public fields.
//!
//! Each map of a [`Snapshot`] holds one kind of discovery resource. Resources are small and point at each other by key,
//! so that a change sends only what changed.

mod backend;
mod filter;
mod listener;
mod resources;
mod route;
mod stream;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::hash::ContentHash;
use crate::key::{BackendKey, CaBundleKey, CertificateKey, ListenerKey, RuleKey};

pub use backend::{
    Backend, BackendIdentity, BackendProtocol, BackendTls, Endpoint, EndpointHost, EndpointSet, SubjectAltName, Trust,
};
pub use filter::{
    Cors, CorsOrigin, DirectResponse, Filter, Fraction, HeaderModifier, HeaderValue, PathModifier, RequestMirror,
    RequestRedirect, UrlRewrite,
};
pub use listener::{
    BindAddress, CaBundle, Certificate, ClientValidation, ClientValidationMode, Listener, ListenerProtocol,
    ListenerTls, Transport,
};
pub use resources::{Iter, ResourceChange, ResourceMap, Values};
pub use route::{
    Attachment, GrpcMatch, HeaderMatch, HttpMatch, PathMatch, QueryMatch, Refusal, Retry, RouteRule, RuleMatch, Target,
    Timeouts, ValueMatch, WeightedTarget,
};
pub use stream::{StreamRule, StreamTarget};

/// Everything that a data plane serves, immutable. Cloning is cheap: resources are shared.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", default)]
pub struct Snapshot {
    /// Listeners of all Gateways that may be served.
    pub listeners: ResourceMap<Listener>,
    /// Route rules, each with what it is attached to.
    pub rules: ResourceMap<RouteRule>,
    /// Stream rules, each with what it is attached to.
    #[serde(skip_serializing_if = "ResourceMap::is_empty")]
    pub stream_rules: ResourceMap<StreamRule>,
    /// Backends that rules name.
    pub backends: ResourceMap<Backend>,
    /// Where those backends are reached. Every backend has a set here, possibly empty.
    pub endpoints: ResourceMap<EndpointSet>,
    /// Certificates with their keys: those that listeners serve, and those that backends are shown.
    pub certificates: ResourceMap<Certificate>,
    /// Certificates of authorities that listeners and backends trust.
    #[serde(skip_serializing_if = "ResourceMap::is_empty")]
    pub ca_bundles: ResourceMap<CaBundle>,
}

impl Snapshot {
    /// The content hash over all resources. What versions of a snapshot share is hashed once.
    #[must_use]
    pub fn version(&self) -> ContentHash {
        let Self { listeners, rules, stream_rules, backends, endpoints, certificates, ca_bundles } = self;
        ContentHash::of_digests([
            listeners.digests().collect(),
            rules.digests().collect(),
            stream_rules.digests().collect(),
            backends.digests().collect(),
            endpoints.digests().collect(),
            certificates.digests().collect(),
            ca_bundles.digests().collect(),
        ])
    }

    /// The same snapshot with every private key replaced by nothing: what admin interfaces may show.
    #[must_use]
    pub fn redacted(&self) -> Self {
        let mut copy = self.clone();
        for certificate in copy.certificates.values_mut() {
            *certificate = Arc::new(certificate.redacted());
        }
        copy
    }
}

/// A discovery resource: it carries its own key.
pub trait Keyed {
    /// The key's type.
    type Key: Ord + Clone;
    /// The key.
    fn key(&self) -> &Self::Key;
}

macro_rules! keyed {
    ($($resource:ty => $key:ty),* $(,)?) => {$(
        impl Keyed for $resource {
            type Key = $key;
            fn key(&self) -> &$key {
                &self.key
            }
        }
    )*};
}

keyed! {
    Listener => ListenerKey,
    RouteRule => RuleKey,
    StreamRule => RuleKey,
    Backend => BackendKey,
    EndpointSet => BackendKey,
    Certificate => CertificateKey,
    CaBundle => CaBundleKey,
}
