//! Header changes on requests and answers (`HTTPHeaderFilter`).
//!
//! Fields that frame a message or concern one hop only (RFC 9110 section 7.6.1) belong to the connection, not to the
//! message that a route changes: they cannot be named. `Host` can be set on a request, which is a rewrite of the host,
//! but neither repeated nor removed (RFC 9112 section 3.2).

use http::{HeaderName, HeaderValue, header};
use nantian_ir::HeaderModifier;

use crate::http::Headers;

/// Fields that no filter may name.
const UNTOUCHABLE: [HeaderName; 9] = [
    header::CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    header::CONTENT_LENGTH,
    HeaderName::from_static("http2-settings"),
];

/// Header changes, ready to apply: set, then add, then remove.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct HeaderEdits {
    set: Vec<(HeaderName, HeaderValue)>,
    add: Vec<(HeaderName, HeaderValue)>,
    remove: Vec<HeaderName>,
    host: Option<HeaderValue>,
}

impl HeaderEdits {
    /// Compiles `modifier`; what cannot be done is left out and told to `refuse`.
    pub(crate) fn compile(modifier: &HeaderModifier, refuse: &mut dyn FnMut(String)) -> Self {
        let mut edits = Self::default();
        for value in &modifier.set {
            match pair(value, refuse) {
                Some((name, value)) if name == header::HOST => edits.host = Some(value),
                Some(pair) => edits.set.push(pair),
                None => {}
            }
        }
        for value in &modifier.add {
            match pair(value, refuse) {
                Some((name, _)) if name == header::HOST => {
                    refuse("`add: Host` is left out: a request has one Host".into());
                }
                Some(pair) => edits.add.push(pair),
                None => {}
            }
        }
        for name in &modifier.remove {
            match field_name(name.as_str(), refuse) {
                Some(name) if name == header::HOST => {
                    refuse("`remove: Host` is left out: a request needs a Host".into());
                }
                Some(name) => edits.remove.push(name),
                None => {}
            }
        }
        // Kept for each of thousands of rules: a `Vec` begins with room for four.
        edits.set.shrink_to_fit();
        edits.add.shrink_to_fit();
        edits.remove.shrink_to_fit();
        edits
    }

    /// The host that a request is to be forwarded with, if it is set.
    pub(crate) fn host(&self) -> Option<&HeaderValue> {
        self.host.as_ref()
    }

    /// Changes `headers`.
    pub(crate) fn apply(&self, headers: &mut Headers) {
        for (name, value) in &self.set {
            headers.insert(name.clone(), value.clone());
        }
        for (name, value) in &self.add {
            headers.append(name.clone(), value.clone());
        }
        for name in &self.remove {
            headers.remove(name);
        }
    }
}

/// Whether `name` frames a message or concerns one hop only.
pub(super) fn belongs_to_connection(name: &HeaderName) -> bool {
    UNTOUCHABLE.contains(name)
}

fn field_name(name: &str, refuse: &mut dyn FnMut(String)) -> Option<HeaderName> {
    match HeaderName::from_bytes(name.as_bytes()) {
        Ok(name) if belongs_to_connection(&name) => {
            refuse(format!(
                "the change of `{name}` is left out: it belongs to the connection (RFC 9110 section 7.6.1)"
            ));
            None
        }
        Ok(name) => Some(name),
        Err(_) => {
            refuse(format!("the change of {name:?} is left out: it is not a header name"));
            None
        }
    }
}

fn pair(header: &nantian_ir::HeaderValue, refuse: &mut dyn FnMut(String)) -> Option<(HeaderName, HeaderValue)> {
    let name = field_name(header.name.as_str(), refuse)?;
    if let Ok(value) = HeaderValue::from_bytes(header.value.as_bytes()) {
        Some((name, value))
    } else {
        refuse(format!("the change of `{name}` is left out: its value has characters that no header may have"));
        None
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn values(pairs: &[(&str, &str)]) -> Vec<nantian_ir::HeaderValue> {
        pairs
            .iter()
            .map(|(name, value)| nantian_ir::HeaderValue {
                name: nantian_ir::HeaderName::new(name).unwrap(),
                value: (*value).to_owned(),
            })
            .collect()
    }

    fn modifier(set: &[(&str, &str)], add: &[(&str, &str)], remove: &[&str]) -> HeaderModifier {
        HeaderModifier {
            set: values(set),
            add: values(add),
            remove: remove.iter().map(|name| nantian_ir::HeaderName::new(name).unwrap()).collect(),
        }
    }

    fn compile(modifier: &HeaderModifier) -> (HeaderEdits, Vec<String>) {
        let mut refused = Vec::new();
        let edits = HeaderEdits::compile(modifier, &mut |text| refused.push(text));
        (edits, refused)
    }

    fn apply(modifier: &HeaderModifier, before: &[(&str, &str)]) -> Vec<(String, String)> {
        let mut headers = Headers::new();
        for (name, value) in before {
            headers.append(HeaderName::from_bytes(name.as_bytes()).unwrap(), value.parse().unwrap());
        }
        compile(modifier).0.apply(&mut headers);
        let mut after: Vec<_> =
            headers.iter().map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned())).collect();
        // Stable: values of one name keep their order.
        after.sort_by(|a, b| a.0.cmp(&b.0));
        after
    }

    fn expect(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    /// `HTTPHeaderFilter`, and the conformance test `HTTPRouteRequestHeaderModifier`.
    #[test]
    fn set_replaces_add_appends_remove_deletes() {
        let set = modifier(&[("X-Header-Set", "new")], &[], &[]);
        assert_eq!(apply(&set, &[]), expect(&[("x-header-set", "new")]));
        assert_eq!(apply(&set, &[("x-header-set", "a"), ("x-header-set", "b")]), expect(&[("x-header-set", "new")]));
        let add = modifier(&[], &[("x-add", "bar,baz")], &[]);
        assert_eq!(apply(&add, &[]), expect(&[("x-add", "bar,baz")]));
        assert_eq!(apply(&add, &[("X-Add", "foo")]), expect(&[("x-add", "foo"), ("x-add", "bar,baz")]));
        let remove = modifier(&[], &[], &["my-header1", "My-Header3"]);
        let before = [("my-header1", "foo"), ("my-header2", "bar"), ("my-header3", "baz"), ("my-header3", "baz2")];
        assert_eq!(apply(&remove, &before), expect(&[("my-header2", "bar")]));
    }

    #[test]
    fn set_comes_before_add_before_remove() {
        let all = modifier(&[("a", "set"), ("b", "set")], &[("a", "add"), ("c", "add")], &["b", "c"]);
        assert_eq!(apply(&all, &[("a", "old"), ("c", "old")]), expect(&[("a", "set"), ("a", "add")]));
    }

    /// RFC 9110 section 7.6.1; RFC 9112 section 3.2.
    #[test]
    fn fields_of_the_connection_and_a_second_or_missing_host_are_refused() {
        let names = ["connection", "transfer-encoding", "content-length", "te", "upgrade", "trailer", "keep-alive"];
        for name in names {
            let (edits, refused) = compile(&modifier(&[(name, "x")], &[(name, "x")], &[name]));
            assert_eq!(edits, HeaderEdits::default());
            assert_eq!(refused.len(), 3, "{name}");
        }
        let (edits, refused) = compile(&modifier(&[("host", "a.example")], &[("host", "b")], &["host"]));
        assert_eq!(edits.host().unwrap(), "a.example");
        assert_eq!(refused.len(), 2);
        let mut headers = Headers::new();
        headers.insert("host", "kept.example".parse().unwrap());
        edits.apply(&mut headers);
        assert_eq!(headers["host"], "kept.example");
    }

    #[test]
    fn a_value_that_is_no_field_value_is_refused() {
        let (edits, refused) = compile(&modifier(&[("a", "x\ny")], &[], &[]));
        assert_eq!((edits, refused.len()), (HeaderEdits::default(), 1));
    }

    proptest! {
        /// Without `add`, applying twice is applying once.
        #[test]
        fn set_and_remove_are_idempotent(
            set in proptest::collection::vec(("[a-d]", "[x-z]{1,3}"), 0..4),
            remove in proptest::collection::vec("[a-d]", 0..3),
            before in proptest::collection::vec(("[a-d]", "[x-z]{1,3}"), 0..6),
        ) {
            fn refs(pairs: &[(String, String)]) -> Vec<(&str, &str)> {
                pairs.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect()
            }
            let remove: Vec<&str> = remove.iter().map(String::as_str).collect();
            let modifier = modifier(&refs(&set), &[], &remove);
            let once = apply(&modifier, &refs(&before));
            let twice = apply(&modifier, &refs(&once));
            prop_assert_eq!(&once, &twice);
            for name in remove {
                prop_assert!(once.iter().all(|(n, _)| n != name));
            }
        }
    }
}
