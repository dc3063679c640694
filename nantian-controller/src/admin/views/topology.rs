use std::collections::{BTreeMap, BTreeSet};

use nantian_ir::{ListenerKey, RouteKey};
use schemars::JsonSchema;
use serde::Serialize;

use crate::admin::observed::Observed;
use crate::admin::problem::Problem;
use crate::edges::edges;

/// What is served as a graph: from Gateways over listeners and routes to backends.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::admin) struct Topology {
    /// Its vertices, sorted.
    vertices: Vec<Vertex>,
    /// Its edges, sorted.
    edges: Vec<Edge>,
}

/// A Gateway, listener, route or Service.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
struct Vertex {
    /// Its name among all: `KIND/NAMESPACE/NAME`, of a listener `Listener/` and its id.
    id: String,
    /// `Gateway`, `Listener`, `Service`, or the kind of a route.
    kind: String,
    /// Its namespace.
    namespace: String,
    /// Its name there.
    name: String,
}

/// Where traffic goes.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
struct Edge {
    /// The id of a vertex.
    from: String,
    /// The id of the vertex that is next.
    to: String,
}

#[derive(Default)]
struct Graph {
    vertices: BTreeMap<String, Vertex>,
    edges: BTreeSet<Edge>,
}

impl Graph {
    /// The id of a vertex, which is there from now on.
    fn vertex(&mut self, id: String, kind: &str, namespace: &str, name: &str) -> String {
        let (kind, namespace, name) = (kind.to_owned(), namespace.to_owned(), name.to_owned());
        self.vertices.entry(id.clone()).or_insert_with(|| Vertex { id: id.clone(), kind, namespace, name });
        id
    }

    fn object(&mut self, kind: &str, namespace: &str, name: &str) -> String {
        self.vertex(format!("{kind}/{namespace}/{name}"), kind, namespace, name)
    }

    fn listener(&mut self, key: &ListenerKey) -> String {
        let namespace = key.set.as_ref().map_or(&key.namespace, |set| &set.namespace);
        self.vertex(format!("Listener/{key}"), "Listener", namespace, &key.listener)
    }

    fn route(&mut self, key: &RouteKey) -> String {
        self.object(key.kind.as_str(), &key.namespace, &key.name)
    }

    fn edge(&mut self, from: String, to: String) {
        self.edges.insert(Edge { from, to });
    }
}

impl Topology {
    pub(in crate::admin) fn of(observed: &Observed<'_>) -> Result<Self, Problem> {
        let snapshot = &observed.published()?.snapshot;
        let mut graph = Graph::default();
        for key in snapshot.listeners.keys() {
            let gateway = graph.object("Gateway", &key.namespace, &key.gateway);
            let listener = graph.listener(key);
            graph.edge(gateway, listener);
        }
        let requests = snapshot.rules.values().map(|rule| (&rule.key.route, &rule.attachments));
        let streams = snapshot.stream_rules.values().map(|rule| (&rule.key.route, &rule.attachments));
        for (route, attachments) in requests.chain(streams) {
            for attachment in attachments {
                let (listener, route) = (graph.listener(&attachment.listener), graph.route(route));
                graph.edge(listener, route);
            }
        }
        for (route, backend) in edges(snapshot) {
            let route = graph.route(route);
            let service = graph.object(&backend.kind.to_string(), &backend.namespace, &backend.name);
            graph.edge(route, service);
        }
        Ok(Self { vertices: graph.vertices.into_values().collect(), edges: graph.edges.into_iter().collect() })
    }
}
