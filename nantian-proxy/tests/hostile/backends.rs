//! Raw frames of hostile HTTP/2 backends through the gateway to clients of both protocols.

mod backend;

use std::sync::{Arc, Mutex};

use backend::Backend;

use crate::client::Door;
use crate::corpus::backends::{Ask, Hostile, all};
use crate::gateway::{self, Listener};
use crate::judge;
use crate::origin::Protocol;
use crate::question::{self, Question, check_probe};
use crate::strict::Answer;

const LANES: usize = 24;

const HEAD: &str = "\
# What the gateway does with the frames of each hostile HTTP/2 backend; UPDATE_GOLDEN=1 rewrites this file.
# answer | final answers by RFC 9113 | what the client got | whether the backend's connection was used again
";

/// RFC 9113 section 8.1.1: a malformed answer MUST NOT be passed on; what is passed on has one framing.
#[test]
fn whatever_frames_a_backend_sends_clients_of_http1_get_valid_answers_and_nobody_gets_anothers() {
    let table = ask_all(Listener::Cleartext);
    judge::golden("backends.txt", HEAD, &table);
}

#[test]
fn whatever_frames_a_backend_sends_clients_in_tls_get_the_same() {
    let table = ask_all(Listener::Tls("http/1.1"));
    judge::differences("backends-tls.txt", "backends.txt", &table);
}

#[test]
fn whatever_frames_a_backend_sends_clients_of_http2_get_valid_answers_and_nobody_gets_anothers() {
    let table = ask_all(Listener::Tls("h2"));
    judge::golden("backends-h2.txt", HEAD, &table);
}

fn ask_all(listener: Listener) -> String {
    let hostiles: Arc<Vec<Hostile>> = Arc::new(all());
    assert!(hostiles.len() >= 60, "{}", hostiles.len());
    let backends: Vec<_> = (0..LANES).map(|_| backend::start(&hostiles)).collect();
    let addresses: Vec<_> = backends.iter().map(|backend| backend.address).collect();
    let gateway = gateway::start(listener, Protocol::Http2, &addresses);
    let (outcomes, failures) = (Mutex::new(Vec::new()), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for (lane, backend) in backends.iter().enumerate() {
            let (hostiles, outcomes, failures, door) = (&hostiles, &outcomes, &failures, &gateway.lanes[lane]);
            scope.spawn(move || {
                for (index, hostile) in hostiles.iter().enumerate().skip(lane).step_by(LANES) {
                    let mut found = Vec::new();
                    let outcome = run(hostile, door, backend, &mut found);
                    failures.lock().expect("unpoisoned").extend(found);
                    outcomes.lock().expect("unpoisoned").push((index, hostile.name.clone(), outcome));
                }
            });
        }
    });
    let table = judge::table(outcomes.into_inner().expect("unpoisoned"));
    println!("{table}{} backends", hostiles.len());
    let mut failures = failures.into_inner().expect("unpoisoned");
    failures.extend(backends.iter().flat_map(Backend::violations));
    assert!(failures.is_empty(), "{} violations:\n{}", failures.len(), failures.join("\n"));
    table
}

fn run(hostile: &Hostile, door: &Door, backend: &Backend, failures: &mut Vec<String>) -> String {
    let mut fail = |what: String| failures.push(format!("{}: {what}", hostile.name));
    let id = hostile.name.replace('/', "-");
    if let Some(opening) = &hostile.opening {
        backend.open_next_with(opening);
    }
    let path = format!("/h-{id}");
    let got = question::ask(door, question(hostile, &path), &mut fail);
    let finals: Vec<&Answer> = got.answers.iter().filter(|answer| answer.status >= 200).collect();
    if finals.len() > 1 {
        fail("one answer became two".to_owned());
    }
    let whole = finals.iter().any(|answer| answer.status < 500) && got.cut.is_none();
    if whole && hostile.answers == 0 && !LATE.contains(&hostile.name.as_str()) {
        fail("a malformed answer reached the client as a whole one".to_owned());
    }
    if finals.iter().any(|answer| answer.body.windows(8).any(|window| window == b"poisoned"))
        && hostile.name != "body/answer-inside"
    {
        fail("bytes that were no answer reached the client".to_owned());
    }
    if hostile.late {
        backend.wait_for(&id);
    }
    if hostile.opening.is_some() {
        backend.close_all();
    }
    // Another client gets its own answer, whatever became of the connection.
    check_probe(door, &id, &mut fail);
    let reused = backend.was_reused(&id);
    if reused && !hostile.sound {
        fail("a connection in doubt was used again".to_owned());
    }
    let mut words: Vec<String> = got.answers.iter().map(|answer| answer.status.to_string()).collect();
    if words.len() > 5 {
        words = vec!["many interim".to_owned()];
    }
    words.extend(got.cut);
    let reused = if reused { "reused" } else { "not reused" };
    format!("{} | {} | {reused}", hostile.answers, words.join(" "))
}

/// What is malformed only after the client has all that its own answer's length promised.
const LATE: &[&str] = &[
    "body/more-in-parts",
    "body/head-with-data",
    "head/204-and-data",
    "head/304-and-data",
    "head/length-zero",
    "reset/after-length",
    "end/after-length",
];

fn question<'a>(hostile: &Hostile, path: &'a str) -> Question<'a> {
    let (method, length) = match hostile.ask {
        Ask::Get => ("GET", None),
        Ask::Head => ("HEAD", None),
        Ask::Upload => ("POST", Some(100_000)),
    };
    Question { method, path, length }
}
