//! Rules of `HTTPRoute`s.

use std::time::Duration;

use nantian_crds::gateway_api::http_route::{HttpRouteFilter, HttpRouteFilterType, HttpRouteRule};
use nantian_crds::gateway_api::shared::parse_duration;
use smol_str::SmolStr;

use super::filter::Spec;
use super::{Context, LoweredRule, Rule};
use crate::compile::field::Field;
use crate::model::{Retry, Timeouts};

/// Tries after the first where `retry.attempts` is not given.
const DEFAULT_ATTEMPTS: u32 = 1;

impl Context<'_, '_> {
    pub(super) fn http_rules(&mut self, rules: &[HttpRouteRule]) {
        self.lowered.total = rules.len();
        self.lowered.rules.reserve_exact(rules.len());
        for (index, rule) in rules.iter().enumerate() {
            self.http_rule(index, rule);
        }
    }

    fn http_rule(&mut self, index: usize, spec: &HttpRouteRule) {
        let path = Field::item_of("spec.rules", index);
        let mut rule = Rule::default();
        let matches = self.http_matches(&mut rule, &path, &spec.matches);
        let found = matches.as_deref().unwrap_or_default();
        let filters = self.filters(&mut rule, &path, spec.filters.iter().map(self::spec), found);
        let references = spec.backend_refs.iter().map(|one| (&one.backend, one.filters.iter().map(self::spec)));
        let targets = self.targets(&mut rule, &path, references, &filters, found);
        let timeouts = self.timeouts(&mut rule, &path, spec);
        let retry = self.retry(&mut rule, &path, spec);
        if spec.session_persistence.is_some() {
            self.ignored(path.member("sessionPersistence"), "session persistence is not supported yet");
        }
        let lowered = LoweredRule {
            index: u32::try_from(index).unwrap_or(u32::MAX),
            name: spec.name.as_deref().filter(|name| !name.is_empty()).map(str::to_owned),
            matches: Vec::new(),
            filters,
            targets,
            timeouts,
            retry,
        };
        self.finish(index, &rule, matches, lowered);
    }

    fn timeouts(&mut self, rule: &mut Rule, path: &Field<'_>, spec: &HttpRouteRule) -> Timeouts {
        let Some(timeouts) = &spec.timeouts else { return Timeouts::default() };
        let request = self.duration(rule, path.member("timeouts.request"), timeouts.request.as_ref());
        let field = path.member("timeouts.backendRequest");
        let backend_request = self.duration(rule, field, timeouts.backend_request.as_ref());
        // HTTPRouteTimeouts: "the value of BackendRequest must be no more than the value of the Request timeout".
        if let (Some(request), Some(backend)) = (request, backend_request)
            && request > Duration::ZERO
            && backend > request
        {
            self.invalid(rule, "UnsupportedValue", field, "is longer than timeouts.request");
        }
        Timeouts { request, backend_request }
    }

    /// A duration of GEP-2257.
    fn duration(&mut self, rule: &mut Rule, field: Field<'_>, text: Option<&SmolStr>) -> Option<Duration> {
        let text = text?;
        let parsed = parse_duration(text);
        if parsed.is_none() {
            let message = format!("{text:?} is not a duration: write it like 10s, 500ms or 1h30m (GEP-2257)");
            self.invalid(rule, "UnsupportedValue", field, message);
        }
        parsed
    }

    fn retry(&mut self, rule: &mut Rule, path: &Field<'_>, spec: &HttpRouteRule) -> Option<Retry> {
        let retry = spec.retry.as_ref()?;
        let mut codes = retry.codes.clone();
        codes.sort_unstable();
        codes.dedup();
        if let Some(code) = codes.iter().find(|code| !(400..=599).contains(*code)) {
            let message = format!("{code} is not a status code from 400 to 599");
            self.invalid(rule, "UnsupportedValue", path.member("retry.codes"), message);
        }
        let backoff = self.duration(rule, path.member("retry.backoff"), retry.backoff.as_ref());
        Some(Retry { codes, attempts: retry.attempts.unwrap_or(DEFAULT_ATTEMPTS), backoff })
    }
}

fn spec(filter: &HttpRouteFilter) -> Spec<'_> {
    let found = match &filter.r#type {
        HttpRouteFilterType::RequestHeaderModifier => {
            filter.request_header_modifier.as_ref().map(Spec::RequestHeaderModifier)
        }
        HttpRouteFilterType::ResponseHeaderModifier => {
            filter.response_header_modifier.as_ref().map(Spec::ResponseHeaderModifier)
        }
        HttpRouteFilterType::RequestMirror => filter.request_mirror.as_deref().map(Spec::RequestMirror),
        HttpRouteFilterType::RequestRedirect => filter.request_redirect.as_deref().map(Spec::RequestRedirect),
        HttpRouteFilterType::UrlRewrite => filter.url_rewrite.as_deref().map(Spec::UrlRewrite),
        HttpRouteFilterType::Cors => filter.cors.as_deref().map(Spec::Cors),
        HttpRouteFilterType::ExtensionRef => filter.extension_ref.as_deref().map(Spec::ExtensionRef),
        HttpRouteFilterType::ExternalAuth => return Spec::Unsupported("ExternalAuth"),
        HttpRouteFilterType::Unknown(name) => return Spec::Unsupported(name),
    };
    found.unwrap_or(Spec::Empty)
}
