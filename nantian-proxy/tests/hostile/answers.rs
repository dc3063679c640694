//! Raw answers of hostile backends through the gateway to clients.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};

use crate::client::Door;
use crate::corpus::answers::{Ask, Hostile, all};
use crate::gateway::Listener;
use crate::origin::Protocol;
use crate::question::{self, Got, Question, check_answer, check_probe, one_answer, probe};
use crate::strict::{self, Answer, End, Side, Stop};
use crate::{client, gateway, judge};

const LANES: usize = 16;

const HEAD: &str = "\
# What the gateway does with each raw answer of a backend; UPDATE_GOLDEN=1 rewrites this file.
# answer | final answers by the strict reading | what the client got | whether the backend's connection was used again
";

/// A backend that answers what it is told.
struct Backend {
    address: SocketAddr,
    /// Targets of the requests on each connection.
    log: Arc<Mutex<Vec<Vec<String>>>>,
    /// Lets a waiting backend go on.
    go: Sender<()>,
    /// Tells that it went on.
    went: Receiver<()>,
}

fn backend(answers: &Arc<Vec<Hostile>>) -> Backend {
    let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a socket");
    let address = socket.local_addr().expect("an address");
    let log = Arc::new(Mutex::new(Vec::new()));
    let ((go, going), (went_on, went)) = (channel(), channel());
    let going = Arc::new(Mutex::new(going));
    let (kept, answers) = (Arc::clone(&log), Arc::clone(answers));
    std::thread::spawn(move || {
        for stream in socket.incoming().map_while(Result::ok) {
            let (log, answers, going, went) =
                (Arc::clone(&kept), Arc::clone(&answers), Arc::clone(&going), went_on.clone());
            let index = log.lock().expect("unpoisoned").len();
            log.lock().expect("unpoisoned").push(Vec::new());
            std::thread::spawn(move || {
                serve(
                    stream,
                    &answers,
                    |target| {
                        log.lock().expect("unpoisoned")[index].push(target);
                    },
                    &going,
                    &went,
                )
            });
        }
    });
    Backend { address, log, go, went }
}

fn serve(
    mut stream: TcpStream,
    answers: &[Hostile],
    mut record: impl FnMut(String),
    going: &Mutex<Receiver<()>>,
    went: &Sender<()>,
) -> Option<()> {
    // What is written has arrived when the write returns; without this it may wait for an acknowledgement.
    let _ = stream.set_nodelay(true);
    let mut bytes = Vec::new();
    loop {
        let (request, end) = loop {
            match strict::request(&bytes, 0, Side::Origin) {
                Ok(found) => break found,
                Err(Stop::Violation(..)) => return None,
                Err(Stop::Incomplete) => {}
            }
            let mut part = [0; 4096];
            let read = stream.read(&mut part).ok().filter(|read| *read > 0)?;
            bytes.extend_from_slice(&part[..read]);
        };
        bytes.drain(..end);
        let target = request.target;
        record(target.clone());
        let Some(name) = target.strip_prefix("/h-") else {
            let body = target.strip_prefix('/').unwrap_or_default();
            write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()).ok()?;
            continue;
        };
        let hostile = answers.iter().find(|hostile| hostile.name.replace('/', "-") == name)?;
        for (index, part) in hostile.parts.iter().enumerate() {
            if index > 0 {
                going.lock().ok()?.recv().ok()?;
            }
            let written = stream.write_all(part).ok();
            let last = index + 1 == hostile.parts.len();
            if last && hostile.closes {
                let _ = stream.shutdown(std::net::Shutdown::Write);
            }
            if index > 0 {
                went.send(()).ok()?;
            }
            written?;
        }
        if hostile.closes {
            return None;
        }
    }
}

/// RFC 9112 sections 6.3, 9.2 and 11.1: a client gets a valid answer or none, and never what belongs to another request.
#[test]
fn whatever_a_backend_answers_clients_get_valid_answers_and_nobody_gets_anothers() {
    judge::golden("answers.txt", HEAD, &answer_all(Listener::Cleartext));
}

#[test]
fn whatever_a_backend_answers_clients_in_tls_get_the_same() {
    judge::differences("answers-tls.txt", "answers.txt", &answer_all(Listener::Tls("http/1.1")));
}

/// RFC 9113 section 8.1.1: the same, in frames.
#[test]
fn whatever_a_backend_answers_clients_of_http2_get_valid_answers_and_nobody_gets_anothers() {
    judge::differences("answers-h2.txt", "answers.txt", &answer_all(Listener::Tls("h2")));
}

/// What becomes of each answer.
fn answer_all(listener: Listener) -> String {
    let mut hostiles = all();
    assert!(hostiles.len() >= 100, "{}", hostiles.len());
    if listener == Listener::Tls("h2") {
        // HTTP/2 knows neither.
        hostiles.retain(|hostile| !matches!(hostile.ask, Ask::Upgrade | Ask::Old));
    }
    let hostiles = Arc::new(hostiles);
    let backends: Vec<Backend> = (0..LANES).map(|_| backend(&hostiles)).collect();
    let addresses: Vec<_> = backends.iter().map(|backend| backend.address).collect();
    let gateway = gateway::start(listener, Protocol::Http1, &addresses);
    let (outcomes, failures) = (Mutex::new(Vec::new()), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for (lane, backend) in backends.into_iter().enumerate() {
            let (hostiles, outcomes, failures, door) = (&hostiles, &outcomes, &failures, &gateway.lanes[lane]);
            scope.spawn(move || {
                for (index, hostile) in hostiles.iter().enumerate().skip(lane).step_by(LANES) {
                    let mut found = Vec::new();
                    let outcome = run(hostile, door, &backend, &mut found);
                    failures.lock().expect("unpoisoned").extend(found);
                    outcomes.lock().expect("unpoisoned").push((index, hostile.name.clone(), outcome));
                }
            });
        }
    });
    let table = judge::table(outcomes.into_inner().expect("unpoisoned"));
    println!("{table}{} answers", hostiles.len());
    let failures = failures.into_inner().expect("unpoisoned");
    assert!(failures.is_empty(), "{} violations:\n{}", failures.len(), failures.join("\n"));
    table
}

fn run(hostile: &Hostile, door: &Door, backend: &Backend, failures: &mut Vec<String>) -> String {
    let mut fail = |what: String| failures.push(format!("{}: {what}", hostile.name));
    let id = hostile.name.replace('/', "-");
    let ask = if door.http2 { ask_in_http2 } else { ask_in_http1 };
    let got = ask(hostile, door, backend, &id, &mut fail);
    let reused = was_reused(backend, &id);
    let (asked, end) = strict::answers(&hostile.parts.concat(), &[method(hostile)], hostile.closes);
    let finals: Vec<_> = asked.iter().filter(|answer| answer.status >= 200).collect();
    let sound = end == End::Clean && finals.len() == 1 && finals[0].keeps_alive && !hostile.closes;
    if reused && !sound && !REUSED.contains(&hostile.name.as_str()) {
        fail("a connection in doubt was used again".to_owned());
    }
    let reused = if reused { "reused" } else { "not reused" };
    format!("{} | {got} | {reused}", judge::reading(finals.len(), end))
}

fn method(hostile: &Hostile) -> &'static str {
    if hostile.ask == Ask::Head { "HEAD" } else { "GET" }
}

/// Lets a backend that waits until the client has its answer go on.
fn go_on(hostile: &Hostile, backend: &Backend, fail: &mut dyn FnMut(String)) {
    if hostile.parts.len() > 1 {
        let _ = backend.go.send(());
        if backend.went.recv_timeout(client::GUARD).is_err() {
            fail("the backend was not asked".to_owned());
        }
    }
}

/// What a client got, in words.
fn words(answers: &[Answer], cut: bool) -> String {
    let statuses = if answers.len() > 5 { "many interim".to_owned() } else { judge::statuses(answers) };
    format!("{statuses}{}", if cut { " cut" } else { "" })
}

fn ask_in_http1(hostile: &Hostile, door: &Door, backend: &Backend, id: &str, fail: &mut dyn FnMut(String)) -> String {
    let method = method(hostile);
    let mut stream = client::connect(door);
    let _ = stream.write_all(question(hostile.ask, id).as_bytes());
    let (heard, closed) = one_answer(&mut stream, method);
    let (answers, end) = strict::answers(&heard, &[method], closed);
    let switched = answers.last().is_some_and(|answer| answer.status == 101);
    let cut = closed && end == End::Incomplete;
    match end {
        End::Clean | End::Incomplete if closed => {}
        End::Clean => {}
        End::Other(_) if switched => {}
        End::Incomplete => fail("the answer does not end".to_owned()),
        other => fail(format!("the client got {other:?} in {:?}", strict::text(&heard))),
    }
    for answer in &answers {
        for name in ["keep-alive", "proxy-connection", "te", "upgrade"] {
            if strict::value_of(&answer.fields, name).is_some() && answer.status != 101 {
                fail(format!("the client got {name} of another connection"));
            }
        }
    }
    go_on(hostile, backend, fail);
    // Another client, and the same one again: each gets its own answer or, the latter, none.
    check_probe(door, id, fail);
    if !closed && !switched {
        let _ = stream.write_all(probe(id).as_bytes());
        let mut rest = Vec::new();
        if stream.read_to_end(&mut rest).is_ok() && !rest.is_empty() {
            check_answer(&rest, id, fail);
        }
    }
    words(&answers, cut)
}

fn ask_in_http2(hostile: &Hostile, door: &Door, backend: &Backend, id: &str, fail: &mut dyn FnMut(String)) -> String {
    let (path, is_post) = (format!("/h-{id}"), hostile.ask == Ask::Post);
    let method = if is_post { "POST" } else { method(hostile) };
    let question = Question { method, path: &path, length: is_post.then_some(2) };
    let Got { answers, cut } = question::ask(door, question, fail);
    if answers.iter().filter(|answer| answer.status >= 200).count() > 1 {
        fail("one answer became two".to_owned());
    }
    go_on(hostile, backend, fail);
    check_probe(door, id, fail);
    words(&answers, cut.is_some())
}

/// What the strict reading refuses although only one reading is possible, so that the connection may be used again.
const REUSED: &[&str] = &[
    // RFC 9112 section 9.3 lets HTTP/1.0 keep a connection.
    "old-version-keep-alive",
    // The space before an empty reason phrase is often left out.
    "no-space-after-status",
    // Leading zeros are digits.
    "length-zeros",
    // RFC 9110 section 8.6: no Content-Length in 204; zero is what a 204 has anyway.
    "204-length-zero",
    // Fields of a 1xx have no framing (RFC 9112 section 6.3), whatever they say; they are not passed on.
    "103-length",
    "103-chunked",
    "103-connection",
];

fn question(ask: Ask, id: &str) -> String {
    match ask {
        Ask::Get => format!("GET /h-{id} HTTP/1.1\r\nHost: a.test\r\n\r\n"),
        Ask::Head => format!("HEAD /h-{id} HTTP/1.1\r\nHost: a.test\r\n\r\n"),
        Ask::Upgrade => {
            format!("GET /h-{id} HTTP/1.1\r\nHost: a.test\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n")
        }
        Ask::Post => format!("POST /h-{id} HTTP/1.1\r\nHost: a.test\r\nContent-Length: 2\r\n\r\nhi"),
        Ask::Old => format!("GET /h-{id} HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"),
    }
}

/// Whether a probe came on the connection of the hostile answer.
fn was_reused(backend: &Backend, id: &str) -> bool {
    let log = backend.log.lock().expect("unpoisoned");
    let (asked, probe) = (format!("/h-{id}"), format!("/probe-{id}"));
    log.iter().any(|targets| targets.contains(&asked) && targets.contains(&probe))
}
