//! The parts of a comparison: which jobs, on proxies that were set up how.

use crate::load::Pace;
use crate::peer::Setup;
use crate::routes::Routes;
use crate::site::Backends;
use crate::workload::{self, Client, Workload};

/// Numbers of routes whose cost is compared with that of one.
const GROWTH: [u32; 2] = [1_000, 10_000];

/// How long requests are made at a rate.
const SECONDS: u64 = 6;

/// Routes that are replaced each second, and the requests of that second: few enough for a proxy to have time for both.
const RELOADS: (u32, u64) = (5_000, 2_000);

/// One line of a part's table, for each proxy.
#[derive(Debug, Clone)]
pub(crate) struct Cell {
    /// What differs from the other lines.
    pub(crate) label: String,
    /// How the proxies are set up.
    pub(crate) setup: Setup,
    /// The job.
    pub(crate) workload: Workload,
    /// When requests are made.
    pub(crate) pace: Pace,
    /// Whether all routes are replaced each second meanwhile.
    pub(crate) reloads: bool,
}

/// Lines that are measured together: the rounds of all of them are interleaved.
#[derive(Debug, Clone)]
pub(crate) struct Part {
    /// As `--part` calls it.
    pub(crate) name: &'static str,
    /// What it is about, for the report.
    pub(crate) what: &'static str,
    /// Its lines.
    pub(crate) cells: Vec<Cell>,
    /// Whether each line is also compared with the first one.
    pub(crate) growth: bool,
}

impl Part {
    /// The same with a fifth of what is done as fast as it can be.
    pub(crate) fn shorter(&self) -> Self {
        let mut part = self.clone();
        for cell in part.cells.iter_mut().filter(|cell| cell.pace == Pace::Unlimited) {
            cell.workload.shorten();
        }
        part
    }
}

/// The jobs.
pub(crate) fn jobs() -> Part {
    let cell = |workload: Workload| Cell {
        label: format!("{}. {}", workload.name, workload.what),
        setup: Setup::PLAIN,
        workload,
        pace: Pace::Unlimited,
        reloads: false,
    };
    Part {
        name: "jobs",
        what: "One worker on one core, as fast as it can.",
        cells: workload::all().into_iter().map(cell).collect(),
        growth: false,
    }
}

/// Durations at a rate that every proxy can serve.
pub(crate) fn durations(rates: &[(Workload, u64)]) -> Part {
    let cells = [false, true].into_iter().flat_map(|bursts| {
        rates.iter().map(move |(workload, rate)| Cell {
            label: format!("{}. at {rate} requests/s{}", workload.name, if bursts { ", in bursts" } else { "" }),
            setup: Setup::PLAIN,
            workload: Workload { requests: rate * SECONDS, ..workload.clone() },
            pace: if bursts { Pace::Bursts(*rate) } else { Pace::Even(*rate) },
            reloads: false,
        })
    });
    Part {
        name: "durations",
        what: "At 70 % of what the slowest proxy can do in that job. Each connection asks each 10 ms for what is due: each at \
               another time, or, in bursts, as close to each other as the handshakes were.",
        cells: cells.collect(),
        growth: false,
    }
}

/// The cost of many routes.
pub(crate) fn growth() -> Part {
    let many = GROWTH.into_iter().flat_map(|count| [Routes::Paths(count), Routes::Hosts(count)]);
    let cell = |routes: Routes| {
        let (path, host) = routes.last();
        Cell {
            label: routes.name(),
            setup: Setup { routes, ..Setup::PLAIN },
            workload: Workload { path, host, ..workload::http1() },
            pace: Pace::Unlimited,
            reloads: false,
        }
    };
    Part {
        name: "growth",
        what: "Job a, asked of the last of many routes.",
        cells: std::iter::once(Routes::One).chain(many).map(cell).collect(),
        growth: true,
    }
}

/// The cost of a line in the access log for each request.
pub(crate) fn access_log() -> Part {
    let cell = |access_log: bool| Cell {
        label: if access_log { "with access log" } else { "without" }.to_owned(),
        setup: Setup { access_log, ..Setup::PLAIN },
        workload: workload::http1(),
        pace: Pace::Unlimited,
        reloads: false,
    };
    Part {
        name: "log",
        what: "Job a, each request written to a file.",
        cells: [false, true].map(cell).to_vec(),
        growth: true,
    }
}

/// What a second worker brings.
pub(crate) fn workers() -> Part {
    let cell = |workers: u8| Cell {
        label: format!("{workers} workers"),
        setup: Setup { workers, ..Setup::PLAIN },
        workload: workload::http1(),
        pace: Pace::Unlimited,
        reloads: false,
    };
    Part {
        name: "workers",
        what: "Job a, with workers on both cores beside the load generator: compare CPU, not requests/s.",
        cells: [1, 2].map(cell).to_vec(),
        growth: true,
    }
}

/// Small events, as they come.
pub(crate) fn streams() -> Part {
    let cell = |workload: Workload| Cell {
        label: format!("{}. {}", workload.name, workload.what),
        setup: Setup { backends: Backends::Streams, ..Setup::PLAIN },
        workload,
        pace: Pace::Unlimited,
        reloads: false,
    };
    Part {
        name: "streams",
        what: "CPU and requests/s are of events and messages; durations are those from backend to client, or there \
               and back.",
        cells: workload::streams().map(cell).to_vec(),
        growth: false,
    }
}

/// What replacing the routes costs the requests meanwhile.
pub(crate) fn reloads() -> Part {
    let (count, rate) = RELOADS;
    let routes = Routes::Paths(count);
    let (path, host) = routes.last();
    let cell = |reloads: bool| Cell {
        label: if reloads { "all replaced each second" } else { "not replaced" }.to_owned(),
        setup: Setup { routes, reloads: true, ..Setup::PLAIN },
        workload: Workload {
            client: Client::Steady,
            path: path.clone(),
            host: host.clone(),
            requests: rate * 5,
            ..workload::http1()
        },
        pace: Pace::Even(rate),
        reloads,
    };
    Part {
        name: "reloads",
        what: "Job a at 2,000 requests/s, asked of the one of 5,000 routes that stays while the others are replaced. CPU \
               is that of requests and reloads together.",
        cells: [false, true].map(cell).to_vec(),
        growth: true,
    }
}
