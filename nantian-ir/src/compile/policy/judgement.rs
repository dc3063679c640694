//! Judges the policies of a namespace: which apply, what they come to, and what their status says.

use std::collections::BTreeMap;

use nantian_crds::core::Namespace;
use nantian_crds::duration::Duration as DurationText;
use nantian_crds::target_ref::{SERVICE, TCP_ROUTE, TLS_ROUTE, UDP_ROUTE};

use super::effect::{BACKEND_REQUEST, CORS, Effect, Effects, REQUEST};
use super::features::Asked;
use super::provenance::PolicyPrecedence;
use super::reference;
use super::target::{Found, Target, find};
use super::view::{PolicyView, Spec, policies};
use crate::compile::attach::Fault;
use crate::compile::diagnostic::{self, Code, Diagnostic};
use crate::compile::lower::cors;
use crate::compile::memo::Reader;
use crate::compile::objects::Object;
use crate::compile::status::policy::MAX_ANCESTORS;
use crate::compile::status::{AncestorStatus, Condition, ObjectStatus, PolicyStatus, Status, resolved_refs};
use crate::key::ObjectRef;
use crate::precedence::Age;

/// What became of a policy, whatever its targets.
struct Judged {
    asked: Asked,
    effect: Effect,
    invalid: Option<Fault>,
    unresolved: Vec<Fault>,
}

/// A target that is ours to tell of, with its field, and why the policy cannot be for it.
struct Aim {
    field: String,
    target: Target,
    missing: Option<Fault>,
}

/// What became of a policy for one target.
struct Judgement {
    field: String,
    target: Target,
    asked: Asked,
    refused: Option<Fault>,
    holder: Option<Holder>,
    is_missing: bool,
}

impl Judgement {
    /// What is kept of it. Nobody asks about a target that is not there.
    fn statement(&self, policy: &PolicyView<'_>, judged: &Judged) -> Option<Statement> {
        let Self { field, asked, refused, holder, is_missing, .. } = self;
        (!is_missing).then(|| Statement {
            policy: policy.object.clone(),
            field: field.clone(),
            asked: asked.clone(),
            refused: refused.clone(),
            holder: holder.clone(),
            denies: judged.effect.denied && holder.is_none(),
        })
    }
}

/// The policy that a target of a kind of policy has, with its age.
type Taken = BTreeMap<(&'static str, Target), (ObjectRef, Age)>;

/// What a policy says about a target, and what became of that: where settings come from.
#[derive(Debug, Clone)]
pub(crate) struct Statement {
    pub(crate) policy: Object,
    /// The field that names the target.
    pub(crate) field: String,
    pub(crate) asked: Asked,
    pub(crate) refused: Option<Fault>,
    /// The policy that has the target in its place.
    pub(crate) holder: Option<Holder>,
    /// Nothing passes, since it asks for a check that cannot be made.
    pub(crate) denies: bool,
}

/// A policy that has a target which another one names too, and why it has.
#[derive(Debug, Clone)]
pub(crate) struct Holder {
    pub(crate) policy: ObjectRef,
    pub(crate) precedence: PolicyPrecedence,
}

/// What the policies of a namespace say about each target; about one, the older first.
pub(crate) type Statements = BTreeMap<Target, Vec<Statement>>;

/// Judges the policies of a namespace.
pub(crate) fn judge(
    namespace: &str,
    reader: &Reader<'_>,
    statuses: &mut Vec<ObjectStatus>,
    diagnostics: &mut Vec<Diagnostic>,
) -> (Effects, Statements) {
    let (mut effects, mut statements, mut taken) = (Effects::default(), Statements::new(), Taken::new());
    for policy in policies(namespace, reader) {
        let judged = judge_spec(&policy, reader, diagnostics);
        let mut judgements = Vec::new();
        for aim in aims(&policy, reader, diagnostics) {
            let judgement = judge_target(&policy, &judged, aim, &mut taken, diagnostics);
            let denies_only = Effect { denied: judged.effect.denied, ..Effect::default() };
            match &judgement.refused {
                None => effects.add(judgement.target.clone(), &judged.effect),
                // Of what is refused for what it lacks, the check that it asks for still keeps everybody out.
                Some(fault) if fault.reason == UNSUPPORTED || fault.reason == INVALID => {
                    effects.add(judgement.target.clone(), &denies_only);
                }
                Some(_) => {}
            }
            if let Some(statement) = judgement.statement(&policy, &judged) {
                statements.entry(judgement.target.clone()).or_default().push(statement);
            }
            judgements.push(judgement);
        }
        report_unserved(&policy, &judged, &judgements, diagnostics);
        statuses.extend(status(&policy, &judged, &judgements, reader));
    }
    (effects, statements)
}

pub(super) const UNSUPPORTED: &str = "UnsupportedFeature";
const INVALID: &str = "Invalid";

fn judge_spec(policy: &PolicyView<'_>, reader: &Reader<'_>, diagnostics: &mut Vec<Diagnostic>) -> Judged {
    let asked = Asked::of(policy.kind, &policy.object.value(), &reader.options().policy_features);
    let unresolved = reference::unresolved(policy.object, &reference::of_policy(policy.spec), reader, diagnostics);
    let mut invalid = None;
    let mut refuse = |field: &str, message: String| {
        diagnostics.push(Diagnostic::of(&diagnostic::INVALID_POLICY, policy.object, field, &message));
        invalid.get_or_insert(Fault::new(INVALID, format!("{field}: {message}")));
    };
    let effect = effect(policy.spec, &asked, &mut refuse);
    Judged { asked, effect, invalid, unresolved }
}

/// What the policy comes to where it applies.
fn effect(spec: Spec<'_>, asked: &Asked, refuse: &mut impl FnMut(&str, String)) -> Effect {
    let mut effect = Effect::default();
    let is_served = |field: &&str| asked.served.contains(field);
    match spec {
        Spec::Route(spec) => {
            let timeout = spec.default.timeout.as_ref();
            let mut read = |field: &'static str, text: Option<&DurationText>| {
                let text = text.filter(|_| is_served(&field))?;
                let length = text.get();
                if length.is_none() {
                    refuse(field, format!("{:?} is not a duration: write it like 10s, 500ms or 1h30m", text.as_str()));
                }
                length
            };
            let request = timeout.and_then(|timeout| timeout.request.as_ref());
            let backend_request = timeout.and_then(|timeout| timeout.backend_request.as_ref());
            effect.request = read(REQUEST, request);
            effect.backend_request = read(BACKEND_REQUEST, backend_request);
        }
        Spec::Security(spec) => {
            let cors = spec.cors.as_ref().filter(|_| is_served(&CORS)).map(cors::cors);
            effect.cors = cors.and_then(|cors| cors.map_err(|message| refuse(CORS, message)).ok());
            effect.denied = asked.unserved.iter().any(|unserved| *unserved != CORS);
        }
        Spec::BackendLb | Spec::Token(_) | Spec::Wasm(_) => {}
    }
    effect
}

/// The targets that are ours to tell of.
fn aims(policy: &PolicyView<'_>, reader: &Reader<'_>, diagnostics: &mut Vec<Diagnostic>) -> Vec<Aim> {
    let mut found = Vec::new();
    if policy.target_refs.is_empty() && matches!(policy.spec, Spec::Route(_)) {
        let target = Target::whole::<Namespace>(&policy.object.id().namespace);
        found.push(Aim { field: "spec.targetRefs".to_owned(), target, missing: None });
    }
    for (index, reference) in policy.target_refs.iter().enumerate() {
        let field = format!("spec.targetRefs[{index}]");
        let mut refuse = |code: &'static Code, message: String| {
            let why = Diagnostic::of(code, policy.object, &field, &message);
            diagnostics.push(why.remedy("create the target in the namespace of the policy, or correct targetRefs"));
            Some(Fault::new("TargetNotFound", message))
        };
        let missing = match find(policy, reference, reader) {
            Found::Here => None,
            Found::Missing(message) => refuse(&diagnostic::TARGET_NOT_FOUND, message),
            Found::WrongKind(message) => refuse(&diagnostic::INVALID_KIND, message),
            Found::Foreign(message) => {
                diagnostics.push(Diagnostic::of(&diagnostic::POLICY_UNUSED, policy.object, &field, message));
                continue;
            }
        };
        found.push(Aim { field, target: Target::new(reference), missing });
    }
    found
}

fn judge_target(
    policy: &PolicyView<'_>,
    judged: &Judged,
    aim: Aim,
    taken: &mut Taken,
    diagnostics: &mut Vec<Diagnostic>,
) -> Judgement {
    let Aim { field, target, missing } = aim;
    if missing.is_some() {
        return Judgement {
            field,
            target,
            asked: judged.asked.clone(),
            refused: missing,
            holder: None,
            is_missing: true,
        };
    }
    let asked =
        judged.asked.without(|field| has_requests(&target) || ![CORS, REQUEST, BACKEND_REQUEST].contains(&field));
    let (holder, conflicted) = conflict(policy, &field, &target, taken, diagnostics).unzip();
    let refused = conflicted.or_else(|| judged.invalid.clone()).or_else(|| unsupported(judged, &asked));
    Judgement { field, target, asked, refused, holder, is_missing: false }
}

/// Whether the rules of a target look at requests. Connections have no use for what is said of those, and neither has a
/// backend.
fn has_requests(target: &Target) -> bool {
    let without = [TLS_ROUTE, TCP_ROUTE, UDP_ROUTE, SERVICE];
    !without.iter().any(|kind| kind.kind == target.kind && kind.group == target.group)
}

/// Modules follow each other by priority; of other kinds, a target has one policy.
fn conflict(
    policy: &PolicyView<'_>,
    field: &str,
    target: &Target,
    taken: &mut Taken,
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<(Holder, Fault)> {
    if matches!(policy.spec, Spec::Wasm(_)) {
        return None;
    }
    let own = || (policy.object.id().clone(), policy.age);
    let (holder, age) = taken.entry((policy.kind, target.clone())).or_insert_with(own);
    if holder == policy.object.id() {
        return None;
    }
    let section = target.section.as_ref().map(|name| format!(" ({name})")).unwrap_or_default();
    let message = format!("the older {holder} applies to {} {}{section}", target.kind, target.name);
    diagnostics.push(Diagnostic::of(&diagnostic::POLICY_CONFLICT, policy.object, field, &message));
    let holder = Holder { policy: holder.clone(), precedence: PolicyPrecedence::by_age(*age, policy.age) };
    Some((holder, Fault::new("Conflicted", message)))
}

fn unsupported(judged: &Judged, asked: &Asked) -> Option<Fault> {
    (asked.served.is_empty() && !asked.unserved.is_empty()).then(|| {
        let message = format!("the data plane has nothing of what the policy asks for: {}", asked.unserved.join(", "));
        Fault::new(UNSUPPORTED, message + consequence(judged))
    })
}

fn consequence(judged: &Judged) -> &'static str {
    if judged.effect.denied { "; until it has, nothing passes where the policy applies" } else { "" }
}

/// Tells of each field that has no effect at some target.
fn report_unserved(
    policy: &PolicyView<'_>,
    judged: &Judged,
    judgements: &[Judgement],
    diagnostics: &mut Vec<Diagnostic>,
) {
    let mut told: Vec<&str> = Vec::new();
    for field in judgements.iter().flat_map(|judgement| &judgement.asked.unserved) {
        if !told.contains(field) {
            told.push(field);
            let message = format!("the data plane has no part for it, so it has no effect{}", consequence(judged));
            diagnostics.push(Diagnostic::of(&diagnostic::UNSUPPORTED_FEATURE, policy.object, *field, message));
        }
    }
    if judgements.len() > MAX_ANCESTORS {
        let message = format!("the status tells of the first {MAX_ANCESTORS} of {} targets", judgements.len());
        let found = Diagnostic::of(&diagnostic::TOO_MANY_ANCESTORS, policy.object, "spec.targetRefs", message);
        diagnostics.push(found.remedy("divide the targets among several policies"));
    }
}

/// An entry for each target. GEP-713 leaves the ancestor to the implementation; the target is what a result is about.
fn status(
    policy: &PolicyView<'_>,
    judged: &Judged,
    judgements: &[Judgement],
    reader: &Reader<'_>,
) -> Option<ObjectStatus> {
    let entry = |judgement: &Judgement| AncestorStatus {
        ancestor_ref: judgement.target.reference(&policy.object.id().namespace),
        controller_name: reader.options().controller_name.clone(),
        conditions: conditions(policy, judged, judgement),
    };
    let ancestors: Vec<AncestorStatus> = judgements.iter().take(MAX_ANCESTORS).map(entry).collect();
    let object = policy.object.id().clone();
    (!ancestors.is_empty()).then_some(ObjectStatus { object, status: Status::Policy(PolicyStatus { ancestors }) })
}

fn conditions(policy: &PolicyView<'_>, judged: &Judged, judgement: &Judgement) -> Vec<Condition> {
    let generation = policy.metadata.generation;
    let mut found = vec![match &judgement.refused {
        Some(fault) => Condition::new("Accepted", false, fault.reason, &fault.message, generation),
        None => Condition::new("Accepted", true, "Accepted", "the policy applies", generation),
    }];
    found.push(resolved_refs(&judged.unresolved, generation));
    // As a route's condition of this name: "MUST NOT be set if a Route is fully valid, fully invalid, or not accepted".
    if judgement.refused.is_none() && !judgement.asked.unserved.is_empty() {
        let fields = judgement.asked.unserved.join(", ");
        let message = format!("the data plane has no part for these fields: {fields}{}", consequence(judged));
        found.push(Condition::new("PartiallyInvalid", true, UNSUPPORTED, message, generation));
    }
    found
}
