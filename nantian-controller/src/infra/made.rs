//! What is there of what is made for Gateways, and the endpoints of the data planes, as watches see it.

use std::collections::BTreeMap;
use std::fmt;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::core::NamespaceResourceScope;
use kube::runtime::WatchStreamExt as _;
use kube::runtime::reflector::store::Writer as StoreWriter;
use kube::runtime::reflector::{self, Store};
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Api, Client, Resource, ResourceExt as _};
use nantian_ir::ObjectRef;
use nantian_ir::compile::GatewayService;
use serde::de::DeserializeOwned;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::attention::Attention;
use super::index::Index;
use super::objects::SERVICE_NAME;
use crate::Settings;
use crate::notice::Listener;
use crate::watch::Recovery;

/// What there is.
pub(crate) struct Made {
    services: Index<Service>,
    slices: Index<EndpointSlice>,
    data_planes: Store<EndpointSlice>,
    /// Whether all was read once.
    ready: watch::Sender<bool>,
    /// What could not be written of a Gateway's, and why.
    failures: Mutex<BTreeMap<ObjectRef, String>>,
    /// For who writes it.
    pub(super) for_writer: Attention,
    /// For who writes statuses.
    pub(crate) for_statuses: Attention,
}

/// Begins to watch. The future goes on for ever.
pub(crate) fn follow(
    client: &Client,
    settings: &Settings,
    listener: &Listener,
) -> (Arc<Made>, impl Future<Output = ()> + use<>) {
    let scopes = scopes(settings);
    let (services, service_writers) = Index::new(scopes.len());
    let (slices, slice_writers) = Index::new(scopes.len());
    let (data_planes, data_plane_writer) = reflector::store();
    let made = Arc::new(Made {
        services,
        slices,
        data_planes,
        ready: watch::Sender::new(false),
        failures: Mutex::default(),
        for_writer: Attention::default(),
        for_statuses: Attention::default(),
    });
    let mut follows = Vec::new();
    for (scope, (services, slices)) in scopes.iter().zip(service_writers.into_iter().zip(slice_writers)) {
        let source = |kind| Source::new(kind, GatewayService::OURS, listener);
        let told = Arc::clone(&made);
        follows.push(source("Service").follow(api(client, scope.as_deref()), services, move |event| {
            if let Some(gateway) = told.services.note(event) {
                told.for_statuses.call(gateway.clone());
                told.for_writer.call(gateway);
            }
        }));
        let told = Arc::clone(&made);
        follows.push(source("EndpointSlice").follow(api(client, scope.as_deref()), slices, move |event| {
            if let Some(gateway) = told.slices.note(event) {
                told.for_writer.call(gateway);
            }
        }));
    }
    let of_data_planes = format!("{SERVICE_NAME}={}", settings.xds.data_plane);
    let source = Source::new("EndpointSlice", &of_data_planes, listener);
    let told = Arc::clone(&made);
    let api = api(client, Some(&settings.namespace));
    follows.push(source.follow(api, data_plane_writer, move |_| told.for_writer.call_all()));
    (Arc::clone(&made), run(made, follows))
}

async fn run(made: Arc<Made>, follows: Vec<BoxFuture<'static, ()>>) {
    let mut tasks: JoinSet<()> = follows.into_iter().collect();
    made.services.ready().await;
    made.slices.ready().await;
    // Who is dropped says nothing any more.
    let _ = made.data_planes.wait_until_ready().await;
    made.ready.send_replace(true);
    made.for_writer.call_all();
    made.for_statuses.call_all();
    while tasks.join_next().await.is_some() {}
}

/// Namespaces that are watched; `None`: all of them.
fn scopes(settings: &Settings) -> Vec<Option<String>> {
    if settings.watch.namespaces.is_empty() {
        return vec![None];
    }
    settings.watch.namespaces.iter().cloned().map(Some).collect()
}

fn api<K: Resource<DynamicType = (), Scope = NamespaceResourceScope>>(client: &Client, scope: Option<&str>) -> Api<K> {
    scope.map_or_else(|| Api::all(client.clone()), |namespace| Api::namespaced(client.clone(), namespace))
}

/// What is asked for of a kind.
struct Source {
    kind: &'static str,
    config: watcher::Config,
    listener: Listener,
}

impl Source {
    fn new(kind: &'static str, selector: &str, listener: &Listener) -> Self {
        Self { kind, config: watcher::Config::default().labels(selector), listener: listener.clone() }
    }

    /// Keeps a store as the API server has it, for ever, and tells of every event.
    fn follow<K>(
        self,
        api: Api<K>,
        store: StoreWriter<K>,
        tell: impl Fn(&Event<K>) + Send + 'static,
    ) -> BoxFuture<'static, ()>
    where
        K: Resource<DynamicType = ()> + Clone + fmt::Debug + DeserializeOwned + Send + Sync + 'static,
    {
        Box::pin(async move {
            // Who has made it matters; which fields are whose is as much again as the object.
            let smaller = watcher(api, self.config).modify(|object| {
                object.managed_fields_mut().iter_mut().for_each(|entry| entry.fields_v1 = None);
            });
            let mut events = pin!(smaller.reflect(store));
            let mut recovery = Recovery::of(self.kind, &self.listener);
            while let Some(event) = events.next().await {
                match event {
                    // A list that begins says nothing of whether it will go well.
                    Ok(Event::Init) => {}
                    Ok(event) => {
                        recovery.went_well();
                        tell(&event);
                    }
                    Err(error) => recovery.failed(&error).await,
                }
            }
        })
    }
}

impl Made {
    /// Whether all was read once.
    pub(crate) fn is_ready(&self) -> bool {
        *self.ready.borrow()
    }

    /// Until all was read once.
    pub(super) async fn ready(&self) {
        // The sender is here.
        let _ = self.ready.subscribe().wait_for(|ready| *ready).await;
    }

    /// The Services that were made for a Gateway: one, if nothing is left over.
    pub(crate) fn services_of(&self, gateway: &ObjectRef) -> Vec<Arc<Service>> {
        self.services.of(gateway)
    }

    /// The slices that were made for a Gateway.
    pub(super) fn slices_of(&self, gateway: &ObjectRef) -> Vec<Arc<EndpointSlice>> {
        self.slices.of(gateway)
    }

    /// The slices of the data planes.
    pub(super) fn data_planes(&self) -> Vec<Arc<EndpointSlice>> {
        self.data_planes.state()
    }

    /// Why the objects of a Gateway could not be written, if they could not.
    pub(crate) fn failure(&self, gateway: &ObjectRef) -> Option<String> {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner).get(gateway).cloned()
    }

    /// The objects of a Gateway were written, or could not be.
    pub(super) fn set_failure(&self, gateway: &ObjectRef, failure: Option<&String>) {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        let before = match failure {
            Some(failure) => failures.insert(gateway.clone(), failure.clone()),
            None => failures.remove(gateway),
        };
        if before.as_ref() != failure {
            self.for_statuses.call(gateway.clone());
        }
    }
}
