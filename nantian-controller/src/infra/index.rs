//! Objects that were made for Gateways, by Gateway.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use kube::api::ObjectMeta;
use kube::runtime::reflector::store::Writer as StoreWriter;
use kube::runtime::reflector::{self, ObjectRef as StoreRef, Store};
use kube::runtime::watcher::Event;
use kube::{Resource, ResourceExt as _};
use nantian_ir::ObjectRef;
use nantian_ir::compile::GatewayService;

use crate::watch::kinds::GATEWAY_API;

/// The objects of a kind.
pub(super) struct Index<K: Resource<DynamicType = ()> + Clone + 'static> {
    /// One for each namespace that is watched, or one for all.
    stores: Vec<Store<K>>,
    /// Names of objects that were seen, by Gateway. The stores know which of them are there.
    names: Mutex<BTreeMap<ObjectRef, BTreeSet<String>>>,
}

impl<K: Resource<DynamicType = ()> + Clone + 'static> Index<K> {
    /// An index of so many stores, each with who fills it.
    pub(super) fn new(scopes: usize) -> (Self, Vec<StoreWriter<K>>) {
        let (stores, writers) = (0..scopes).map(|_| reflector::store()).unzip();
        (Self { stores, names: Mutex::default() }, writers)
    }

    /// Until all stores are filled.
    pub(super) async fn ready(&self) {
        for store in &self.stores {
            // Who is dropped says nothing any more.
            let _ = store.wait_until_ready().await;
        }
    }

    /// Notes an event, after the store has; gives the Gateway whose object has changed.
    pub(super) fn note(&self, event: &Event<K>) -> Option<ObjectRef> {
        let (Event::Apply(object) | Event::InitApply(object) | Event::Delete(object)) = event else { return None };
        let gateway = gateway_of(object.meta())?;
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        let of_gateway = names.entry(gateway.clone()).or_default();
        if matches!(event, Event::Delete(_)) {
            of_gateway.remove(&object.name_any());
        } else {
            of_gateway.insert(object.name_any());
        }
        if of_gateway.is_empty() {
            names.remove(&gateway);
        }
        Some(gateway)
    }

    /// The objects of a Gateway, by name.
    pub(super) fn of(&self, gateway: &ObjectRef) -> Vec<Arc<K>> {
        let names = self.names.lock().unwrap_or_else(PoisonError::into_inner).get(gateway).cloned().unwrap_or_default();
        let held = |name: String| {
            let key = StoreRef::new(&name).within(&gateway.namespace);
            self.stores.iter().find_map(|store| store.get(&key))
        };
        let is_its = |object: &Arc<K>| gateway_of(object.meta()).as_ref() == Some(gateway);
        names.into_iter().filter_map(held).filter(is_its).collect()
    }
}

/// The Gateway that an object was made for.
fn gateway_of(metadata: &ObjectMeta) -> Option<ObjectRef> {
    let owners = metadata.owner_references.iter().flatten();
    let mut gateways = owners.filter(|owner| owner.kind == "Gateway" && owner.api_version.starts_with(GATEWAY_API));
    // The label of a long name is not that name.
    let label = || metadata.labels.as_ref().and_then(|labels| labels.get(GatewayService::GATEWAY_NAME));
    let name = gateways.next().map(|owner| &owner.name).or_else(label)?;
    Some(ObjectRef {
        group: GATEWAY_API.into(),
        kind: "Gateway".into(),
        namespace: metadata.namespace.as_deref()?.into(),
        name: name.as_str().into(),
    })
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::Service;
    use serde_json::{Value, json};

    use super::*;

    fn service(name: &str, owners: &Value) -> Service {
        serde_json::from_value(json!({"metadata": {
            "name": name, "namespace": "n", "ownerReferences": owners, "labels": {GatewayService::GATEWAY_NAME: "labelled"},
        }}))
        .unwrap()
    }

    #[test]
    fn an_object_is_of_the_gateway_that_owns_it_or_else_of_the_one_on_its_label() {
        let reference =
            json!([{"apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway", "name": "owner", "uid": "u"}]);
        let (index, mut writers) = Index::<Service>::new(1);
        let mut gateway = |event: Event<Service>| {
            writers[0].apply_watcher_event(&event);
            index.note(&event).unwrap()
        };
        let owned = gateway(Event::Apply(service("a", &reference)));
        let labelled = gateway(Event::Apply(service("b", &json!([]))));
        assert_eq!((&*owned.name, &*labelled.name), ("owner", "labelled"));
        let names = |gateway| index.of(gateway).iter().map(|service| service.name_any()).collect::<Vec<_>>();
        assert_eq!((names(&owned), names(&labelled)), (vec!["a".to_owned()], vec!["b".to_owned()]));
        gateway(Event::Delete(service("a", &reference)));
        assert!(index.of(&owned).is_empty());
    }
}
