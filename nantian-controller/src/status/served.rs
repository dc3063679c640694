//! What only data planes know: whether a listener is served, and what they refuse.
//!
//! The compiler says whether a Gateway could be served. It is said to be `Programmed` once a data plane does.

use std::sync::Arc;

use nantian_ir::compile::status::ListenerStatus;
use nantian_ir::compile::{Condition, ConditionStatus, Status};
use nantian_ir::{Listener, ListenerKey, ObjectRef, SmolStr, Snapshot};

use super::refused::{self, Refusals};
use crate::infra::Placed;
use crate::nodes::{NodeStatus, Refusal};
use crate::publication::Publications;

/// A data plane with the snapshot that it serves.
struct Server<'n> {
    node: &'n NodeStatus,
    snapshot: Option<Arc<Snapshot>>,
}

/// Who serves what, at one moment.
pub(crate) struct Servers<'n> {
    connected: Vec<Server<'n>>,
    /// What of routes is refused.
    pub(super) refusals: &'n Refusals,
}

/// How it stands with a listener.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Serving {
    /// A data plane serves it as it is. Others may refuse it, and say why.
    Served(Option<String>),
    /// One cannot, and no other does.
    Refused(String),
    /// None does yet.
    Waiting,
}

impl<'n> Servers<'n> {
    pub(super) fn of(nodes: &'n [NodeStatus], refusals: &'n Refusals, publications: &Publications) -> Self {
        let connected = nodes.iter().filter(|node| node.connected);
        let server = |node: &'n NodeStatus| {
            let version = node.acknowledged_version.as_deref();
            Server { node, snapshot: version.and_then(|version| publications.of_version(version)) }
        };
        Self { connected: connected.map(server).collect(), refusals }
    }

    fn serving(&self, key: &ListenerKey, snapshot: &Snapshot) -> Serving {
        let wanted = snapshot.listeners.get(key);
        let name = format!("Listener {key}");
        match (self.serve(&name, &|served| served.listeners.get(key) == wanted), self.refusal(&name)) {
            (true, refusal) => Serving::Served(refusal),
            (false, Some(refusal)) => Serving::Refused(refusal),
            (false, None) => Serving::Waiting,
        }
    }

    /// Whether a data plane that does not refuse the resource serves a snapshot that `has_it`.
    pub(super) fn serve(&self, resource: &str, has_it: &dyn Fn(&Snapshot) -> bool) -> bool {
        self.connected.iter().any(|Server { node, snapshot }| {
            snapshot.as_deref().is_some_and(has_it) && refusal_of(node, resource).is_none()
        })
    }

    /// What the first data plane says that refuses the resource, and how many others do.
    pub(super) fn refusal(&self, resource: &str) -> Option<String> {
        let refuse = |server: &Server<'n>| Some((server.node, refusal_of(server.node, resource)?));
        let mut refusing = self.connected.iter().filter_map(refuse);
        let (node, refusal) = refusing.next()?;
        let more = match refusing.count() {
            0 => String::new(),
            others => format!(" (and {others} more refuse it)"),
        };
        Some(format!("data plane {} refuses it: {}{more}", node.id, refusal.message))
    }

    /// What is said of the certificates of a listener: of those that nobody takes, and of those that some refuse.
    fn certificates(&self, listener: &Listener) -> (Vec<String>, Vec<String>) {
        let (mut unused, mut partly) = (Vec::new(), Vec::new());
        for key in listener.tls.iter().flat_map(|tls| &tls.certificates) {
            let resource = format!("Certificate {key}");
            let Some(refusal) = self.refusal(&resource) else { continue };
            let is_used = self.serve(&resource, &|served| served.certificates.contains_key(key));
            let told = if is_used { &mut partly } else { &mut unused };
            told.push(format!("certificate {key}: {refusal}"));
        }
        (unused, partly)
    }

    /// Whether more belongs into this status than the compiler has said.
    pub(super) fn have_a_say(&self, id: &ObjectRef, compiled: &Status) -> bool {
        match compiled {
            Status::Gateway(_) | Status::ListenerSet(_) => true,
            Status::Route(_) => self.refusals.concern(id),
            _ => false,
        }
    }

    /// Whether there is anybody who could serve.
    pub(crate) fn are_there(&self) -> bool {
        !self.connected.is_empty()
    }

    fn waiting(&self) -> &'static str {
        if self.connected.is_empty() { "no data plane is connected" } else { "no data plane serves it yet" }
    }
}

fn refusal_of<'n>(node: &'n NodeStatus, resource: &str) -> Option<&'n Refusal> {
    node.refused.iter().find(|refused| refused.resource == resource)
}

/// What is to be written.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Verdict {
    /// The status.
    pub(crate) status: Status,
    /// Whether data planes are waited for: soon there may be something better to say.
    pub(crate) is_waiting: bool,
}

/// Adds to the status of a Gateway where it is reached. Without an address it is not `Programmed`.
pub(crate) fn place(status: &mut Status, placed: Placed) {
    if let Status::Gateway(gateway) = status {
        gateway.addresses = placed.addresses;
        unless_programmed(&mut gateway.conditions, placed.fault);
    }
}

/// The status of a Gateway, ListenerSet or route with what data planes say.
pub(crate) fn judge(id: &ObjectRef, compiled: &Status, snapshot: &Snapshot, servers: &Servers<'_>) -> Verdict {
    let mut status = compiled.clone();
    let mut judged = Judged::default();
    match &mut status {
        Status::Gateway(gateway) => {
            let (namespace, name) = (&id.namespace, &id.name);
            let is_its = |key: &ListenerKey| key.set.is_none() && (&key.namespace, &key.gateway) == (namespace, name);
            judged = judge_listeners(&mut gateway.listeners, snapshot, servers, &is_its);
            unless_programmed(&mut gateway.conditions, judged.fault(servers));
        }
        Status::ListenerSet(set) => {
            let is_its = |key: &ListenerKey| {
                key.set.as_ref().is_some_and(|set| set.namespace == id.namespace && set.name == id.name)
            };
            judged = judge_listeners(&mut set.listeners, snapshot, servers, &is_its);
            unless_programmed(&mut set.conditions, judged.fault(servers));
        }
        Status::Route(route) => refused::judge(id, route, snapshot, servers),
        _ => {}
    }
    Verdict { status, is_waiting: judged.is_waiting }
}

/// What came of the listeners of an object.
#[derive(Debug, Default)]
struct Judged {
    /// Whether one is served.
    is_any_served: bool,
    /// Whether one may still be.
    is_waiting: bool,
    /// What is said of the first that is served by nobody.
    refusal: Option<SmolStr>,
}

impl Judged {
    /// Why the object as a whole is not programmed: no listener of it is served.
    fn fault(&self, servers: &Servers<'_>) -> Option<(&'static str, SmolStr)> {
        match &self.refusal {
            _ if self.is_any_served => None,
            Some(refusal) if !self.is_waiting => Some(("Invalid", refusal.clone())),
            _ => Some(("Pending", servers.waiting().into())),
        }
    }
}

/// Judges each listener that the compiler has for served.
fn judge_listeners(
    listeners: &mut [ListenerStatus],
    snapshot: &Snapshot,
    servers: &Servers<'_>,
    is_its: &dyn Fn(&ListenerKey) -> bool,
) -> Judged {
    let keys: Vec<&ListenerKey> = snapshot.listeners.keys().filter(|key| is_its(key)).collect();
    let mut judged = Judged::default();
    for listener in listeners {
        let Some(key) = keys.iter().find(|key| key.listener == listener.name) else { continue };
        let fault = match servers.serving(key, snapshot) {
            Serving::Served(refusal) => {
                judged.is_any_served = true;
                if let Some(refusal) = refusal {
                    say_served_but(&mut listener.conditions, &refusal);
                }
                None
            }
            Serving::Refused(refusal) => {
                judged.refusal.get_or_insert_with(|| format!("listener {}: {refusal}", listener.name).into());
                Some(("Invalid", refusal.into()))
            }
            Serving::Waiting => {
                judged.is_waiting = true;
                Some(("Pending", servers.waiting().into()))
            }
        };
        unless_programmed(&mut listener.conditions, fault);
        judge_certificates(&mut listener.conditions, snapshot.listeners.get(key), servers);
    }
    judged
}

/// A certificate that no data plane takes is a reference that is not resolved.
fn judge_certificates(conditions: &mut [Condition], listener: Option<&Arc<Listener>>, servers: &Servers<'_>) {
    let Some(listener) = listener else { return };
    let (unused, partly) = servers.certificates(listener);
    if !unused.is_empty() {
        refused::unresolve(conditions, "InvalidCertificateRef", &unused.join("; "));
    }
    if !partly.is_empty() {
        say_served_but(conditions, &partly.join("; "));
    }
}

/// Says of what is programmed who refuses it.
fn say_served_but(conditions: &mut [Condition], refusal: &str) {
    let mut programmed = conditions.iter_mut().filter(|condition| condition.kind == "Programmed");
    if let Some(programmed) = programmed.find(|condition| condition.status == ConditionStatus::True) {
        programmed.message = format!("served, but not everywhere: {refusal}").into();
    }
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
    use nantian_ir::{Certificate, CertificateKey, ListenerTls, SecretBytes};
    use nantian_xds::delta::{Event, Rejection};
    use nantian_xds::transport::Observation;
    use serde_json::json;

    use super::*;
    use crate::Nodes;
    use crate::publication::{Published, View};

    fn objects() -> [serde_json::Value; 4] {
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
        let service = json!({
            "apiVersion": "v1", "kind": "Service", "metadata": {"name": "app", "namespace": "n"},
            "spec": {"ports": [{"port": 80}]},
        });
        let backends = json!([{"name": "app", "port": 80}]);
        let rule =
            |path: &str| json!({"matches": [{"path": {"type": "Exact", "value": path}}], "backendRefs": backends});
        let route = json!({
            "apiVersion": api, "kind": "HTTPRoute", "metadata": {"name": "r", "namespace": "n"},
            "spec": {"parentRefs": [{"name": "g"}], "rules": [rule("/0"), rule("/1")]},
        });
        [class, gateway, route, service]
    }

    /// What is said of the object of this kind: of a Gateway with two listeners and a route with two rules, published as `v1`.
    fn judged(kind: &str, nodes: &Nodes) -> Verdict {
        judged_of(kind, nodes, |_| ())
    }

    /// The same of the snapshot as it is changed.
    fn judged_of(kind: &str, nodes: &Nodes, change: impl FnOnce(&mut Snapshot)) -> Verdict {
        let mut compiler = Compiler::new(Options::default());
        compiler.apply(objects().map(|object| Change::Insert(Object::new(object).unwrap())));
        let mut snapshot = Snapshot::clone(compiler.snapshot());
        change(&mut snapshot);
        let snapshot = Arc::new(snapshot);
        let publications = Publications::new();
        let view = View { snapshot: Arc::clone(&snapshot), version: "v1".to_owned() };
        publications.publish(Arc::new(Published {
            snapshot: Arc::clone(&snapshot),
            version: "v1".to_owned(),
            views: std::collections::BTreeMap::from([(nantian_xds::Audience::Shared, view)]),
            generated_at: std::time::SystemTime::UNIX_EPOCH,
            build: std::time::Duration::ZERO,
            ai_services: nantian_ir::ResourceMap::new(),
            statuses: nantian_ir::ResourceMap::new(),
            services: nantian_ir::ResourceMap::new(),
            diagnostics: nantian_ir::ResourceMap::new(),
        }));
        let reported = compiler.statuses().find(|status| status.object.kind == kind).unwrap();
        let list = nodes.list();
        let refusals = Refusals::of(&list, &snapshot);
        judge(&reported.object, &reported.status, &snapshot, &Servers::of(&list, &refusals, &publications))
    }

    /// `Programmed` of the Gateway and of each of its listeners, and whether data planes are waited for.
    fn programmed(nodes: &Nodes) -> (Vec<Condition>, bool) {
        let Verdict { status, is_waiting } = judged("Gateway", nodes);
        let Status::Gateway(gateway) = status else { panic!("a Gateway's") };
        let of = |conditions: &[Condition]| {
            conditions.iter().find(|condition| condition.kind == "Programmed").unwrap().clone()
        };
        let listeners = gateway.listeners.iter().map(|listener| of(&listener.conditions));
        (std::iter::once(of(&gateway.conditions)).chain(listeners).collect(), is_waiting)
    }

    fn reasons(nodes: &Nodes) -> (Vec<&'static str>, bool) {
        let (conditions, is_waiting) = programmed(nodes);
        (conditions.iter().map(|condition| condition.reason).collect(), is_waiting)
    }

    /// A data plane that refuses these resources of `v1`, and serves the rest.
    fn refusing(nodes: &Nodes, id: &str, resources: &[(&str, &str)]) {
        let rejection = |(kind, name): &(&str, &str)| Rejection {
            type_url: format!("type.nantian.dev/nantian.ir.v1.{kind}"),
            name: (*name).to_owned(),
            version: "x".to_owned(),
            message: format!("{name} is no use"),
        };
        nodes.observe(id, "c", Observation::Connected);
        nodes.observe(id, "c", applied("v1", resources.iter().map(rejection).collect()));
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
    fn a_gateway_that_has_no_address_is_not_programmed() {
        let nodes = Nodes::new();
        refusing(&nodes, "one", &[]);
        let of = |fault| {
            let Verdict { mut status, .. } = judged("Gateway", &nodes);
            place(&mut status, Placed { fault, ..Placed::default() });
            let Status::Gateway(gateway) = status else { panic!("a Gateway's") };
            gateway.conditions.iter().find(|condition| condition.kind == "Programmed").unwrap().reason
        };
        assert_eq!(of(Some(("AddressNotAssigned", "none yet".into()))), "AddressNotAssigned");
        assert_eq!(of(None), "Programmed");
    }

    #[test]
    fn a_listener_that_is_refused_and_served_by_nobody_is_not() {
        let nodes = Nodes::new();
        refusing(&nodes, "one", &[("Listener", "n/g/b")]);
        assert_eq!(reasons(&nodes), (vec!["Programmed", "Programmed", "Invalid"], false));
        assert_eq!(programmed(&nodes).0[2].message, "data plane one refuses it: n/g/b is no use");
        refusing(&nodes, "two", &[]);
        assert_eq!(reasons(&nodes), (vec!["Programmed"; 3], false));
    }

    #[test]
    fn what_one_data_plane_refuses_and_another_serves_is_programmed_and_says_who_refuses_it() {
        let nodes = Nodes::new();
        for id in ["one", "two"] {
            refusing(&nodes, id, &[("Listener", "n/g/b")]);
        }
        refusing(&nodes, "three", &[]);
        let (conditions, _) = programmed(&nodes);
        assert_eq!(conditions[2].status, ConditionStatus::True);
        let said = "served, but not everywhere: data plane one refuses it: n/g/b is no use (and 1 more refuse it)";
        assert_eq!(conditions[2].message, said);
    }

    #[test]
    fn a_gateway_all_of_whose_listeners_are_refused_is_not_programmed_and_says_why() {
        let nodes = Nodes::new();
        refusing(&nodes, "one", &[("Listener", "n/g/a"), ("Listener", "n/g/b")]);
        assert_eq!(reasons(&nodes), (vec!["Invalid"; 3], false));
        assert_eq!(programmed(&nodes).0[0].message, "listener a: data plane one refuses it: n/g/a is no use");
    }

    /// `ResolvedRefs` and `Programmed` of the listener `a`, which has two certificates.
    fn secured(nodes: &Nodes) -> [Condition; 2] {
        let key = |name: &str| CertificateKey { namespace: "n".into(), name: name.into() };
        let verdict = judged_of("Gateway", nodes, |snapshot| {
            for name in ["good", "bad"] {
                let private_key = SecretBytes::new(Vec::new());
                snapshot.certificates.insert(Certificate { key: key(name), chain: String::new(), private_key });
            }
            let certificates = vec![key("good"), key("bad")];
            let listener = snapshot.listeners.values_mut().find(|listener| listener.key.listener == "a").unwrap();
            Arc::make_mut(listener).tls = Some(ListenerTls { certificates, client_validation: None });
        });
        let Status::Gateway(gateway) = verdict.status else { panic!("a Gateway's") };
        ["ResolvedRefs", "Programmed"].map(|kind| {
            gateway.listeners[0].conditions.iter().find(|condition| condition.kind == kind).unwrap().clone()
        })
    }

    #[test]
    fn a_certificate_that_no_data_plane_takes_is_no_resolved_reference_and_one_that_some_refuse_is_told() {
        let nodes = Nodes::new();
        refusing(&nodes, "one", &[("Certificate", "n/bad")]);
        let [resolved, programmed] = secured(&nodes);
        assert_eq!((resolved.status, resolved.reason), (ConditionStatus::False, "InvalidCertificateRef"));
        assert_eq!(resolved.message, "certificate n/bad: data plane one refuses it: n/bad is no use");
        assert_eq!(programmed.status, ConditionStatus::True, "it is served with the other one");
        refusing(&nodes, "two", &[]);
        let [resolved, programmed] = secured(&nodes);
        assert_eq!(resolved.status, ConditionStatus::True);
        let said = "served, but not everywhere: certificate n/bad: data plane one refuses it: n/bad is no use";
        assert_eq!((programmed.status, programmed.message.as_str()), (ConditionStatus::True, said));
        refusing(&nodes, "one", &[]);
        assert_eq!(secured(&nodes)[1].message, programmed_message());
    }

    fn programmed_message() -> String {
        let nodes = Nodes::new();
        refusing(&nodes, "one", &[]);
        programmed(&nodes).0[1].message.to_string()
    }

    #[test]
    fn a_backend_that_a_data_plane_refuses_is_no_resolved_reference_of_its_routes_until_it_takes_it() {
        let resolved = |nodes: &Nodes| {
            let Status::Route(route) = judged("HTTPRoute", nodes).status else { panic!("a route's") };
            route.parents[0].conditions.iter().find(|condition| condition.kind == "ResolvedRefs").unwrap().clone()
        };
        let nodes = Nodes::new();
        refusing(&nodes, "one", &[("Backend", "Service/n/other:80")]);
        assert_eq!(resolved(&nodes).status, ConditionStatus::True);
        refusing(&nodes, "one", &[("Backend", "Service/n/app:80")]);
        let refused = resolved(&nodes);
        assert_eq!((refused.status, refused.reason), (ConditionStatus::False, "BackendRefused"));
        assert_eq!(refused.message, "backend Service/n/app:80: data plane one refuses it: Service/n/app:80 is no use");
        refusing(&nodes, "one", &[]);
        assert_eq!(resolved(&nodes).status, ConditionStatus::True);
    }

    /// Type, status, reason and message of the conditions of the route that are about its rules.
    fn of_route(nodes: &Nodes) -> Vec<(&'static str, ConditionStatus, String)> {
        let Status::Route(route) = judged("HTTPRoute", nodes).status else { panic!("a route's") };
        let conditions = route.parents[0].conditions.iter().filter(|condition| condition.kind != "ResolvedRefs");
        let told = |condition: &Condition| (condition.kind, condition.status, condition.message.to_string());
        conditions.map(told).collect()
    }

    #[test]
    fn a_rule_that_a_data_plane_refuses_is_dropped_and_the_route_says_so_until_it_takes_it() {
        let nodes = Nodes::new();
        refusing(&nodes, "one", &[]);
        let accepted = of_route(&nodes);
        assert_eq!((accepted.len(), accepted[0].0, accepted[0].1), (1, "Accepted", ConditionStatus::True));
        refusing(&nodes, "one", &[("RouteRule", "HTTPRoute/n/r/1"), ("RouteRule", "HTTPRoute/n/other/0")]);
        let message = "Dropped Rule(s) [1]: data plane one refuses it: HTTPRoute/n/r/1 is no use".to_owned();
        let partly = ("PartiallyInvalid", ConditionStatus::True, message);
        assert_eq!(of_route(&nodes), [accepted[0].clone(), partly]);
        refusing(&nodes, "one", &[]);
        assert_eq!(of_route(&nodes), accepted);
    }

    #[test]
    fn a_route_of_which_nobody_serves_anything_is_not_accepted() {
        let nodes = Nodes::new();
        let both = [("RouteRule", "HTTPRoute/n/r/0"), ("RouteRule", "HTTPRoute/n/r/1")];
        refusing(&nodes, "one", &both);
        let conditions = of_route(&nodes);
        assert_eq!((conditions.len(), conditions[0].1), (1, ConditionStatus::False));
        assert!(conditions[0].2.starts_with("Dropped Rule(s) [0, 1]: data plane one"), "{conditions:?}");
        refusing(&nodes, "two", &[]);
        let conditions = of_route(&nodes);
        assert_eq!((conditions.len(), conditions[0].1), (2, ConditionStatus::True), "another data plane serves it");
    }
}
