//! Status of an HTTPRoute or GRPCRoute: an entry for each parent that is ours.

use smol_str::SmolStr;

use super::{Condition, ObjectStatus, ParentStatus, RouteStatus, Status, resolved_refs};
use crate::compile::attach::route::{ParentView, RouteView};
use crate::compile::attach::{Fault, messages};
use crate::compile::lower::Lowered;

/// The status of a route; `None` if no parent of it is ours.
pub(crate) fn status(route: &RouteView, lowered: &Lowered, controller: &SmolStr) -> Option<ObjectStatus> {
    let parents: Vec<ParentStatus> = route
        .parents
        .iter()
        .map(|parent| ParentStatus {
            parent_ref: parent.written(route),
            controller_name: controller.clone(),
            conditions: conditions(route, parent, lowered),
        })
        .collect();
    let object = route.object.id().clone();
    (!parents.is_empty()).then_some(ObjectStatus { object, status: Status::Route(RouteStatus { parents }) })
}

/// Why the route is not accepted by the parent.
pub(crate) fn refusal(route: &RouteView, parent: &ParentView, lowered: &Lowered) -> Option<Fault> {
    route.refused.clone().or_else(|| parent.refused.clone()).or_else(|| all_invalid(lowered))
}

fn all_invalid(lowered: &Lowered) -> Option<Fault> {
    let (_, first) = lowered.invalid.first().filter(|_| lowered.invalid.len() == lowered.total)?;
    Some(Fault::new(first.reason, messages(lowered.invalid.iter().map(|(_, fault)| fault))))
}

fn conditions(route: &RouteView, parent: &ParentView, lowered: &Lowered) -> Vec<Condition> {
    let generation = route.generation;
    let refused = refusal(route, parent, lowered);
    let mut found = Vec::with_capacity(2);
    found.push(match &refused {
        Some(fault) => Condition::new("Accepted", false, fault.reason, &fault.message, generation),
        None => Condition::new("Accepted", true, "Accepted", accepted_message(lowered), generation),
    });
    found.push(resolved_refs(&lowered.unresolved, generation));
    // "This condition MUST NOT be set if a Route is fully valid, fully invalid, or not accepted."
    if refused.is_none() && !lowered.invalid.is_empty() {
        let rules = lowered.invalid.iter().map(|(index, _)| index.to_string()).collect::<Vec<_>>().join(", ");
        let why = messages(lowered.invalid.iter().map(|(_, fault)| fault));
        // "The message for this condition MUST start with the prefix "Dropped Rule"."
        let message = format!("Dropped Rule(s) [{rules}]: {why}");
        found.push(Condition::new("PartiallyInvalid", true, "UnsupportedValue", message, generation));
    }
    found
}

fn accepted_message(lowered: &Lowered) -> SmolStr {
    if lowered.ignored.is_empty() {
        return SmolStr::new_static("the route is accepted");
    }
    let fields = lowered.ignored.join(", ");
    format!("the route is accepted; these fields are not supported and have no effect: {fields}").into()
}
