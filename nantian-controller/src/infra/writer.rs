//! The writer of what is made for Gateways.

use std::fmt;
use std::mem;
use std::sync::Arc;
use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::core::NamespaceResourceScope;
use kube::{Api, Client, Resource};
use nantian_ir::ObjectRef;
use serde::de::DeserializeOwned;
use tokio::sync::watch;
use tokio::task::JoinError;

use super::attention::Which;
use super::made::Made;
use super::plan::{Kind, Step, There, Write, plan};
use crate::Settings;
use crate::apply::{ApplyError, apply, delete};
use crate::lease::while_leading;
use crate::notice::{Listener, Notice};
use crate::publication::{Newest, Publications, Published, next};
use crate::turns::Turns;
use crate::watch::Observed;

/// What it needs.
pub(crate) struct Writer {
    pub(crate) client: Client,
    pub(crate) settings: Settings,
    pub(crate) publications: Arc<Publications>,
    /// For the identity of Gateways.
    pub(crate) observed: Arc<Observed>,
    pub(crate) made: Arc<Made>,
    pub(crate) leader: watch::Receiver<bool>,
    pub(crate) listener: Listener,
}

type Written = (ObjectRef, Result<(), String>);

/// A time of leading.
struct Term<'w> {
    writer: &'w Writer,
    published: Arc<Published>,
    turns: Turns<Written>,
}

impl Writer {
    /// Goes on for ever: writes whenever this replica leads.
    pub(crate) async fn run(self) {
        self.made.ready().await;
        let begin = |published, newest| Term::new(&self, published).run(newest);
        while_leading(self.leader.clone(), self.publications.newest(), begin).await;
    }
}

impl<'w> Term<'w> {
    fn new(writer: &'w Writer, published: Arc<Published>) -> Self {
        let settings = &writer.settings.infrastructure;
        let mut term = Self { writer, published, turns: Turns::new(settings.concurrency, settings.writes_per_second) };
        term.add_all();
        term
    }

    fn add_all(&mut self) {
        self.turns.add(self.published.services.keys().cloned());
    }

    async fn run(mut self, mut newest: Newest) {
        let mut resync = tokio::time::interval(self.writer.settings.watch.resync_period);
        resync.reset();
        loop {
            let pause = self.write_what_is_due();
            tokio::select! {
                published = next(&mut newest) => match published {
                    Some(published) => self.advance(published),
                    None => return,
                },
                which = self.writer.made.for_writer.next() => match which {
                    Which::All => self.add_all(),
                    Which::These(gateways) => self.turns.add(gateways),
                },
                _ = resync.tick() => self.add_all(),
                Some(written) = self.turns.written() => self.finish(written),
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// Another publication: what it wants otherwise is looked at.
    fn advance(&mut self, published: Arc<Published>) {
        let before = mem::replace(&mut self.published, published);
        let changes = self.published.services.changes(&before.services);
        self.turns.add(changes.iter().map(|change| change.key().clone()));
    }

    /// Begins as many writes as there may be; says how long until there may be more.
    fn write_what_is_due(&mut self) -> Duration {
        loop {
            let now = Instant::now();
            let gateway = match self.turns.next(now) {
                Ok(gateway) => gateway,
                Err(wait) => return wait,
            };
            let write = self.look(&gateway, now);
            self.turns.begin(write);
        }
    }

    /// Looks at a Gateway; gives what writes for it, if anything is to be written.
    fn look(&mut self, gateway: &ObjectRef, now: Instant) -> Option<impl Future<Output = Written> + use<>> {
        let Writer { observed, made, client, .. } = self.writer;
        // What nothing is wanted of stays as it is: the Gateway may be on its way out, and its objects with it, or wrong.
        let wanted = self.published.services.get(gateway).zip(observed.get(gateway));
        let Some((service, observed)) = wanted else {
            self.turns.queue.gone(gateway);
            made.set_failure(gateway, None);
            return None;
        };
        let there = There { services: made.services_of(gateway), slices: made.slices_of(gateway) };
        let writes = plan(service, &observed.uid, &made.data_planes(), &there);
        if writes.is_empty() {
            self.turns.queue.settled(gateway, now);
            made.set_failure(gateway, None);
            return None;
        }
        let (client, gateway) = (client.clone(), gateway.clone());
        Some(async move {
            let written = write(&client, &gateway.namespace, writes).await;
            (gateway, written)
        })
    }

    fn finish(&mut self, written: Result<Written, JoinError>) {
        let now = Instant::now();
        // A write that panicked leaves its Gateway in work; there is none that can.
        let Ok((gateway, written)) = written else { return };
        self.writer.made.set_failure(&gateway, written.as_ref().err());
        match written {
            Ok(()) => self.turns.queue.written(&gateway, now),
            Err(message) => {
                self.turns.queue.failed(&gateway, now);
                let gateway = gateway.to_string();
                self.writer.listener.tell(&Notice::InfrastructureNotWritten { gateway, message });
            }
        }
    }
}

/// Writes one after the other; says what could not be written.
async fn write(client: &Client, namespace: &str, writes: Vec<Write>) -> Result<(), String> {
    for Write { kind, name, step } in writes {
        let written = match kind {
            Kind::Service => write_one::<Service>(client, namespace, &name, step).await,
            Kind::EndpointSlice => write_one::<EndpointSlice>(client, namespace, &name, step).await,
        };
        written.map_err(|error| format!("{kind:?} {namespace}/{name}: {error}"))?;
    }
    Ok(())
}

async fn write_one<K>(client: &Client, namespace: &str, name: &str, step: Step) -> Result<(), ApplyError>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + fmt::Debug + DeserializeOwned,
{
    let api = Api::<K>::namespaced(client.clone(), namespace);
    match step {
        // One that somebody made meanwhile stays as it is.
        Step::Create(object) => apply(&api, name, object, false).await,
        Step::Change(object) => apply(&api, name, object, true).await,
        Step::Delete => delete(&api, name).await,
    }
}
