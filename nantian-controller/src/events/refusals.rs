//! What of a status is a refusal.

use nantian_ir::compile::{Condition, ConditionStatus, Status};

/// `note` of an Event has at most 1 kB.
const MAX_NOTE: usize = 1_024;

/// Something that was asked for and is not so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    /// That of the condition.
    pub(super) reason: &'static str,
    /// What it is about, and the message of the condition.
    pub(super) note: String,
}

/// All refusals of a status, each once.
pub(super) fn refusals(status: &Status) -> Vec<Refusal> {
    let mut found: Vec<Refusal> = Vec::new();
    for (part, conditions) in status.parts() {
        for condition in conditions.iter().filter(|condition| is_refusal(condition)) {
            let part = part.to_string();
            let part = if part.is_empty() { part } else { format!("{part}: ") };
            let note = shortened(format!("{part}{}", condition.message));
            let refusal = Refusal { reason: condition.reason, note };
            if !found.contains(&refusal) {
                found.push(refusal);
            }
        }
    }
    found
}

/// Whether a condition says that something is not as it was asked for. `Pending` says that it may still be.
fn is_refusal(condition: &Condition) -> bool {
    match condition.kind {
        "Accepted" | "Programmed" | "ResolvedRefs" | "SupportedVersion" => {
            condition.status == ConditionStatus::False && condition.reason != "Pending"
        }
        "PartiallyInvalid" | "Conflicted" => condition.status == ConditionStatus::True,
        _ => false,
    }
}

fn shortened(mut text: String) -> String {
    const MORE: &str = "...";
    if text.len() > MAX_NOTE {
        let most = MAX_NOTE - MORE.len();
        let end = text.char_indices().map(|(at, _)| at).take_while(|at| *at <= most).last();
        text.truncate(end.unwrap_or_default());
        text.push_str(MORE);
    }
    text
}

#[cfg(test)]
mod tests {
    use nantian_ir::compile::{Change, Compiler, Object, Options};
    use serde_json::{Value, json};

    use super::*;

    /// The refusals of the object of this kind.
    fn of(kind: &str, objects: Vec<Value>) -> Vec<(&'static str, String)> {
        let mut compiler = Compiler::new(Options::default());
        compiler.apply(objects.into_iter().map(|object| Change::Insert(Object::new(object).unwrap())));
        let status = compiler.statuses().find(|status| status.object.kind == kind).unwrap();
        refusals(&status.status).into_iter().map(|refusal| (refusal.reason, refusal.note)).collect()
    }

    fn objects(protocol: &str, backend: &str) -> Vec<Value> {
        let api = "gateway.networking.k8s.io/v1";
        vec![
            json!({"apiVersion": api, "kind": "GatewayClass", "metadata": {"name": "c"},
                "spec": {"controllerName": "nantian.dev/gateway-controller"}}),
            json!({"apiVersion": api, "kind": "Gateway", "metadata": {"name": "g", "namespace": "n"},
            "spec": {"gatewayClassName": "c", "listeners": [
                {"name": "good", "port": 80, "protocol": "HTTP"}, {"name": "odd", "port": 81, "protocol": protocol},
            ]}}),
            json!({"apiVersion": api, "kind": "HTTPRoute", "metadata": {"name": "r", "namespace": "n"},
                "spec": {"parentRefs": [{"name": "g"}], "rules": [{"backendRefs": [{"name": backend, "port": 80}]}]}}),
            json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s", "namespace": "n"},
                "spec": {"ports": [{"port": 80}]}}),
        ]
    }

    #[test]
    fn what_is_as_it_was_asked_for_is_no_refusal() {
        for kind in ["GatewayClass", "Gateway", "HTTPRoute"] {
            assert_eq!(of(kind, objects("HTTP", "s")), [], "{kind}");
        }
    }

    #[test]
    fn what_is_refused_has_the_reason_of_its_condition_and_says_of_which_part_it_is() {
        let gateway = of("Gateway", objects("example.com/odd", "s"));
        assert!(
            gateway.iter().any(|(reason, note)| *reason == "UnsupportedProtocol" && note.starts_with("listener odd: "))
        );
        let route = of("HTTPRoute", objects("HTTP", "absent"));
        assert_eq!(route.len(), 1, "{route:?}");
        assert_eq!(route[0].0, "BackendNotFound");
        assert!(route[0].1.contains("Service n/absent does not exist"), "{route:?}");
    }

    #[test]
    fn a_note_has_a_kilobyte_at_most() {
        let note = shortened("é".repeat(MAX_NOTE));
        assert!(note.len() <= MAX_NOTE && note.len() > MAX_NOTE - 5 && note.ends_with("..."));
        assert_eq!(shortened("short".to_owned()), "short");
    }
}
