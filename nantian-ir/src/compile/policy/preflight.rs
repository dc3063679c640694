//! What browsers ask before they make a call of gRPC-Web: the matches that take it.

use regex::escape;

use crate::compile::lower::matches::compiles;
use crate::model::{GrpcMatch, HeaderMatch, HttpMatch, PathMatch, RuleMatch, ValueMatch};
use crate::name::HeaderName;
use crate::re2;

/// A match for the preflights of each match of calls (Fetch standard section 3.2.2). A preflight is no call: it has the
/// method OPTIONS, and no content type.
pub(super) fn of_calls(matches: &[RuleMatch]) -> Vec<RuleMatch> {
    let of_call = |one: &RuleMatch| match one {
        RuleMatch::Grpc(call) => preflight(call).map(RuleMatch::Http),
        // One of HTTP takes its preflights unless it names another method.
        RuleMatch::Http(_) => None,
    };
    matches.iter().filter_map(of_call).collect()
}

fn preflight(call: &GrpcMatch) -> Option<HttpMatch> {
    let asks = [("access-control-request-method", ValueMatch::Exact("POST".to_owned())), ("origin", any())];
    let asks =
        asks.into_iter().filter_map(|(name, value)| Some(HeaderMatch { name: HeaderName::new(name).ok()?, value }));
    Some(HttpMatch {
        path: path(call)?,
        method: Some("OPTIONS".to_owned()),
        headers: asks.chain(call.headers.iter().cloned()).collect(),
        query: Vec::new(),
    })
}

fn any() -> ValueMatch {
    ValueMatch::Regex(".+".to_owned())
}

/// `/service/method`. `None`: the two patterns together are more than a data plane compiles.
fn path(call: &GrpcMatch) -> Option<PathMatch> {
    match (&call.service, &call.method) {
        (None, None) => Some(PathMatch::Prefix("/".to_owned())),
        (Some(ValueMatch::Exact(service)), None) => Some(PathMatch::Prefix(format!("/{service}"))),
        (Some(ValueMatch::Exact(service)), Some(ValueMatch::Exact(method))) => {
            Some(PathMatch::Exact(format!("/{service}/{method}")))
        }
        (service, method) => {
            let pattern = |value: &Option<ValueMatch>| match value {
                None => "[^/]+".to_owned(),
                Some(ValueMatch::Exact(text)) => escape(text),
                Some(ValueMatch::Regex(pattern)) => format!("(?:{pattern})"),
            };
            let whole = format!("/{}/{}", pattern(service), pattern(method));
            let translated = re2::translate(&whole).ok()?;
            compiles(&translated).is_ok().then_some(PathMatch::Regex(whole))
        }
    }
}
