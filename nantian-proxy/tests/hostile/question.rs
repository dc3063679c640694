//! Clients of hostile backends, in both protocols: what they ask, and what they get.

use std::io::{Read, Write};

use crate::client::{self, Connection, Door};
use crate::corpus::wire::{DATA, END_STREAM, HEADERS, PING, SETTINGS, WHOLE, WINDOW_UPDATE, block, frame};
use crate::strict::frames::{Direction, Event, PREFACE, Speaker};
use crate::strict::{self, Answer, End};

/// Bytes of a body that are sent at once.
const SENT: usize = 100;

/// What a client asks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Question<'a> {
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    /// The length of its body, of which no more than [`SENT`] bytes are sent.
    pub(crate) length: Option<usize>,
}

/// What a client got.
pub(crate) struct Got {
    pub(crate) answers: Vec<Answer>,
    /// What ended it in place of an answer.
    pub(crate) cut: Option<String>,
}

pub(crate) fn ask(door: &Door, question: Question<'_>, fail: &mut dyn FnMut(String)) -> Got {
    if door.http2 { ask_in_http2(door, question, fail) } else { ask_in_http1(door, question, fail) }
}

fn ask_in_http1(door: &Door, question: Question<'_>, fail: &mut dyn FnMut(String)) -> Got {
    let Question { method, path, length } = question;
    let field = length.map(|length| format!("Content-Length: {length}\r\n")).unwrap_or_default();
    let mut stream = client::connect(door);
    let _ = stream.write_all(format!("{method} {path} HTTP/1.1\r\nHost: a.test\r\n{field}\r\n").as_bytes());
    let _ = stream.write_all(&vec![b'x'; length.unwrap_or_default().min(SENT)]);
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

/// Reads to the end of the final answer, of anything that is none, or of the connection.
pub(crate) fn one_answer(stream: &mut Connection, method: &str) -> (Vec<u8>, bool) {
    let mut bytes = Vec::new();
    loop {
        let (answers, end) = strict::answers(&bytes, &[method], false);
        let last = answers.last().is_some_and(|answer| answer.status >= 200 || answer.status == 101);
        if last || matches!(end, End::Violation(..)) {
            return (bytes, false);
        }
        let mut part = [0; 4096];
        match stream.read(&mut part) {
            Ok(0) => return (bytes, true),
            Ok(read) => bytes.extend_from_slice(&part[..read]),
            Err(error) => return (bytes, error.kind() == std::io::ErrorKind::ConnectionReset),
        }
    }
}

fn ask_in_http2(door: &Door, question: Question<'_>, fail: &mut dyn FnMut(String)) -> Got {
    let Question { method, path, length } = question;
    let mut stream = client::connect(door);
    let fields = [(":method", method), (":scheme", "https"), (":authority", "a.test"), (":path", path)];
    let flags = if length.is_none() { WHOLE } else { WHOLE & !END_STREAM };
    let mut bytes = [PREFACE.to_vec(), frame(SETTINGS, 0, 0, &[]), frame(HEADERS, flags, 1, &block(&fields))].concat();
    if let Some(length) = length {
        let flags = if length <= SENT { END_STREAM } else { 0 };
        bytes.extend(frame(DATA, flags, 1, &vec![b'x'; length.min(SENT)]));
    }
    let _ = stream.write_all(&bytes);
    let mut got = Got { answers: Vec::new(), cut: None };
    match listen(&mut stream, method, &mut got.answers) {
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

/// A request that has an answer of its own.
pub(crate) fn probe(id: &str) -> String {
    format!("GET /probe-{id} HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n")
}

/// Another client gets its own answer.
pub(crate) fn check_probe(door: &Door, id: &str, fail: &mut dyn FnMut(String)) {
    let path = format!("/probe-{id}");
    if !door.http2 {
        return check_answer(&client::exchange(door, probe(id).as_bytes()).bytes, id, fail);
    }
    let Got { answers, cut } = ask_in_http2(door, Question { method: "GET", path: &path, length: None }, fail);
    let expected = format!("probe-{id}");
    let right = answers.len() == 1 && answers[0].status == 200 && answers[0].body == expected.as_bytes();
    if cut.is_some() || !right {
        fail(format!("the next request got {cut:?} {answers:?}"));
    }
}

/// Whether `bytes` are the answer to the probe.
pub(crate) fn check_answer(bytes: &[u8], id: &str, fail: &mut dyn FnMut(String)) {
    let (answers, end) = strict::answers(bytes, &["GET"], true);
    let expected = format!("probe-{id}");
    let right = answers.len() == 1 && answers[0].status == 200 && answers[0].body == expected.as_bytes();
    if end != End::Clean || !right {
        fail(format!("the next request got {:?}", strict::text(bytes)));
    }
}
