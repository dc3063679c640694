//! Puts what policies say into the rules of the snapshot.

use super::effect::{self, Effect};
use super::preflight;
use crate::compile::memo::Reader;
use crate::key::RouteKey;
use crate::model::{Attachment, Filter, Refusal, RouteRule, StreamRule, StreamTarget, Target, WeightedTarget};

/// Adds a rule as policies make it: one for each set of listeners at which they say the same.
pub(crate) fn rules(mut rule: RouteRule, reader: &Reader<'_>, found: &mut Vec<RouteRule>) {
    if let Some(effect) = everywhere(&rule.key.route, rule.name.as_deref(), &rule.attachments, reader) {
        govern(&mut rule, effect, reader);
        found.push(rule);
        return;
    }
    let attachments = std::mem::take(&mut rule.attachments);
    let parts = parts(&rule.key.route, rule.name.as_deref(), attachments, reader);
    let copies = std::iter::repeat_n(rule, parts.len());
    let each = (0..).zip(copies).zip(parts).map(|((variant, mut part), (effect, attachments))| {
        (part.key.variant, part.attachments) = (variant, attachments);
        govern(&mut part, effect, reader);
        part
    });
    found.extend(each);
}

/// What policies say about a rule, if that is the same at all of its listeners, as it mostly is.
fn everywhere(route: &RouteKey, rule: Option<&str>, attachments: &[Attachment], reader: &Reader<'_>) -> Option<Effect> {
    let effect = |attachment: &Attachment| effect::of_rule(route, rule, &attachment.listener, reader);
    let (first, others) = attachments.split_first()?;
    let everywhere = effect(first);
    others.iter().all(|other| effect(other) == everywhere).then_some(everywhere)
}

/// The same for a rule of connections or datagrams.
pub(crate) fn stream_rules(mut rule: StreamRule, reader: &Reader<'_>) -> Vec<StreamRule> {
    let attachments = std::mem::take(&mut rule.attachments);
    let parts = parts(&rule.key.route, None, attachments, reader);
    let copies = std::iter::repeat_n(rule, parts.len());
    let each = (0..).zip(copies).zip(parts).map(|((variant, mut part), (effect, attachments))| {
        (part.key.variant, part.attachments) = (variant, attachments);
        if effect.denied {
            part.targets = vec![StreamTarget { weight: 1, target: Target::Refused(Refusal::IncompatibleFilters) }];
        }
        part.targets.iter_mut().for_each(|target| refuse(&mut target.target, reader));
        part
    });
    each.collect()
}

/// The listeners of a rule by what policies say about it there.
fn parts(
    route: &RouteKey,
    rule: Option<&str>,
    attachments: Vec<Attachment>,
    reader: &Reader<'_>,
) -> Vec<(Effect, Vec<Attachment>)> {
    let mut parts: Vec<(Effect, Vec<Attachment>)> = Vec::new();
    for attachment in attachments {
        let effect = effect::of_rule(route, rule, &attachment.listener, reader);
        match parts.iter_mut().find(|(other, _)| *other == effect) {
            Some((_, same)) => same.push(attachment),
            None => parts.push((effect, vec![attachment])),
        }
    }
    parts
}

/// Puts what policies say into a rule.
pub(super) fn govern(rule: &mut RouteRule, effect: Effect, reader: &Reader<'_>) {
    if effect.denied {
        rule.filters.clear();
        let target = Target::Refused(Refusal::IncompatibleFilters);
        rule.targets = vec![WeightedTarget { weight: 1, target, filters: Vec::new() }];
        return;
    }
    let timeouts = &mut rule.timeouts;
    timeouts.request = timeouts.request.or(effect.request);
    // "The value of BackendRequest must be no more than the value of the Request timeout": that one cuts it anyway.
    let limit = timeouts.request.filter(|limit| !limit.is_zero());
    let fits = effect.backend_request.filter(|attempt| limit.is_none_or(|limit| *attempt <= limit));
    timeouts.backend_request = timeouts.backend_request.or(fits);
    let has_cors = rule.filters.iter().any(|filter| matches!(filter, Filter::Cors(_)));
    if let Some(cors) = effect.cors.filter(|_| !has_cors) {
        rule.matches.extend(preflight::of_calls(&rule.matches));
        rule.filters.push(Filter::Cors(cors));
    }
    keep_mirrors(&mut rule.filters, reader);
    for target in &mut rule.targets {
        refuse(&mut target.target, reader);
        keep_mirrors(&mut target.filters, reader);
    }
}

fn refuse(target: &mut Target, reader: &Reader<'_>) {
    if let Target::Backend(key) = target
        && effect::denies(key, reader)
    {
        *target = Target::Refused(Refusal::IncompatibleFilters);
    }
}

fn keep_mirrors(filters: &mut Vec<Filter>, reader: &Reader<'_>) {
    filters
        .retain(|filter| !matches!(filter, Filter::RequestMirror(mirror) if effect::denies(&mirror.backend, reader)));
}
