//! From changes to what is published: a thread of its own, as compiling is work and not waiting.

mod findings;
mod modes;
pub(crate) mod pace;

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use nantian_crds::ai_service::AiService;
use nantian_crds::meta::Resource as _;
use nantian_ir::compile::{Change, Changed, Compiler, GatewayService, Options};
use nantian_ir::{GatewayKey, ObjectRef, ResourceMap, Snapshot};
use nantian_xds::Views;
use tokio::sync::{oneshot, watch};

use crate::Metrics;
use crate::dedicated::Own;
use crate::feeds::Feeds;
use crate::notice::{Listener, Notice};
use crate::publication::{Declared, Findings, Publications, Published, Reported, View};
use crate::watch::inbox::{Inbox, Work};
use crate::watch::kinds::GATEWAY_API;
use modes::Modes;

/// Where what was compiled goes.
pub(crate) struct Outlets {
    pub(crate) publications: Arc<Publications>,
    /// For data planes: only what differs from what was there before.
    pub(crate) feeds: Arc<Feeds>,
    /// The Gateways that are to have data planes of their own.
    pub(crate) dedicated: watch::Sender<Option<Vec<Own>>>,
    pub(crate) metrics: Metrics,
    pub(crate) listener: Listener,
}

/// Starts the thread. The channel says when it has ended: after [`Inbox::stop`], or because the compiler failed.
pub(crate) fn start(inbox: Arc<Inbox>, options: Options, outlets: Outlets) -> std::io::Result<oneshot::Receiver<()>> {
    let (ended, end) = oneshot::channel();
    let work = move || {
        let mut publisher = Publisher::new(options, outlets);
        while let Work::Compile(changes) = inbox.take() {
            publisher.run(changes);
        }
        drop(ended);
    };
    thread::Builder::new().name("compile".to_owned()).spawn(work)?;
    Ok(end)
}

struct Publisher {
    compiler: Compiler,
    outlets: Outlets,
    statuses: ResourceMap<Reported>,
    services: ResourceMap<GatewayService>,
    findings: ResourceMap<Findings>,
    ai_services: ResourceMap<Declared>,
    modes: Modes,
    dedicated: Vec<Own>,
    views: Views,
}

impl Publisher {
    fn new(options: Options, outlets: Outlets) -> Self {
        Self {
            compiler: Compiler::new(options),
            outlets,
            statuses: ResourceMap::new(),
            services: ResourceMap::new(),
            findings: ResourceMap::new(),
            ai_services: ResourceMap::new(),
            modes: Modes::default(),
            dedicated: Vec::new(),
            views: Views::new(),
        }
    }

    fn run(&mut self, changes: Vec<Change>) {
        let (began, count) = (Instant::now(), changes.len());
        let mut is_new = self.declare(&changes);
        self.modes.take(&changes);
        let compiled = self.compiler.apply(changes);
        is_new |= self.take(compiled);
        is_new |= self.look_at_modes();
        is_new |= self.look_at_the_time();
        let is_first = self.outlets.publications.newest().borrow().is_none();
        if is_new || is_first {
            self.publish(began, count, is_first);
        } else {
            self.outlets.metrics.built(began.elapsed());
        }
    }

    /// Keeps what is told of objects that the snapshot has nothing of; says whether that changed.
    fn declare(&mut self, changes: &[Change]) -> bool {
        let mut is_new = false;
        for change in changes {
            match change {
                Change::Insert(object) if object.id().kind == AiService::KIND => {
                    let held = self.ai_services.insert(Declared(object.clone()));
                    is_new |= held.is_none_or(|held| held.0 != *object);
                }
                Change::Remove(id) if id.kind == AiService::KIND => is_new |= self.ai_services.remove(id).is_some(),
                _ => {}
            }
        }
        is_new
    }

    /// Gateways come to have data planes of their own, or have them no more; says whether any did.
    fn look_at_modes(&mut self) -> bool {
        let is_ours = |gateway: &GatewayKey| {
            self.statuses.contains_key(&ObjectRef {
                group: GATEWAY_API.into(),
                kind: "Gateway".into(),
                namespace: gateway.namespace.clone(),
                name: gateway.name.clone(),
            })
        };
        let dedicated = self.modes.dedicated(is_ours);
        let differs = dedicated != self.dedicated;
        self.dedicated = dedicated;
        differs
    }

    /// Certificates come to their ends while nothing changes. A minute more or less does not matter.
    fn look_at_the_time(&mut self) -> bool {
        const MINUTE: u64 = 60;
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
        let minute = i64::try_from(since / MINUTE * MINUTE).ok();
        let changed = self.compiler.set_time(minute);
        self.take(changed)
    }

    /// Takes what has changed; says whether anything has.
    fn take(&mut self, changed: Changed) -> bool {
        let Changed { snapshot, statuses, removed_statuses, services, new_diagnostics, resolved_diagnostics, .. } =
            changed;
        let is_new = !Arc::ptr_eq(&snapshot, self.views.whole().snapshot())
            || !services.changes(&self.services).is_empty()
            || !statuses.is_empty()
            || !removed_statuses.is_empty()
            || !new_diagnostics.is_empty()
            || !resolved_diagnostics.is_empty();
        self.services = services;
        self.statuses.extend(statuses.into_iter().map(Reported));
        for object in &removed_statuses {
            self.statuses.remove(object);
        }
        findings::resolve(&mut self.findings, &resolved_diagnostics);
        findings::add(&mut self.findings, new_diagnostics);
        is_new
    }

    fn publish(&mut self, began: Instant, changes: usize, is_first: bool) {
        let snapshot: Arc<Snapshot> = Arc::clone(self.compiler.snapshot());
        let before = self.views.whole().version();
        let dedicated = self.dedicated.iter().map(|own| own.gateway.clone()).collect();
        self.views.advance(Arc::clone(&snapshot), &dedicated);
        let version = self.views.whole().version();
        let build = began.elapsed();
        self.outlets.metrics.built(build);
        let published = Published {
            snapshot: Arc::clone(&snapshot),
            version: version.clone(),
            views: self
                .views
                .catalogs()
                .map(|(audience, catalog)| (audience.clone(), View::from(&**catalog)))
                .collect(),
            generated_at: SystemTime::now(),
            build,
            statuses: self.statuses.clone(),
            services: self.services.clone(),
            diagnostics: self.findings.clone(),
            ai_services: self.ai_services.clone(),
        };
        // Whoever hears of a version from a data plane finds it here already.
        self.outlets.publications.publish(Arc::new(published));
        if is_first || version != before {
            self.outlets.metrics.published(&snapshot);
        }
        self.outlets.feeds.publish(&self.views);
        self.outlets.dedicated.send_if_modified(|held| {
            let is_new = held.as_ref() != Some(&self.dedicated);
            *held = Some(self.dedicated.clone());
            is_new
        });
        let duration_ms = milliseconds(build);
        self.outlets.listener.tell(&Notice::Published { version, changes, duration_ms });
    }
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1_000.0
}

#[cfg(test)]
mod tests {
    use nantian_ir::compile::Object;
    use nantian_xds::Audience;
    use serde_json::{Value, json};

    use super::*;
    use crate::feeds::Feed;

    fn insert(value: Value) -> Change {
        Change::Insert(Object::new(value).unwrap())
    }

    fn gateway(class: &str) -> Vec<Change> {
        let class_object = json!({
            "apiVersion": "gateway.networking.k8s.io/v1", "kind": "GatewayClass", "metadata": {"name": class},
            "spec": {"controllerName": "nantian.dev/gateway-controller"},
        });
        let gateway = json!({
            "apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway",
            "metadata": {"name": "g", "namespace": "n"},
            "spec": {"gatewayClassName": class, "listeners": [{"name": "http", "port": 80, "protocol": "HTTP"}]},
        });
        vec![insert(class_object), insert(gateway)]
    }

    fn publisher() -> (Publisher, Arc<Publications>, Feed) {
        let (publications, feeds) = (Arc::new(Publications::new()), Arc::new(Feeds::default()));
        let shared = feeds.follow(&Audience::Shared).unwrap();
        let listener = Listener::new(|_| {});
        let (metrics, dedicated) = (Metrics::new(), watch::Sender::new(None));
        let outlets = Outlets { publications: Arc::clone(&publications), feeds, dedicated, metrics, listener };
        (Publisher::new(Options::default(), outlets), publications, shared)
    }

    #[test]
    fn an_empty_cluster_is_published_too() {
        let (mut publisher, publications, catalog) = publisher();
        publisher.run(Vec::new());
        assert!(publications.newest().borrow().is_some() && catalog.borrow().is_some());
    }

    #[test]
    fn data_planes_hear_of_nothing_when_their_snapshot_stays() {
        let (mut publisher, publications, mut catalog) = publisher();
        publisher.run(gateway("c"));
        let first = publications.newest().borrow().clone().unwrap();
        assert_eq!(first.snapshot.listeners.len(), 1);
        assert_eq!(first.statuses.len(), 2);
        catalog.mark_unchanged();
        publisher.run(Vec::new());
        assert!(Arc::ptr_eq(&first, publications.newest().borrow().as_ref().unwrap()));
        let route = json!({
            "apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute", "metadata": {"name": "r", "namespace": "n"},
            "spec": {"parentRefs": [{"name": "nowhere"}]},
        });
        publisher.run(vec![insert(route)]);
        let second = publications.newest().borrow().clone().unwrap();
        assert_eq!(second.version, first.version);
        assert!(!second.diagnostics.is_empty());
        assert!(!catalog.has_changed().unwrap());
    }

    #[test]
    fn an_ai_service_is_told_as_it_is_although_data_planes_get_nothing_of_it() {
        let (mut publisher, publications, _) = publisher();
        let service = |model: &str| {
            insert(json!({
                "apiVersion": "nantian.dev/v1alpha1", "kind": "AIService", "metadata": {"name": "a", "namespace": "n"},
                "spec": {"provider": "openai", "model": model},
            }))
        };
        let models = || {
            let newest = publications.newest().borrow().clone().unwrap();
            let model = |declared: &Arc<Declared>| declared.0.value()["spec"]["model"].clone();
            newest.ai_services.values().map(model).collect::<Vec<_>>()
        };
        publisher.run(vec![service("old")]);
        assert_eq!(models(), ["old"]);
        publisher.run(vec![service("new")]);
        assert_eq!(models(), ["new"]);
        let Change::Insert(object) = service("new") else { unreachable!() };
        publisher.run(vec![Change::Remove(object.id().clone())]);
        assert_eq!(models(), [""; 0]);
    }

    #[test]
    fn what_is_gone_is_no_longer_reported() {
        let (mut compiling, publications, _) = publisher();
        let changes = gateway("c");
        let ids: Vec<_> = changes
            .iter()
            .map(|change| match change {
                Change::Insert(object) => Change::Remove(object.id().clone()),
                Change::Remove(_) => unreachable!(),
            })
            .collect();
        compiling.run(changes);
        compiling.run(ids);
        let published = publications.newest().borrow().clone().unwrap();
        assert!(published.statuses.is_empty() && published.snapshot.listeners.is_empty());
        assert!(published.diagnostics.is_empty(), "{:?}", published.diagnostics);
    }

    #[test]
    fn a_gateway_that_comes_to_have_data_planes_of_its_own_leaves_the_shared_ones() {
        let (mut publisher, publications, mut shared) = publisher();
        let mut changes = gateway("c");
        let own = json!({
            "apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway",
            "metadata": {"name": "own", "namespace": "n"},
            "spec": {
                "gatewayClassName": "c",
                "infrastructure": {"parametersRef": {"group": "", "kind": "ConfigMap", "name": "own"}},
                "listeners": [{"name": "http", "port": 81, "protocol": "HTTP"}],
            },
        });
        changes.push(insert(own));
        publisher.run(changes);
        let listeners = |shared: &mut Feed| {
            let catalog = shared.borrow_and_update().clone().unwrap();
            catalog.snapshot().listeners.keys().map(ToString::to_string).collect::<Vec<_>>()
        };
        let before = listeners(&mut shared);
        let mode = |mode: &str| {
            insert(json!({
                "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "own", "namespace": "n"},
                "data": {"mode": mode},
            }))
        };
        publisher.run(vec![mode("dedicated")]);
        assert_eq!(listeners(&mut shared), ["n/g/http"]);
        let newest = publications.newest().borrow().clone().unwrap();
        let audiences: Vec<_> = newest.views.keys().map(ToString::to_string).collect();
        assert_eq!(audiences, ["shared", "n/own"]);
        publisher.run(vec![mode("shared")]);
        assert_eq!(listeners(&mut shared), before);
    }
}
