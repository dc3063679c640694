//! Reading everything that the compiler reads, and following its changes.
//!
//! Each kind has a task (`follow.rs`) that lists and watches, and hands on what has changed: to the compiler without the
//! status (`inbox.rs`), to the writer of statuses the status alone (`observed.rs`). A kind whose CRD is not installed has
//! no objects; `served.rs` notices when it comes. Whatever goes wrong is tried again for as long as it takes.

mod backoff;
pub(crate) mod definitions;
mod follow;
pub(crate) mod inbox;
pub(crate) mod kinds;
mod object;
mod observed;
mod recovery;
pub(crate) mod served;

use std::time::Instant;

use kube::Client;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinSet;

pub(crate) use follow::Sink;
use follow::Source;
use kinds::{KINDS, Kind, Scope};
pub(crate) use object::{ObservedStatus, Received};
pub(crate) use observed::Observed;
pub(crate) use recovery::Recovery;

use crate::notice::Notice;
use crate::settings::WatchSettings;

/// Watches everything, for ever; tells the inbox when everything was read once.
pub(crate) async fn run(client: Client, settings: WatchSettings, sink: Sink) {
    let began = Instant::now();
    let (served, known) = watch::channel(None);
    let (installed, definitions) = watch::channel(None);
    let mut tasks = JoinSet::new();
    let mut firsts = Vec::new();
    let mut first = || {
        let (told, first) = oneshot::channel();
        firsts.push(first);
        told
    };
    tasks.spawn(definitions::follow(client.clone(), sink.clone(), installed, first()));
    for kind in &KINDS {
        for namespace in namespaces(kind, &settings) {
            let label_selector = settings.selector.clone().filter(|_| kind.is_selected());
            let (client, sink) = (client.clone(), sink.clone());
            let source = Source { kind, namespace, label_selector, client, sink };
            tasks.spawn(source.follow(known.clone(), first()));
        }
    }
    let period = settings.resync_period;
    tasks.spawn(served::follow(client, period, definitions, served, sink.listener.clone()));
    for first in firsts {
        // One that ended says nothing any more; the tasks below tell why.
        let _ = first.await;
    }
    sink.listener.tell(&Notice::Synced { duration_ms: began.elapsed().as_millis() });
    sink.inbox.synced();
    while tasks.join_next().await.is_some() {}
}

/// In which namespaces a kind is watched; `None`: in all.
fn namespaces(kind: &Kind, settings: &WatchSettings) -> Vec<Option<String>> {
    if kind.scope == Scope::Cluster || settings.namespaces.is_empty() {
        return vec![None];
    }
    settings.namespaces.iter().cloned().map(Some).collect()
}
