//! `CustomResourceDefinition`s of the groups that we read: their metadata is enough, and they are large.

use std::collections::{BTreeMap, BTreeSet};
use std::pin::pin;

use futures_util::StreamExt as _;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{ObjectMeta, PartialObjectMeta};
use kube::runtime::watcher::{self, Event, watcher};
use kube::{Api, Client};
use nantian_ir::ObjectRef;
use nantian_ir::compile::{Change, Object};
use serde_json::json;
use tokio::sync::{oneshot, watch};

use super::follow::Sink;
use super::kinds::INSTALLED;
use super::recovery::Recovery;

pub(crate) const KIND: &str = "CustomResourceDefinition";

/// The names of those that there are.
pub(crate) type Installed = BTreeSet<String>;

/// Goes on for ever. `installed` is told of every change, also where no name comes or goes, and nothing before everything was seen
/// once; `first` when everything was seen once.
pub(crate) async fn follow(
    client: Client,
    sink: Sink,
    installed: watch::Sender<Option<Installed>>,
    first: oneshot::Sender<()>,
) {
    let api: Api<PartialObjectMeta<CustomResourceDefinition>> = Api::all(client);
    let mut events = pin!(watcher(api, watcher::Config::default()));
    let mut recovery = Recovery::of(KIND, &sink.listener);
    let (mut held, mut listed) = (BTreeMap::new(), BTreeMap::new());
    let mut first = Some(first);
    while let Some(event) = events.next().await {
        let event = match event {
            Ok(event) => event,
            Err(error) => {
                recovery.failed(&error).await;
                continue;
            }
        };
        match event {
            Event::Init => {
                listed.clear();
                continue;
            }
            Event::InitApply(definition) => listed.extend(object(&definition.metadata)),
            Event::InitDone => {
                sink.inbox.add(difference(&held, &listed));
                held = std::mem::take(&mut listed);
                installed.send_replace(Some(names(&held)));
                if let Some(first) = first.take() {
                    // Who no longer waits is no longer there.
                    let _ = first.send(());
                }
            }
            Event::Apply(definition) => {
                if let Some((id, object)) = object(&definition.metadata) {
                    if held.insert(id, object.clone()).as_ref() != Some(&object) {
                        sink.inbox.add([Change::Insert(object)]);
                    }
                    installed.send_replace(Some(names(&held)));
                }
            }
            Event::Delete(definition) => {
                if let Some((id, _)) = object(&definition.metadata) {
                    held.remove(&id);
                    installed.send_replace(Some(names(&held)));
                    sink.inbox.add([Change::Remove(id)]);
                }
            }
        }
        recovery.went_well();
    }
}

/// The definition as the compiler reads it; `None`: it is of another group.
pub(crate) fn object(metadata: &ObjectMeta) -> Option<(ObjectRef, Object)> {
    let name = metadata.name.as_deref()?;
    let (_, group) = name.split_once('.')?;
    if !INSTALLED.contains(&group) {
        return None;
    }
    let value = json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": KIND,
        "metadata": {"name": name, "annotations": metadata.annotations, "generation": metadata.generation},
    });
    let object = Object::new(value).ok()?;
    Some((object.id().clone(), object))
}

fn names(held: &BTreeMap<ObjectRef, Object>) -> Installed {
    held.keys().map(|id| id.name.to_string()).collect()
}

fn difference(before: &BTreeMap<ObjectRef, Object>, now: &BTreeMap<ObjectRef, Object>) -> Vec<Change> {
    let gone = before.keys().filter(|id| !now.contains_key(id)).map(|id| Change::Remove(id.clone()));
    let new = now.iter().filter(|(id, object)| before.get(id) != Some(object));
    gone.chain(new.map(|(_, object)| Change::Insert(object.clone()))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(name: &str) -> Option<(ObjectRef, Object)> {
        let annotations =
            BTreeMap::from([("gateway.networking.k8s.io/bundle-version".to_owned(), "v1.5.1".to_owned())]);
        let (name, annotations) = (Some(name.to_owned()), Some(annotations));
        object(&ObjectMeta { name, annotations, ..ObjectMeta::default() })
    }

    #[test]
    fn only_definitions_of_our_groups_are_read() {
        assert!(named("gateways.gateway.networking.k8s.io").is_some());
        assert!(named("aiservices.nantian.dev").is_some());
        assert!(named("certificates.cert-manager.io").is_none());
        assert!(named("nodots").is_none());
    }

    #[test]
    fn a_list_tells_what_is_new_and_what_is_gone() {
        let one: BTreeMap<_, _> = named("a.nantian.dev").into_iter().collect();
        let other: BTreeMap<_, _> = named("b.nantian.dev").into_iter().collect();
        assert_eq!(difference(&one, &one), []);
        assert_eq!(difference(&one, &other).len(), 2);
    }
}
