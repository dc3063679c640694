//! h2load: running it, and reading what it found.

use std::path::Path;
use std::process::Command;

use rustix::thread::{CpuSet, sched_setaffinity};

use crate::failure::Failure;
use crate::workload::{Door, Workload};

/// The core of h2load and the backends.
pub(crate) const LOAD_CORE: &str = "1";

/// Keeps this thread, and those that it starts, on that core: clients of our own, and the backend of streams.
pub(crate) fn stay_on_core() -> Result<(), Failure> {
    let mut cores = CpuSet::new();
    cores.set(LOAD_CORE.parse().unwrap_or_default());
    sched_setaffinity(None, &cores).map_err(|error| Failure::start("sched_setaffinity", error.into()))
}

/// ms from one connection to the next of [`Pace::Even`]: not a divisor of h2load's 10 ms, nor 10 ms.
const STAGGER: u64 = 11;

/// When requests are made. Rates are requests a second over all connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pace {
    /// As soon as the last one of the connection is answered.
    Unlimited,
    /// At that rate, and each connection at another time: h2load has a clock of 10 ms for each connection, which starts
    /// with it, and asks at once for what is due.
    Even(u64),
    /// At that rate, by connections that all begin at once. How far their clocks are apart is how long the proxy takes for a
    /// handshake: the faster it is, the more requests come at one moment.
    Bursts(u64),
}

impl Pace {
    /// The rate, if there is one.
    pub(crate) fn rate(self) -> Option<u64> {
        match self {
            Self::Unlimited => None,
            Self::Even(rate) | Self::Bursts(rate) => Some(rate),
        }
    }

    /// µs from the first request until all connections are there.
    fn warm_up(self, connections: u64) -> u64 {
        if matches!(self, Self::Even(_)) { connections * STAGGER * 1_000 } else { 0 }
    }
}

/// One run of h2load on one URL; every answer is checked. Returns what each request took that was made when all connections
/// were there, in µs.
pub(crate) fn run(workload: &Workload, port: u16, pace: Pace, folder: &Path) -> Result<Vec<u64>, Failure> {
    let scheme = if matches!(workload.door, Door::Https) { "https" } else { "http" };
    let log = folder.join("h2load.log");
    // h2load appends.
    if log.exists() {
        std::fs::remove_file(&log).map_err(|error| Failure::file(&log, error))?;
    }
    let mut command = Command::new("taskset");
    // A connection on which nothing moves for 30 s fails its requests: no run lasts for ever.
    command.args(["-c", LOAD_CORE, "h2load", "-t", "1", "-N", "30s"]);
    command.args(["-n", &workload.requests.to_string(), "-c", &workload.connections.to_string()]);
    command.args(["-m", &workload.streams.to_string()]).arg("--log-file").arg(&log);
    if workload.http1 {
        command.arg("--h1");
    }
    if let Some(rate) = pace.rate() {
        command.arg(format!("--rps={}", (rate / workload.connections).max(1)));
    }
    if let Pace::Even(_) = pace {
        command.args(["-r", "1"]).arg(format!("--rate-period={STAGGER}ms"));
    }
    if let Some(host) = &workload.host {
        command.arg("-H").arg(format!(":authority: {host}"));
    }
    command.arg(format!("{scheme}://127.0.0.1:{port}{}", workload.path));
    let output = command.output().map_err(|error| Failure::start("h2load", error))?;
    let text = String::from_utf8_lossy(&output.stdout);
    check(workload, &text)?;
    let log_text = std::fs::read_to_string(&log).map_err(|error| Failure::file(&log, error))?;
    latencies(workload, &log_text, pace.warm_up(workload.connections))
}

/// Whether every request got status 2xx, the whole body and, over TLS, TLS 1.3.
fn check(workload: &Workload, text: &str) -> Result<(), Failure> {
    let n = workload.requests;
    let wrong = |what: &str| Failure::Answers { workload: workload.name, what: format!("{what}\n{text}") };
    if !text.contains(&format!("{n} done, {n} succeeded, 0 failed, 0 errored, 0 timeout")) {
        return Err(wrong("not every request succeeded"));
    }
    if !text.contains(&format!("status codes: {n} 2xx, 0 3xx, 0 4xx, 0 5xx")) {
        return Err(wrong("not every answer is 2xx"));
    }
    if matches!(workload.door, Door::Https) && !text.contains("TLS Protocol: TLSv1.3") {
        return Err(wrong("not TLS 1.3"));
    }
    let protocol = match (workload.door, workload.http1) {
        (_, true) => "http/1.1",
        (Door::H2c, false) => "h2c",
        (_, false) => "h2",
    };
    if !text.lines().any(|line| line.trim().ends_with(&format!("rotocol: {protocol}"))) {
        return Err(wrong("another protocol than asked for"));
    }
    match body_bytes(text) {
        Some(bytes) if bytes == n * workload.body => Ok(()),
        bytes => Err(wrong(&format!("{bytes:?} bytes of bodies, not {}", n * workload.body))),
    }
}

/// The last bracket of `traffic: 1MB (1) total, 1KB (1) headers (space savings 1%), 1MB (1) data`.
fn body_bytes(text: &str) -> Option<u64> {
    let line = text.lines().find(|line| line.starts_with("traffic:"))?;
    let (_, bytes) = line.strip_suffix(") data")?.rsplit_once('(')?;
    bytes.parse().ok()
}

/// The third column of each line of the log, `start status elapsed`, of requests that started later than `warm_up` µs.
fn latencies(workload: &Workload, log: &str, warm_up: u64) -> Result<Vec<u64>, Failure> {
    let lacks = || Failure::Answers { workload: workload.name, what: "h2load's log lacks requests".to_owned() };
    let columns = |line: &str| {
        let mut words = line.split('\t').map(|word| word.trim().parse::<u64>().ok());
        Some((words.next()??, words.nth(1)??))
    };
    let all = log.lines().map(columns).collect::<Option<Vec<_>>>().ok_or_else(lacks)?;
    if u64::try_from(all.len()) != Ok(workload.requests) {
        return Err(lacks());
    }
    let first = all.iter().map(|(start, _)| *start).min().unwrap_or_default();
    Ok(all.into_iter().filter(|(start, _)| start - first >= warm_up).map(|(_, elapsed)| elapsed).collect())
}

#[cfg(test)]
mod tests {
    use super::{Pace, body_bytes, check, latencies};
    use crate::workload;

    const GOOD: &str = "Application protocol: http/1.1\n\
        requests: 50000 total, 50000 started, 50000 done, 50000 succeeded, 0 failed, 0 errored, 0 timeout\n\
        status codes: 50000 2xx, 0 3xx, 0 4xx, 0 5xx\n\
        traffic: 1.00MB (1) total, 2KB (2) headers (space savings 0.00%), 48.83MB (51200000) data\n";

    #[test]
    fn a_run_in_which_every_answer_is_right_passes() {
        assert!(check(&workload::http1(), GOOD).is_ok());
    }

    #[test]
    fn a_wrong_status_a_short_body_or_another_protocol_fails() {
        let a = workload::http1();
        assert!(check(&a, &GOOD.replace("50000 2xx", "49999 2xx")).is_err());
        assert!(check(&a, &GOOD.replace("51200000", "51199999")).is_err());
        assert!(check(&a, &GOOD.replace("http/1.1", "h2c")).is_err());
        let b = workload::all().into_iter().find(|workload| workload.name == "b").unwrap();
        assert!(check(&b, GOOD).is_err(), "no TLS");
    }

    #[test]
    fn requests_of_the_time_in_which_connections_are_made_are_left_out_but_have_to_be_there() {
        let two = workload::Workload { requests: 3, connections: 2, ..workload::http1() };
        let log = "1000000\t200\t70\n1021999\t200\t80\n1022000\t200\t90\n";
        let warm_up = |pace: Pace| pace.warm_up(two.connections);
        assert_eq!(latencies(&two, log, warm_up(Pace::Even(100))).unwrap(), [90]);
        assert_eq!(latencies(&two, log, warm_up(Pace::Bursts(100))).unwrap(), [70, 80, 90]);
        assert!(latencies(&workload::http1(), log, 0).is_err());
        assert!(latencies(&two, &log.replace("\t90", ""), 0).is_err());
    }

    #[test]
    fn body_bytes_are_the_last_of_the_traffic_line() {
        assert_eq!(body_bytes(GOOD), Some(51_200_000));
    }
}
