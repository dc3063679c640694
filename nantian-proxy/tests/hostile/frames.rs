//! Raw frames of HTTP/2 through the gateway to an origin that records what it gets.

use std::io::{Read, Write};
use std::sync::Mutex;

use crate::client::{Connection, Door};
use crate::corpus::frames::{Sequence, all, path};
use crate::corpus::wire::frame;
use crate::gateway::Listener;
use crate::origin::{Protocol, Records};
use crate::{client, gateway, judge, origin};

const LANES: usize = 16;

const HEAD: &str = "\
# What the gateway does with each sequence of raw HTTP/2 frames; UPDATE_GOLDEN=1 rewrites this file.
# sequence | requests by RFC 9113 | what the client got: a status, RST_STREAM or GOAWAY with its code
";

/// RFC 9113 sections 8.1.1, 8.2 and 8.3: a malformed request is a stream error and MUST NOT be forwarded.
#[test]
fn whatever_frames_come_the_origin_gets_valid_requests_and_none_that_is_malformed() {
    let table = send_all(Listener::Cleartext, Protocol::Http1);
    judge::golden("frames.txt", HEAD, &table);
}

#[test]
fn whatever_frames_come_in_tls_the_origin_gets_the_same() {
    let table = send_all(Listener::Tls("h2"), Protocol::Http1);
    judge::differences("frames-tls.txt", "frames.txt", &table);
}

#[test]
fn whatever_frames_come_an_origin_of_http2_gets_valid_requests_and_none_that_is_malformed() {
    let table = send_all(Listener::Cleartext, Protocol::Http2);
    judge::differences("frames-h2c.txt", "frames.txt", &table);
}

#[test]
fn whatever_frames_come_in_tls_an_origin_of_http2_gets_the_same() {
    let table = send_all(Listener::Tls("h2"), Protocol::Http2);
    judge::differences("frames-tls-h2c.txt", "frames.txt", &table);
}

/// What becomes of each sequence.
fn send_all(listener: Listener, protocol: Protocol) -> String {
    let sequences = all();
    assert!(sequences.len() >= 60, "{}", sequences.len());
    let origins: Vec<_> = (0..LANES).map(|_| origin::start(protocol)).collect();
    let addresses: Vec<_> = origins.iter().map(|(address, _)| *address).collect();
    let gateway = gateway::start(listener, protocol, &addresses);
    let (outcomes, failures) = (Mutex::new(Vec::new()), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for lane in 0..LANES {
            let (sequences, outcomes, failures, door) = (&sequences, &outcomes, &failures, &gateway.lanes[lane]);
            scope.spawn(move || {
                for (index, sequence) in sequences.iter().enumerate().skip(lane).step_by(LANES) {
                    let mut found = Vec::new();
                    let outcome = run(sequence, door, &mut found);
                    failures.lock().expect("unpoisoned").extend(found);
                    outcomes.lock().expect("unpoisoned").push((index, sequence.name.clone(), outcome));
                }
            });
        }
    });
    let table = judge::table(outcomes.into_inner().expect("unpoisoned"));
    println!("{table}{} sequences", sequences.len());
    let mut failures = failures.into_inner().expect("unpoisoned");
    drop(gateway);
    for (lane, (_, records)) in origins.iter().enumerate() {
        failures.extend(records.violations());
        failures.extend(beyond(&sequences, lane, records));
    }
    assert!(failures.is_empty(), "{} violations:\n{}", failures.len(), failures.join("\n"));
    table
}

/// Requests that reached the origin and should not have.
fn beyond(sequences: &[Sequence], lane: usize, records: &Records) -> Vec<String> {
    let targets: Vec<String> = records.requests().into_iter().map(|request| request.target).collect();
    let smuggled = targets.iter().filter(|target| target.contains("/smuggled")).map(|target| format!("got {target}"));
    let surplus = sequences.iter().enumerate().skip(lane).step_by(LANES).filter_map(|(number, sequence)| {
        let count = targets.iter().filter(|target| target.starts_with(&path(number))).count();
        (count > sequence.requests).then(|| format!("{}: {count} requests reached the origin", sequence.name))
    });
    smuggled.chain(surplus).collect()
}

fn run(sequence: &Sequence, door: &Door, failures: &mut Vec<String>) -> String {
    let mut fail = |what: String| failures.push(format!("{}: {what}", sequence.name));
    let mut stream = client::connect(door);
    let preface = [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(), frame(4, 0, 0, &[]), sequence.bytes.clone()];
    let _ = stream.write_all(&preface.concat());
    let outcome = listen(&mut stream, sequence.stream);
    if outcome.is_none() {
        fail("neither the stream nor the connection ends".to_owned());
    }
    let outcome = outcome.unwrap_or_default();
    format!("{} | {outcome}", sequence.requests)
}

/// Reads frames until `wanted` ends, or the connection; `None` if neither happens in time. An error of the connection
/// counts more than what came before it, which is a race.
fn listen(stream: &mut Connection, wanted: u32) -> Option<String> {
    let (mut bytes, mut outcome) = (Vec::new(), String::new());
    loop {
        while let Some((kind, flags, id, payload)) = take(&mut bytes) {
            match kind {
                1 if id == wanted => {
                    let status = status(&payload);
                    if status != 100 {
                        outcome = status.to_string();
                    }
                }
                3 if id == wanted => {
                    let code = payload.last().copied().unwrap_or_default();
                    return Some(format!("{outcome} RST_STREAM {code}").trim().to_owned());
                }
                7 if payload.get(4..8).is_some_and(|code| code != [0; 4]) => {
                    return Some(format!("GOAWAY {}", payload[7]));
                }
                _ => {}
            }
            if kind <= 1 && id == wanted && flags & 1 == 1 {
                return Some(outcome);
            }
        }
        let mut part = [0; 4096];
        match stream.read(&mut part) {
            Ok(0) => return Some(format!("{outcome} closed").trim().to_owned()),
            Ok(read) => bytes.extend_from_slice(&part[..read]),
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => return Some("closed".to_owned()),
            Err(_) => return None,
        }
    }
}

fn take(bytes: &mut Vec<u8>) -> Option<(u8, u8, u32, Vec<u8>)> {
    let head = bytes.get(..9)?;
    let length = usize::from(head[0]) << 16 | usize::from(head[1]) << 8 | usize::from(head[2]);
    let (kind, flags, id) = (head[3], head[4], u32::from_be_bytes([head[5] & 0x7f, head[6], head[7], head[8]]));
    let payload = bytes.get(9..9 + length)?.to_vec();
    bytes.drain(..9 + length);
    Some((kind, flags, id, payload))
}

/// `:status`, which comes first: from the static table (RFC 7541 appendix A), or a literal with that name. 0: neither.
fn status(block: &[u8]) -> u16 {
    // A change of the table's size may come before it.
    let block = &block[block.iter().take_while(|&&byte| byte & 0xe0 == 0x20).count()..];
    match block {
        [byte @ 0x88..=0x8e, ..] => [200, 204, 206, 304, 400, 404, 500][usize::from(byte - 0x88)],
        [0x48 | 0x08 | 0x18, length, value @ ..] => {
            let value = &value[..usize::from(length & 0x7f).min(value.len())];
            if length & 0x80 == 0 { crate::strict::text(value).parse().unwrap_or(0) } else { digits(value) }
        }
        _ => 0,
    }
}

/// Three digits in the Huffman code of RFC 7541 appendix B: `0`, `1`, `2` have five bits, the others six.
fn digits(code: &[u8]) -> u16 {
    let bits: Vec<u16> = code.iter().flat_map(|byte| (0..8).rev().map(move |bit| u16::from(byte >> bit & 1))).collect();
    let number = |from: usize, count: usize| {
        bits.get(from..from + count).map(|bits| bits.iter().fold(0, |number, bit| number << 1 | bit))
    };
    let (mut at, mut value) = (0, 0);
    for _ in 0..3 {
        match (number(at, 5), number(at, 6)) {
            (Some(short @ 0..=2), _) => {
                value = value * 10 + short;
                at += 5;
            }
            (_, Some(long @ 0b01_1001..=0b01_1111)) => {
                value = value * 10 + long - 0b01_1001 + 3;
                at += 6;
            }
            _ => return 0,
        }
    }
    value
}
