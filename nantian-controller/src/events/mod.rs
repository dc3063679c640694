//! Kubernetes Events for what is refused, on the object that it is about.
//!
//! The writer of statuses says what it writes; whatever is refused in it becomes an Event (`refusals.rs`), which is said again
//! after an hour at the earliest (`recent.rs`). So `kubectl describe` shows it, and only the leader writes.

mod recent;
mod refusals;

use std::time::{Duration, Instant};

use jiff::Timestamp;
use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::api::events::v1::Event;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use kube::api::{ObjectMeta, PostParams};
use kube::{Api, Client};
use nantian_ir::ObjectRef;
use nantian_ir::compile::Status;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::digest;
use crate::notice::{Listener, Notice};
use crate::rate::Rate;
use crate::watch::ObservedStatus;
use crate::{Metrics, Settings};
use recent::Recent;
use refusals::{Refusal, refusals};

/// Events that wait for their turn. Of more, the newest are dropped: the status says the same.
const MAX_WAITING: usize = 1_000;

/// Time for one write.
const PATIENCE: Duration = Duration::from_secs(10);

/// What was tried.
const ACTION: &str = "Reconcile";

/// Where Events of objects without a namespace are, as `kubectl` looks for them.
const DEFAULT_NAMESPACE: &str = "default";

/// What became of an Event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The API server has it.
    Written,
    /// The API server does not take it.
    Failed,
    /// Too many wait.
    Dropped,
}

impl Outcome {
    pub(crate) const ALL: [Self; 3] = [Self::Written, Self::Failed, Self::Dropped];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Written => "written",
            Self::Failed => "failed",
            Self::Dropped => "dropped",
        }
    }
}

/// Makes Events, for as long as it is there.
pub(crate) struct Recorder {
    waiting: mpsc::Sender<Event>,
    recent: Recent,
    controller: String,
    identity: String,
    metrics: Metrics,
    /// Dropped with it, so that nothing is written any more.
    _writer: JoinSet<()>,
}

impl Recorder {
    pub(crate) fn new(client: Client, settings: &Settings, metrics: Metrics, listener: Listener) -> Self {
        let (waiting, events) = mpsc::channel(MAX_WAITING);
        let rate = Rate::new(settings.events.writes_per_second, Instant::now());
        let mut writer = JoinSet::new();
        writer.spawn(write(client, events, rate, metrics.clone(), listener));
        Self {
            waiting,
            recent: Recent::default(),
            controller: settings.controller_name.clone(),
            identity: settings.identity.clone(),
            metrics,
            _writer: writer,
        }
    }

    /// This status is written to the object: what it refuses is told, unless it was a short time ago.
    pub(crate) fn tell(&mut self, id: &ObjectRef, observed: &ObservedStatus, status: &Status, now: Instant) {
        for refusal in refusals(status) {
            let name = name(&observed.uid, &refusal);
            if !self.recent.is_new(&name, now) {
                continue;
            }
            let event = self.event(name, id, observed, refusal);
            if self.waiting.try_send(event).is_err() {
                self.metrics.event(Outcome::Dropped);
            }
        }
    }

    fn event(&self, name: String, id: &ObjectRef, observed: &ObservedStatus, refusal: Refusal) -> Event {
        let namespace = Some(id.namespace.to_string()).filter(|namespace| !namespace.is_empty());
        Event {
            metadata: ObjectMeta {
                name: Some(name),
                namespace: Some(namespace.clone().unwrap_or_else(|| DEFAULT_NAMESPACE.to_owned())),
                ..ObjectMeta::default()
            },
            action: Some(ACTION.to_owned()),
            event_time: Some(MicroTime(Timestamp::now())),
            type_: Some("Warning".to_owned()),
            reason: Some(refusal.reason.to_owned()),
            note: Some(refusal.note),
            regarding: Some(ObjectReference {
                api_version: Some(observed.api_version(id)),
                kind: Some(id.kind.to_string()),
                namespace,
                name: Some(id.name.to_string()),
                uid: Some(observed.uid.to_string()),
                ..ObjectReference::default()
            }),
            reporting_controller: Some(self.controller.clone()),
            reporting_instance: Some(self.identity.clone()),
            ..Event::default()
        }
    }
}

/// The same for the same text about the same object, so that the API server knows what another replica said already.
fn name(uid: &str, refusal: &Refusal) -> String {
    let Refusal { reason, note } = refusal;
    format!("nantian-gw-{}", digest::short(&format!("{uid}\n{reason}\n{note}")))
}

async fn write(
    client: Client,
    mut events: mpsc::Receiver<Event>,
    mut rate: Rate,
    metrics: Metrics,
    listener: Listener,
) {
    let mut failing = false;
    while let Some(event) = events.recv().await {
        while let Err(wait) = rate.take(Instant::now()) {
            tokio::time::sleep(wait).await;
        }
        let namespace = event.metadata.namespace.clone().unwrap_or_default();
        let api: Api<Event> = Api::namespaced(client.clone(), &namespace);
        let message = match tokio::time::timeout(PATIENCE, api.create(&PostParams::default(), &event)).await {
            Ok(Ok(_)) => {
                failing = false;
                metrics.event(Outcome::Written);
                continue;
            }
            // It is there: another replica, or this one before, said so within the hour.
            Ok(Err(kube::Error::Api(status))) if status.code == 409 => continue,
            Ok(Err(error)) => error.to_string(),
            Err(_) => "no answer in time".to_owned(),
        };
        metrics.event(Outcome::Failed);
        if !std::mem::replace(&mut failing, true) {
            listener.tell(&Notice::EventNotWritten { message });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(reason: &'static str, note: &str) -> Refusal {
        Refusal { reason, note: note.to_owned() }
    }

    #[test]
    fn the_same_text_about_the_same_object_has_the_same_name_and_nothing_else_has() {
        let one = name("u", &refusal("Invalid", "a"));
        assert_eq!(one, name("u", &refusal("Invalid", "a")));
        let others = [
            name("v", &refusal("Invalid", "a")),
            name("u", &refusal("Conflict", "a")),
            name("u", &refusal("Invalid", "b")),
        ];
        assert!(!others.contains(&one));
        assert!(one.len() < 63 && one.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'));
    }
}
