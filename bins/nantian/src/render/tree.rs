//! Statuses for people: Gateways with their listeners and the routes attached to them, then whatever is not as it
//! should be.

use std::borrow::Borrow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use nantian_ir::compile::{Condition, ConditionStatus, ObjectStatus, Status};
use nantian_ir::{Listener, ListenerKey, ObjectRef, RouteKey, Snapshot};

use super::style::{Safe, Style, Tone};

/// Conditions that tell of trouble by being true (Gateway API); all others by not being true.
const BAD_WHEN_TRUE: [&str; 4] =
    ["Conflicted", "InsecureFrontendValidationMode", "OverlappingTLSConfig", "PartiallyInvalid"];
/// Conditions that decide whether an object is accepted.
const DECIDING: [&str; 3] = ["Accepted", "ResolvedRefs", "Programmed"];

/// Whether a condition tells of trouble.
pub(crate) fn is_bad(condition: &Condition) -> bool {
    if BAD_WHEN_TRUE.contains(&condition.kind) {
        condition.status == ConditionStatus::True
    } else {
        condition.status != ConditionStatus::True
    }
}

/// All conditions of a status.
fn conditions(status: &Status) -> impl Iterator<Item = &Condition> {
    status.parts().into_iter().flat_map(|(_, conditions)| conditions)
}

/// Whether `Accepted`, `ResolvedRefs` and `Programmed` are true wherever the object has them.
pub(crate) fn is_accepted(status: &ObjectStatus) -> bool {
    conditions(&status.status).all(|condition| !DECIDING.contains(&condition.kind) || !is_bad(condition))
}

/// Statuses as a tree.
pub(crate) fn statuses(statuses: &[impl Borrow<ObjectStatus>], snapshot: &Snapshot, style: Style) -> String {
    let mut tree = Tree { out: String::new(), style, routes: routes_of_listeners(snapshot) };
    for status in statuses.iter().map(Borrow::borrow) {
        match &status.status {
            Status::Gateway(gateway) => {
                tree.head(status, &gateway.conditions);
                let served = |name: &str| {
                    let ObjectRef { namespace, name: gateway, .. } = &status.object;
                    let (namespace, gateway, listener) = (namespace.clone(), gateway.clone(), name.into());
                    snapshot.listeners.get(&ListenerKey { namespace, gateway, set: None, listener }).map(AsRef::as_ref)
                };
                tree.listeners(&gateway.listeners, &served);
            }
            Status::ListenerSet(set) => {
                tree.head(status, &set.conditions);
                // The status does not tell the Gateway, which is a part of the key.
                let served = |name: &str| {
                    let of_set = |key: &ListenerKey| {
                        let set = key.set.as_ref().map(|set| (&set.namespace, &set.name));
                        set == Some((&status.object.namespace, &status.object.name))
                    };
                    snapshot
                        .listeners
                        .values()
                        .map(AsRef::as_ref)
                        .find(|one| one.key.listener == name && of_set(&one.key))
                };
                tree.listeners(&set.listeners, &served);
            }
            Status::GatewayClass(class) if class.conditions.iter().any(is_bad) => tree.head(status, &class.conditions),
            Status::AiService(service) if service.conditions.iter().any(is_bad) => {
                tree.head(status, &service.conditions);
            }
            Status::Route(route) => {
                let refused = route.parents.iter().any(|parent| parent.conditions.iter().any(is_bad));
                if refused || route.parents.is_empty() {
                    tree.route(status, route);
                }
            }
            Status::Policy(policy) if conditions(&status.status).any(is_bad) => tree.policy(status, policy),
            _ => {}
        }
    }
    tree.out
}

type Routes = BTreeMap<ListenerKey, BTreeMap<RouteKey, usize>>;

fn routes_of_listeners(snapshot: &Snapshot) -> Routes {
    let mut routes = Routes::new();
    let of_requests = snapshot.rules.values().map(|rule| (&rule.key, &rule.attachments));
    let of_streams = snapshot.stream_rules.values().map(|rule| (&rule.key, &rule.attachments));
    for (key, attachments) in of_requests.chain(of_streams) {
        let listeners: BTreeSet<_> = attachments.iter().map(|attachment| &attachment.listener).collect();
        for listener in listeners {
            *routes.entry(listener.clone()).or_default().entry(key.route.clone()).or_default() += 1;
        }
    }
    routes
}

struct Tree {
    out: String,
    style: Style,
    routes: Routes,
}

impl Tree {
    fn line(&mut self, branch: &str, text: &str) {
        // Writing to a String cannot fail.
        let _ = writeln!(self.out, "{}{text}", self.style.paint(Tone::Frame, branch));
    }

    fn head(&mut self, status: &ObjectStatus, conditions: &[Condition]) {
        let name = status.object.to_string();
        let text = format!("{} {}", self.mark(conditions), self.style.paint(Tone::Strong, &name));
        self.line("", &text);
        self.conditions("  ", conditions);
    }

    fn mark(&self, conditions: &[Condition]) -> String {
        let (tone, mark) = if conditions.iter().any(is_bad) { (Tone::Bad, "✗") } else { (Tone::Good, "✓") };
        self.style.paint(tone, mark).to_string()
    }

    fn conditions(&mut self, branch: &str, conditions: &[Condition]) {
        for condition in conditions.iter().filter(|condition| is_bad(condition)) {
            let status = format!("{} {:?} ({})", condition.kind, condition.status, condition.reason);
            let text = format!("{}: {}", self.style.paint(Tone::Bad, &status), Safe(&condition.message));
            self.line(branch, &text);
        }
    }

    /// The listeners of an object; `served` finds the one with a name in the snapshot.
    fn listeners<'s>(
        &mut self,
        listeners: &[nantian_ir::compile::status::ListenerStatus],
        served: &dyn Fn(&str) -> Option<&'s Listener>,
    ) {
        let last = listeners.len().saturating_sub(1);
        for (index, listener) in listeners.iter().enumerate() {
            let (branch, below) = if index == last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
            let served = served(&listener.name);
            let place = match served {
                Some(served) => format!("{} {} {}", served.protocol, served.bind, served.hostname),
                None => "not served".to_owned(),
            };
            let count = plural(usize::try_from(listener.attached_routes).unwrap_or(usize::MAX), "route");
            let name = self.style.paint(Tone::Strong, &listener.name).to_string();
            let text = format!("{} {name}  {place}  {count}", self.mark(&listener.conditions));
            self.line(branch, &text);
            self.conditions(&format!("{below}  "), &listener.conditions);
            let routes = served.and_then(|served| self.routes.get(&served.key)).cloned().unwrap_or_default();
            let last_route = routes.len().saturating_sub(1);
            for (index, (route, rules)) in routes.iter().enumerate() {
                let twig = if index == last_route { "└─ " } else { "├─ " };
                let rules = plural(*rules, "rule");
                let text = format!("{route}  {}", self.style.paint(Tone::Faint, &rules));
                self.line(&format!("{below}{twig}"), &text);
            }
        }
    }

    fn policy(&mut self, status: &ObjectStatus, policy: &nantian_ir::compile::status::PolicyStatus) {
        let all: Vec<Condition> =
            policy.ancestors.iter().flat_map(|ancestor| ancestor.conditions.iter().cloned()).collect();
        let text = format!("{} {}", self.mark(&all), self.style.paint(Tone::Strong, &status.object.to_string()));
        self.line("", &text);
        let bad: Vec<_> = policy.ancestors.iter().filter(|ancestor| ancestor.conditions.iter().any(is_bad)).collect();
        for (index, ancestor) in bad.iter().enumerate() {
            let (branch, below) = if index + 1 == bad.len() { ("└─ ", "     ") } else { ("├─ ", "│    ") };
            let (namespace, name) = (&ancestor.ancestor_ref.namespace, &ancestor.ancestor_ref.name);
            self.line(branch, &format!("for {} {namespace}/{name}", ancestor.ancestor_ref.kind));
            self.conditions(below, &ancestor.conditions);
        }
    }

    fn route(&mut self, status: &ObjectStatus, route: &nantian_ir::compile::status::RouteStatus) {
        let all: Vec<Condition> = route.parents.iter().flat_map(|parent| parent.conditions.iter().cloned()).collect();
        let name = status.object.to_string();
        let text = format!("{} {}", self.mark(&all), self.style.paint(Tone::Strong, &name));
        self.line("", &text);
        if route.parents.is_empty() {
            self.line("└─ ", "no parent of it is a Gateway of ours");
        }
        let refused: Vec<_> = route.parents.iter().filter(|parent| parent.conditions.iter().any(is_bad)).collect();
        for (index, parent) in refused.iter().enumerate() {
            let (branch, below) =
                if index + 1 == refused.len() { ("└─ ", "     ") } else { ("├─ ", "│    ") };
            let text = format!("parent {}", Safe(&parent_name(&parent.parent_ref.value())));
            self.line(branch, &text);
            self.conditions(below, &parent.conditions);
        }
    }
}

fn parent_name(reference: &serde_json::Value) -> String {
    let text = |field: &str| reference.get(field).and_then(serde_json::Value::as_str);
    let mut name = match text("namespace") {
        Some(namespace) => format!("{namespace}/"),
        None => String::new(),
    };
    name.push_str(text("name").unwrap_or("?"));
    if let Some(section) = text("sectionName") {
        let _ = write!(name, "/{section}");
    }
    if let Some(port) = reference.get("port").and_then(serde_json::Value::as_u64) {
        let _ = write!(name, " port {port}");
    }
    name
}

/// `1 route`, `2 routes`.
pub(crate) fn plural(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}
