//! Matches of rules.

use nantian_crds::gateway_api::grpc_route::GrpcRouteMatch;
use nantian_crds::gateway_api::http_route::{HttpPathMatch, HttpRouteMatch, PathMatchType, ValueMatchType};
use smol_str::SmolStr;

use super::{Context, Rule};
use crate::compile::field::Field;
use crate::model::{GrpcMatch, HeaderMatch, HttpMatch, PathMatch, QueryMatch, RuleMatch, ValueMatch};
use crate::name::HeaderName;
use crate::re2;

/// Whether a data plane can compile the pattern, which was checked otherwise.
pub(crate) fn compiles(translated: &str) -> Result<(), ()> {
    let mut builder = regex::bytes::RegexBuilder::new(translated);
    builder.size_limit(re2::MAX_COMPILED).build().map(|_| ()).map_err(|_| ())
}

/// A text that says something.
fn present(text: Option<&SmolStr>) -> Option<&str> {
    text.map(SmolStr::as_str).filter(|text| !text.is_empty())
}

impl Context<'_, '_> {
    /// The matches, or `None` if one of them cannot be used: then it is not known which requests the rule is for.
    pub(super) fn http_matches(
        &mut self,
        rule: &mut Rule,
        path: &Field<'_>,
        specs: &[HttpRouteMatch],
    ) -> Option<Vec<RuleMatch>> {
        let before = rule.invalid.len();
        let mut found = Vec::with_capacity(specs.len().max(1));
        for (index, spec) in specs.iter().enumerate() {
            let path = path.item("matches", index);
            found.extend(self.http_match(rule, &path, spec).map(RuleMatch::Http));
        }
        // HTTPRouteRule.matches: "If no matches are specified, the default is a prefix path match on /".
        if specs.is_empty() {
            let path = PathMatch::Prefix("/".to_owned());
            found.push(RuleMatch::Http(HttpMatch { path, method: None, headers: Vec::new(), query: Vec::new() }));
        }
        (rule.invalid.len() == before).then_some(found)
    }

    fn http_match(&mut self, rule: &mut Rule, path: &Field<'_>, spec: &HttpRouteMatch) -> Option<HttpMatch> {
        let path_match = self.path_match(rule, &path.member("path"), &spec.path);
        let headers = spec.headers.iter().map(|one| (&one.r#type, one.name.as_str(), one.value.as_str()));
        let headers = self.headers(rule, path, headers);
        let mut query: Vec<QueryMatch> = Vec::with_capacity(spec.query_params.len());
        for (index, one) in spec.query_params.iter().enumerate() {
            let field = path.item("queryParams", index);
            // HTTPQueryParamMatch: of several with one name "only the first entry ... MUST be considered".
            if query.iter().any(|other| other.name == one.name) {
                continue;
            }
            if let Some(value) = self.value(rule, &field, &one.r#type, &one.value) {
                query.push(QueryMatch { name: one.name.as_str().to_owned(), value });
            }
        }
        if let Some(method) = &spec.method
            && HeaderName::new(method).is_err()
        {
            self.invalid(rule, "UnsupportedValue", path.member("method"), format!("{method:?} is not a method"));
        }
        Some(HttpMatch { path: path_match?, method: spec.method.as_deref().map(str::to_owned), headers, query })
    }

    fn path_match(&mut self, rule: &mut Rule, field: &Field<'_>, spec: &HttpPathMatch) -> Option<PathMatch> {
        let value = spec.value.as_str();
        let kind = match &spec.r#type {
            PathMatchType::RegularExpression => return self.regex(rule, field, value).map(PathMatch::Regex),
            PathMatchType::Exact => PathMatch::Exact,
            PathMatchType::PathPrefix => PathMatch::Prefix,
            PathMatchType::Unknown(other) => {
                let message = format!("the path match type {other:?} is not known");
                self.invalid(rule, "UnsupportedValue", field.member("type"), message);
                return None;
            }
        };
        // PathMatchType: "Must begin with the / character".
        if !value.starts_with('/') {
            let message = format!("{value:?} is not a path: it has to begin with /");
            self.invalid(rule, "UnsupportedValue", field.member("value"), message);
            return None;
        }
        Some(kind(value.to_owned()))
    }

    /// A checked RE2 expression.
    fn regex(&mut self, rule: &mut Rule, field: &Field<'_>, pattern: &str) -> Option<String> {
        let compiled = re2::translate(pattern)
            .map_err(|error| error.to_string())
            .and_then(|text| compiles(&text).map_err(|()| "compiled, it takes too much memory".to_owned()));
        match compiled {
            Ok(()) => Some(pattern.to_owned()),
            Err(why) => {
                let message = format!("{pattern:?} is not a usable RE2 expression: {why}");
                self.invalid(rule, "UnsupportedValue", field.member("value"), message);
                None
            }
        }
    }

    fn value(&mut self, rule: &mut Rule, field: &Field<'_>, kind: &ValueMatchType, value: &str) -> Option<ValueMatch> {
        match kind {
            ValueMatchType::Exact => Some(ValueMatch::Exact(value.to_owned())),
            ValueMatchType::RegularExpression => self.regex(rule, field, value).map(ValueMatch::Regex),
            ValueMatchType::Unknown(other) => {
                let message = format!("the match type {other:?} is not known");
                self.invalid(rule, "UnsupportedValue", field.member("type"), message);
                None
            }
        }
    }

    fn headers<'m>(
        &mut self,
        rule: &mut Rule,
        path: &Field<'_>,
        specs: impl ExactSizeIterator<Item = (&'m ValueMatchType, &'m str, &'m str)>,
    ) -> Vec<HeaderMatch> {
        let mut found: Vec<HeaderMatch> = Vec::with_capacity(specs.len());
        for (index, (kind, name, value)) in specs.enumerate() {
            let field = path.item("headers", index);
            let name = match HeaderName::new(name) {
                Ok(name) => name,
                Err(error) => {
                    self.invalid(rule, "UnsupportedValue", field.member("name"), error.to_string());
                    continue;
                }
            };
            // HTTPHeaderMatch: "If multiple entries specify equivalent header names, only the first entry with an
            // equivalent name MUST be considered for a match."
            if found.iter().any(|other| other.name == name) {
                continue;
            }
            if let Some(value) = self.value(rule, &field, kind, value) {
                found.push(HeaderMatch { name, value });
            }
        }
        found
    }

    pub(super) fn grpc_matches(
        &mut self,
        rule: &mut Rule,
        path: &Field<'_>,
        specs: &[GrpcRouteMatch],
    ) -> Option<Vec<RuleMatch>> {
        let before = rule.invalid.len();
        let mut found = Vec::with_capacity(specs.len().max(1));
        for (index, spec) in specs.iter().enumerate() {
            let path = path.item("matches", index);
            let (mut service, mut method) = (None, None);
            if let Some(call) = &spec.method {
                if let Some(name) = present(call.service.as_ref()) {
                    service = self.value(rule, &path.member("method.service"), &call.r#type, name);
                }
                if let Some(name) = present(call.method.as_ref()) {
                    method = self.value(rule, &path.member("method.method"), &call.r#type, name);
                }
            }
            let headers = spec.headers.iter().map(|one| (&one.r#type, one.name.as_str(), one.value.as_str()));
            let headers = self.headers(rule, &path, headers);
            found.push(RuleMatch::Grpc(GrpcMatch { service, method, headers }));
        }
        // GRPCRouteRule.matches: "If no matches are specified, the implementation MUST match every gRPC request."
        if specs.is_empty() {
            found.push(RuleMatch::Grpc(GrpcMatch { service: None, method: None, headers: Vec::new() }));
        }
        (rule.invalid.len() == before).then_some(found)
    }
}
