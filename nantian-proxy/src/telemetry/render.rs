//! Prometheus text from the shards (exposition format 0.0.4).

use std::collections::BTreeMap;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::time::{SystemTime, UNIX_EPOCH};

use nantian_ir::BackendKey;
use nantian_metrics::{Durations, Exposition};

use super::Inner;
use super::flags::ResponseFlag;
use super::names;
use super::series::SeriesKey;
use super::shard::{BufferAction, CLASSES, MirrorOutcome, PanicPlace, UnderscoreAction, WaitOutcome};
use crate::http::h2::StreamReset;

/// The whole page.
pub(super) fn page(inner: &Inner) -> String {
    let mut page = Exposition::with_capacity(16 * 1024);
    process(&mut page, inner);
    requests(&mut page, inner);
    backends(&mut page, inner);
    binds(&mut page, inner);
    config(&mut page, inner);
    page.into_string()
}

fn unix_seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

fn process(page: &mut Exposition, inner: &Inner) {
    page.single(&names::READY, u8::from(inner.ready.load(Ordering::Relaxed)));
    page.family(&names::INFO);
    page.sample(&names::INFO, &[env!("CARGO_PKG_VERSION"), &inner.node], 1);
    page.single(&names::START_TIME, unix_seconds(inner.started));
    page.single(&names::WORKERS, inner.shards.len());
}

/// The sums of one series over all shards.
#[derive(Default)]
struct RequestTotal {
    classes: [u64; CLASSES.len()],
    duration: Durations,
    received: u64,
    sent: u64,
}

fn requests(page: &mut Exposition, inner: &Inner) {
    let mut totals = BTreeMap::<SeriesKey, RequestTotal>::new();
    for shard in &inner.shards {
        for (key, cells) in shard.requests.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            let total = totals.entry(key.clone()).or_default();
            for (sum, class) in total.classes.iter_mut().zip(&cells.classes) {
                *sum += class.get();
            }
            cells.duration.add_to(&mut total.duration);
            total.received += cells.received.get();
            total.sent += cells.sent.get();
        }
    }
    let totals: Vec<_> = totals.into_iter().map(|(key, total)| (key.labels(), total)).collect();
    page.family(&names::REQUESTS);
    for ((listener, route), total) in &totals {
        for (class, count) in CLASSES.iter().zip(total.classes).filter(|(_, count)| *count > 0) {
            page.sample(&names::REQUESTS, &[listener, route, class], count);
        }
    }
    page.family(&names::DURATION);
    for ((listener, route), total) in &totals {
        page.histogram(&names::DURATION, &[listener, route], &total.duration);
    }
    page.family(&names::RECEIVED);
    for ((listener, route), total) in &totals {
        page.sample(&names::RECEIVED, &[listener, route], total.received);
    }
    page.family(&names::SENT);
    for ((listener, route), total) in &totals {
        page.sample(&names::SENT, &[listener, route], total.sent);
    }
    request_totals(page, inner);
}

fn request_totals(page: &mut Exposition, inner: &Inner) {
    let sum = |number: &dyn Fn(&super::Shard) -> u64| inner.shards.iter().map(|shard| number(shard)).sum::<u64>();
    page.family(&names::FLAGS);
    for flag in ResponseFlag::ALL {
        let count = sum(&|shard| shard.flags.get(*flag as usize).map_or(0, super::cells::Owned::get));
        page.sample(&names::FLAGS, &[flag.code()], count);
    }
    page.single(&names::RETRIES, sum(&|shard| shard.retries.get()));
    page.family(&names::UNDERSCORES);
    for action in UnderscoreAction::ALL {
        let count = sum(&|shard| shard.underscores.get(action as usize).map_or(0, super::cells::Owned::get));
        page.sample(&names::UNDERSCORES, &[action.as_str()], count);
    }
    page.single(&names::BUFFERED, sum(&|shard| shard.buffered.get()));
    page.family(&names::BUFFER_ACTIONS);
    for action in BufferAction::ALL {
        let count = sum(&|shard| shard.buffer_actions.get(action as usize).map_or(0, super::cells::Owned::get));
        page.sample(&names::BUFFER_ACTIONS, &[action.as_str()], count);
    }
    page.family(&names::MIRRORS);
    for outcome in MirrorOutcome::ALL {
        let count = sum(&|shard| shard.mirrors.get(outcome as usize).map_or(0, super::cells::Owned::get));
        page.sample(&names::MIRRORS, &[outcome.as_str()], count);
    }
    page.family(&names::CONFIGURATION_WAITS);
    for outcome in WaitOutcome::ALL {
        let count = sum(&|shard| shard.waits.get(outcome as usize).map_or(0, super::cells::Owned::get));
        page.sample(&names::CONFIGURATION_WAITS, &[outcome.as_str()], count);
    }
    page.family(&names::STREAMS_RESET);
    for reason in StreamReset::ALL {
        let count = sum(&|shard| shard.streams_reset.get(reason as usize).map_or(0, super::cells::Owned::get));
        page.sample(&names::STREAMS_RESET, &[reason.as_str()], count);
    }
    page.family(&names::PANICS);
    for place in PanicPlace::ALL {
        let count = sum(&|shard| shard.panics.get(place as usize).map_or(0, super::cells::Owned::get));
        page.sample(&names::PANICS, &[place.as_str()], count);
    }
    page.sample(&names::PANICS, &["worker"], inner.worker_panics.get());
    page.single(&names::LOG_LINES, sum(&|shard| shard.log_lines.get()));
    page.single(&names::LOG_DROPPED, sum(&|shard| shard.log_dropped.get()));
    page.single(&names::OVERFLOW, inner.admission.overflow.get());
}

/// What all workers count of the connections to a backend.
#[derive(Default)]
pub(crate) struct BackendTotal {
    pub(crate) active: u64,
    total: u64,
    pub(crate) errors: BTreeMap<&'static str, u64>,
    abandoned: BTreeMap<&'static str, u64>,
}

pub(super) fn backend_totals(inner: &Inner) -> BTreeMap<BackendKey, BackendTotal> {
    let mut totals = BTreeMap::<BackendKey, BackendTotal>::new();
    for shard in &inner.shards {
        for (key, stats) in shard.backends.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            let total = totals.entry(key.clone()).or_default();
            total.active += stats.active();
            total.total += stats.total();
            for (reason, count) in stats.errors() {
                *total.errors.entry(reason).or_default() += count;
            }
            for (action, count) in stats.abandoned() {
                *total.abandoned.entry(action).or_default() += count;
            }
        }
    }
    totals
}

fn backends(page: &mut Exposition, inner: &Inner) {
    let totals: Vec<_> = backend_totals(inner).into_iter().map(|(key, total)| (key.to_string(), total)).collect();
    page.family(&names::BACKEND_ACTIVE);
    for (backend, total) in &totals {
        page.sample(&names::BACKEND_ACTIVE, &[backend], total.active);
    }
    page.family(&names::BACKEND_TOTAL);
    for (backend, total) in &totals {
        page.sample(&names::BACKEND_TOTAL, &[backend], total.total);
    }
    page.family(&names::BACKEND_ERRORS);
    for (backend, total) in &totals {
        for (reason, count) in &total.errors {
            page.sample(&names::BACKEND_ERRORS, &[backend, reason], count);
        }
    }
    page.family(&names::BACKEND_ABANDONED);
    for (backend, total) in &totals {
        for (action, count) in &total.abandoned {
            page.sample(&names::BACKEND_ABANDONED, &[backend, action], count);
        }
    }
    page.family(&names::BACKEND_HEALTH);
    let config = inner.config.lock().unwrap_or_else(PoisonError::into_inner);
    for (backend, endpoints) in &config.health {
        let backend = backend.to_string();
        for (endpoint, healthy) in endpoints {
            page.sample(&names::BACKEND_HEALTH, &[&backend, &endpoint.to_string()], u8::from(*healthy));
        }
    }
}

fn binds(page: &mut Exposition, inner: &Inner) {
    let binds = inner.binds.lock().unwrap_or_else(PoisonError::into_inner);
    let binds: Vec<_> = binds.0.iter().map(|(bind, stats)| (bind.to_string(), stats)).collect();
    page.family(&names::CONNECTIONS_ACTIVE);
    for (bind, stats) in &binds {
        page.sample(&names::CONNECTIONS_ACTIVE, &[bind], stats.active.get());
    }
    page.family(&names::CONNECTIONS_TOTAL);
    for (bind, stats) in &binds {
        page.sample(&names::CONNECTIONS_TOTAL, &[bind], stats.total.get());
    }
    page.family(&names::CONNECTIONS_REFUSED);
    for (bind, stats) in &binds {
        for (reason, count) in stats.refusals() {
            page.sample(&names::CONNECTIONS_REFUSED, &[bind, reason], count);
        }
    }
    page.family(&names::CONNECTIONS_CUT);
    for (bind, stats) in &binds {
        for (reason, count) in stats.cuts() {
            page.sample(&names::CONNECTIONS_CUT, &[bind, reason], count);
        }
    }
    page.family(&names::ACCEPT_ERRORS);
    for (bind, stats) in &binds {
        for (reason, count) in stats.accept_errors() {
            page.sample(&names::ACCEPT_ERRORS, &[bind, reason], count);
        }
    }
    page.family(&names::HANDSHAKES);
    for (bind, stats) in &binds {
        page.sample(&names::HANDSHAKES, &[bind, "false"], stats.handshakes_full.get());
        page.sample(&names::HANDSHAKES, &[bind, "true"], stats.handshakes_resumed.get());
    }
    page.family(&names::HANDSHAKE_ERRORS);
    for (bind, stats) in &binds {
        for (reason, count) in stats.handshake_errors() {
            page.sample(&names::HANDSHAKE_ERRORS, &[bind, reason], count);
        }
    }
}

fn config(page: &mut Exposition, inner: &Inner) {
    let config = inner.config.lock().unwrap_or_else(PoisonError::into_inner);
    page.family(&names::APPLIES);
    page.sample(&names::APPLIES, &["complete"], config.complete);
    page.sample(&names::APPLIES, &["partial"], config.partial);
    let mut took = Durations::default();
    config.took.add_to(&mut took);
    page.family(&names::APPLY_DURATION);
    page.histogram(&names::APPLY_DURATION, &[], &took);
    page.family(&names::CONFIG_INFO);
    if let Some(version) = &config.version {
        page.sample(&names::CONFIG_INFO, &[version], 1);
    }
    page.single(&names::CONFIG_TIME, config.applied_at.map_or(0, unix_seconds));
    page.family(&names::CONFIG_RESOURCES);
    for (resource, count) in &config.resources {
        page.sample(&names::CONFIG_RESOURCES, &[resource], count);
    }
    page.single(&names::CONFIG_REFUSED, config.refused);
}
