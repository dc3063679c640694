//! Parts of the IR in words.

use std::fmt::Write as _;
use std::time::Duration;

use nantian_ir::{
    Filter, GrpcMatch, HeaderModifier, HttpMatch, PathMatch, PathModifier, Refusal, RequestRedirect, RuleMatch,
    UrlRewrite, ValueMatch,
};

/// A match, as a list of what must hold.
pub(crate) fn rule_match(rule_match: &RuleMatch) -> String {
    match rule_match {
        RuleMatch::Http(http) => http_match(http),
        RuleMatch::Grpc(grpc) => grpc_match(grpc),
    }
}

fn http_match(http: &HttpMatch) -> String {
    let mut parts = vec![match &http.path {
        PathMatch::Exact(path) => format!("path {path}"),
        PathMatch::Prefix(path) => format!("path prefix {path}"),
        PathMatch::Regex(pattern) => format!("path like {pattern}"),
    }];
    parts.extend(http.method.iter().map(|method| format!("method {method}")));
    parts.extend(http.headers.iter().map(|header| format!("header {}{}", header.name, value(&header.value))));
    parts.extend(http.query.iter().map(|query| format!("query {}{}", query.name, value(&query.value))));
    parts.join(", ")
}

fn grpc_match(grpc: &GrpcMatch) -> String {
    let named = |name: &str, wanted: &Option<ValueMatch>| {
        wanted.as_ref().map_or_else(|| format!("any {name}"), |wanted| format!("{name}{}", value(wanted)))
    };
    let mut parts = vec![named("service", &grpc.service), named("method", &grpc.method)];
    parts.extend(grpc.headers.iter().map(|header| format!("header {}{}", header.name, value(&header.value))));
    parts.join(", ")
}

fn value(value: &ValueMatch) -> String {
    match value {
        ValueMatch::Exact(text) => format!(" = {text}"),
        ValueMatch::Regex(pattern) => format!(" like {pattern}"),
    }
}

/// What a filter does.
pub(crate) fn filter(filter: &Filter) -> String {
    match filter {
        Filter::RequestHeaderModifier(modifier) => format!("request headers: {}", headers(modifier)),
        Filter::ResponseHeaderModifier(modifier) => format!("response headers: {}", headers(modifier)),
        Filter::RequestRedirect(redirect) => format!("answers with a redirect: {}", self::redirect(redirect)),
        Filter::UrlRewrite(rewrite) => format!("rewrites {}", rewrite_text(rewrite)),
        Filter::RequestMirror(mirror) => {
            format!(
                "mirrors {} of {} requests to {}",
                mirror.fraction.numerator, mirror.fraction.denominator, mirror.backend
            )
        }
        Filter::Cors(cors) => format!(
            "CORS for {} origin patterns, methods {}",
            cors.allow_origins.len(),
            if cors.allow_methods.is_empty() { "none".to_owned() } else { cors.allow_methods.join(" ") }
        ),
        Filter::DirectResponse(direct) => {
            format!("answers {} with {} bytes of its own", direct.status, direct.body.len())
        }
    }
}

fn headers(modifier: &HeaderModifier) -> String {
    let mut parts = Vec::new();
    parts.extend(modifier.set.iter().map(|header| format!("set {}: {}", header.name, header.value)));
    parts.extend(modifier.add.iter().map(|header| format!("add {}: {}", header.name, header.value)));
    parts.extend(modifier.remove.iter().map(|name| format!("remove {name}")));
    parts.join("; ")
}

fn path_modifier(modifier: &PathModifier) -> String {
    match modifier {
        PathModifier::ReplaceFullPath(path) => format!("path to {path}"),
        PathModifier::ReplacePrefixMatch(path) => format!("matched path prefix to {path}"),
    }
}

/// What a redirect changes.
pub(crate) fn redirect(redirect: &RequestRedirect) -> String {
    let mut text = redirect.status.to_string();
    // Writing to a String cannot fail; so all results here are dropped.
    if let Some(scheme) = &redirect.scheme {
        let _ = write!(text, ", scheme {scheme}");
    }
    if let Some(hostname) = &redirect.hostname {
        let _ = write!(text, ", host {hostname}");
    }
    if let Some(port) = redirect.port {
        let _ = write!(text, ", port {port}");
    }
    if let Some(path) = &redirect.path {
        let _ = write!(text, ", {}", path_modifier(path));
    }
    text
}

fn rewrite_text(rewrite: &UrlRewrite) -> String {
    let host = rewrite.hostname.iter().map(|hostname| format!("host to {hostname}"));
    host.chain(rewrite.path.iter().map(path_modifier)).collect::<Vec<_>>().join(", ")
}

/// Why a reference gets 500.
pub(crate) const fn refusal(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::BackendNotFound => "the object or its port does not exist",
        Refusal::InvalidKind => "its group or kind is not supported",
        Refusal::RefNotPermitted => "it is in another namespace, and no ReferenceGrant allows it",
        Refusal::UnsupportedProtocol => "its appProtocol cannot be used by this route",
        Refusal::UnsupportedValue => "one of its fields has a value that cannot be used",
        Refusal::IncompatibleFilters => "a filter of the rule, or a check that a policy asks for, cannot be applied",
    }
}

/// A duration as the Gateway API spells it.
pub(crate) fn duration(duration: Duration) -> String {
    let millis = duration.as_millis();
    if duration.is_zero() {
        "no limit".to_owned()
    } else if millis.is_multiple_of(1000) {
        format!("{}s", millis / 1000)
    } else {
        format!("{millis}ms")
    }
}
