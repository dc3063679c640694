//! How names and addresses in fields are spelt, as regular expressions (RE2).

/// A field name (RFC 9110, section 5.1).
pub(crate) const FIELD_NAME: &str = r"^[A-Za-z0-9!#$%&'*+\-.^_\x60|~]+$";
/// A URL without a query, below which other paths are.
pub(crate) const BASE_URL: &str = r"^https?://[^\s/?#@]+(/[^\s?#]*)?$";
/// A URL.
pub(crate) const URL: &str = r"^https?://[^\s/?#@]+(/[^\s#]*)?$";
/// A key of a Secret or ConfigMap.
pub(crate) const DATA_KEY: &str = r"^[-._a-zA-Z0-9]+$";
