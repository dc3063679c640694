//! URL rewrite: host and path of the forwarded request (`HTTPURLRewriteFilter`). The query is kept.

use http::HeaderValue;
use nantian_ir::UrlRewrite;

use super::path::PathEdit;

/// A rewrite, ready to apply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rewrite {
    /// `Host` of the forwarded request.
    pub(crate) host: Option<HeaderValue>,
    /// Path of the forwarded request.
    pub(crate) path: Option<PathEdit>,
}

impl Rewrite {
    pub(crate) fn compile(rewrite: &UrlRewrite) -> Self {
        Self {
            // A checked DNS name is always a valid field value.
            host: rewrite.hostname.as_ref().and_then(|name| HeaderValue::from_str(name.as_str()).ok()),
            path: rewrite.path.as_ref().map(PathEdit::compile),
        }
    }
}

#[cfg(test)]
mod tests {
    use nantian_ir::{Hostname, PathModifier};

    use super::*;

    #[test]
    fn a_rewrite_changes_only_what_it_names() {
        let rewrite =
            Rewrite::compile(&UrlRewrite { hostname: Some(Hostname::new("One.Example.org").unwrap()), path: None });
        assert_eq!(rewrite.host.unwrap(), "one.example.org");
        assert_eq!(rewrite.path, None);
        let rewrite =
            Rewrite::compile(&UrlRewrite { hostname: None, path: Some(PathModifier::ReplaceFullPath("/one".into())) });
        assert_eq!(rewrite.host, None);
        assert_eq!(rewrite.path.unwrap().apply("/x", None), "/one");
    }
}
