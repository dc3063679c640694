//! What a writer looks at when nothing tells it to, with statuses that a compiler really gives.

use nantian_ir::compile::{Change, Changed, Compiler, JsonText, Object, Options};
use nantian_ir::{ResourceMap, Snapshot};
use nantian_xds::delta::{Event, Rejection};
use nantian_xds::transport::Observation;
use serde_json::{Value, json};

use super::super::served::Verdict;
use super::*;
use crate::publication::{Reported, View};
use crate::queue::LONG;

const ROUTES: usize = 100;
const API: &str = "gateway.networking.k8s.io/v1";
const GATEWAY: &str = "Gateway/n/g";
const ROUTE: &str = "HTTPRoute/n/r7";

fn route(name: &str, service: &str) -> Change {
    insert(json!({
        "apiVersion": API, "kind": "HTTPRoute", "metadata": {"name": name, "namespace": "n"},
        "spec": {"parentRefs": [{"name": "g"}], "rules": [{"backendRefs": [{"name": service, "port": 80}]}]},
    }))
}

fn insert(value: Value) -> Change {
    Change::Insert(Object::new(value).unwrap())
}

/// A Gateway with its class and a backend.
fn gateway() -> [Change; 3] {
    let controller = Settings::default().controller_name;
    let listener = json!({"name": "a", "port": 80, "protocol": "HTTP"});
    [
        json!({"apiVersion": API, "kind": "GatewayClass", "metadata": {"name": "c"}, "spec": {"controllerName": controller}}),
        json!({
            "apiVersion": API, "kind": "Gateway", "metadata": {"name": "g", "namespace": "n"},
            "spec": {"gatewayClassName": "c", "listeners": [listener]},
        }),
        json!({
            "apiVersion": "v1", "kind": "Service", "metadata": {"name": "app", "namespace": "n"},
            "spec": {"ports": [{"port": 80}]},
        }),
    ]
    .map(insert)
}

/// What is published, and all that it came of.
struct World {
    compiler: Compiler,
    statuses: ResourceMap<Reported>,
    writer: Writer,
}

impl World {
    /// Routes of a Gateway, with the statuses that they are to have while no data plane is connected. Nobody answers for the
    /// API server: whoever writes does so in vain.
    fn with_routes(count: usize) -> (Self, Arc<Published>) {
        let writer = Writer {
            client: Client::try_from(kube::Config::new("http://127.0.0.1:1".parse().unwrap())).unwrap(),
            settings: Settings::default(),
            publications: Arc::default(),
            observed: Arc::default(),
            nodes: Nodes::new(),
            metrics: Metrics::new(),
            made: None,
            leader: watch::channel(true).1,
            listener: Listener::new(|_| {}),
        };
        let mut world = Self { compiler: Compiler::new(Options::default()), statuses: ResourceMap::new(), writer };
        let routes = (0..count).map(|index| route(&format!("r{index}"), "app"));
        let published = world.publish(gateway().into_iter().chain(routes));
        let refusals = Refusals::default();
        let servers = Servers::of(&[], &refusals, &world.writer.publications);
        for (id, reported) in published.statuses.iter() {
            let Verdict { status, .. } = judge(id, &reported.0.status, &published.snapshot, &servers);
            world.observe(id, "1", &plan_of(id, &status)["status"]);
        }
        world.writer.observed.take_changed();
        (world, published)
    }

    fn publish(&mut self, changes: impl IntoIterator<Item = Change>) -> Arc<Published> {
        let Changed { snapshot, statuses, .. } = self.compiler.apply(changes);
        self.statuses.extend(statuses.into_iter().map(Reported));
        let published = Arc::new(published(snapshot, self.statuses.clone()));
        self.writer.publications.publish(Arc::clone(&published));
        published
    }

    /// The API server has this status.
    fn observe(&self, id: &ObjectRef, version: &str, status: &Value) {
        self.writer.observed.set(id, observed(version, status));
    }
}

fn observed(version: &str, status: &Value) -> ObservedStatus {
    let status = JsonText::of(status);
    ObservedStatus { status, uid: "u".into(), resource_version: version.into(), version: "v1".into() }
}

fn plan_of(id: &ObjectRef, status: &Status) -> Value {
    let controller = Settings::default().controller_name;
    plan(id, Some(status), &observed("0", &Value::Null), &controller, Timestamp::now()).unwrap()
}

fn published(snapshot: Arc<Snapshot>, statuses: ResourceMap<Reported>) -> Published {
    let view = View { snapshot: Arc::clone(&snapshot), version: "v1".to_owned() };
    Published {
        snapshot,
        version: "v1".to_owned(),
        views: BTreeMap::from([(nantian_xds::Audience::Shared, view)]),
        generated_at: std::time::SystemTime::UNIX_EPOCH,
        build: Duration::ZERO,
        ai_services: ResourceMap::new(),
        statuses,
        services: ResourceMap::new(),
        diagnostics: ResourceMap::new(),
    }
}

/// A term that has looked at everything, and found nothing to write.
fn settled<'w>(world: &'w World, published: &Arc<Published>) -> Term<'w> {
    let mut term = Term::new(&world.writer, Arc::clone(published));
    assert_eq!(term.turns.queue.len(), published.statuses.len());
    assert_eq!(term.write_what_is_due(), LONG);
    assert_eq!(term.turns.queue.len(), 0);
    term
}

/// What is to be looked at after a resync. Taken out of the queue, it is not.
fn resynced(term: &mut Term<'_>) -> Vec<String> {
    term.resync();
    let now = Instant::now();
    let mut due: Vec<_> = std::iter::from_fn(|| {
        let id = term.turns.queue.next(now)?;
        term.turns.queue.settled(&id, now);
        Some(id.to_string())
    })
    .collect();
    due.sort();
    due
}

#[tokio::test]
async fn a_resync_where_nothing_changed_compares_no_status_but_those_in_which_data_planes_have_a_say() {
    let (world, published) = World::with_routes(ROUTES);
    let mut term = settled(&world, &published);
    assert_eq!(resynced(&mut term), [GATEWAY]);
}

#[tokio::test]
async fn a_resync_notices_a_status_that_somebody_else_wrote_and_has_it_mended() {
    let (world, published) = World::with_routes(ROUTES);
    let mut term = settled(&world, &published);
    let id = published.statuses.keys().find(|id| id.to_string() == ROUTE).unwrap();
    let before = world.writer.observed.get(id).unwrap();
    world.observe(id, "2", &before.status.value());
    assert_eq!(resynced(&mut term), [GATEWAY], "another field of the object was written");
    world.observe(id, "3", &json!({"parents": []}));
    // Whoever waits for changes is told too; here nobody does.
    assert_eq!(resynced(&mut term), [GATEWAY, ROUTE]);
    let refusals = Refusals::default();
    let servers = Servers::of(&[], &refusals, &world.writer.publications);
    assert!(term.look(id, &servers, Instant::now()).is_some(), "it is written");
    assert_eq!(resynced(&mut term), [GATEWAY, ROUTE], "until that was done");
    world.observe(id, "4", &before.status.value());
    assert!(term.look(id, &servers, Instant::now()).is_none());
    assert_eq!(resynced(&mut term), [GATEWAY]);
}

#[tokio::test]
async fn a_resync_notices_what_is_wanted_otherwise_although_nobody_said_so() {
    let (mut world, published) = World::with_routes(ROUTES);
    let newer = world.publish([route("r7", "absent")]);
    let mut term = settled(&world, &published);
    term.published = newer;
    assert_eq!(resynced(&mut term), [GATEWAY, ROUTE]);
}

#[tokio::test]
async fn a_resync_notices_what_data_planes_refuse_of_a_route_although_nobody_said_so() {
    let (world, published) = World::with_routes(ROUTES);
    let mut term = settled(&world, &published);
    let said = |rejected: Vec<Rejection>| {
        let applied = Observation::Said(Event::Applied { version: "v1".to_owned(), rejected });
        world.writer.nodes.observe("one", "c", applied);
    };
    world.writer.nodes.observe("one", "c", Observation::Connected);
    said(vec![Rejection {
        type_url: "type.nantian.dev/nantian.ir.v1.RouteRule".to_owned(),
        name: format!("{ROUTE}/0"),
        version: "x".to_owned(),
        message: "it is no use".to_owned(),
    }]);
    assert_eq!(resynced(&mut term), [GATEWAY, ROUTE]);
    said(Vec::new());
    assert_eq!(resynced(&mut term), [GATEWAY, ROUTE], "it refuses it no more");
    assert_eq!(resynced(&mut term), [GATEWAY]);
}
