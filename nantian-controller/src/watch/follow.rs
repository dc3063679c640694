//! Following the objects of one kind, in one namespace or in all.

use std::collections::BTreeSet;
use std::pin::pin;
use std::sync::Arc;

use futures_util::StreamExt as _;
use kube::Client;
use kube::runtime::watcher::{self, Event, watcher};
use nantian_ir::ObjectRef;
use nantian_ir::compile::{Change, Object, Objects};
use tokio::sync::{oneshot, watch};

use super::inbox::Inbox;
use super::kinds::Kind;
use super::object::Received;
use super::observed::Observed;
use super::recovery::Recovery;
use super::served::{Served, version_of};
use crate::notice::{Listener, Notice};

/// Where what is seen goes.
#[derive(Clone)]
pub(crate) struct Sink {
    pub(crate) inbox: Arc<Inbox>,
    pub(crate) observed: Arc<Observed>,
    pub(crate) listener: Listener,
}

/// The objects of a kind.
pub(crate) struct Source {
    pub(crate) kind: &'static Kind,
    /// `None`: all namespaces.
    pub(crate) namespace: Option<String>,
    pub(crate) label_selector: Option<String>,
    pub(crate) client: Client,
    pub(crate) sink: Sink,
}

/// What is there, as far as it was seen.
struct Held {
    objects: Objects,
    /// Those that a list in progress has shown.
    listed: BTreeSet<ObjectRef>,
    /// Told when everything was seen once.
    first: Option<oneshot::Sender<()>>,
}

impl Source {
    /// Goes on for ever. `first` is told when everything was seen once, or the kind is not there.
    pub(crate) async fn follow(self, mut served: watch::Receiver<Option<Served>>, first: oneshot::Sender<()>) {
        let mut held = Held { objects: Objects::new(), listed: BTreeSet::new(), first: Some(first) };
        loop {
            let known = served.borrow_and_update().clone();
            // Until it is known which kinds there are, none is taken away.
            let version = known.as_ref().and_then(|served| version_of(self.kind, served));
            if known.is_some() && version.is_none() {
                self.finish_list(&mut held);
            }
            let changed = async {
                while served.changed().await.is_ok() {
                    let now = served.borrow_and_update().as_ref().and_then(|served| version_of(self.kind, served));
                    if now != version || version.is_none() {
                        return;
                    }
                }
                std::future::pending::<()>().await;
            };
            match version {
                Some(version) => tokio::select! {
                    () = self.watch(version, &mut held) => {}
                    () = changed => {}
                },
                None => changed.await,
            }
        }
    }

    async fn watch(&self, version: &str, held: &mut Held) {
        let api = Received::api(&self.client, self.kind, version, self.namespace.as_deref());
        let config = watcher::Config {
            label_selector: self.label_selector.clone(),
            field_selector: self.kind.field_selector.map(str::to_owned),
            ..watcher::Config::default()
        };
        let mut events = pin!(watcher(api, config));
        let mut recovery = Recovery::of(self.kind.name, &self.sink.listener);
        while let Some(event) = events.next().await {
            match event {
                // A list that begins says nothing of whether it will go well.
                Ok(Event::Init) => held.listed.clear(),
                Ok(event) => {
                    recovery.went_well();
                    self.handle(event, version, held);
                }
                Err(error) => recovery.failed(&error).await,
            }
        }
    }

    fn handle(&self, event: Event<Received>, version: &str, held: &mut Held) {
        match event {
            Event::Init => {}
            Event::InitApply(received) => {
                if let Some(id) = self.see(received, version, held) {
                    held.listed.insert(id);
                }
            }
            Event::Apply(received) => {
                self.see(received, version, held);
            }
            Event::InitDone => self.finish_list(held),
            Event::Delete(received) => {
                if let Some(seen) = self.take_apart(received, version) {
                    self.forget(seen.object.id(), held);
                }
            }
        }
    }

    fn take_apart(&self, received: Received, version: &str) -> Option<super::object::Seen> {
        let seen = received.into_seen(self.kind, version);
        let refused = |error: &nantian_ir::compile::objects::ObjectError| {
            let message = error.to_string();
            self.sink.listener.tell(&Notice::ObjectRefused { kind: self.kind.name, message });
        };
        seen.inspect_err(refused).ok()
    }

    fn see(&self, received: Received, version: &str, held: &mut Held) -> Option<ObjectRef> {
        let seen = self.take_apart(received, version)?;
        let id = seen.object.id().clone();
        if let Some(status) = seen.status {
            self.sink.observed.set(&id, status);
        }
        if held.objects.get(&id) != Some(&seen.object) {
            held.objects.insert(seen.object.clone());
            self.sink.inbox.add([Change::Insert(seen.object)]);
        }
        Some(id)
    }

    fn forget(&self, id: &ObjectRef, held: &mut Held) {
        self.sink.observed.remove(id);
        if held.objects.remove(id).is_some() {
            self.sink.inbox.add([Change::Remove(id.clone())]);
        }
    }

    /// What is held and was not listed is gone.
    fn finish_list(&self, held: &mut Held) {
        let listed = std::mem::take(&mut held.listed);
        let gone: Vec<ObjectRef> =
            held.objects.iter().map(Object::id).filter(|id| !listed.contains(id)).cloned().collect();
        for id in gone {
            self.forget(&id, held);
        }
        if let Some(first) = held.first.take() {
            // Who no longer waits is no longer there.
            let _ = first.send(());
        }
    }
}
