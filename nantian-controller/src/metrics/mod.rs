//! The metrics of the control plane. Their names are one table, `names.rs`; whoever does what is counted says so to a
//! [`Metrics`].

mod cells;
mod names;
mod reference;
mod streams;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use nantian_ir::Snapshot;
use nantian_metrics::{Durations, Exposition};
use nantian_xds::transport::{Observation, StreamEnd};

use crate::Publications;
use crate::events::Outcome;
use crate::renewal::Renewed;
use cells::{Histogram, Number};
pub use reference::metrics_reference;
use streams::{Streams, Told};

/// Labels of an answered request: all from fixed sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct AdminRequest {
    /// `GET`, `HEAD` or `other`.
    pub(crate) method: &'static str,
    /// The template of the path, or `none`.
    pub(crate) route: &'static str,
    /// `2xx` to `5xx`.
    pub(crate) status_class: &'static str,
}

/// What is so at the moment, as those know who are asked when metrics are read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Gauges {
    pub(crate) ready: bool,
    pub(crate) leader: bool,
    /// Data planes by state; each state is there.
    pub(crate) nodes: BTreeMap<&'static str, usize>,
}

#[derive(Debug, Default)]
struct Build {
    done: Number,
    failed: Number,
    published: Number,
    last_succeeded: Number,
    duration: Histogram,
    resources: [Number; RESOURCES.len()],
}

/// What is counted of a snapshot: the label, and how many there are.
type Count = (&'static str, fn(&Snapshot) -> usize);

const RESOURCES: [Count; 7] = [
    ("listeners", |snapshot| snapshot.listeners.len()),
    ("rules", |snapshot| snapshot.rules.len()),
    ("stream_rules", |snapshot| snapshot.stream_rules.len()),
    ("backends", |snapshot| snapshot.backends.len()),
    ("endpoints", |snapshot| snapshot.endpoints.values().map(|set| set.endpoints.len()).sum()),
    ("certificates", |snapshot| snapshot.certificates.len()),
    ("ca_bundles", |snapshot| snapshot.ca_bundles.len()),
];

#[derive(Debug, Default)]
struct Discovery {
    ends: [Number; StreamEnd::ALL.len()],
    ack_lag: Histogram,
    nack_lag: Histogram,
    send: Histogram,
    streams: Mutex<Streams>,
}

#[derive(Debug)]
struct Inner {
    started: SystemTime,
    build: Build,
    discovery: Discovery,
    renewal_failures: [Number; Renewed::ALL.len()],
    events: [Number; Outcome::ALL.len()],
    admin: Mutex<BTreeMap<AdminRequest, (u64, Durations)>>,
}

/// All numbers of a control plane. Clones are the same.
#[derive(Debug, Clone)]
pub struct Metrics(Arc<Inner>);

impl Default for Metrics {
    fn default() -> Self {
        let (build, discovery, admin) = (Build::default(), Discovery::default(), Mutex::default());
        let renewal_failures = <[Number; Renewed::ALL.len()]>::default();
        let events = <[Number; Outcome::ALL.len()]>::default();
        Self(Arc::new(Inner { started: SystemTime::now(), build, discovery, renewal_failures, events, admin }))
    }
}

impl Metrics {
    /// Nothing is counted yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A snapshot was built; it need not differ from the one before.
    pub fn built(&self, took: Duration) {
        let build = &self.0.build;
        build.done.increment();
        build.last_succeeded.set(1);
        build.duration.observe(took);
    }

    /// A build came to no snapshot.
    pub fn build_failed(&self) {
        self.0.build.failed.increment();
        self.0.build.last_succeeded.set(0);
    }

    /// This snapshot is what data planes get from now on.
    pub fn published(&self, snapshot: &Snapshot) {
        let build = &self.0.build;
        build.published.increment();
        for (number, (_, count)) in build.resources.iter().zip(RESOURCES) {
            number.set(count(snapshot) as u64);
        }
    }

    /// Something happened on the stream of a data plane.
    pub fn observe(&self, node: &str, observation: &Observation, publications: &Publications) {
        let published_at = |version: &str| publications.published_at(version);
        let mut streams = self.0.discovery.streams.lock().unwrap_or_else(PoisonError::into_inner);
        let told = streams.observe(node, observation, published_at, SystemTime::now());
        drop(streams);
        let discovery = &self.0.discovery;
        match told {
            None => {}
            Some(Told::Ended(end)) => {
                let places = StreamEnd::ALL.iter().zip(&discovery.ends);
                places.filter(|(of, _)| **of == end).for_each(|(_, number)| number.increment());
            }
            Some(Told::Answered { is_whole, lag, send }) => {
                let of_answer = if is_whole { &discovery.ack_lag } else { &discovery.nack_lag };
                for (histogram, time) in [(of_answer, lag), (&discovery.send, send)] {
                    if let Some(time) = time {
                        histogram.observe(time);
                    }
                }
            }
        }
    }

    /// New certificates or a new token are no use.
    pub(crate) fn renewal_failed(&self, what: Renewed) {
        let places = Renewed::ALL.iter().zip(&self.0.renewal_failures);
        places.filter(|(of, _)| **of == what).for_each(|(_, number)| number.increment());
    }

    /// This became of a Kubernetes Event.
    pub(crate) fn event(&self, outcome: Outcome) {
        let places = Outcome::ALL.iter().zip(&self.0.events);
        places.filter(|(of, _)| **of == outcome).for_each(|(_, number)| number.increment());
    }

    /// A request was answered.
    pub(crate) fn answered(&self, request: AdminRequest, took: Duration) {
        let mut requests = self.0.admin.lock().unwrap_or_else(PoisonError::into_inner);
        let (count, duration) = requests.entry(request).or_default();
        *count += 1;
        duration.observe(took);
    }

    /// All metrics as Prometheus text (exposition format 0.0.4).
    pub(crate) fn text(&self, gauges: &Gauges) -> String {
        let mut text = Exposition::default();
        self.process(&mut text, gauges);
        self.snapshots(&mut text);
        self.requests(&mut text);
        self.streams(&mut text);
        text.into_string()
    }

    fn process(&self, text: &mut Exposition, gauges: &Gauges) {
        text.family(&names::INFO);
        text.sample(&names::INFO, &[env!("CARGO_PKG_VERSION")], 1);
        let started = self.0.started.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        text.single(&names::START_TIME, started);
        text.single(&names::READY, u8::from(gauges.ready));
        text.single(&names::LEADER, u8::from(gauges.leader));
        text.family(&names::NODES);
        for (state, count) in &gauges.nodes {
            text.sample(&names::NODES, &[state], count);
        }
        text.family(&names::RENEWAL_FAILURES);
        for (what, number) in Renewed::ALL.iter().zip(&self.0.renewal_failures) {
            text.sample(&names::RENEWAL_FAILURES, &[what.as_str()], number.get());
        }
        text.family(&names::EVENTS);
        for (outcome, number) in Outcome::ALL.iter().zip(&self.0.events) {
            text.sample(&names::EVENTS, &[outcome.as_str()], number.get());
        }
    }

    fn snapshots(&self, text: &mut Exposition) {
        let build = &self.0.build;
        text.single(&names::BUILDS, build.done.get());
        text.single(&names::BUILD_FAILURES, build.failed.get());
        text.single(&names::PUBLISHED, build.published.get());
        text.single(&names::LAST_BUILD, build.last_succeeded.get());
        text.family(&names::BUILD_DURATION);
        text.histogram(&names::BUILD_DURATION, &[], &build.duration.held());
        text.family(&names::RESOURCES);
        for (number, (resource, _)) in build.resources.iter().zip(RESOURCES) {
            text.sample(&names::RESOURCES, &[resource], number.get());
        }
    }

    fn requests(&self, text: &mut Exposition) {
        let requests = self.0.admin.lock().unwrap_or_else(PoisonError::into_inner);
        text.family(&names::ADMIN_REQUESTS);
        for (AdminRequest { method, route, status_class }, (count, _)) in &*requests {
            text.sample(&names::ADMIN_REQUESTS, &[method, route, status_class], count);
        }
        text.family(&names::ADMIN_DURATION);
        for (AdminRequest { method, route, status_class }, (_, duration)) in &*requests {
            text.histogram(&names::ADMIN_DURATION, &[method, route, status_class], duration);
        }
    }

    fn streams(&self, text: &mut Exposition) {
        let discovery = &self.0.discovery;
        text.family(&names::STREAM_TERMINATIONS);
        for (end, number) in StreamEnd::ALL.iter().zip(&discovery.ends) {
            text.sample(&names::STREAM_TERMINATIONS, &[end.as_str()], number.get());
        }
        let histograms = [
            (&names::ACK_LAG, &discovery.ack_lag),
            (&names::NACK_LAG, &discovery.nack_lag),
            (&names::SEND_DURATION, &discovery.send),
        ];
        for (metric, histogram) in histograms {
            text.family(metric);
            text.histogram(metric, &[], &histogram.held());
        }
    }
}
