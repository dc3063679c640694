//! The writer of statuses.

use std::collections::{BTreeMap, BTreeSet};
use std::mem;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use kube::Client;
use nantian_ir::compile::Status;
use nantian_ir::{ObjectRef, ResourceChange};
use tokio::sync::watch;
use tokio::task::JoinError;

use super::plan::{plan, release};
use super::refused::Refusals;
use super::served::{Servers, judge, place};
use crate::apply::{ApplyError, apply_status};
use crate::events::Recorder;
use crate::infra::{Made, Placed, Which};
use crate::lease::while_leading;
use crate::notice::{Listener, Notice};
use crate::publication::{Newest, Publications, Published, next};
use crate::turns::Turns;
use crate::watch::{Observed, ObservedStatus};
use crate::{Metrics, Nodes, Settings};

/// What it needs.
pub(crate) struct Writer {
    pub(crate) client: Client,
    pub(crate) settings: Settings,
    pub(crate) publications: Arc<Publications>,
    pub(crate) observed: Arc<Observed>,
    pub(crate) nodes: Nodes,
    pub(crate) metrics: Metrics,
    /// What is made for Gateways, if anything is.
    pub(crate) made: Option<Arc<Made>>,
    pub(crate) leader: watch::Receiver<bool>,
    pub(crate) listener: Listener,
}

type Written = (ObjectRef, Result<ObservedStatus, ApplyError>);

/// A time of leading.
struct Term<'w> {
    writer: &'w Writer,
    published: Arc<Published>,
    turns: Turns<Written>,
    events: Recorder,
    /// Since when data planes are waited for.
    waiting_since: BTreeMap<ObjectRef, Instant>,
    /// Objects that had a status of ours, and are ours no more.
    released: BTreeSet<ObjectRef>,
    /// What data planes refused of routes when they were looked at last.
    refusals: Arc<Refusals>,
}

impl Writer {
    /// Goes on for ever: writes whenever this replica leads.
    pub(crate) async fn run(self) {
        let begin = |published, newest| Term::new(&self, published).run(newest);
        while_leading(self.leader.clone(), self.publications.newest(), begin).await;
    }
}

impl<'w> Term<'w> {
    fn new(writer: &'w Writer, published: Arc<Published>) -> Self {
        let (client, metrics, listener) = (writer.client.clone(), writer.metrics.clone(), writer.listener.clone());
        let settings = &writer.settings.status;
        let mut term = Self {
            events: Recorder::new(client, &writer.settings, metrics, listener),
            writer,
            published,
            turns: Turns::new(settings.concurrency, settings.writes_per_second),
            waiting_since: BTreeMap::new(),
            released: BTreeSet::new(),
            refusals: Arc::default(),
        };
        term.turns.add(writer.observed.ids());
        term
    }

    async fn run(mut self, mut newest: Newest) {
        let mut nodes = self.writer.nodes.changes();
        let mut resync = tokio::time::interval(self.writer.settings.watch.resync_period);
        resync.reset();
        loop {
            let pause = self.write_what_is_due();
            tokio::select! {
                published = next(&mut newest) => match published {
                    Some(published) => self.advance(published),
                    None => return,
                },
                () = self.writer.observed.changed() => self.turns.add(self.writer.observed.take_changed()),
                which = places_changed(self.writer.made.as_deref()) => match which {
                    Which::All => self.add_served(),
                    Which::These(gateways) => self.turns.add(gateways),
                },
                changed = nodes.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    self.add_served();
                }
                _ = resync.tick() => self.resync(),
                Some(written) = self.turns.written() => self.finish(written),
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// Another publication: what it wants otherwise is looked at.
    fn advance(&mut self, published: Arc<Published>) {
        let before = mem::replace(&mut self.published, published);
        let now = Arc::clone(&self.published);
        for change in now.statuses.changes(&before.statuses) {
            match change {
                ResourceChange::Added(new) | ResourceChange::Changed { new, .. } => {
                    self.released.remove(&new.0.object);
                    self.turns.add([new.0.object.clone()]);
                }
                ResourceChange::Removed(old) => {
                    self.released.insert(old.0.object.clone());
                    self.turns.add([old.0.object.clone()]);
                }
            }
        }
        if now.snapshot.listeners == before.snapshot.listeners {
            let before = self.look_at_refusals();
            if before != self.refusals {
                self.add_refused(&before);
            }
        } else {
            self.add_served();
        }
    }

    /// All whose status data planes have a say in.
    fn add_served(&mut self) {
        let has_listeners = |id: &&ObjectRef| matches!(id.kind.as_str(), "Gateway" | "ListenerSet");
        self.turns.add(self.published.statuses.keys().filter(has_listeners).cloned());
        let before = self.look_at_refusals();
        self.add_refused(&before);
    }

    /// Looks at what data planes refuse of routes; gives what they did before.
    fn look_at_refusals(&mut self) -> Arc<Refusals> {
        let now = Refusals::of(&self.writer.nodes.list(), &self.published.snapshot);
        mem::replace(&mut self.refusals, Arc::new(now))
    }

    /// The routes of which something is refused, and those of which nothing is any more.
    fn add_refused(&mut self, before: &Refusals) {
        self.turns.add(before.routes().chain(self.refusals.routes()).cloned());
    }

    /// All that may have to be written, whether or not somebody said so: that is what nobody found to be as it is wanted since
    /// either changed, and what data planes have a say in.
    fn resync(&mut self) {
        self.turns.add(self.writer.observed.unsettled(&self.published.statuses));
        self.add_served();
    }

    /// Begins as many writes as there may be; says how long until there may be more.
    fn write_what_is_due(&mut self) -> Duration {
        let nodes = self.writer.nodes.list();
        let refusals = Arc::clone(&self.refusals);
        let servers = Servers::of(&nodes, &refusals, &self.writer.publications);
        loop {
            let now = Instant::now();
            let id = match self.turns.next(now) {
                Ok(id) => id,
                Err(wait) => return wait,
            };
            let write = self.look(&id, &servers, now);
            self.turns.begin(write);
        }
    }

    /// Looks at an object; gives what writes its status, if that is to be written.
    fn look(
        &mut self,
        id: &ObjectRef,
        servers: &Servers<'_>,
        now: Instant,
    ) -> Option<impl Future<Output = Written> + use<>> {
        let Some(observed) = self.writer.observed.get(id) else {
            self.turns.queue.gone(id);
            self.released.remove(id);
            self.waiting_since.remove(id);
            return None;
        };
        let reported = self.published.statuses.get(id).cloned();
        let compiled = reported.as_ref().map(|reported| &reported.0.status);
        let mut judged = compiled.map(|compiled| judge(id, compiled, &self.published.snapshot, servers));
        if let Some((verdict, made)) = judged.as_mut().zip(self.writer.made.as_deref()).filter(|_| id.kind == "Gateway")
        {
            if !made.is_ready() {
                // It is called for once that is known.
                self.turns.queue.settled(id, now);
                return None;
            }
            let service = self.published.services.get(id).map(|service| &**service);
            place(&mut verdict.status, Placed::of(id, service, made));
        }
        let is_waiting = servers.are_there() && judged.as_ref().is_some_and(|verdict| verdict.is_waiting);
        if let Some(until) = self.waits_until(id, is_waiting, now) {
            self.turns.queue.settled(id, now);
            self.turns.queue.add_at(id.clone(), until, now);
            return None;
        }
        let wanted = judged.map(|verdict| verdict.status);
        let Some(object) = self.object_for(id, wanted.as_ref(), &observed) else {
            if !compiled.is_some_and(|compiled| servers.have_a_say(id, compiled)) {
                self.writer.observed.settle(id, &observed, reported.as_ref());
            }
            self.turns.queue.settled(id, now);
            return None;
        };
        if let Some(wanted) = &wanted {
            self.events.tell(id, &observed, wanted, now);
        }
        let (client, id) = (self.writer.client.clone(), id.clone());
        Some(async move {
            let written = apply_status(&client, &id, object).await;
            (id, written)
        })
    }

    /// Until when data planes may take before it is said of an object that they do not serve it.
    fn waits_until(&mut self, id: &ObjectRef, is_waiting: bool, now: Instant) -> Option<Instant> {
        if !is_waiting {
            self.waiting_since.remove(id);
            return None;
        }
        let since = *self.waiting_since.entry(id.clone()).or_insert(now);
        Some(since + self.writer.settings.status.programming_grace).filter(|until| now < *until)
    }

    fn object_for(
        &mut self,
        id: &ObjectRef,
        wanted: Option<&Status>,
        observed: &ObservedStatus,
    ) -> Option<serde_json::Value> {
        let has_entries = id.kind.ends_with("Route") || id.kind.ends_with("Policy") || id.kind == "WasmPlugin";
        if wanted.is_none() && !has_entries {
            return self.released.contains(id).then(|| release(id, observed));
        }
        plan(id, wanted, observed, &self.writer.settings.controller_name, Timestamp::now())
    }

    fn finish(&mut self, written: Result<Written, JoinError>) {
        let now = Instant::now();
        // A write that panicked leaves its object in work; there is none that can.
        let Ok((id, written)) = written else { return };
        match written {
            Ok(observed) => {
                self.released.remove(&id);
                self.writer.observed.set(&id, observed);
                self.turns.queue.written(&id, now);
            }
            Err(ApplyError::Gone) => self.turns.queue.gone(&id),
            Err(ApplyError::Conflict(seen)) => {
                if let Some(seen) = seen {
                    self.writer.observed.set(&id, *seen);
                }
                self.turns.queue.failed(&id, now);
            }
            Err(error) => {
                let (object, message) = (id.to_string(), error.to_string());
                self.writer.listener.tell(&Notice::StatusNotWritten { object, message });
                self.turns.queue.failed(&id, now);
            }
        }
    }
}

/// Gateways that may be reached elsewhere now.
async fn places_changed(made: Option<&Made>) -> Which {
    match made {
        Some(made) => made.for_statuses.next().await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests;
