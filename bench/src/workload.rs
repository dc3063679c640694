//! The jobs.

/// Which port of the proxy a job goes to.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Door {
    /// HTTP/1.1.
    Http,
    /// TLS, with h2 and HTTP/1.1.
    Https,
    /// HTTP/2 with prior knowledge, both ways.
    H2c,
}

/// One job: what h2load is told.
#[derive(Debug)]
pub(crate) struct Workload {
    /// Its letter.
    pub(crate) name: &'static str,
    /// What it is, for the report.
    pub(crate) what: &'static str,
    /// Where it goes.
    pub(crate) door: Door,
    /// Whether h2load is held to HTTP/1.1.
    pub(crate) http1: bool,
    /// Connections.
    pub(crate) connections: u64,
    /// Streams at once on each connection.
    pub(crate) streams: u64,
    /// Requests of one run of h2load.
    pub(crate) requests: u64,
    /// Runs of h2load in a round.
    pub(crate) runs: u64,
}

/// All jobs. Each has about a second of the proxy's CPU time in a round: 100 ticks of the clock that counts it.
pub(crate) const WORKLOADS: &[Workload] = &[
    Workload {
        name: "a",
        what: "HTTP/1.1, 64 connections, 1 KiB",
        door: Door::Http,
        http1: true,
        connections: 64,
        streams: 1,
        requests: 50_000,
        runs: 1,
    },
    Workload {
        name: "b",
        what: "HTTP/1.1 over TLS 1.3, 64 connections, 1 KiB",
        door: Door::Https,
        http1: true,
        connections: 64,
        streams: 1,
        requests: 50_000,
        runs: 1,
    },
    Workload {
        name: "c",
        what: "HTTP/2 over TLS 1.3, 8 connections x 32 streams, HTTP/1.1 upstream",
        door: Door::Https,
        http1: false,
        connections: 8,
        streams: 32,
        requests: 50_000,
        runs: 1,
    },
    Workload {
        name: "d",
        what: "h2c to h2c, 8 connections x 32 streams, trailers",
        door: Door::H2c,
        http1: false,
        connections: 8,
        streams: 32,
        requests: 50_000,
        runs: 1,
    },
    Workload {
        name: "e",
        what: "a new TLS 1.3 connection (P-256) for each request",
        door: Door::Https,
        http1: true,
        connections: 250,
        streams: 1,
        requests: 250,
        runs: 12,
    },
];
