//! slowhttptest: slow heads, slow bodies, slow reading and overlapping ranges, at the time limits that nobody has set.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::backend::Backend;
use crate::gateway::{Gateway, eventually};
use crate::manifest::{self, Listener};
use crate::{port, raw};

/// Slow connections of each attack.
const CONNECTIONS: u64 = 100;

/// One mode of slowhttptest.
struct Attack {
    name: &'static str,
    arguments: &'static str,
    path: &'static str,
    /// Whether it holds its connections, or leaves when it has its answers.
    holds: bool,
    /// Whether the tool can see that its connections are cut. A slow reader sees it only after what its own kernel has
    /// for it: then the gateway's count is what tells.
    sees_the_cut: bool,
}

const ATTACKS: [Attack; 4] = [
    Attack { name: "slow heads", arguments: "-H -i 3 -l 60", path: "/", holds: true, sees_the_cut: true },
    // About 10 bytes each 5 seconds.
    Attack { name: "slow bodies", arguments: "-B -i 5 -x 10 -l 60", path: "/digest", holds: true, sees_the_cut: true },
    // 32 bytes each 5 seconds, of an answer that no socket buffer holds.
    Attack {
        name: "slow reading",
        arguments: "-X -n 5 -z 32 -w 10 -y 20 -l 50",
        path: "/download/4000000",
        holds: true,
        sees_the_cut: false,
    },
    Attack {
        name: "overlapping ranges",
        arguments: "-R -a 5 -b 500 -l 60",
        path: "/",
        holds: false,
        sees_the_cut: true,
    },
];

/// What slowhttptest found.
#[derive(Debug, PartialEq, Eq)]
struct Report {
    /// Most connections that were open in one second.
    connected: u64,
    /// Seconds in which its own probe got no answer.
    unavailable: u64,
    /// Whether it ended because the server had closed everything.
    all_closed: bool,
}

#[test]
fn slowhttptest_finds_the_server_available_and_loses_its_slow_connections() {
    let (backend, port) = (Backend::start("a"), port::free());
    let yaml = [
        manifest::gateway(&[Listener::http("web", port)]),
        manifest::service("a", backend.port, None),
        manifest::http_route("all", &[], &manifest::to("a")),
    ];
    let gateway = Gateway::start(&yaml.concat());
    let folder = tempfile::tempdir().unwrap();
    let done = AtomicBool::new(false);
    let (reports, probes) = thread::scope(|scope| {
        let probes = scope.spawn(|| probe(port, &done));
        let running = ATTACKS.each_ref().map(|attack| scope.spawn(|| run(attack, port, folder.path())));
        let reports = running.map(thread::ScopedJoinHandle::join);
        done.store(true, Ordering::Relaxed);
        (reports.map(Result::unwrap), probes.join().unwrap())
    });
    for (attack, report) in ATTACKS.iter().zip(&reports) {
        println!("{}: {report:?}", attack.name);
    }
    let (count, slowest) = probes;
    println!("meanwhile another client got {count} answers, the slowest after {slowest:?}");
    assert!(count > 100);
    for (attack, report) in ATTACKS.iter().zip(reports) {
        assert!(!attack.holds || report.connected == CONNECTIONS, "{} did not attack", attack.name);
        assert_eq!(report.unavailable, 0, "{}", attack.name);
        assert!(!attack.sees_the_cut || report.all_closed, "{} were not cut", attack.name);
    }
    eventually("every slow reader is cut", || {
        (gateway.metric("listener_connections_cut_total", "write_timeout") == CONNECTIONS).then_some(())
    });
}

/// A client like any other, for as long as the attacks last: how many answers it got, and the longest that it waited.
fn probe(port: u16, done: &AtomicBool) -> (u64, Duration) {
    let (mut count, mut slowest) = (0, Duration::ZERO);
    while !done.load(Ordering::Relaxed) {
        let began = Instant::now();
        let answer = raw::get(port, "a", "/").expect("an answer beside slow clients");
        assert_eq!(answer.status, 200, "{}", answer.text);
        (count, slowest) = (count + 1, slowest.max(began.elapsed()));
        thread::sleep(Duration::from_millis(50));
    }
    (count, slowest)
}

fn run(attack: &Attack, port: u16, folder: &Path) -> Report {
    let prefix = folder.join(attack.name.replace(' ', "-"));
    let output = Command::new("slowhttptest")
        .args(["-u", &format!("http://127.0.0.1:{port}{}", attack.path), "-g", "-o"])
        .arg(&prefix)
        .args(["-c", &CONNECTIONS.to_string(), "-r", "100", "-p", "10", "-v", "1"])
        .args(attack.arguments.split(' '))
        .stdin(Stdio::null())
        .output()
        .expect("slowhttptest runs");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "slowhttptest {}:\n{text}", attack.arguments);
    let csv = fs::read_to_string(prefix.with_extension("csv")).expect("its statistics");
    parse(&text, &csv).unwrap_or_else(|| panic!("statistics of another form:\n{csv}\n{text}"))
}

/// Reads its statistics, a line for each second, and why it ended. The last column is 0 while its probe gets no answer.
///
/// ```text
/// Seconds,Closed,Pending,Connected,Service Available
/// 0,0,1,0,100
/// ```
fn parse(output: &str, csv: &str) -> Option<Report> {
    let mut report = Report { connected: 0, unavailable: 0, all_closed: output.contains("No open connections left") };
    let rows = csv.strip_prefix("Seconds,Closed,Pending,Connected,Service Available\n")?;
    for row in rows.lines() {
        let cells: Vec<u64> = row.split(',').map(str::parse).collect::<Result<_, _>>().ok()?;
        let [_, _, _, connected, available] = cells[..] else { return None };
        report.connected = report.connected.max(connected);
        report.unavailable += u64::from(available == 0);
    }
    (!rows.is_empty()).then_some(report)
}

#[test]
fn a_second_without_an_answer_is_one_in_which_the_server_was_not_available() {
    let head = "Seconds,Closed,Pending,Connected,Service Available\n";
    let report = parse("Exit status: Hit test time limit", &format!("{head}0,0,1,0,100\n1,0,0,99,0\n2,9,0,90,100\n"));
    assert_eq!(report, Some(Report { connected: 99, unavailable: 1, all_closed: false }));
    assert_eq!(parse("", head), None, "nothing was measured");
    assert_eq!(parse("", "another table\n"), None);
}
