//! Where the settings of a rule come from: which policies are for it and its backends, at which level, which setting of
//! them decides, and what becomes of the others.
//!
//! Nothing is judged here. What each policy says about each of its targets was kept when policies were judged
//! ([`Statement`]), the levels are those that the compiler itself goes through ([`level`]), and what a rule says itself is
//! what it is lowered to.

use std::collections::BTreeSet;

use nantian_crds::core::Service;
use serde::Serialize;
use serde_json::Value;

use super::effect::{BACKEND_REQUEST, CORS, REQUEST};
use super::features;
use super::judgement::{Holder, Statement};
use super::level::{self, Level, PolicyLevel};
use super::serve::govern;
use crate::compile::decode::Name;
use crate::compile::lower;
use crate::compile::memo::Reader;
use crate::compile::objects::Source;
use crate::compile::resolve::{backend, backend_tls};
use crate::compile::serve;
use crate::compile::status::AncestorRef;
use crate::key::{BackendKey, ListenerKey, ObjectRef, RuleKey};
use crate::model::{Filter, RouteRule, Transport};
use crate::precedence::Age;

/// The policies for a rule at a listener, and for its backends.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Governance {
    /// For the rule: the more specific first, of one target the older.
    pub rule: Vec<AppliedPolicy>,
    /// For each backend that has some, be it one that requests are mirrored to.
    pub backends: Vec<BackendGovernance>,
}

/// The policies for a backend.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct BackendGovernance {
    /// The backend.
    pub backend: BackendKey,
    /// The more specific first, of one target the older.
    pub policies: Vec<AppliedPolicy>,
}

/// A policy with what it does there.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct AppliedPolicy {
    /// The policy.
    pub policy: ObjectRef,
    /// The level at which it is attached.
    pub level: PolicyLevel,
    /// What it is attached to there.
    pub target: AncestorRef,
    /// The field of the policy that names the target.
    pub field: String,
    /// Where that is written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<Source>,
    /// Why the policy is not accepted there: its condition.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused: Option<PolicyRefusal>,
    /// What it asks for.
    pub settings: Vec<PolicySetting>,
}

/// Why a policy is not accepted: reason and message of its condition `Accepted`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct PolicyRefusal {
    /// Reason.
    pub reason: &'static str,
    /// Message.
    pub message: String,
}

/// A field of a policy that is set.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct PolicySetting {
    /// Path of the field.
    pub field: &'static str,
    /// Its value; absent where the data plane has no part for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<Value>,
    /// What becomes of it.
    pub outcome: SettingOutcome,
    /// The policies that lose to this one in this field.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub overrides: Vec<OverriddenPolicy>,
}

/// What becomes of a setting.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum SettingOutcome {
    /// It is what holds for the rule or the backend.
    Decides,
    /// Something else has precedence.
    Overridden {
        /// The policy, or the route of the rule.
        by: ObjectRef,
        /// By which rule.
        precedence: PolicyPrecedence,
    },
    /// It would decide, but comes to nothing.
    NoEffect {
        /// Why.
        message: String,
    },
    /// The data plane has no part for it.
    #[serde(rename_all = "camelCase")]
    Unsupported {
        /// Until it has, nothing passes.
        denies: bool,
    },
    /// The policy is not accepted there.
    Refused,
}

/// By which rule one of two has precedence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum PolicyPrecedence {
    /// What the rule of the route says itself.
    RuleItself,
    /// The policy at the more specific level.
    MoreSpecific,
    /// Of one target, the older policy.
    Older,
    /// Of one age, the policy whose name comes first.
    Name,
}

impl PolicyPrecedence {
    /// Of two policies for one target, by the age of the one that has it.
    pub(crate) fn by_age(holder: Age, other: Age) -> Self {
        if holder == other { Self::Name } else { Self::Older }
    }
}

/// A policy that loses to another one in a field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct OverriddenPolicy {
    /// The policy.
    pub policy: ObjectRef,
    /// The level at which it is attached.
    pub level: PolicyLevel,
    /// By which rule it loses.
    pub precedence: PolicyPrecedence,
}

/// What a policy says at a level.
struct Layer {
    level: PolicyLevel,
    target: AncestorRef,
    statement: Statement,
}

/// The policies for a rule at a listener, and for its backends. `None`: there is no such rule.
pub(crate) fn of_rule(key: &RuleKey, listener: &ListenerKey, reader: &Reader<'_>) -> Option<Governance> {
    let view = reader.attachment(&key.route)?;
    let untold = &mut Vec::new();
    let lowered = lower::lower(&serve::uncontested(view, reader, untold), reader, untold);
    let mut rules = lowered.rules.into_iter().map(|rule| rule.attach(view, Vec::new()));
    let own = rules.find(|rule| rule.key.rule == key.rule)?;
    let layers = layers(level::of_rule(&key.route, own.name.as_deref(), listener), reader);
    let rule = settle(&layers, |field| of_own(&own, view.object.id(), field, listener, reader));
    let backends: BTreeSet<&BackendKey> = serve::backends(&own).collect();
    let of_backends = backends.into_iter().map(|backend| of_backend(backend, reader));
    let passes = !layers.iter().any(|layer| layer.statement.denies);
    let backends = of_backends.filter(|backend| passes && !backend.policies.is_empty()).collect();
    Some(Governance { rule, backends })
}

fn of_backend(backend: &BackendKey, reader: &Reader<'_>) -> BackendGovernance {
    let mut found = layers(level::of_backend(backend, reader), reader);
    let service: Name = (backend.namespace.clone(), backend.name.clone());
    let held = reader.get::<Service>(&service).filter(|_| backend.protocol.transport() == Transport::Tcp);
    let port = held.and_then(|held| backend::port_name(held, backend.port, backend.protocol.transport()));
    found.extend(backend_tls::statements(reader, &service, port).into_iter().map(|(target, statement)| Layer {
        level: if target.section.is_some() { PolicyLevel::Port } else { PolicyLevel::Service },
        target: target.reference(&service.0),
        statement,
    }));
    BackendGovernance { backend: backend.clone(), policies: settle(&found, |_| None) }
}

fn layers(levels: Vec<Level<'_>>, reader: &Reader<'_>) -> Vec<Layer> {
    let of_level = |Level { at, namespace, target }: Level<'_>| {
        let reference = target.reference(namespace);
        let statements = reader.statements(namespace, &target).iter().cloned();
        statements.map(|statement| Layer { level: at, target: reference.clone(), statement }).collect::<Vec<_>>()
    };
    levels.into_iter().flat_map(of_level).collect()
}

/// What becomes of a setting that no other policy overrides, because of the rule itself.
fn of_own(
    own: &RouteRule,
    route: &ObjectRef,
    field: &str,
    listener: &ListenerKey,
    reader: &Reader<'_>,
) -> Option<SettingOutcome> {
    let says = match field {
        REQUEST => own.timeouts.request.is_some(),
        BACKEND_REQUEST => own.timeouts.backend_request.is_some(),
        CORS => own.filters.iter().any(|filter| matches!(filter, Filter::Cors(_))),
        _ => false,
    };
    if says {
        return Some(SettingOutcome::Overridden { by: route.clone(), precedence: PolicyPrecedence::RuleItself });
    }
    if field != BACKEND_REQUEST {
        return None;
    }
    let mut governed = own.clone();
    let effect = super::effect::of_rule(&own.key.route, own.name.as_deref(), listener, reader);
    govern(&mut governed, effect, reader);
    let message = "it is longer than the whole request may take".to_owned();
    governed.timeouts.backend_request.is_none().then_some(SettingOutcome::NoEffect { message })
}

/// What becomes of the settings of all layers, the more specific first.
fn settle(layers: &[Layer], own: impl Fn(&str) -> Option<SettingOutcome>) -> Vec<AppliedPolicy> {
    let denying = layers.iter().find(|layer| layer.statement.denies).map(|layer| layer.statement.policy.id());
    let mut found: Vec<AppliedPolicy> = Vec::new();
    for (place, layer) in layers.iter().enumerate() {
        let before = layers.get(..place).unwrap_or_default();
        let policy = layer.statement.policy.value();
        let mut settings = Vec::new();
        for (field, is_served) in layer.statement.asked.fields() {
            let winner = beaten(layer, before, field);
            let winner = winner.and_then(|(place, precedence)| Some((found.get_mut(place)?, precedence)));
            let outcome = match winner {
                Some((winner, precedence)) => {
                    winner.take_precedence(field, layer, precedence);
                    SettingOutcome::Overridden { by: winner.policy.clone(), precedence }
                }
                None => standing(&layer.statement, field, is_served, denying, &own),
            };
            let value = is_served.then(|| features::value(&policy, field).cloned()).flatten();
            settings.push(PolicySetting { field, value, outcome, overrides: Vec::new() });
        }
        found.push(layer.told(settings));
    }
    found
}

/// The layer that has precedence over one in a field, by position.
fn beaten(layer: &Layer, before: &[Layer], field: &str) -> Option<(usize, PolicyPrecedence)> {
    let Layer { target, statement, .. } = layer;
    if let Some(Holder { policy, precedence }) = &statement.holder {
        let is_it = |other: &Layer| other.statement.policy.id() == policy && other.target == *target;
        return before.iter().position(is_it).map(|place| (place, *precedence));
    }
    let kind = &statement.policy.id().kind;
    // Of a BackendTLSPolicy all settings apply, or none.
    let is_whole = kind == backend_tls::KIND;
    let has_it = |other: &Layer| {
        let Statement { policy, asked, refused, holder, .. } = &other.statement;
        policy.id().kind == *kind
            && holder.is_none()
            && (is_whole || refused.is_none() && asked.served.contains(&field))
    };
    before.iter().position(has_it).map(|place| (place, PolicyPrecedence::MoreSpecific))
}

/// What becomes of a setting that no other policy has precedence over.
fn standing(
    statement: &Statement,
    field: &str,
    is_served: bool,
    denying: Option<&ObjectRef>,
    own: impl Fn(&str) -> Option<SettingOutcome>,
) -> SettingOutcome {
    if !is_served {
        return SettingOutcome::Unsupported { denies: statement.denies && field != CORS };
    }
    if statement.refused.is_some() {
        return SettingOutcome::Refused;
    }
    if let Some(policy) = denying {
        let message = format!("nothing passes, since {policy} asks for a check that the data plane cannot make");
        return SettingOutcome::NoEffect { message };
    }
    own(field).unwrap_or(SettingOutcome::Decides)
}

impl AppliedPolicy {
    /// Notes that another policy loses to this one in a field.
    fn take_precedence(&mut self, field: &str, over: &Layer, precedence: PolicyPrecedence) {
        let loser = OverriddenPolicy { policy: over.statement.policy.id().clone(), level: over.level, precedence };
        let setting = self.settings.iter_mut().find(|setting| setting.field == field);
        if let Some(setting) = setting {
            setting.overrides.push(loser);
        }
    }
}

impl Layer {
    fn told(&self, settings: Vec<PolicySetting>) -> AppliedPolicy {
        let Statement { policy, field, refused, .. } = &self.statement;
        AppliedPolicy {
            policy: policy.id().clone(),
            level: self.level,
            target: self.target.clone(),
            field: field.clone(),
            source: policy.source(field),
            refused: refused
                .as_ref()
                .map(|fault| PolicyRefusal { reason: fault.reason, message: fault.message.clone() }),
            settings,
        }
    }
}
