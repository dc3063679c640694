//! A request that a match takes.

mod pattern;

use std::fmt::Write as _;

use nantian_ir::{HttpMatch, PathMatch, RuleMatch, ValueMatch};

/// What of a request a match looks at. Whether it reaches the match's rule is for the router to say: another rule may
/// win.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Example {
    /// Method.
    pub(crate) method: String,
    /// Path.
    pub(crate) path: String,
    /// What of the path a prefix match covers.
    pub(crate) prefix: Option<String>,
    /// Query; empty: none.
    pub(crate) query: String,
    /// Header fields.
    pub(crate) headers: Vec<(String, String)>,
    /// Whether it is a call of gRPC.
    pub(crate) grpc: bool,
}

impl Example {
    /// `GET /`.
    pub(crate) fn any() -> Self {
        Self {
            method: "GET".to_owned(),
            path: "/".to_owned(),
            prefix: None,
            query: String::new(),
            headers: Vec::new(),
            grpc: false,
        }
    }

    /// An example for the match, where one can be made up. `more`: what the path has behind a prefix that must match.
    pub(crate) fn of(rule_match: &RuleMatch, more: &str) -> Option<Self> {
        let mut example = Self::any();
        match rule_match {
            RuleMatch::Http(http) => example.take_http(http, more)?,
            RuleMatch::Grpc(grpc) => {
                let part = |value: &Option<ValueMatch>, any: &str| match value {
                    None => Some(any.to_owned()),
                    Some(value) => text(value),
                };
                "POST".clone_into(&mut example.method);
                example.path = format!("/{}/{}", part(&grpc.service, "any.Service")?, part(&grpc.method, "AnyMethod")?);
                for header in &grpc.headers {
                    example.headers.push((header.name.to_string(), text(&header.value)?));
                }
                example.headers.push(("content-type".to_owned(), "application/grpc".to_owned()));
                example.headers.push(("te".to_owned(), "trailers".to_owned()));
                example.grpc = true;
            }
        }
        Some(example)
    }

    fn take_http(&mut self, http: &HttpMatch, more: &str) -> Option<()> {
        match &http.path {
            PathMatch::Exact(path) => self.path.clone_from(path),
            PathMatch::Prefix(prefix) => {
                let prefix = prefix.trim_end_matches('/');
                self.path = format!("{prefix}{more}");
                if self.path.is_empty() {
                    "/".clone_into(&mut self.path);
                }
                self.prefix = Some(prefix.to_owned());
            }
            PathMatch::Regex(pattern) => self.path = pattern::example(pattern)?,
        }
        if let Some(method) = &http.method {
            self.method.clone_from(method);
        }
        for header in &http.headers {
            self.headers.push((header.name.to_string(), text(&header.value)?));
        }
        for query in &http.query {
            let joint = if self.query.is_empty() { "" } else { "&" };
            let value = text(&query.value)?;
            // Writing to a String cannot fail.
            let _ = write!(self.query, "{joint}{}={}", encoded(&query.name), encoded(&value));
        }
        Some(())
    }
}

fn text(value: &ValueMatch) -> Option<String> {
    match value {
        ValueMatch::Exact(text) => Some(text.clone()),
        ValueMatch::Regex(pattern) => pattern::example(pattern),
    }
}

/// Percent-encodes everything but unreserved characters (RFC 3986 section 2.3).
fn encoded(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn query_values_are_percent_encoded() {
        assert_eq!(encoded("a b&c=é"), "a%20b%26c%3D%C3%A9");
    }
}
