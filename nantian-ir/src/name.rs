//! Host and header names that were checked once, at the edge.

use std::cmp::Ordering;
use std::fmt;

use serde::{Deserialize, Serialize};
use smol_str::SmolStr;
use thiserror::Error;

/// Why a name is not acceptable.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum NameError {
    /// Not an RFC 1123 DNS name in lower case (an optional `*.` in front is not part of it).
    #[error(
        "{0:?} is not a DNS name: use lower-case letters, digits, '-' and '.', at most 253 characters, labels of 1 to 63"
    )]
    Hostname(String),
    /// Not an HTTP field name (RFC 9110 section 5.1).
    #[error("{0:?} is not an HTTP header name: use letters, digits and any of !#$%&'*+-.^_`|~")]
    Header(String),
}

/// Mostly it is lower case already.
fn lowercase(name: &str) -> SmolStr {
    if name.bytes().any(|byte| byte.is_ascii_uppercase()) { name.to_ascii_lowercase().into() } else { name.into() }
}

/// A DNS name in lower case, without trailing dot (RFC 1123 section 2.1).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(try_from = "String", into = "String")]
pub struct Hostname(SmolStr);

impl Hostname {
    /// Checks and lower-cases `name`.
    pub fn new(name: &str) -> Result<Self, NameError> {
        let label_ok = |label: &[u8]| {
            (1..=63).contains(&label.len())
                && label.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'-')
                && !label.starts_with(b"-")
                && !label.ends_with(b"-")
        };
        if name.len() <= 253 && name.as_bytes().split(|b| *b == b'.').all(label_ok) {
            Ok(Self(lowercase(name)))
        } else {
            Err(NameError::Hostname(name.to_owned()))
        }
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Hostname {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for Hostname {
    type Error = NameError;
    fn try_from(value: String) -> Result<Self, Self::Error> {
        Self::new(&value)
    }
}

impl From<Hostname> for String {
    fn from(value: Hostname) -> Self {
        value.0.into()
    }
}

/// Which hosts a listener or a route serves. `Ord` is specificity: the less, the more specific, so that sorting puts
/// the winner first (Gateway API: exact before wildcard, longer wildcard before shorter, then none at all).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(try_from = "String", into = "String")]
pub enum HostnameMatch {
    /// One host.
    Exact(Hostname),
    /// `*.suffix`: one or more labels before the suffix, never the suffix itself (Gateway API, `Hostname`).
    Wildcard(Hostname),
    /// Every host, and requests that name none. Spelt `*`.
    Any,
}

impl HostnameMatch {
    /// Parses `name`, `*.name` or `*`.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        if text == "*" {
            Ok(Self::Any)
        } else if let Some(suffix) = text.strip_prefix("*.") {
            Hostname::new(suffix).map(Self::Wildcard)
        } else {
            Hostname::new(text).map(Self::Exact)
        }
    }

    /// Whether `host` (lower case, no port, no trailing dot) is served.
    pub fn matches(&self, host: &str) -> bool {
        match self {
            Self::Exact(name) => name.as_str() == host,
            Self::Wildcard(suffix) => host
                .strip_suffix(suffix.as_str())
                .and_then(|front| front.strip_suffix('.'))
                .is_some_and(|labels| !labels.is_empty()),
            Self::Any => true,
        }
    }

    /// What both serve, or `None` if nothing: always the more specific of the two (Gateway API, hostname intersection).
    #[must_use]
    pub fn intersect(&self, other: &Self) -> Option<Self> {
        if self.covers(other) {
            Some(other.clone())
        } else if other.covers(self) {
            Some(self.clone())
        } else {
            None
        }
    }

    /// Whether there is a host that both serve.
    pub fn meets(&self, other: &Self) -> bool {
        self.covers(other) || other.covers(self)
    }

    /// Whether all that `narrow` serves is served.
    fn covers(&self, narrow: &Self) -> bool {
        match (self, narrow) {
            (Self::Any, _) => true,
            (_, Self::Any) | (Self::Exact(_), Self::Wildcard(_)) => false,
            (Self::Exact(a), Self::Exact(b)) => a == b,
            (Self::Wildcard(_), Self::Exact(b)) => self.matches(b.as_str()),
            (Self::Wildcard(a), Self::Wildcard(b)) => a == b || self.matches(b.as_str()),
        }
    }

    fn name(&self) -> &str {
        match self {
            Self::Exact(name) | Self::Wildcard(name) => name.as_str(),
            Self::Any => "",
        }
    }

    fn rank(&self) -> (u8, usize) {
        match self {
            Self::Exact(name) => (0, usize::MAX - name.as_str().len()),
            Self::Wildcard(name) => (1, usize::MAX - name.as_str().len()),
            Self::Any => (2, 0),
        }
    }
}

impl PartialOrd for HostnameMatch {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for HostnameMatch {
    fn cmp(&self, other: &Self) -> Ordering {
        self.rank().cmp(&other.rank()).then_with(|| self.name().cmp(other.name()))
    }
}

impl fmt::Display for HostnameMatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(name) => write!(f, "{name}"),
            Self::Wildcard(name) => write!(f, "*.{name}"),
            Self::Any => f.write_str("*"),
        }
    }
}

impl TryFrom<String> for HostnameMatch {
    type Error = NameError;
    fn try_from(value: String) -> Result<Self, Self::Error> {
        Self::parse(&value)
    }
}

impl From<HostnameMatch> for String {
    fn from(value: HostnameMatch) -> Self {
        value.to_string()
    }
}

/// An HTTP field name in lower case (RFC 9110 section 5.1).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(try_from = "String", into = "String")]
pub struct HeaderName(SmolStr);

impl HeaderName {
    /// Checks and lower-cases `name`.
    pub fn new(name: &str) -> Result<Self, NameError> {
        let tchar = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
        if !name.is_empty() && name.bytes().all(tchar) {
            Ok(Self(lowercase(name)))
        } else {
            Err(NameError::Header(name.to_owned()))
        }
    }

    /// The name, in lower case.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for HeaderName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for HeaderName {
    type Error = NameError;
    fn try_from(value: String) -> Result<Self, Self::Error> {
        Self::new(&value)
    }
}

impl From<HeaderName> for String {
    fn from(value: HeaderName) -> Self {
        value.0.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(text: &str) -> HostnameMatch {
        HostnameMatch::parse(text).expect("a host pattern")
    }

    #[test]
    fn wildcard_matches_one_or_more_labels_but_not_the_suffix() {
        assert!(host("*.example.com").matches("a.example.com"));
        assert!(host("*.example.com").matches("a.b.example.com"));
        assert!(!host("*.example.com").matches("example.com"));
        assert!(!host("*.example.com").matches("badexample.com"));
        assert!(!host("*.example.com").matches(".example.com"));
    }

    #[test]
    fn intersection_is_the_more_specific_side() {
        let both = |a: &str, b: &str| host(a).intersect(&host(b)).map(|h| h.to_string());
        assert_eq!(both("*", "a.com").as_deref(), Some("a.com"));
        assert_eq!(both("*.a.com", "b.a.com").as_deref(), Some("b.a.com"));
        assert_eq!(both("*.a.com", "*.b.a.com").as_deref(), Some("*.b.a.com"));
        assert_eq!(both("*.a.com", "a.com"), None);
        assert_eq!(both("*.a.com", "*.b.com"), None);
    }

    #[test]
    fn order_is_specificity() {
        let mut hosts = [host("*"), host("*.com"), host("*.a.com"), host("a.com")];
        hosts.sort();
        assert_eq!(hosts.map(|h| h.to_string()), ["a.com", "*.a.com", "*.com", "*"]);
    }
}
