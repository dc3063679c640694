//! Numbers that do not belong to one worker: of bind addresses (counted per connection) and of the configuration.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use nantian_ir::{BackendKey, BindAddress, Endpoint, EndpointSet, ResourceChange, Snapshot};

use super::ResponseFlag;
use super::cells::{Histogram, SharedCount};
use crate::engine::overload::Refusal;
use crate::http::ConnectionEnd;
use crate::http::h2::Flood;

/// Why an accept failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AcceptError {
    /// Too many open files, in the process or in the system.
    Files,
    /// Anything else.
    Other,
}

impl AcceptError {
    pub(crate) const ALL: [Self; 2] = [Self::Files, Self::Other];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Files => "files",
            Self::Other => "other",
        }
    }
}

/// Why a TLS handshake failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HandshakeError {
    /// It took too long.
    Timeout,
    /// What came was no TLS.
    NotTls,
    /// No listener serves the server name.
    UnknownName,
    /// The client refused (a certificate it does not trust, for example).
    Alert,
    /// The client broke the protocol, or nothing was common to both sides.
    Protocol,
    /// The client closed the connection.
    Closed,
    /// Anything else.
    Other,
}

impl HandshakeError {
    pub(crate) const ALL: [Self; 7] =
        [Self::Timeout, Self::NotTls, Self::UnknownName, Self::Alert, Self::Protocol, Self::Closed, Self::Other];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Timeout => "timeout",
            Self::NotTls => "not_tls",
            Self::UnknownName => "unknown_name",
            Self::Alert => "alert",
            Self::Protocol => "protocol",
            Self::Closed => "closed",
            Self::Other => "other",
        }
    }
}

/// Why we ended a connection that its client would have kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CutReason {
    /// No complete request head within its time.
    HeadTimeout,
    /// It rested too long.
    Idle,
    /// The client did not read its answer.
    WriteTimeout,
    /// A tunnel carried nothing.
    TunnelIdle,
    /// The client did not answer a PING.
    PingTimeout,
    /// It carried as many requests as it may.
    MaxRequests,
    /// What came was no request.
    Refused,
    /// The client broke HTTP/2, or went beyond a bound that `h2` keeps.
    Http2,
    /// The client sent too many frames of one kind.
    Flood(Flood),
}

impl CutReason {
    const PLAIN: [Self; 8] = [
        Self::HeadTimeout,
        Self::Idle,
        Self::WriteTimeout,
        Self::TunnelIdle,
        Self::PingTimeout,
        Self::MaxRequests,
        Self::Refused,
        Self::Http2,
    ];

    fn all() -> impl Iterator<Item = Self> {
        Self::PLAIN.into_iter().chain(Flood::OF_CLIENTS.map(Self::Flood))
    }

    /// The flag of the access log line that the connection gets, where no request's line tells of it.
    pub(crate) const fn connection_flag(self) -> Option<ResponseFlag> {
        match self {
            Self::HeadTimeout => Some(ResponseFlag::ClientTimeout),
            Self::Http2 | Self::Flood(_) => Some(ResponseFlag::ClientProtocolError),
            Self::Idle
            | Self::WriteTimeout
            | Self::TunnelIdle
            | Self::PingTimeout
            | Self::MaxRequests
            | Self::Refused => None,
        }
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::HeadTimeout => "head_timeout",
            Self::Idle => "idle",
            Self::WriteTimeout => "write_timeout",
            Self::TunnelIdle => "tunnel_idle",
            Self::PingTimeout => "ping_timeout",
            Self::MaxRequests => "max_requests",
            Self::Refused => "refused",
            Self::Http2 => "http2",
            Self::Flood(flood) => flood.as_str(),
        }
    }

    /// Why a connection was cut; `None` if its end was the client's, or in good order.
    pub(crate) const fn of(end: &ConnectionEnd) -> Option<Self> {
        match end {
            ConnectionEnd::HeadTimeout => Some(Self::HeadTimeout),
            ConnectionEnd::Idle => Some(Self::Idle),
            ConnectionEnd::WriteTimeout => Some(Self::WriteTimeout),
            ConnectionEnd::TunnelIdle => Some(Self::TunnelIdle),
            ConnectionEnd::PingTimeout => Some(Self::PingTimeout),
            ConnectionEnd::UsedUp => Some(Self::MaxRequests),
            ConnectionEnd::Refused(_) => Some(Self::Refused),
            ConnectionEnd::Http2(_) => Some(Self::Http2),
            ConnectionEnd::Flood(flood) => Some(Self::Flood(*flood)),
            _ => None,
        }
    }
}

/// Counters of one bind address, written by all workers: once or twice for each connection, never for a request.
#[derive(Debug, Default)]
pub(crate) struct BindStats {
    pub(crate) active: SharedCount,
    pub(crate) total: SharedCount,
    refused: [SharedCount; Refusal::ALL.len()],
    accept_errors: [SharedCount; AcceptError::ALL.len()],
    cut: [SharedCount; CutReason::PLAIN.len() + Flood::OF_CLIENTS.len()],
    pub(crate) handshakes_full: SharedCount,
    pub(crate) handshakes_resumed: SharedCount,
    handshake_errors: [SharedCount; HandshakeError::ALL.len()],
}

impl BindStats {
    pub(crate) fn accept_failed(&self, reason: AcceptError) {
        if let Some(cell) = self.accept_errors.get(reason as usize) {
            cell.add(1);
        }
    }

    pub(crate) fn refused(&self, refusal: Refusal) {
        if let Some(cell) = self.refused.get(refusal as usize) {
            cell.add(1);
        }
    }

    pub(crate) fn refusals(&self) -> impl Iterator<Item = (&'static str, u64)> {
        Refusal::ALL.iter().zip(&self.refused).map(|(refusal, cell)| (refusal.as_str(), cell.get()))
    }

    pub(crate) fn cut(&self, reason: CutReason) {
        if let Some((_, cell)) = CutReason::all().zip(&self.cut).find(|(other, _)| *other == reason) {
            cell.add(1);
        }
    }

    pub(crate) fn cuts(&self) -> impl Iterator<Item = (&'static str, u64)> {
        CutReason::all().zip(&self.cut).map(|(reason, cell)| (reason.as_str(), cell.get()))
    }

    pub(crate) fn handshake_failed(&self, reason: HandshakeError) {
        if let Some(cell) = self.handshake_errors.get(reason as usize) {
            cell.add(1);
        }
    }

    pub(crate) fn accept_errors(&self) -> impl Iterator<Item = (&'static str, u64)> {
        AcceptError::ALL.iter().zip(&self.accept_errors).map(|(reason, cell)| (reason.as_str(), cell.get()))
    }

    pub(crate) fn handshake_errors(&self) -> impl Iterator<Item = (&'static str, u64)> {
        HandshakeError::ALL.iter().zip(&self.handshake_errors).map(|(reason, cell)| (reason.as_str(), cell.get()))
    }
}

/// All bind addresses that are served, or still have connections.
#[derive(Debug, Default)]
pub(super) struct Binds(pub(super) BTreeMap<BindAddress, Arc<BindStats>>);

impl Binds {
    pub(super) fn get(&mut self, bind: BindAddress) -> Arc<BindStats> {
        Arc::clone(self.0.entry(bind).or_default())
    }

    pub(super) fn retain(&mut self, alive: impl Fn(BindAddress) -> bool) {
        self.0.retain(|bind, stats| alive(*bind) || stats.active.get() > 0);
    }
}

/// What is known of the served configuration.
#[derive(Debug, Default)]
pub(super) struct Config {
    pub(super) version: Option<String>,
    pub(super) applied_at: Option<SystemTime>,
    pub(super) complete: u64,
    pub(super) partial: u64,
    pub(super) took: Histogram,
    pub(super) refused: usize,
    pub(super) resources: Vec<(&'static str, usize)>,
    pub(super) health: BTreeMap<BackendKey, BTreeMap<Endpoint, bool>>,
    endpoints: usize,
    /// Backends that are gone still have connections.
    pub(super) retired_backends: bool,
}

impl Config {
    pub(super) fn applied(
        &mut self,
        snapshot: &Snapshot,
        endpoints: &[ResourceChange<'_, EndpointSet>],
        version: &str,
        refused: usize,
        took: Duration,
    ) {
        self.version = Some(version.to_owned());
        self.applied_at = Some(SystemTime::now());
        if refused == 0 {
            self.complete += 1;
        } else {
            self.partial += 1;
        }
        self.took.observe(took);
        self.refused = refused;
        for change in endpoints {
            let known = self.health.remove(change.key()).unwrap_or_default();
            self.endpoints -= change.before().map_or(0, |set| set.endpoints.len());
            let Some(set) = change.now() else { continue };
            self.endpoints += set.endpoints.len();
            let found = |endpoint: &Endpoint| known.get(endpoint).copied().unwrap_or(true);
            let health = set.endpoints.iter().map(|endpoint| (endpoint.clone(), found(endpoint))).collect();
            self.health.insert(set.key.clone(), health);
        }
        self.resources = vec![
            ("listeners", snapshot.listeners.len()),
            ("rules", snapshot.rules.len()),
            ("backends", snapshot.backends.len()),
            ("endpoints", self.endpoints),
            ("certificates", snapshot.certificates.len()),
        ];
    }

    pub(super) fn set_health(&mut self, backend: &BackendKey, endpoint: &Endpoint, healthy: bool) {
        if let Some(known) = self.health.get_mut(backend).and_then(|set| set.get_mut(endpoint)) {
            *known = healthy;
        }
    }
}
