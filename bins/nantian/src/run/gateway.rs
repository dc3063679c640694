//! What serves now, and telling what changed.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use nantian_ir::compile::{Compiler, ObjectStatus, Objects, Options};
use nantian_ir::{HostnameMatch, Listener, Snapshot};
use nantian_proxy::engine::{ApplyReport, Engine, Refused};

use crate::check::all_findings;
use crate::echo::{self, Echo, Identity};
use crate::finding::{Finding, difference};
use crate::render::Reporter;
use crate::render::event::{self, Applied, Changes, Counts, Event, FindingState, ListenerEvent, ListenerState};
use crate::render::tree;
use crate::sample::{Place, samples};

use super::refused;

/// Of findings that appear at once, people are shown so many.
const MAX_SHOWN: usize = 50;

/// The gateway as it serves now.
pub(super) struct Gateway {
    engine: Engine,
    echo: Echo,
    reporter: Reporter,
    compiler: Compiler,
    place: Place,
    snapshot: Arc<Snapshot>,
    /// As they were told.
    statuses: Vec<Arc<ObjectStatus>>,
    /// All that was told and still holds.
    findings: Vec<Finding>,
    /// Of files and of the compiler.
    object_findings: Vec<Finding>,
    echoes: BTreeMap<SocketAddr, Identity>,
    echo_findings: Vec<Finding>,
    listeners: BTreeMap<String, ListenerEvent>,
    refused: Vec<Refused>,
    applied_once: bool,
}

impl Gateway {
    pub(super) fn new(engine: Engine, echo: Echo, reporter: Reporter, options: Options, place: Place) -> Self {
        Self {
            engine,
            echo,
            reporter,
            compiler: Compiler::new(options),
            place,
            snapshot: Arc::default(),
            statuses: Vec::new(),
            findings: Vec::new(),
            object_findings: Vec::new(),
            echoes: BTreeMap::new(),
            echo_findings: Vec::new(),
            listeners: BTreeMap::new(),
            refused: Vec::new(),
            applied_once: false,
        }
    }

    pub(super) fn engine(&self) -> &Engine {
        &self.engine
    }

    pub(super) fn reporter(&self) -> &Reporter {
        &self.reporter
    }

    /// Whether every port that the objects ask for could be opened.
    pub(super) fn is_complete(&self) -> bool {
        self.refused.iter().all(|refused| refused::listener_of(refused).is_none())
            && !self.echo_findings.iter().any(Finding::is_error)
    }

    /// Serves these objects. `begin`: when their change was noticed.
    pub(super) async fn update(&mut self, objects: Objects, of_files: Vec<Finding>, begin: Instant) {
        self.compiler.set_time(crate::check::now());
        let compiled = self.compiler.replace(objects).snapshot;
        self.object_findings = all_findings(of_files, self.compiler.diagnostics());
        // Backends first: a route to one must not get there before it listens.
        self.serve_echoes().await;
        let changed = !self.applied_once || *compiled != *self.snapshot;
        if changed {
            let report = self.engine.apply(Arc::clone(&compiled)).await;
            let duration_ms = begin.elapsed().as_secs_f64() * 1000.0;
            self.tell_findings_with(&report);
            self.tell_applied(compiled, &report, duration_ms);
            self.applied_once = true;
            self.tell_listeners();
        } else {
            self.tell_findings();
        }
        self.tell_statuses();
    }

    /// Tries again what could not be opened.
    pub(super) async fn retry(&mut self) {
        self.serve_echoes().await;
        if self.refused.is_empty() {
            self.tell_findings();
        } else {
            let report = self.engine.apply(Arc::clone(&self.snapshot)).await;
            self.tell_findings_with(&report);
            self.tell_listeners();
            self.tell_statuses();
        }
    }

    async fn serve_echoes(&mut self) {
        let (wanted, mut findings) = echo::wanted(self.compiler.objects());
        self.echoes.clone_from(&wanted);
        let outcome = self.echo.apply(wanted).await;
        findings.extend(outcome.findings);
        self.echo_findings = findings;
        for (address, identity) in &outcome.started {
            self.reporter.event(&Event::Echo { address: &address.to_string(), service: &identity.service });
        }
    }

    fn tell_findings_with(&mut self, report: &ApplyReport) {
        self.refused.clone_from(&report.refused);
        self.tell_findings();
    }

    fn tell_findings(&mut self) {
        let mut findings = self.object_findings.clone();
        findings.extend(self.echo_findings.iter().cloned());
        findings.extend(self.refused.iter().map(|refused| refused::finding(refused, self.compiler.objects())));
        let (new, gone) = difference(&self.findings, &findings);
        for finding in gone {
            self.reporter.event(&Event::Diagnostic { state: FindingState::Resolved, finding });
        }
        let shown = if self.reporter.is_human() { MAX_SHOWN } else { usize::MAX };
        for finding in new.iter().take(shown) {
            self.reporter.event(&Event::Diagnostic { state: FindingState::New, finding });
        }
        if let Some(more @ 1..) = new.len().checked_sub(shown) {
            self.reporter.text(&format!("and {more} more, which nantian check tells\n"));
        }
        self.findings = findings;
    }

    fn tell_applied(&mut self, snapshot: Arc<Snapshot>, report: &ApplyReport, duration_ms: f64) {
        let applied = Applied {
            version: report.version.clone(),
            // Microseconds: less is noise.
            duration_ms: (duration_ms * 1000.0).round() / 1000.0,
            changes: Changes::between(&self.snapshot, &snapshot),
            resources: Counts::of(&snapshot),
        };
        self.snapshot = snapshot;
        self.reporter.event(&Event::Applied(&applied));
    }

    fn tell_listeners(&mut self) {
        let now: BTreeMap<String, ListenerEvent> = self
            .snapshot
            .listeners
            .values()
            .map(|listener| (listener.key.to_string(), self.listener_event(listener)))
            .collect();
        for (name, event) in &self.listeners {
            if !now.contains_key(name) && event.state == ListenerState::Serving {
                let event = ListenerEvent { state: ListenerState::Closed, ..event.clone() };
                self.reporter.event(&Event::Listener(&event));
            }
        }
        for (name, event) in &now {
            if self.listeners.get(name) != Some(event) {
                self.reporter.event(&Event::Listener(event));
            }
        }
        self.listeners = now;
    }

    fn listener_event(&self, listener: &Listener) -> ListenerEvent {
        let name = listener.key.to_string();
        let refused = self.refused.iter().find(|refused| refused::listener_of(refused) == Some(&listener.key));
        ListenerEvent {
            state: if refused.is_some() { ListenerState::Refused } else { ListenerState::Serving },
            listener: name,
            bind: listener.bind.to_string(),
            url: url(listener, self.place),
            message: refused.map(|refused| refused.message.clone()).unwrap_or_default(),
        }
    }

    fn tell_statuses(&mut self) {
        let mut statuses: Vec<Arc<ObjectStatus>> = self.compiler.statuses().cloned().collect();
        refused::apply_to_statuses(&self.refused, &mut statuses);
        let changed: Vec<Arc<ObjectStatus>> =
            statuses.iter().filter(|status| told(&self.statuses, status) != Some(status)).cloned().collect();
        for status in &changed {
            self.reporter.event(&event::status(status));
        }
        // People were told of the diagnostics; the tree shows at a glance what they mean.
        let first = self.statuses.is_empty();
        let shown: Vec<Arc<ObjectStatus>> =
            changed.into_iter().filter(|status| first || !tree::is_accepted(status)).collect();
        if !shown.is_empty() {
            self.reporter.text(&tree::statuses(&shown, &self.snapshot, self.reporter.style()));
        }
        self.statuses = statuses;
    }

    /// What to know after the start: requests to try, or that nothing is served.
    pub(super) fn welcome(&self, paths: &str) {
        if self.listeners.values().any(|listener| listener.state == ListenerState::Serving) {
            let samples = samples(&self.snapshot, &self.echoes, self.place);
            if !samples.is_empty() {
                self.reporter.text("try:\n");
            }
            for sample in &samples {
                self.reporter.event(&Event::Try(sample));
            }
        } else if self.compiler.objects().is_empty() {
            self.reporter.notice(&format!(
                "nothing is served yet: there are no objects in {paths}; it is watched, so put a Gateway and routes there"
            ));
        } else {
            self.reporter.notice(
                "nothing is served yet: no Gateway has a listener that can be opened; mend what is told above, the files \
                 are watched",
            );
        }
        if let Some(address) = self.engine.admin_address() {
            self.reporter.notice(&format!("admin: http://{address}/readyz and http://{address}/metrics"));
        }
        self.reporter.notice(&format!("watching {paths}; Ctrl-C drains and stops"));
    }
}

/// The status of the same object as it was told, of statuses that are sorted by object.
fn told<'s>(statuses: &'s [Arc<ObjectStatus>], status: &ObjectStatus) -> Option<&'s Arc<ObjectStatus>> {
    let place = statuses.binary_search_by(|other| other.object.cmp(&status.object)).ok()?;
    statuses.get(place)
}

/// What to type into a browser.
fn url(listener: &Listener, place: Place) -> String {
    let scheme = listener.protocol.as_str().to_lowercase();
    let host = match &listener.hostname {
        HostnameMatch::Any => place.of(listener),
        name => name.to_string(),
    };
    format!("{scheme}://{host}:{}", listener.public_port)
}
