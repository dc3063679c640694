//! What only data planes know: whether a listener is served.
//!
//! The compiler says whether a Gateway could be served. It is said to be `Programmed` once a data plane does.

use nantian_ir::compile::status::ListenerStatus;
use nantian_ir::compile::{Condition, ConditionStatus, Status};
use nantian_ir::{ListenerKey, ObjectRef, SmolStr, Snapshot};

use crate::nodes::NodeStatus;
use crate::publication::Publications;

/// A data plane with the snapshot that it serves.
struct Server<'n> {
    node: &'n NodeStatus,
    snapshot: Option<std::sync::Arc<Snapshot>>,
}

/// Who serves what, at one moment.
pub(crate) struct Servers<'n>(Vec<Server<'n>>);

/// How it stands with a listener.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Serving {
    /// A data plane serves it as it is.
    Served,
    /// One cannot, and no other does.
    Refused(String),
    /// None does yet.
    Waiting,
}

impl<'n> Servers<'n> {
    pub(crate) fn of(nodes: &'n [NodeStatus], publications: &Publications) -> Self {
        let connected = nodes.iter().filter(|node| node.connected);
        let server = |node: &'n NodeStatus| {
            let version = node.acknowledged_version.as_deref();
            Server { node, snapshot: version.and_then(|version| publications.of_version(version)) }
        };
        Self(connected.map(server).collect())
    }

    fn serving(&self, key: &ListenerKey, snapshot: &Snapshot) -> Serving {
        let wanted = snapshot.listeners.get(key);
        let name = format!("Listener {key}");
        let mut refusal = None;
        for Server { node, snapshot } in &self.0 {
            if let Some(refused) = node.refused.iter().find(|refused| refused.resource == name) {
                refusal = refusal.or_else(|| Some(format!("{} refuses it: {}", node.id, refused.message)));
            } else if snapshot.as_ref().is_some_and(|served| served.listeners.get(key) == wanted) {
                return Serving::Served;
            }
        }
        refusal.map_or(Serving::Waiting, Serving::Refused)
    }

    /// Whether there is anybody who could serve.
    pub(crate) fn are_there(&self) -> bool {
        !self.0.is_empty()
    }

    fn waiting(&self) -> &'static str {
        if self.0.is_empty() { "no data plane is connected" } else { "no data plane serves it yet" }
    }
}

/// What is to be written.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Verdict {
    /// The status.
    pub(crate) status: Status,
    /// Whether data planes are waited for: soon there may be something better to say.
    pub(crate) is_waiting: bool,
}

/// The status of a Gateway or ListenerSet with what data planes say.
pub(crate) fn judge(id: &ObjectRef, compiled: &Status, snapshot: &Snapshot, servers: &Servers<'_>) -> Verdict {
    let mut status = compiled.clone();
    let mut is_waiting = false;
    match &mut status {
        Status::Gateway(gateway) => {
            let (namespace, name) = (&id.namespace, &id.name);
            let is_its = |key: &ListenerKey| key.set.is_none() && (&key.namespace, &key.gateway) == (namespace, name);
            let served = judge_listeners(&mut gateway.listeners, snapshot, servers, &is_its, &mut is_waiting);
            unless_programmed(&mut gateway.conditions, (!served).then(|| ("Pending", servers.waiting().into())));
        }
        Status::ListenerSet(set) => {
            let is_its = |key: &ListenerKey| {
                key.set.as_ref().is_some_and(|set| set.namespace == id.namespace && set.name == id.name)
            };
            let served = judge_listeners(&mut set.listeners, snapshot, servers, &is_its, &mut is_waiting);
            unless_programmed(&mut set.conditions, (!served).then(|| ("Pending", servers.waiting().into())));
        }
        _ => {}
    }
    Verdict { status, is_waiting }
}

/// Judges each listener that the compiler has for served; says whether one is.
fn judge_listeners(
    listeners: &mut [ListenerStatus],
    snapshot: &Snapshot,
    servers: &Servers<'_>,
    is_its: &dyn Fn(&ListenerKey) -> bool,
    is_waiting: &mut bool,
) -> bool {
    let keys: Vec<&ListenerKey> = snapshot.listeners.keys().filter(|key| is_its(key)).collect();
    let mut any = false;
    for listener in listeners {
        let Some(key) = keys.iter().find(|key| key.listener == listener.name) else { continue };
        let fault = match servers.serving(key, snapshot) {
            Serving::Served => {
                any = true;
                None
            }
            Serving::Refused(message) => Some(("Invalid", message.into())),
            Serving::Waiting => {
                *is_waiting = true;
                Some(("Pending", servers.waiting().into()))
            }
        };
        unless_programmed(&mut listener.conditions, fault);
    }
    any
}

/// Takes `Programmed` back, if it was said to be so.
fn unless_programmed(conditions: &mut [Condition], fault: Option<(&'static str, SmolStr)>) {
    let programmed = conditions.iter_mut().find(|condition| condition.kind == "Programmed");
    let Some((programmed, (reason, message))) = programmed.zip(fault) else { return };
    if programmed.status == ConditionStatus::True {
        (programmed.status, programmed.reason, programmed.message) = (ConditionStatus::False, reason, message);
    }
}

#[cfg(test)]
mod tests {
    use nantian_ir::compile::{Change, Compiler, Object, Options};
    use nantian_xds::delta::{Event, Rejection};
    use nantian_xds::transport::Observation;
    use serde_json::json;

    use super::*;
    use crate::Nodes;
    use crate::publication::{Published, View};

    /// A Gateway with two listeners, published as `v1`; the reason of `Programmed` of it and of each of them, and whether
    /// data planes are waited for.
    fn reasons(nodes: &Nodes) -> (Vec<&'static str>, bool) {
        let api = "gateway.networking.k8s.io/v1";
        let class = json!({
            "apiVersion": api, "kind": "GatewayClass", "metadata": {"name": "c"},
            "spec": {"controllerName": "nantian.dev/gateway-controller"},
        });
        let gateway = json!({
            "apiVersion": api, "kind": "Gateway", "metadata": {"name": "g", "namespace": "n"},
            "spec": {"gatewayClassName": "c", "listeners": [
                {"name": "a", "port": 80, "protocol": "HTTP"}, {"name": "b", "port": 81, "protocol": "HTTP"},
            ]},
        });
        let mut compiler = Compiler::new(Options::default());
        compiler.apply([class, gateway].map(|object| Change::Insert(Object::new(object).unwrap())));
        let publications = Publications::new();
        let view = View { snapshot: std::sync::Arc::clone(compiler.snapshot()), version: "v1".to_owned() };
        publications.publish(std::sync::Arc::new(Published {
            snapshot: std::sync::Arc::clone(compiler.snapshot()),
            version: "v1".to_owned(),
            views: std::collections::BTreeMap::from([(nantian_xds::Audience::Shared, view)]),
            generated_at: std::time::SystemTime::UNIX_EPOCH,
            build: std::time::Duration::ZERO,
            ai_services: nantian_ir::ResourceMap::new(),
            statuses: nantian_ir::ResourceMap::new(),
            diagnostics: nantian_ir::ResourceMap::new(),
        }));
        let reported = compiler.statuses().find(|status| status.object.kind == "Gateway").unwrap();
        let list = nodes.list();
        let servers = Servers::of(&list, &publications);
        let verdict = judge(&reported.object, &reported.status, compiler.snapshot(), &servers);
        let Status::Gateway(gateway) = verdict.status else { panic!("a Gateway's") };
        let reason = |conditions: &[Condition]| {
            conditions.iter().find(|condition| condition.kind == "Programmed").unwrap().reason
        };
        let listeners = gateway.listeners.iter().map(|listener| reason(&listener.conditions));
        (std::iter::once(reason(&gateway.conditions)).chain(listeners).collect(), verdict.is_waiting)
    }

    fn applied(version: &str, rejected: Vec<Rejection>) -> Observation {
        Observation::Said(Event::Applied { version: version.to_owned(), rejected })
    }

    #[test]
    fn a_gateway_is_programmed_once_a_data_plane_serves_it() {
        let nodes = Nodes::new();
        assert_eq!(reasons(&nodes), (vec!["Pending"; 3], true));
        nodes.observe("one", "c", Observation::Connected);
        nodes.observe("one", "c", applied("v0", Vec::new()));
        assert_eq!(reasons(&nodes), (vec!["Pending"; 3], true), "it serves something else");
        nodes.observe("one", "c", applied("v1", Vec::new()));
        assert_eq!(reasons(&nodes), (vec!["Programmed"; 3], false));
    }

    #[test]
    fn a_listener_that_is_refused_and_served_by_nobody_is_not() {
        let rejection = Rejection {
            type_url: "type.nantian.dev/nantian.ir.v1.Listener".to_owned(),
            name: "n/g/b".to_owned(),
            version: "x".to_owned(),
            message: "the port is taken".to_owned(),
        };
        let nodes = Nodes::new();
        nodes.observe("one", "c", Observation::Connected);
        nodes.observe("one", "c", applied("v1", vec![rejection]));
        assert_eq!(reasons(&nodes), (vec!["Programmed", "Programmed", "Invalid"], false));
        nodes.observe("two", "c", Observation::Connected);
        nodes.observe("two", "c", applied("v1", Vec::new()));
        assert_eq!(reasons(&nodes), (vec!["Programmed"; 3], false));
    }
}
