//! The jobs.

/// Bytes of the small answer's body.
pub(crate) const SMALL: u64 = 1024;

/// Bytes of the large answer's body.
pub(crate) const LARGE: u64 = 10 << 20;

/// What a quick run does a part of.
const SHORTER: u64 = 5;

/// Which port of the proxy a job goes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Door {
    /// HTTP/1.1.
    Http,
    /// TLS, with h2 and HTTP/1.1.
    Https,
    /// HTTP/2 with prior knowledge, both ways.
    H2c,
}

/// What its CPU time is divided by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    /// µs for a request.
    Request,
    /// ms for a GiB of bodies.
    Gibibyte,
}

/// Who does a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Client {
    /// h2load, which is told what the workload says.
    H2load,
    /// Connections that are resumed, one after another.
    Resumed,
    /// Server-sent events.
    Events,
    /// A stream of gRPC's shape.
    Grpc,
    /// A WebSocket whose messages come back.
    Echo,
    /// Requests at the cell's rate, on new connections where the last ones were closed.
    Steady,
}

/// One job: what its client is told.
#[derive(Debug, Clone)]
pub(crate) struct Workload {
    /// Its letter.
    pub(crate) name: &'static str,
    /// Who does it.
    pub(crate) client: Client,
    /// What it is, for the report.
    pub(crate) what: &'static str,
    /// Where it goes.
    pub(crate) door: Door,
    /// Whether h2load is held to HTTP/1.1.
    pub(crate) http1: bool,
    /// The path that is asked for.
    pub(crate) path: String,
    /// The host that is asked for, if it is not the address.
    pub(crate) host: Option<String>,
    /// Bytes of each answer's body.
    pub(crate) body: u64,
    /// Connections.
    pub(crate) connections: u64,
    /// Streams at once on each connection.
    pub(crate) streams: u64,
    /// Requests of one run, or events, or messages.
    pub(crate) requests: u64,
    /// Runs in a round.
    pub(crate) runs: u64,
    /// How its cost is told.
    pub(crate) unit: Unit,
}

impl Workload {
    fn small(name: &'static str, what: &'static str, door: Door) -> Self {
        Self {
            name,
            client: Client::H2load,
            what,
            door,
            http1: true,
            path: "/1k".to_owned(),
            host: None,
            body: SMALL,
            connections: 64,
            streams: 1,
            requests: 50_000,
            runs: 1,
            unit: Unit::Request,
        }
    }

    /// Does a fifth of it, where that is a number of requests.
    pub(crate) fn shorten(&mut self) {
        match self.client {
            Client::H2load | Client::Resumed if self.runs == 1 => self.requests /= SHORTER,
            Client::H2load | Client::Resumed => self.runs = self.runs.div_ceil(SHORTER),
            Client::Events | Client::Grpc | Client::Echo | Client::Steady => {}
        }
    }

    fn streams(name: &'static str, what: &'static str, door: Door) -> Self {
        Self { http1: false, connections: 8, streams: 32, ..Self::small(name, what, door) }
    }

    fn large(name: &'static str, what: &'static str, door: Door) -> Self {
        Self {
            path: "/10m".to_owned(),
            body: LARGE,
            connections: 8,
            requests: 200,
            unit: Unit::Gibibyte,
            ..Self::small(name, what, door)
        }
    }
}

/// Small answers over HTTP/1.1: also the job of the parts on growth and on durations.
pub(crate) fn http1() -> Workload {
    Workload::small("a", "HTTP/1.1, 64 connections, 1 KiB", Door::Http)
}

/// What one client does beside hostile ones.
pub(crate) fn client() -> Workload {
    let what = "HTTP/1.1, 4 connections, 1 KiB, 1,000 requests a second";
    Workload { connections: 4, requests: 4_000, ..Workload::small("hostile", what, Door::Http) }
}

/// All jobs. Each has about a second of the proxy's CPU time in a round: 100 ticks of the clock that counts it.
pub(crate) fn all() -> Vec<Workload> {
    vec![
        http1(),
        Workload::small("b", "HTTP/1.1 over TLS 1.3, 64 connections, 1 KiB", Door::Https),
        Workload::streams("c", "HTTP/2 over TLS 1.3, 8 connections x 32 streams, HTTP/1.1 upstream", Door::Https),
        Workload::streams("d", "h2c to h2c, 8 connections x 32 streams, trailers", Door::H2c),
        Workload {
            connections: 250,
            requests: 250,
            runs: 12,
            ..Workload::small("e", "a new TLS 1.3 connection (P-256) for each request", Door::Https)
        },
        Workload {
            client: Client::Resumed,
            connections: 8,
            requests: 3_000,
            ..Workload::small("r", "a resumed TLS 1.3 connection for each request", Door::Https)
        },
        Workload::large("f", "HTTP/1.1, 8 connections, 10 MiB; ms/GiB", Door::Http),
        Workload::large("g", "HTTP/1.1 over TLS 1.3, 8 connections, 10 MiB; ms/GiB", Door::Https),
    ]
}

/// Small events of many streams, and messages there and back.
pub(crate) fn streams() -> [Workload; 3] {
    let events = |name, what, door, client| Workload {
        client,
        requests: 64 * 900,
        // What is told for each request is told for each event.
        ..Workload::small(name, what, door)
    };
    [
        events("s", "server-sent events, 64 streams, each 250 a second of 128 bytes", Door::Http, Client::Events),
        Workload {
            connections: 8,
            streams: 8,
            ..events("t", "gRPC's shape, 8 connections x 8 streams, the same events", Door::H2c, Client::Grpc)
        },
        events("w", "WebSocket echo, 64 connections, 64 bytes", Door::Http, Client::Echo),
    ]
}
