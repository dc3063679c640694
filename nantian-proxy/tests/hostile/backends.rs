//! Raw frames of hostile HTTP/2 backends through the gateway to clients of both protocols.

mod backend;

use std::io::{Read, Write};
use std::sync::{Arc, Mutex};

use backend::Backend;

use crate::answers::{check_probe, one_answer};
use crate::client::{self, Connection, Door};
use crate::corpus::backends::{Ask, Hostile, all};
use crate::corpus::wire::{HEADERS, PING, SETTINGS, WHOLE, WINDOW_UPDATE, block, frame};
use crate::gateway::{self, Listener};
use crate::judge;
use crate::origin::Protocol;
use crate::strict::frames::{Direction, Event, PREFACE, Speaker};
use crate::strict::{self, Answer, End};

const LANES: usize = 24;

const HEAD: &str = "\
# What the gateway does with the frames of each hostile HTTP/2 backend; UPDATE_GOLDEN=1 rewrites this file.
# answer | final answers by RFC 9113 | what the client got | whether the backend's connection was used again
";

/// RFC 9113 section 8.1.1: a malformed answer MUST NOT be passed on; what is passed on has one framing.
#[test]
fn whatever_frames_a_backend_sends_clients_of_http1_get_valid_answers_and_nobody_gets_anothers() {
    let table = ask_all(Listener::Cleartext, ask_in_http1);
    judge::golden("backends.txt", HEAD, &table);
}

#[test]
fn whatever_frames_a_backend_sends_clients_of_http2_get_valid_answers_and_nobody_gets_anothers() {
    let table = ask_all(Listener::Tls("h2"), ask_in_http2);
    judge::golden("backends-h2.txt", HEAD, &table);
}

/// What a client got.
struct Got {
    answers: Vec<Answer>,
    /// What ended it in place of an answer.
    cut: Option<String>,
}

type AskFn = fn(&Hostile, &Door, &mut dyn FnMut(String)) -> Got;

fn ask_all(listener: Listener, ask: AskFn) -> String {
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
                    let outcome = run(hostile, door, backend, ask, &mut found);
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

fn run(hostile: &Hostile, door: &Door, backend: &Backend, ask: AskFn, failures: &mut Vec<String>) -> String {
    let mut fail = |what: String| failures.push(format!("{}: {what}", hostile.name));
    let id = hostile.name.replace('/', "-");
    if let Some(opening) = &hostile.opening {
        backend.open_next_with(opening);
    }
    let got = ask(hostile, door, &mut fail);
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
    let probe = format!("GET /probe-{id} HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n");
    match &door.tls {
        None => check_probe(&client::exchange(door, probe.as_bytes()).bytes, &id, &mut fail),
        Some(_) => check_probe_in_http2(door, &id, &mut fail),
    }
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

fn method(hostile: &Hostile) -> &'static str {
    match hostile.ask {
        Ask::Get => "GET",
        Ask::Head => "HEAD",
        Ask::Upload => "POST",
    }
}

fn ask_in_http1(hostile: &Hostile, door: &Door, fail: &mut dyn FnMut(String)) -> Got {
    let (method, id) = (method(hostile), hostile.name.replace('/', "-"));
    let length = if hostile.ask == Ask::Upload { "Content-Length: 100000\r\n" } else { "" };
    let mut stream = client::connect(door);
    let _ = stream.write_all(format!("{method} /h-{id} HTTP/1.1\r\nHost: a.test\r\n{length}\r\n").as_bytes());
    if hostile.ask == Ask::Upload {
        let _ = stream.write_all(&[b'x'; 100]);
    }
    let (heard, closed) = one_answer(&mut stream, method);
    let (answers, end) = strict::answers(&heard, &[method], closed);
    let cut = match end {
        End::Clean if answers.iter().any(|answer| answer.status >= 200) => None,
        End::Clean | End::Incomplete if closed => Some("cut".to_owned()),
        other => {
            fail(format!("the client got {other:?} in {:?}", strict::text(&heard)));
            None
        }
    };
    Got { answers, cut }
}

fn open(door: &Door, method: &str, path: &str, ends: bool) -> Connection {
    let mut stream = client::connect(door);
    let fields = [(":method", method), (":scheme", "https"), (":authority", "a.test"), (":path", path)];
    let flags = if ends { WHOLE } else { WHOLE & !1 };
    let bytes = [PREFACE.to_vec(), frame(SETTINGS, 0, 0, &[]), frame(HEADERS, flags, 1, &block(&fields))].concat();
    let _ = stream.write_all(&bytes);
    stream
}

fn ask_in_http2(hostile: &Hostile, door: &Door, fail: &mut dyn FnMut(String)) -> Got {
    let path = format!("/h-{}", hostile.name.replace('/', "-"));
    let mut stream = open(door, method(hostile), &path, hostile.ask != Ask::Upload);
    let mut got = Got { answers: Vec::new(), cut: None };
    match listen(&mut stream, method(hostile), &mut got.answers) {
        Ok(cut) => got.cut = cut,
        Err(reason) => fail(format!("the client got: {reason}")),
    }
    got
}

/// Reads until stream 1 ends; what ended it, if it was no answer.
fn listen(stream: &mut Connection, method: &str, answers: &mut Vec<Answer>) -> Result<Option<String>, &'static str> {
    let mut incoming = Direction::new(Speaker::Server);
    incoming.asked(1, method);
    let mut part = [0; 16 * 1024];
    loop {
        let count = match stream.read(&mut part) {
            Ok(0) => return Ok(Some("closed".to_owned())),
            Ok(count) => count,
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => return Ok(Some("closed".to_owned())),
            Err(_) => return Err("the answer does not end"),
        };
        for event in incoming.read(&part[..count])? {
            let reply = match event {
                Event::Settings => frame(SETTINGS, 1, 0, &[]),
                Event::Ping(payload) => frame(PING, 1, 0, &payload),
                Event::Data(id, count) if count > 0 => {
                    incoming.grant(id, count);
                    let count = u32::try_from(count).expect("a frame is small").to_be_bytes();
                    [frame(WINDOW_UPDATE, 0, 0, &count), frame(WINDOW_UPDATE, 0, id, &count)].concat()
                }
                Event::Answer(_, answer) => {
                    let last = answer.status >= 200;
                    answers.push(answer);
                    if last {
                        return Ok(None);
                    }
                    continue;
                }
                Event::Reset(_, code) => return Ok(Some(format!("RST_STREAM {code}"))),
                Event::GoAway(code) if code != 0 => return Ok(Some(format!("GOAWAY {code}"))),
                _ => continue,
            };
            let _ = stream.write_all(&reply);
        }
    }
}

fn check_probe_in_http2(door: &Door, id: &str, fail: &mut dyn FnMut(String)) {
    let mut stream = open(door, "GET", &format!("/probe-{id}"), true);
    let mut answers = Vec::new();
    let heard = listen(&mut stream, "GET", &mut answers);
    let expected = format!("probe-{id}");
    let right = answers.len() == 1 && answers[0].status == 200 && answers[0].body == expected.as_bytes();
    if heard != Ok(None) || !right {
        fail(format!("the next request got {heard:?} {answers:?}"));
    }
}
