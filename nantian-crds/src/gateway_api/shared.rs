//! Types that several Gateway API kinds share: references, route status, filters of HTTP and gRPC routes.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use smol_str::SmolStr;

use crate::meta::Condition;
use crate::open_enum::open_enum;

/// Defaults as the CRDs state them.
pub(crate) mod default {
    use smol_str::SmolStr;

    pub(crate) fn gateway_group() -> SmolStr {
        SmolStr::new_static(super::super::GROUP)
    }
    pub(crate) fn gateway_kind() -> SmolStr {
        SmolStr::new_static("Gateway")
    }
    pub(crate) fn service_kind() -> SmolStr {
        SmolStr::new_static("Service")
    }
    pub(crate) fn secret_kind() -> SmolStr {
        SmolStr::new_static("Secret")
    }
    pub(crate) fn weight() -> u32 {
        1
    }
    pub(crate) fn denominator() -> u32 {
        100
    }
}

/// What a route attaches to (`ParentReference`).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ParentReference {
    /// API group of the parent; `gateway.networking.k8s.io` by default, empty for the core group.
    #[serde(default = "default::gateway_group")]
    pub group: SmolStr,
    /// Kind of the parent; `Gateway` by default.
    #[serde(default = "default::gateway_kind")]
    pub kind: SmolStr,
    /// Namespace of the parent; the route's own when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<SmolStr>,
    /// Name of the parent.
    pub name: SmolStr,
    /// The listener of a Gateway; all of them when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub section_name: Option<SmolStr>,
    /// The listeners with this port (extended); all of them when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
}

/// Which Gateways without an explicit reference a route attaches to, and which routes a Gateway takes so (GEP-3793).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GatewayDefaultScope {
    /// Every such Gateway of the cluster.
    All,
    /// None.
    None,
    /// A scope that this version does not know; treat as none.
    Unknown(String),
}

open_enum!(GatewayDefaultScope { All = "All", None = "None" });

/// An object in the same namespace (`LocalObjectReference`).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LocalObjectReference {
    /// API group; empty for the core group.
    pub group: SmolStr,
    /// Kind.
    pub kind: SmolStr,
    /// Name.
    pub name: SmolStr,
}

/// An object, possibly in another namespace (`ObjectReference`).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ObjectReference {
    /// API group; empty for the core group.
    pub group: SmolStr,
    /// Kind.
    pub kind: SmolStr,
    /// Name.
    pub name: SmolStr,
    /// Namespace; the referrer's own when absent. Another needs a `ReferenceGrant`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<SmolStr>,
}

/// What a policy applies to, in the policy's namespace (`LocalPolicyTargetReferenceWithSectionName`).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LocalPolicyTargetReferenceWithSectionName {
    /// API group; empty for the core group.
    pub group: SmolStr,
    /// Kind.
    pub kind: SmolStr,
    /// Name.
    pub name: SmolStr,
    /// A part of it: a listener, a rule or a port by name; all of it when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub section_name: Option<SmolStr>,
}

/// A Secret, possibly in another namespace (`SecretObjectReference`).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SecretObjectReference {
    /// API group; empty (core) by default.
    #[serde(default)]
    pub group: SmolStr,
    /// Kind; `Secret` by default.
    #[serde(default = "default::secret_kind")]
    pub kind: SmolStr,
    /// Name.
    pub name: SmolStr,
    /// Namespace; the referrer's own when absent. Another needs a `ReferenceGrant`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<SmolStr>,
}

/// A backend without a weight (`BackendObjectReference`).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BackendObjectReference {
    /// API group; empty (core) by default.
    #[serde(default)]
    pub group: SmolStr,
    /// Kind; `Service` by default.
    #[serde(default = "default::service_kind")]
    pub kind: SmolStr,
    /// Name.
    pub name: SmolStr,
    /// Namespace; the referrer's own when absent. Another needs a `ReferenceGrant`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<SmolStr>,
    /// Port of the Service (not the target port); required for Services.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
}

/// A backend with its share of the requests (`BackendRef`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BackendRef {
    /// API group; empty (core) by default.
    #[serde(default)]
    pub group: SmolStr,
    /// Kind; `Service` by default.
    #[serde(default = "default::service_kind")]
    pub kind: SmolStr,
    /// Name.
    pub name: SmolStr,
    /// Namespace; the route's own when absent. Another needs a `ReferenceGrant`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<SmolStr>,
    /// Port of the Service (not the target port); required for Services.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// Share of the requests, relative to the sum of all weights of the rule: 0 to 1,000,000, 1 by default.
    #[serde(default = "default::weight")]
    pub weight: u32,
}

/// A backend of a rule as it is written: the fields of [`BackendRef`], and filters. Where the types of rules were read by
/// `flatten`, every field would be held as a value of any kind first.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct WrittenBackend<Filter> {
    #[serde(default)]
    group: SmolStr,
    #[serde(default = "default::service_kind")]
    kind: SmolStr,
    name: SmolStr,
    namespace: Option<SmolStr>,
    port: Option<u16>,
    #[serde(default = "default::weight")]
    weight: u32,
    #[serde(default = "Vec::new")]
    filters: Vec<Filter>,
}

impl<Filter> WrittenBackend<Filter> {
    /// The backend, and the filters for what goes there.
    pub(super) fn split(self) -> (BackendRef, Vec<Filter>) {
        let Self { group, kind, name, namespace, port, weight, filters } = self;
        (BackendRef { group, kind, name, namespace, port, weight }, filters)
    }
}

/// Status of a route: one entry for each parent and controller (`RouteStatus`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RouteStatus {
    /// What each controller says about each parent.
    #[serde(default)]
    pub parents: Vec<RouteParentStatus>,
}

/// What one controller says about a route and one of its parents (`RouteParentStatus`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RouteParentStatus {
    /// The parent, as the route names it.
    pub parent_ref: ParentReference,
    /// The controller that wrote this entry.
    pub controller_name: SmolStr,
    /// Its conditions: `Accepted`, `ResolvedRefs`, ...
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
}

/// A header to set or to add (`HTTPHeader`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HttpHeader {
    /// Name; compared without regard to case.
    pub name: SmolStr,
    /// Value.
    pub value: SmolStr,
}

/// Changes of headers, in the order set, add, remove (`HTTPHeaderFilter`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HttpHeaderFilter {
    /// Headers that replace whatever is there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub set: Vec<HttpHeader>,
    /// Headers that are added to whatever is there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub add: Vec<HttpHeader>,
    /// Names of headers that are removed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remove: Vec<SmolStr>,
}

/// Sends copies of requests to another backend, whose answers are dropped (`HTTPRequestMirrorFilter`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HttpRequestMirrorFilter {
    /// Who gets the copies.
    pub backend_ref: BackendObjectReference,
    /// Percentage of requests that are mirrored, 0 to 100; all when neither this nor `fraction` is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub percent: Option<u32>,
    /// Fraction of requests that are mirrored; excludes `percent`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fraction: Option<Fraction>,
}

/// A fraction between 0 and 1 (`Fraction`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Fraction {
    /// At most the denominator.
    pub numerator: u32,
    /// At least 1; 100 by default.
    #[serde(default = "default::denominator")]
    pub denominator: u32,
}

/// Keeps a client at the same backend (`SessionPersistence`, GEP-1619).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionPersistence {
    /// Name of the cookie or header.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_name: Option<SmolStr>,
    /// Longest life of a session ([`parse_duration`]).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub absolute_timeout: Option<SmolStr>,
    /// Longest pause within a session ([`parse_duration`]).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idle_timeout: Option<SmolStr>,
    /// By cookie (default) or by header.
    #[serde(default)]
    pub r#type: SessionPersistenceType,
    /// Settings of the cookie.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cookie_config: Option<CookieConfig>,
}

/// How a session is recognised.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum SessionPersistenceType {
    /// By a cookie.
    #[default]
    Cookie,
    /// By a header.
    Header,
    /// A way that this version does not know.
    Unknown(String),
}

open_enum!(SessionPersistenceType { Cookie = "Cookie", Header = "Header" });

/// Settings of a session cookie (`CookieConfig`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CookieConfig {
    /// Whether the cookie outlives the browser session.
    #[serde(default)]
    pub lifetime_type: CookieLifetimeType,
}

/// How long a session cookie lives.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum CookieLifetimeType {
    /// As long as the browser session.
    #[default]
    Session,
    /// Until its `Max-Age`, which is the absolute timeout.
    Permanent,
    /// A lifetime that this version does not know.
    Unknown(String),
}

open_enum!(CookieLifetimeType { Session = "Session", Permanent = "Permanent" });

/// Reads a Gateway API duration: one to four times up to five digits and a unit, `h`, `m`, `s` or `ms` (GEP-2257).
///
/// ```
/// use std::time::Duration;
/// use nantian_crds::gateway_api::shared::parse_duration;
///
/// assert_eq!(parse_duration("1m30s"), Some(Duration::from_secs(90)));
/// assert_eq!(parse_duration("1.5s"), None);
/// ```
pub fn parse_duration(text: &str) -> Option<Duration> {
    let mut total = Duration::ZERO;
    let mut rest = text;
    let mut parts = 0;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (number, tail) = rest.split_at_checked(digits)?;
        let number: u64 = if (1..=5).contains(&digits) { number.parse().ok()? } else { return None };
        let letters = tail.bytes().take_while(u8::is_ascii_alphabetic).count();
        let (unit, tail) = tail.split_at_checked(letters)?;
        total += match unit {
            "h" => Duration::from_secs(number * 3600),
            "m" => Duration::from_secs(number * 60),
            "s" => Duration::from_secs(number),
            "ms" => Duration::from_millis(number),
            _ => return None,
        };
        rest = tail;
        parts += 1;
    }
    (1..=4).contains(&parts).then_some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// GEP-2257, "Specification": <https://gateway-api.sigs.k8s.io/geps/gep-2257/>.
    #[test]
    fn durations_have_one_to_four_parts_of_up_to_five_digits() {
        for (text, expected) in [
            ("0s", Some(Duration::ZERO)),
            ("1h", Some(Duration::from_secs(3600))),
            ("1h1m1s1ms", Some(Duration::from_millis(3_661_001))),
            ("10s30m1h", Some(Duration::from_secs(5410))),
            ("99999h", Some(Duration::from_secs(99999 * 3600))),
            ("", None),
            ("1", None),
            ("s", None),
            ("-1s", None),
            ("1.5h", None),
            ("100000s", None),
            ("1d", None),
            ("1us", None),
            ("1h1m1s1ms1ms", None),
            ("1s ", None),
            ("１s", None),
        ] {
            assert_eq!(parse_duration(text), expected, "{text:?}");
        }
    }
}
