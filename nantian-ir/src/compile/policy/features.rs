//! What of our own kinds a data plane has a part for: the one table. A field that is in no row is part of one that is.

use serde_json::Value;

/// A part of a data plane that policies need.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum PolicyFeature {
    /// Time limits of rules, and of one attempt.
    RequestTimeouts,
    /// Cross-origin resource sharing.
    Cors,
    /// Endpoints of a backend in turn.
    RoundRobin,
}

impl PolicyFeature {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::RequestTimeouts, Self::Cors, Self::RoundRobin];
}

/// A field of one of our kinds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field {
    /// Kind.
    pub kind: &'static str,
    /// Path of the field.
    pub path: &'static str,
    /// The value that needs the feature; `None`: any.
    pub value: Option<&'static str>,
    /// What a data plane needs for it; `None`: there is none that has it yet.
    pub feature: Option<PolicyFeature>,
}

const fn unserved(kind: &'static str, path: &'static str) -> Field {
    Field { kind, path, value: None, feature: None }
}

const fn served(kind: &'static str, path: &'static str, feature: PolicyFeature) -> Field {
    Field { kind, path, value: None, feature: Some(feature) }
}

const fn valued(path: &'static str, value: &'static str, feature: Option<PolicyFeature>) -> Field {
    Field { kind: "BackendLBPolicy", path, value: Some(value), feature }
}

/// Every field that asks a data plane for something.
pub const FIELDS: &[Field] = &[
    unserved("AIService", "spec.provider"),
    unserved("AIService", "spec.endpoint"),
    unserved("AIService", "spec.format"),
    unserved("AIService", "spec.model"),
    unserved("AIService", "spec.auth"),
    unserved("AIService", "spec.timeout"),
    unserved("AIService", "spec.retry"),
    unserved("AIService", "spec.fallback"),
    unserved("AIService", "spec.modelRouting"),
    unserved("AIService", "spec.modelAliases"),
    unserved("AIService", "spec.abTesting"),
    unserved("AIService", "spec.promptGuard"),
    unserved("AIService", "spec.contentSafety"),
    unserved("AIService", "spec.piiMasking"),
    unserved("AIService", "spec.semanticCache"),
    unserved("AIService", "spec.cost"),
    unserved("AIService", "spec.tenants"),
    unserved("AIService", "spec.observability"),
    valued("spec.loadBalancing.type", "RoundRobin", Some(PolicyFeature::RoundRobin)),
    valued("spec.loadBalancing.type", "LeastRequest", None),
    valued("spec.loadBalancing.type", "Random", None),
    valued("spec.loadBalancing.type", "ConsistentHash", None),
    unserved("BackendLBPolicy", "spec.sessionPersistence"),
    unserved("BackendLBPolicy", "spec.circuitBreaker"),
    unserved("BackendLBPolicy", "spec.healthCheck"),
    unserved("BackendLBPolicy", "spec.outlierDetection"),
    unserved("BackendLBPolicy", "spec.slowStart"),
    served("RoutePolicy", "spec.default.timeout.request", PolicyFeature::RequestTimeouts),
    served("RoutePolicy", "spec.default.timeout.backendRequest", PolicyFeature::RequestTimeouts),
    unserved("RoutePolicy", "spec.default.timeout.connect"),
    unserved("RoutePolicy", "spec.default.timeout.nextUpstream"),
    unserved("RoutePolicy", "spec.default.bodyLimit"),
    unserved("RoutePolicy", "spec.default.proxy"),
    unserved("RoutePolicy", "spec.default.connection"),
    unserved("RoutePolicy", "spec.default.compression"),
    unserved("RoutePolicy", "spec.default.rateLimit"),
    unserved("RoutePolicy", "spec.default.fault"),
    unserved("RoutePolicy", "spec.default.httpCache"),
    unserved("SecurityPolicy", "spec.authn"),
    unserved("SecurityPolicy", "spec.authz"),
    unserved("SecurityPolicy", "spec.ip"),
    served("SecurityPolicy", "spec.cors", PolicyFeature::Cors),
    unserved("TokenPolicy", "spec.tokensPerMinute"),
    unserved("TokenPolicy", "spec.tokensPerHour"),
    unserved("TokenPolicy", "spec.tokensPerDay"),
    unserved("TokenPolicy", "spec.requestsPerMinute"),
    unserved("WasmPlugin", "spec.wasm"),
];

/// The fields that an object sets, by whether a data plane with these features has a part for them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) served: Vec<&'static str>,
    pub(crate) unserved: Vec<&'static str>,
}

/// The value of a field, if it is set.
pub(crate) fn value<'o>(object: &'o Value, path: &str) -> Option<&'o Value> {
    object.pointer(&format!("/{}", path.replace('.', "/"))).filter(|value| !value.is_null())
}

impl Asked {
    pub(super) fn of(kind: &str, object: &Value, features: &[PolicyFeature]) -> Self {
        let mut asked = Self::default();
        for field in FIELDS.iter().filter(|field| field.kind == kind) {
            let Some(set) = value(object, field.path) else { continue };
            if field.value.is_some_and(|value| set != value) {
                continue;
            }
            match field.feature {
                Some(feature) if features.contains(&feature) => asked.served.push(field.path),
                _ => asked.unserved.push(field.path),
            }
        }
        asked
    }

    /// All of them, each with whether it is served.
    pub(super) fn fields(&self) -> impl Iterator<Item = (&'static str, bool)> {
        let of = |fields: &[&'static str], is_served| {
            fields.iter().map(move |field| (*field, is_served)).collect::<Vec<_>>()
        };
        of(&self.served, true).into_iter().chain(of(&self.unserved, false))
    }

    /// The same for a target that has no use for some of it.
    pub(super) fn without(&self, has_use: impl Fn(&str) -> bool) -> Self {
        let (served, useless): (Vec<_>, Vec<_>) = self.served.iter().partition(|path| has_use(path));
        Self { served, unserved: self.unserved.iter().copied().chain(useless).collect() }
    }
}
