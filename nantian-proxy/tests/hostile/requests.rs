//! Raw requests of HTTP/1.1 through the gateway to an origin that records what it gets.

use std::sync::Mutex;

use crate::client::Door;
use crate::corpus::Payload;
use crate::corpus::requests::{REPAIRS, all};
use crate::gateway::Listener;
use crate::origin::{Protocol, Records};
use crate::strict::{self, End, Request, Side};
use crate::{client, gateway, judge, origin};

const LANES: usize = 24;

const HEAD: &str = "\
# What the gateway does with each raw HTTP/1.1 payload of `corpus/`; UPDATE_GOLDEN=1 rewrites this file.
# payload | requests by the strict reading | what the client got | what the origin got, request by request
";

/// RFC 9112 sections 2.2, 5, 6 and 7, RFC 9110 section 7: whatever comes in, what goes out is valid, has one framing and
/// one Host, and no request that the client did not send as one.
#[test]
fn whatever_a_client_sends_the_origin_gets_valid_requests_and_no_smuggled_one() {
    let table = send_all(Listener::Cleartext, Protocol::Http1);
    judge::golden("requests.txt", HEAD, &table);
}

#[test]
fn whatever_a_client_sends_in_tls_the_origin_gets_the_same() {
    let table = send_all(Listener::Tls("http/1.1"), Protocol::Http1);
    judge::differences("requests-tls.txt", "requests.txt", &table);
}

/// RFC 9113 section 8: the same requests, in the frames of an origin that speaks HTTP/2.
#[test]
fn whatever_a_client_sends_an_origin_of_http2_gets_valid_requests_and_no_smuggled_one() {
    let table = send_all(Listener::Cleartext, Protocol::Http2);
    judge::differences("requests-h2c.txt", "requests.txt", &table);
}

#[test]
fn whatever_a_client_sends_in_tls_an_origin_of_http2_gets_the_same() {
    let table = send_all(Listener::Tls("http/1.1"), Protocol::Http2);
    judge::differences("requests-tls-h2c.txt", "requests.txt", &table);
}

/// What becomes of each payload.
fn send_all(listener: Listener, protocol: Protocol) -> String {
    let payloads = all();
    assert!(payloads.len() >= 250, "{}", payloads.len());
    let names: std::collections::BTreeSet<&str> = payloads.iter().map(|payload| payload.name.as_str()).collect();
    assert_eq!(names.len(), payloads.len(), "names are unique");
    let origins: Vec<_> = (0..LANES).map(|_| origin::start(protocol)).collect();
    let addresses: Vec<_> = origins.iter().map(|(address, _)| *address).collect();
    let gateway = gateway::start(listener, protocol, &addresses);
    let (outcomes, failures) = (Mutex::new(Vec::new()), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for (lane, (_, records)) in origins.iter().enumerate() {
            let (payloads, outcomes, failures, door) = (&payloads, &outcomes, &failures, &gateway.lanes[lane]);
            scope.spawn(move || {
                for (index, payload) in payloads.iter().enumerate().skip(lane).step_by(LANES) {
                    let mut found = Vec::new();
                    let outcome = run(payload, door, records, &mut found);
                    failures.lock().expect("unpoisoned").extend(found);
                    outcomes.lock().expect("unpoisoned").push((index, payload.name.clone(), outcome));
                }
            });
        }
    });
    let table = judge::table(outcomes.into_inner().expect("unpoisoned"));
    println!("{table}{} payloads", payloads.len());
    let failures = failures.into_inner().expect("unpoisoned");
    assert!(failures.is_empty(), "{} violations:\n{}", failures.len(), failures.join("\n"));
    table
}

fn run(payload: &Payload, door: &Door, records: &Records, failures: &mut Vec<String>) -> String {
    let (before, known) = (records.requests().len(), records.violations().len());
    let heard = client::exchange(door, &payload.bytes);
    let mut fail = |what: String| failures.push(format!("{}: {what}", payload.name));
    if !heard.ended {
        fail("the connection does not end".to_owned());
    }
    let (sent, end) = strict::requests(&payload.bytes, Side::Client);
    let got = records.requests().split_off(before);
    records.violations().into_iter().skip(known).for_each(&mut fail);
    check_requests(payload, &sent, &got, &mut fail);
    let methods: Vec<&str> = sent.iter().map(|request| request.method.as_str()).collect();
    let (answers, answered) = strict::answers(&heard.bytes, &methods, true);
    let switched = answers.last().is_some_and(|answer| answer.status == 101);
    match answered {
        End::Clean => {}
        End::Other(_) if switched => {}
        // The preface of HTTP/2 is answered in HTTP/2.
        End::Violation(..) if payload.bytes.starts_with(b"PRI * HTTP/2.0") => {}
        other => fail(format!("the client got {other:?} in {:?}", strict::text(&heard.bytes))),
    }
    if answers.iter().filter(|answer| answer.status >= 200).count() > sent.len().max(repaired(payload)) + 1 {
        fail("more answers than requests".to_owned());
    }
    let forwarded: Vec<String> =
        got.iter().enumerate().map(|(index, request)| judge::forwarded(sent.get(index), request)).collect();
    let forwarded = if forwarded.is_empty() { "refused".to_owned() } else { shorten(&forwarded) };
    let reading = judge::reading(sent.len(), end);
    if strict::text(&payload.bytes).contains("/early ") {
        // How much of the request was sent before the answer came is a race.
        return format!("{reading} | {} | answered early", answers.first().map_or(0, |answer| answer.status));
    }
    format!("{reading} | {} | {forwarded}", count(&judge::statuses(&answers)))
}

/// How many requests may reach the origin because of a repair that is listed.
fn repaired(payload: &Payload) -> usize {
    REPAIRS.iter().find(|(name, ..)| payload.name == *name).map_or(0, |(_, count, _)| *count)
}

fn check_requests(payload: &Payload, sent: &[Request], got: &[Request], mut fail: impl FnMut(String)) {
    let repaired = repaired(payload);
    let allowed = sent.len().max(repaired);
    if got.len() > allowed {
        let targets: Vec<&str> = got.iter().map(|request| request.target.as_str()).collect();
        fail(format!("{} requests reached the origin, {allowed} were sent: {targets:?}", got.len()));
    }
    for request in got {
        let legitimate = sent.iter().any(|sent| sent.target == request.target);
        if request.target.contains("/smuggled") && !legitimate && repaired == 0 {
            fail(format!("a smuggled request reached the origin: {}", request.target));
        }
        // The target names the payload, so that what one left behind is not taken for another's.
        let id = payload.name.replace(['/', ' '], "-");
        let named = ["/p-", "/smuggled-"].iter().any(|start| request.target.contains(&format!("{start}{id}")));
        let other = ["/p-", "/smuggled-"].iter().any(|start| request.target.starts_with(start)) && !named;
        if other && !request.target.starts_with("/smuggled-x") {
            fail(format!("a request of another payload reached the origin: {}", request.target));
        }
    }
}

/// Many equal parts as one.
fn shorten(parts: &[String]) -> String {
    if parts.len() > 5 { format!("{} times {}", parts.len(), parts[0]) } else { parts.join("; ") }
}

fn count(statuses: &str) -> String {
    let parts: Vec<String> = statuses.split(' ').map(str::to_owned).collect();
    shorten(&parts).replace("; ", " ")
}
