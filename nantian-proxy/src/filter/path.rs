//! Path changes of redirects and rewrites (`HTTPPathModifier`).

use nantian_ir::PathModifier;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

/// What may not stand in a path as it is (RFC 3986 section 3.3). `%` stays: values are taken to be encoded already.
const NOT_IN_PATH: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// A path change, ready to apply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum PathEdit {
    /// The new path.
    Full(String),
    /// What stands for the prefix that matched, without trailing slash: possibly empty.
    Prefix(String),
}

impl PathEdit {
    pub(crate) fn compile(modifier: &PathModifier) -> Self {
        match modifier {
            PathModifier::ReplaceFullPath(path) => Self::Full(absolute(path)),
            PathModifier::ReplacePrefixMatch(path) => Self::Prefix(match path.trim_end_matches('/') {
                "" => String::new(),
                trimmed => absolute(trimmed),
            }),
        }
    }

    /// The changed path. `prefix` says how many bytes of the path the `PathPrefix` match covered, without a trailing
    /// slash; without one there is no prefix to replace and the path stays (the compiler refuses such routes).
    pub(crate) fn apply(&self, path: &str, prefix: Option<usize>) -> String {
        match self {
            Self::Full(full) => full.clone(),
            Self::Prefix(replacement) => match prefix.and_then(|length| path.get(length..)) {
                Some(rest) if rest.is_empty() && replacement.is_empty() => "/".to_owned(),
                Some(rest) => format!("{replacement}{rest}"),
                None => path.to_owned(),
            },
        }
    }
}

/// `path` with a leading slash, and with everything encoded that a path cannot hold.
fn absolute(path: &str) -> String {
    let encoded = utf8_percent_encode(path, NOT_IN_PATH);
    if path.starts_with('/') { encoded.to_string() } else { format!("/{encoded}") }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn prefix(path: &str, prefix: &str, replacement: &str) -> String {
        let length = prefix.trim_end_matches('/').len();
        PathEdit::compile(&PathModifier::ReplacePrefixMatch(replacement.to_owned())).apply(path, Some(length))
    }

    /// The table of `HTTPPathModifier.replacePrefixMatch`, row by row.
    #[test]
    fn replaces_the_prefix_as_in_the_table_of_the_specification() {
        for (path, matched, replacement, expected) in [
            ("/foo/bar", "/foo", "/xyz", "/xyz/bar"),
            ("/foo/bar", "/foo", "/xyz/", "/xyz/bar"),
            ("/foo/bar", "/foo/", "/xyz", "/xyz/bar"),
            ("/foo/bar", "/foo/", "/xyz/", "/xyz/bar"),
            ("/foo", "/foo", "/xyz", "/xyz"),
            ("/foo/", "/foo", "/xyz", "/xyz/"),
            ("/foo/bar", "/foo", "", "/bar"),
            ("/foo/", "/foo", "", "/"),
            ("/foo", "/foo", "", "/"),
            ("/foo/", "/foo", "/", "/"),
            ("/foo", "/foo", "/", "/"),
        ] {
            assert_eq!(prefix(path, matched, replacement), expected, "{path} {matched} {replacement:?}");
        }
    }

    #[test]
    fn replaces_the_prefix_in_cases_that_the_table_leaves_open() {
        for (path, matched, replacement, expected) in [
            ("/foo/bar", "/foo", "/", "/bar"),
            ("/foo", "/foo/", "/xyz", "/xyz"),
            ("/foo/", "/foo/", "/xyz/", "/xyz/"),
            ("/foo", "/foo", "/xyz/", "/xyz"),
            ("/bar", "/", "/xyz", "/xyz/bar"),
            ("/", "/", "/xyz", "/xyz/"),
            ("/", "/", "/", "/"),
            ("/", "/", "", "/"),
            ("/bar", "/", "", "/bar"),
            ("/foo/a%20b", "/foo", "/x", "/x/a%20b"),
            ("/foo/bar", "/foo", "xyz", "/xyz/bar"),
            ("/foo/bar", "/foo", "/a b?c", "/a%20b%3Fc/bar"),
            ("/foo//bar", "/foo", "/", "//bar"),
            ("/foo/foo/bar", "/foo", "/x", "/x/foo/bar"),
        ] {
            assert_eq!(prefix(path, matched, replacement), expected, "{path} {matched} {replacement:?}");
        }
    }

    #[test]
    fn without_a_prefix_match_the_path_stays() {
        let edit = PathEdit::compile(&PathModifier::ReplacePrefixMatch("/xyz".into()));
        assert_eq!(edit.apply("/foo", None), "/foo");
        assert_eq!(edit.apply("/foo", Some(50)), "/foo");
    }

    #[test]
    fn replaces_the_full_path() {
        let full = |value: &str| PathEdit::compile(&PathModifier::ReplaceFullPath(value.into())).apply("/a/b", None);
        assert_eq!(full("/one"), "/one");
        assert_eq!(full("/one/"), "/one/");
        assert_eq!(full(""), "/");
        assert_eq!(full("one"), "/one");
        assert_eq!(full("/ü?x#y"), "/%C3%BC%3Fx%23y");
    }

    proptest! {
        #[test]
        fn a_changed_path_is_absolute_and_a_valid_target(
            matched in "(/[a-z]{1,3}){0,2}", rest in "(/[a-z]{0,3}){0,3}", replacement in "\\PC{0,12}",
        ) {
            let changed = prefix(&format!("{matched}{rest}"), &matched, &replacement);
            prop_assert!(changed.starts_with('/'));
            prop_assert!(changed.parse::<http::uri::PathAndQuery>().is_ok(), "{changed}");
            prop_assert!(!changed.contains('?'));
        }
    }
}
