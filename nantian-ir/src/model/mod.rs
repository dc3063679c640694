//! The IR: what a data plane needs to know, as plain data with public fields.
//!
//! Each map of a [`Snapshot`] holds one kind of discovery resource. Resources are small and point at each other by key,
//! so that a change sends only what changed.

mod backend;
mod filter;
mod listener;
mod route;
mod stream;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::hash::ContentHash;
use crate::key::{BackendKey, CaBundleKey, CertificateKey, ListenerKey, RuleKey};
use crate::secret::SecretBytes;

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
pub use route::{
    Attachment, GrpcMatch, HeaderMatch, HttpMatch, PathMatch, QueryMatch, Refusal, Retry, RouteRule, RuleMatch, Target,
    Timeouts, ValueMatch, WeightedTarget,
};
pub use stream::{StreamRule, StreamTarget};

/// Everything that a data plane serves, immutable. Cloning is cheap: resources are shared.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Snapshot {
    /// Listeners of all Gateways that may be served.
    #[serde(with = "by_key")]
    pub listeners: BTreeMap<ListenerKey, Arc<Listener>>,
    /// Route rules, each with what it is attached to.
    #[serde(with = "by_key")]
    pub rules: BTreeMap<RuleKey, Arc<RouteRule>>,
    /// Stream rules, each with what it is attached to.
    #[serde(with = "by_key", skip_serializing_if = "BTreeMap::is_empty")]
    pub stream_rules: BTreeMap<RuleKey, Arc<StreamRule>>,
    /// Backends that rules name.
    #[serde(with = "by_key")]
    pub backends: BTreeMap<BackendKey, Arc<Backend>>,
    /// Where those backends are reached. Every backend has a set here, possibly empty.
    #[serde(with = "by_key")]
    pub endpoints: BTreeMap<BackendKey, Arc<EndpointSet>>,
    /// Certificates with their keys: those that listeners serve, and those that backends are shown.
    #[serde(with = "by_key")]
    pub certificates: BTreeMap<CertificateKey, Arc<Certificate>>,
    /// Certificates of authorities that listeners and backends trust.
    #[serde(with = "by_key", skip_serializing_if = "BTreeMap::is_empty")]
    pub ca_bundles: BTreeMap<CaBundleKey, Arc<CaBundle>>,
}

impl Snapshot {
    /// The content hash over all resources.
    #[must_use]
    pub fn version(&self) -> ContentHash {
        ContentHash::of(self)
    }

    /// The same snapshot with every private key replaced by nothing: what admin interfaces may show.
    #[must_use]
    pub fn redacted(&self) -> Self {
        let mut copy = self.clone();
        for certificate in copy.certificates.values_mut() {
            let mut shown = Certificate::clone(certificate);
            shown.private_key = SecretBytes::new(Vec::new());
            *certificate = Arc::new(shown);
        }
        copy
    }
}

/// Maps as lists of resources: every resource names its key itself, and JSON has no structured keys.
mod by_key {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::Keyed;

    pub(super) fn serialize<T, S>(map: &BTreeMap<T::Key, Arc<T>>, serializer: S) -> Result<S::Ok, S::Error>
    where
        T: Keyed + Serialize,
        S: Serializer,
    {
        serializer.collect_seq(map.values())
    }

    pub(super) fn deserialize<'de, T, D>(deserializer: D) -> Result<BTreeMap<T::Key, Arc<T>>, D::Error>
    where
        T: Keyed + Deserialize<'de>,
        D: Deserializer<'de>,
    {
        let list = Vec::<T>::deserialize(deserializer)?;
        Ok(list.into_iter().map(|resource| (resource.key().clone(), Arc::new(resource))).collect())
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
