//! Filters of rules and of backend references.

use nantian_crds::core::ConfigMap;
use nantian_crds::direct_response;
use nantian_crds::gateway_api::http_route::{
    HttpCorsFilter, HttpPathModifier, HttpPathModifierType, HttpRequestRedirectFilter, HttpUrlRewriteFilter,
};
use nantian_crds::gateway_api::shared::{HttpHeader, HttpHeaderFilter, HttpRequestMirrorFilter, LocalObjectReference};

use super::{Context, Rule, cors};
use crate::compile::decode::name_of;
use crate::compile::diagnostic;
use crate::compile::field::Field;
use crate::compile::resolve::backend::{self, Unresolved};
use crate::model::{
    DirectResponse, Filter, Fraction, HeaderModifier, HeaderValue, PathMatch, PathModifier, Refusal, RequestMirror,
    RequestRedirect, RuleMatch, UrlRewrite,
};
use crate::name::{HeaderName, Hostname};

/// A filter of either kind of route.
#[derive(Clone, Copy)]
pub(super) enum Spec<'f> {
    RequestHeaderModifier(&'f HttpHeaderFilter),
    ResponseHeaderModifier(&'f HttpHeaderFilter),
    RequestMirror(&'f HttpRequestMirrorFilter),
    RequestRedirect(&'f HttpRequestRedirectFilter),
    UrlRewrite(&'f HttpUrlRewriteFilter),
    Cors(&'f HttpCorsFilter),
    ExtensionRef(&'f LocalObjectReference),
    /// The field that goes with the type is missing.
    Empty,
    /// A type that cannot be applied.
    Unsupported(&'f str),
}

/// Largest body of a direct response, in bytes.
const MAX_BODY: usize = 64 << 10;

/// Why a filter cannot be lowered.
enum Problem {
    Invalid(&'static str, String),
    Unresolved(Unresolved),
}

fn invalid<T>(message: impl Into<String>) -> Result<T, Problem> {
    Err(Problem::Invalid("UnsupportedValue", message.into()))
}

impl Context<'_, '_> {
    /// The filters, in their order. What cannot be applied makes the rule invalid, or blocks it.
    pub(super) fn filters<'f>(
        &mut self,
        rule: &mut Rule,
        path: &Field<'_>,
        specs: impl ExactSizeIterator<Item = Spec<'f>>,
        matches: &[RuleMatch],
    ) -> Vec<Filter> {
        let mut found: Vec<Filter> = Vec::with_capacity(specs.len());
        for (index, spec) in specs.enumerate() {
            let field = path.item("filters", index);
            match self.filter(spec, matches) {
                Ok(filter) => {
                    if let Some(message) = incompatible(&found, &filter) {
                        self.invalid(rule, "IncompatibleFilters", field, message);
                    } else {
                        found.push(filter);
                    }
                }
                Err(Problem::Invalid(reason, message)) => self.invalid(rule, reason, field, message),
                Err(Problem::Unresolved(why)) => {
                    self.unresolved(field, &why);
                    // HTTPRequestMirrorFilter: an unresolved mirror is not configured; the request itself goes on.
                    rule.blocked |= !matches!(spec, Spec::RequestMirror(_));
                }
            }
        }
        found
    }

    fn filter(&self, spec: Spec<'_>, matches: &[RuleMatch]) -> Result<Filter, Problem> {
        match spec {
            Spec::RequestHeaderModifier(spec) => headers(spec).map(Filter::RequestHeaderModifier),
            Spec::ResponseHeaderModifier(spec) => headers(spec).map(Filter::ResponseHeaderModifier),
            Spec::RequestMirror(spec) => self.mirror(spec).map(Filter::RequestMirror),
            Spec::RequestRedirect(spec) => redirect(spec, matches).map(Filter::RequestRedirect),
            Spec::UrlRewrite(spec) => rewrite(spec, matches).map(Filter::UrlRewrite),
            Spec::Cors(spec) => cors::cors(spec).map(Filter::Cors).or_else(invalid),
            Spec::ExtensionRef(spec) => self.extension(spec),
            Spec::Empty => invalid("the field that goes with the filter's type is missing"),
            Spec::Unsupported(name) => invalid(format!("filters of type {name:?} are not supported")),
        }
    }

    fn mirror(&self, spec: &HttpRequestMirrorFilter) -> Result<RequestMirror, Problem> {
        let fraction = match (spec.percent, spec.fraction) {
            (None, None) => Fraction { numerator: 1, denominator: 1 },
            (Some(percent), None) if percent <= 100 => Fraction { numerator: percent, denominator: 100 },
            (Some(percent), None) => return invalid(format!("requestMirror.percent is {percent}, over 100")),
            (None, Some(of)) if of.denominator > 0 && of.numerator <= of.denominator => {
                Fraction { numerator: of.numerator, denominator: of.denominator }
            }
            (None, Some(of)) => {
                return invalid(format!("requestMirror.fraction {}/{} is not a share", of.numerator, of.denominator));
            }
            (Some(_), Some(_)) => return invalid("requestMirror has percent and fraction: remove one of them"),
        };
        let backend =
            backend::resolve(self.reader, self.route.object.id(), self.route.key.kind, (&spec.backend_ref).into());
        Ok(RequestMirror { backend: backend.map_err(Problem::Unresolved)?, fraction })
    }

    fn extension(&self, spec: &LocalObjectReference) -> Result<Filter, Problem> {
        let unresolved =
            |refusal, code, message| Err(Problem::Unresolved(Unresolved { refusal, code, message, remedy: None }));
        if spec.group != "nantian.dev" || spec.kind != "DirectResponse" {
            let message = format!("extension filters of kind {}/{} are not supported", spec.group, spec.kind);
            return unresolved(Refusal::InvalidKind, &diagnostic::INVALID_KIND, message);
        }
        let name = name_of(&self.route.key.namespace, &spec.name);
        let Some(entry) = self.reader.get::<direct_response::DirectResponse>(&name) else {
            let message = format!("DirectResponse {}/{} does not exist", name.0, name.1);
            return unresolved(Refusal::BackendNotFound, &diagnostic::EXTENSION_NOT_FOUND, message);
        };
        let spec = &entry.value.spec;
        let bad = |why: String| invalid(format!("DirectResponse {}/{}: {why}", name.0, name.1));
        if !(200..=599).contains(&spec.status_code) {
            return bad(format!("statusCode {} is not in 200 to 599", spec.status_code));
        }
        let body = match (&spec.body, &spec.body_config_map_ref) {
            (Some(body), None) => body.clone(),
            (None, None) => String::new(),
            (Some(_), Some(_)) => return bad("it has body and bodyConfigMapRef: remove one of them".to_owned()),
            (None, Some(reference)) => {
                let map = self.reader.get::<ConfigMap>(&name_of(&name.0, &reference.name));
                let Some(bytes) = map.and_then(|map| map.value.get(&reference.key)) else {
                    let message = format!("ConfigMap {}/{} has no key {}", name.0, reference.name, reference.key);
                    return unresolved(Refusal::BackendNotFound, &diagnostic::EXTENSION_NOT_FOUND, message);
                };
                match str::from_utf8(bytes) {
                    Ok(text) => text.to_owned(),
                    Err(_) => return bad("the body is not UTF-8 text".to_owned()),
                }
            }
        };
        if body.len() > MAX_BODY {
            return bad(format!("the body has more than {MAX_BODY} bytes"));
        }
        let mut headers = Vec::new();
        for header in &spec.headers {
            headers.push(header_value(&header.name, &header.value)?);
        }
        let typed = headers.iter().any(|header| header.name.as_str() == "content-type");
        let default = (!body.is_empty() && !typed).then_some("text/plain; charset=utf-8");
        if let Some(media) = spec.content_type.as_deref().or(default) {
            headers.push(header_value("content-type", media)?);
        }
        Ok(Filter::DirectResponse(DirectResponse { status: spec.status_code, headers, body }))
    }
}

/// `HTTPRouteRule.filters`: "Specifying the same filter multiple times is not supported unless explicitly indicated".
fn incompatible(before: &[Filter], filter: &Filter) -> Option<String> {
    let repeatable = matches!(filter, Filter::RequestMirror(_));
    if !repeatable && before.iter().any(|other| std::mem::discriminant(other) == std::mem::discriminant(filter)) {
        return Some(format!("a second {} filter: a rule has at most one", name(filter)));
    }
    clash(before, filter)
}

/// `HTTPRequestRedirectFilter`: it "MUST NOT be used on the same Route rule as a `HTTPURLRewrite` filter", be it at the rule
/// or at a backend of it.
pub(super) fn clash(before: &[Filter], filter: &Filter) -> Option<String> {
    let answers = |filter: &Filter| matches!(filter, Filter::RequestRedirect(_) | Filter::DirectResponse(_));
    let rewrites = |filter: &Filter| matches!(filter, Filter::UrlRewrite(_));
    let clash = before.iter().find(|other| {
        (answers(other) && (rewrites(filter) || answers(filter))) || (rewrites(other) && answers(filter))
    })?;
    Some(format!("{} cannot be combined with {}: remove one of them", name(filter), name(clash)))
}

fn name(filter: &Filter) -> &'static str {
    match filter {
        Filter::RequestHeaderModifier(_) => "RequestHeaderModifier",
        Filter::ResponseHeaderModifier(_) => "ResponseHeaderModifier",
        Filter::RequestRedirect(_) => "RequestRedirect",
        Filter::UrlRewrite(_) => "URLRewrite",
        Filter::RequestMirror(_) => "RequestMirror",
        Filter::Cors(_) => "CORS",
        Filter::DirectResponse(_) => "DirectResponse",
    }
}

fn headers(spec: &HttpHeaderFilter) -> Result<HeaderModifier, Problem> {
    let remove = spec.remove.iter().map(|name| header_name(name)).collect::<Result<Vec<_>, _>>()?;
    Ok(HeaderModifier { set: header_values(&spec.set)?, add: header_values(&spec.add)?, remove })
}

fn header_name(name: &str) -> Result<HeaderName, Problem> {
    HeaderName::new(name).or_else(|error| invalid(error.to_string()))
}

/// `HTTPHeader`: "If multiple entries specify equivalent header names, the first entry with an equivalent name MUST be
/// considered for a match. Subsequent entries with an equivalent header name MUST be ignored."
fn header_values(headers: &[HttpHeader]) -> Result<Vec<HeaderValue>, Problem> {
    let mut found: Vec<HeaderValue> = Vec::with_capacity(headers.len());
    for header in headers {
        let value = header_value(&header.name, &header.value)?;
        if !found.iter().any(|other| other.name == value.name) {
            found.push(value);
        }
    }
    Ok(found)
}

fn header_value(name: &str, value: &str) -> Result<HeaderValue, Problem> {
    let name = header_name(name)?;
    let legal = |b: u8| b == b'\t' || (b >= b' ' && b != 0x7f);
    if !value.bytes().all(legal) || value.trim_matches([' ', '\t']) != value {
        return invalid(format!("the value of header {name} is not a field value (RFC 9110 section 5.5)"));
    }
    Ok(HeaderValue { name, value: value.to_owned() })
}

fn redirect(spec: &HttpRequestRedirectFilter, matches: &[RuleMatch]) -> Result<RequestRedirect, Problem> {
    if let Some(scheme) = spec.scheme.as_deref()
        && !["http", "https"].contains(&scheme)
    {
        return invalid(format!("requestRedirect.scheme {scheme:?} is not http or https"));
    }
    if ![301, 302, 303, 307, 308].contains(&spec.status_code) {
        return invalid(format!("requestRedirect.statusCode {} is not 301, 302, 303, 307 or 308", spec.status_code));
    }
    if spec.port == Some(0) {
        return invalid("requestRedirect.port is 0");
    }
    Ok(RequestRedirect {
        scheme: spec.scheme.as_deref().map(str::to_owned),
        hostname: precise(spec.hostname.as_deref())?,
        path: path_modifier(spec.path.as_ref(), matches)?,
        port: spec.port,
        status: spec.status_code,
    })
}

fn rewrite(spec: &HttpUrlRewriteFilter, matches: &[RuleMatch]) -> Result<UrlRewrite, Problem> {
    Ok(UrlRewrite { hostname: precise(spec.hostname.as_deref())?, path: path_modifier(spec.path.as_ref(), matches)? })
}

/// A `PreciseHostname`.
fn precise(name: Option<&str>) -> Result<Option<Hostname>, Problem> {
    name.filter(|name| !name.is_empty())
        .map(|name| Hostname::new(name).or_else(|error| invalid(error.to_string())))
        .transpose()
}

fn path_modifier(spec: Option<&HttpPathModifier>, matches: &[RuleMatch]) -> Result<Option<PathModifier>, Problem> {
    let Some(spec) = spec else { return Ok(None) };
    let (modifier, value) = match &spec.r#type {
        HttpPathModifierType::ReplaceFullPath => {
            let value = spec.replace_full_path.as_deref().unwrap_or_default();
            (PathModifier::ReplaceFullPath(value.to_owned()), value)
        }
        HttpPathModifierType::ReplacePrefixMatch => {
            // CRD rule: "When using ... path.replacePrefixMatch, exactly one PathPrefix match must be specified".
            let prefix =
                |one: &RuleMatch| matches!(one, RuleMatch::Http(http) if matches!(http.path, PathMatch::Prefix(_)));
            if !matches.iter().all(prefix) {
                return Err(Problem::Invalid(
                    "IncompatibleFilters",
                    "replacePrefixMatch needs matches of type PathPrefix only".to_owned(),
                ));
            }
            let value = spec.replace_prefix_match.as_deref().unwrap_or_default();
            (PathModifier::ReplacePrefixMatch(value.to_owned()), value)
        }
        HttpPathModifierType::Unknown(other) => return invalid(format!("the path modifier {other:?} is not known")),
    };
    if value.bytes().any(|b| b <= b' ' || b == 0x7f || b == b'#' || b == b'?') {
        return invalid(format!("{value:?} is not a path: it has a space, a control character, ? or #"));
    }
    Ok(Some(modifier))
}
