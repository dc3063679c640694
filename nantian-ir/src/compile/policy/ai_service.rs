//! `AIService`: its status, and what a route that names it as a backend gets.

use nantian_crds::ai_service::{AiService, AiServiceSpec};

use super::features::Asked;
use super::{judgement, reference};
use crate::compile::attach::{Fault, messages};
use crate::compile::decode::{Name, name_of};
use crate::compile::diagnostic::{self, Diagnostic};
use crate::compile::memo::Reader;
use crate::compile::resolve::backend::{Reference, Unresolved};
use crate::compile::resolve::grant::{self, To, remedy};
use crate::compile::status::{AiServiceStatus, Condition, ObjectStatus, Status, resolved_refs};
use crate::key::{ObjectRef, RouteKind};
use crate::model::Refusal;
use crate::re2;

/// Whether the reference is to an `AIService`.
pub(crate) fn is_meant(reference: Reference<'_>) -> bool {
    reference.group == nantian_crds::GROUP && reference.kind == "AIService"
}

/// Why a route cannot send to an `AIService`.
pub(crate) fn unresolved(
    reader: &Reader<'_>,
    from: &ObjectRef,
    kind: RouteKind,
    reference: Reference<'_>,
) -> Unresolved {
    let namespace = reference.namespace.unwrap_or(&from.namespace);
    let whole = format!("AIService {namespace}/{}", reference.name);
    let to = To { group: nantian_crds::GROUP, kind: "AIService", namespace, name: reference.name };
    let why = |refusal, code, message| Unresolved { refusal, code, message, remedy: None };
    if kind != RouteKind::Http {
        let message = format!("{kind} cannot send to {whole}: only an HTTPRoute can");
        return why(Refusal::InvalidKind, &diagnostic::INVALID_KIND, message);
    }
    if !grant::allow(reader, from, &to) {
        let message = format!("{whole} may not be referred to from here");
        let (refusal, code) = (Refusal::RefNotPermitted, &diagnostic::REF_NOT_PERMITTED);
        return Unresolved { refusal, code, message, remedy: Some(remedy(from, &to)) };
    }
    if reader.get::<AiService>(&name_of(namespace, reference.name)).is_none() {
        let message = format!("{whole} does not exist");
        return why(Refusal::BackendNotFound, &diagnostic::BACKEND_NOT_FOUND, message);
    }
    let message = format!("the data plane has no part for AI providers, so nothing can be sent to {whole}");
    why(Refusal::InvalidKind, &diagnostic::UNSUPPORTED_FEATURE, message)
}

/// The status of an `AIService`.
pub(crate) fn status(name: &Name, reader: &Reader<'_>, diagnostics: &mut Vec<Diagnostic>) -> Option<ObjectStatus> {
    let entry = reader.get::<AiService>(name)?;
    let (object, spec) = (&entry.object, &entry.value.spec);
    let unresolved = reference::unresolved(object, &reference::of_ai_service(spec), reader, diagnostics);
    let mut invalid = Vec::new();
    for (field, pattern) in patterns(spec) {
        if let Err(error) = re2::translate(pattern) {
            let message = format!("{pattern:?} is not a regular expression (RE2): {error}");
            diagnostics.push(Diagnostic::of(&diagnostic::INVALID_POLICY, object, &field, &message));
            invalid.push(Fault::new("Invalid", format!("{field}: {message}")));
        }
    }
    let asked = Asked::of("AIService", &object.value(), &reader.options().policy_features);
    for field in &asked.unserved {
        let message = "the data plane has no part for it, so it has no effect";
        diagnostics.push(Diagnostic::of(&diagnostic::UNSUPPORTED_FEATURE, object, *field, message));
    }
    let generation = entry.value.metadata.generation;
    let accepted = if !invalid.is_empty() {
        Condition::new("Accepted", false, "Invalid", messages(&invalid), generation)
    } else if asked.served.is_empty() {
        let fields = asked.unserved.join(", ");
        let message = format!("the data plane has nothing of what the AIService asks for: {fields}");
        Condition::new("Accepted", false, judgement::UNSUPPORTED, message, generation)
    } else {
        Condition::new("Accepted", true, "Accepted", "the AIService can be sent to", generation)
    };
    let conditions = vec![accepted, resolved_refs(&unresolved, generation)];
    let status = Status::AiService(AiServiceStatus { conditions });
    Some(ObjectStatus { object: object.id().clone(), status })
}

/// The regular expressions of an `AIService`, each with its field.
fn patterns(spec: &AiServiceSpec) -> Vec<(String, &str)> {
    let of_guard = spec.prompt_guard.iter().map(|guard| ("promptGuard", &guard.custom_patterns));
    let of_safety = spec.content_safety.iter().map(|safety| ("contentSafety", &safety.custom_patterns));
    let of_masking = spec.pii_masking.iter().map(|masking| ("piiMasking", &masking.custom_patterns));
    let lists = of_guard.chain(of_safety).chain(of_masking);
    let each = lists.flat_map(|(field, patterns)| {
        let field = move |index| format!("spec.{field}.customPatterns[{index}]");
        patterns.iter().enumerate().map(move |(index, pattern)| (field(index), pattern.as_str()))
    });
    each.collect()
}
