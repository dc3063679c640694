//! Frames of hostile HTTP/2 backends.

use super::wire::{
    CONTINUATION, DATA, END_HEADERS, END_STREAM, Fields, GOAWAY, HEADERS, PADDED, PING, PRIORITY, PUSH_PROMISE, RST,
    SETTINGS, WHOLE, WINDOW_UPDATE, block, frame,
};

/// What the client asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ask {
    Get,
    Head,
    /// A request whose body does not end, answered at its head.
    Upload,
}

use Ask::{Get, Head, Upload};

/// What stands in a sequence for the number of the request's stream.
type Frames = Box<dyn Fn(u32) -> Vec<u8> + Send + Sync>;

/// Frames in place of an answer, or in place of the SETTINGS with which a connection opens.
pub(crate) struct Hostile {
    pub(crate) name: String,
    pub(crate) ask: Ask,
    /// In place of SETTINGS; an ordinary answer follows.
    pub(crate) opening: Option<Vec<u8>>,
    pub(crate) frames: Frames,
    pub(crate) closes: bool,
    /// Whether what is wrong comes when the client has its answer, so that it has to be waited for.
    pub(crate) late: bool,
    /// Final answers that RFC 9113 sees in it.
    pub(crate) answers: usize,
    /// Whether the connection may take another request.
    pub(crate) sound: bool,
}

/// Enough of a frame to be a flood.
const FLOOD: usize = 20_000;

const OK: (&str, &str) = (":status", "200");
const TWO: (&str, &str) = ("content-length", "2");

/// Heads before a body of two bytes: name, answers, whether the connection stays sound, fields.
const HEADS: &[(&str, usize, Fields<'_>)] = &[
    ("plain", 1, &[OK, TWO]),
    ("no-length", 1, &[OK]),
    ("no-status", 0, &[TWO]),
    ("no-fields", 0, &[]),
    ("status-twice", 0, &[OK, (":status", "404"), TWO]),
    ("status-twice-equal", 0, &[OK, OK, TWO]),
    ("status-empty", 0, &[(":status", ""), TWO]),
    ("status-two-digits", 0, &[(":status", "20"), TWO]),
    ("status-four-digits", 0, &[(":status", "2000"), TWO]),
    ("status-letters", 0, &[(":status", "2x0"), TWO]),
    ("status-000", 0, &[(":status", "000"), TWO]),
    ("status-099", 0, &[(":status", "099"), TWO]),
    ("status-600", 0, &[(":status", "600"), TWO]),
    ("status-999", 0, &[(":status", "999"), TWO]),
    ("status-minus", 0, &[(":status", "-20"), TWO]),
    ("status-space", 0, &[(":status", " 200"), TWO]),
    ("status-reason", 0, &[(":status", "200 OK"), TWO]),
    ("status-crlf", 0, &[(":status", "200\r\nx: y"), TWO]),
    ("status-101", 0, &[(":status", "101"), ("upgrade", "websocket")]),
    ("status-101-bare", 0, &[(":status", "101")]),
    ("status-after-field", 0, &[TWO, OK]),
    ("pseudo-unknown", 0, &[OK, (":x", "1"), TWO]),
    // RFC 9113 section 8.3.2.
    ("pseudo-of-requests", 0, &[OK, (":path", "/"), TWO]),
    ("name-upper-case", 0, &[OK, ("X-A", "1"), TWO]),
    ("name-empty", 0, &[OK, ("", "1"), TWO]),
    ("name-space", 0, &[OK, ("x a", "1"), TWO]),
    ("name-quote", 0, &[OK, ("x\"a", "1"), TWO]),
    ("name-crlf", 0, &[OK, ("x-a: 1\r\nset-cookie", "a=b"), TWO]),
    ("value-crlf", 0, &[OK, ("x-a", "1\r\nset-cookie: a=b"), TWO]),
    ("value-lf", 0, &[OK, ("x-a", "1\nset-cookie: a=b"), TWO]),
    ("value-nul", 0, &[OK, ("x-a", "1\0"), TWO]),
    ("value-spaces", 0, &[OK, ("x-a", " 1 "), TWO]),
    ("value-answer", 0, &[OK, ("x-a", "1\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\npoisoned"), TWO]),
    ("obs-text", 1, &[OK, ("x-a", "\u{e9}"), TWO]),
    ("connection", 0, &[OK, ("connection", "close"), TWO]),
    ("connection-names-length", 0, &[OK, ("connection", "content-length"), TWO]),
    ("keep-alive", 0, &[OK, ("keep-alive", "timeout=5"), TWO]),
    ("proxy-connection", 0, &[OK, ("proxy-connection", "close"), TWO]),
    ("transfer-encoding", 0, &[OK, ("transfer-encoding", "chunked")]),
    ("upgrade", 0, &[OK, ("upgrade", "h2c"), TWO]),
    ("length-twice-equal", 0, &[OK, TWO, TWO]),
    ("length-twice-different", 0, &[OK, TWO, ("content-length", "40")]),
    ("length-list", 0, &[OK, ("content-length", "2, 2")]),
    ("length-plus", 0, &[OK, ("content-length", "+2")]),
    ("length-minus", 0, &[OK, ("content-length", "-1")]),
    ("length-hexadecimal", 0, &[OK, ("content-length", "0x2")]),
    ("length-empty", 0, &[OK, ("content-length", "")]),
    ("length-zeros", 1, &[OK, ("content-length", "0002")]),
    ("length-overflow", 0, &[OK, ("content-length", "18446744073709551618")]),
    ("length-less", 0, &[OK, ("content-length", "1")]),
    ("length-more", 0, &[OK, ("content-length", "3")]),
    ("length-zero", 0, &[OK, ("content-length", "0")]),
    ("204-and-data", 0, &[(":status", "204")]),
    ("304-and-data", 0, &[(":status", "304"), TWO]),
    ("205-and-data", 1, &[(":status", "205"), TWO]),
    ("426", 1, &[(":status", "426"), TWO]),
];

/// Trailers after a body of two bytes.
const TRAILERS: &[(&str, usize, Fields<'_>)] = &[
    ("plain", 1, &[("x-a", "1")]),
    // RFC 9113 section 8.1.
    ("pseudo", 0, &[(":status", "200")]),
    ("length", 0, &[("content-length", "9")]),
    ("coding", 0, &[("transfer-encoding", "chunked")]),
    ("connection", 0, &[("connection", "close")]),
    ("upper-case", 0, &[("X-A", "1")]),
    ("crlf", 0, &[("x-a", "1\r\nset-cookie: a=b")]),
    ("spaces", 0, &[("x-a", " 1 ")]),
    ("quote", 0, &[("x\"a", "1")]),
];

fn head(id: u32, fields: Fields<'_>, flags: u8) -> Vec<u8> {
    frame(HEADERS, flags, id, &block(fields))
}

fn data(id: u32, bytes: &[u8], flags: u8) -> Vec<u8> {
    frame(DATA, flags, id, bytes)
}

/// A whole answer.
fn ok(id: u32) -> Vec<u8> {
    [head(id, &[OK, TWO], END_HEADERS), data(id, b"ok", END_STREAM)].concat()
}

/// An answer whose body is not yet there.
fn begun(id: u32) -> Vec<u8> {
    head(id, &[OK], END_HEADERS)
}

fn number(value: u32) -> [u8; 4] {
    value.to_be_bytes()
}

fn goaway(last: u32, code: u32) -> Vec<u8> {
    frame(GOAWAY, 0, 0, &[number(last), number(code)].concat())
}

fn setting(id: u16, value: u32) -> Vec<u8> {
    [&id.to_be_bytes()[..], &number(value)].concat()
}

/// All answers.
pub(crate) fn all() -> Vec<Hostile> {
    let mut all = Vec::new();
    for (name, answers, fields) in HEADS {
        let frames = |id| [head(id, fields, END_HEADERS), data(id, b"ok", END_STREAM)].concat();
        all.push(hostile(&format!("head/{name}"), Get, *answers, true, frames));
    }
    for (name, answers, fields) in TRAILERS {
        let frames = |id| [head(id, &[OK], END_HEADERS), data(id, b"ok", 0), head(id, fields, WHOLE)].concat();
        all.push(hostile(&format!("trailers/{name}"), Get, *answers, true, frames));
    }
    all.extend(bodies());
    all.extend(streams());
    all.extend(blocks());
    all.extend(resets());
    all.extend(goaways());
    all.extend(interims());
    all.extend(windows());
    all.extend(floods());
    all.extend(ends());
    all.extend(openings());
    all
}

fn hostile(
    name: &str,
    ask: Ask,
    answers: usize,
    sound: bool,
    frames: impl Fn(u32) -> Vec<u8> + Send + Sync + 'static,
) -> Hostile {
    let frames = Box::new(frames);
    Hostile { name: name.to_owned(), ask, opening: None, frames, closes: false, late: false, answers, sound }
}

/// The same, where it comes after an answer, or in its middle.
fn late(
    name: &str,
    ask: Ask,
    answers: usize,
    sound: bool,
    frames: impl Fn(u32) -> Vec<u8> + Send + Sync + 'static,
) -> Hostile {
    Hostile { late: true, ..hostile(name, ask, answers, sound, frames) }
}

fn bodies() -> Vec<Hostile> {
    vec![
        hostile("body/more-in-parts", Get, 0, true, |id| {
            [head(id, &[OK, TWO], END_HEADERS), data(id, b"ok", 0), data(id, b"more", END_STREAM)].concat()
        }),
        hostile("body/less-in-parts", Get, 0, true, |id| {
            [head(id, &[OK, ("content-length", "9")], END_HEADERS), data(id, b"ok", 0), data(id, b"", END_STREAM)]
                .concat()
        }),
        hostile("body/then-end", Get, 1, true, |id| {
            [head(id, &[OK, TWO], END_HEADERS), data(id, b"ok", 0), data(id, b"", END_STREAM)].concat()
        }),
        hostile("body/none", Get, 0, true, |id| head(id, &[OK, TWO], WHOLE)),
        hostile("body/204", Get, 1, true, |id| head(id, &[(":status", "204")], WHOLE)),
        hostile("body/204-length", Get, 1, true, |id| head(id, &[(":status", "204"), TWO], WHOLE)),
        hostile("body/304-length", Get, 1, true, |id| head(id, &[(":status", "304"), TWO], WHOLE)),
        hostile("body/head", Head, 1, true, |id| head(id, &[OK, TWO], WHOLE)),
        hostile("body/head-open", Head, 1, true, |id| {
            [head(id, &[OK, TWO], END_HEADERS), data(id, b"", END_STREAM)].concat()
        }),
        hostile("body/head-with-data", Head, 0, true, ok),
        hostile("body/padded", Get, 1, true, |id| [begun(id), data(id, b"\x02ok\0\0", END_STREAM | PADDED)].concat()),
        hostile("body/padding-overrun", Get, 0, false, |id| {
            [begun(id), data(id, b"\x09ok", END_STREAM | PADDED)].concat()
        }),
        hostile("body/frame-too-large", Get, 0, false, |id| [begun(id), data(id, &[0; 16_385], END_STREAM)].concat()),
        hostile("body/answer-inside", Get, 1, true, |id| {
            let inside = b"ok\r\n0\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\npoisoned";
            [begun(id), data(id, inside, END_STREAM)].concat()
        }),
    ]
}

fn streams() -> Vec<Hostile> {
    vec![
        hostile("stream/data-before-headers", Get, 0, false, |id| data(id, b"ok", END_STREAM)),
        hostile("stream/data-on-zero", Get, 0, false, |id| [data(0, b"ok", 0), ok(id)].concat()),
        hostile("stream/data-on-idle", Get, 0, false, |id| [data(id + 2, b"ok", END_STREAM), ok(id)].concat()),
        late("stream/data-after-end", Get, 1, true, |id| [ok(id), data(id, b"poisoned", END_STREAM)].concat()),
        hostile("stream/headers-on-zero", Get, 0, false, |id| [ok(0), ok(id)].concat()),
        hostile("stream/headers-on-idle", Get, 0, false, |id| [ok(id + 2), ok(id)].concat()),
        hostile("stream/headers-on-even", Get, 0, false, |id| [ok(2), ok(id)].concat()),
        hostile("stream/two-heads", Get, 0, true, |id| [begun(id), ok(id)].concat()),
        late("stream/two-answers", Get, 1, false, |id| [ok(id), ok(id)].concat()),
        late("stream/headers-after-trailers", Get, 1, false, |id| {
            [begun(id), head(id, &[("x-a", "1")], WHOLE), head(id, &[("x-a", "2")], WHOLE)].concat()
        }),
        hostile("stream/push-promise", Get, 0, false, |id| {
            let promise =
                [&number(2)[..], &block(&[(":method", "GET"), (":scheme", "http"), (":path", "/p")])].concat();
            [frame(PUSH_PROMISE, END_HEADERS, id, &promise), ok(id)].concat()
        }),
        hostile("stream/push-promise-on-idle", Get, 0, false, |id| {
            [frame(PUSH_PROMISE, END_HEADERS, id + 2, &number(2)), ok(id)].concat()
        }),
        hostile("stream/priority-of-itself", Get, 1, true, |id| {
            [frame(PRIORITY, 0, id, &[&number(id)[..], &[1]].concat()), ok(id)].concat()
        }),
        hostile("stream/unknown-frame", Get, 1, true, |id| [frame(0xfa, 0xff, id, b"poisoned"), ok(id)].concat()),
        hostile("stream/http-1", Get, 0, false, |_| b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok".to_vec()),
    ]
}

fn blocks() -> Vec<Hostile> {
    let raw = |name: &str, bytes: &'static [u8]| {
        hostile(&format!("block/{name}"), Get, 0, false, move |id| frame(HEADERS, WHOLE, id, bytes))
    };
    // Written once: a backend that is slow to say what is wrong is given up before that.
    let large = block(&[("x-a", &"z".repeat(16_000))]);
    let split = move |id: u32, count: usize| {
        let block = [block(&[OK]), large.repeat(count)].concat();
        let mut parts = block.chunks(16_000);
        let mut frames = frame(HEADERS, END_STREAM, id, parts.next().unwrap_or_default());
        parts.for_each(|part| frames.extend(frame(CONTINUATION, 0, id, part)));
        frames.extend(frame(CONTINUATION, END_HEADERS, id, &[]));
        frames
    };
    let endless = split.clone();
    vec![
        raw("bad-index", &[0xff, 0xff, 0xff, 0x7f]),
        raw("index-zero", &[0x80]),
        raw("cut", &[0x88, 0x00, 0x05, b'x']),
        raw("table-too-large", &[0x3f, 0xe1, 0xff, 0xff, 0x03, 0x88]),
        raw("bad-huffman", &[0x88, 0x00, 0x84, 0xff, 0xff, 0xff, 0xff, 0x01, b'x']),
        hostile("block/empty", Get, 0, true, |id| frame(HEADERS, WHOLE, id, &[])),
        hostile("block/continuation", Get, 1, true, |id| {
            let block = block(&[OK]);
            let rest = frame(CONTINUATION, END_HEADERS, id, &block[5..]);
            [frame(HEADERS, 0, id, &block[..5]), rest, data(id, b"ok", END_STREAM)].concat()
        }),
        hostile("block/continuation-alone", Get, 0, false, |id| frame(CONTINUATION, END_HEADERS, id, &block(&[OK]))),
        hostile("block/continuation-of-another", Get, 0, false, |id| {
            [frame(HEADERS, END_STREAM, id, &block(&[OK])), frame(CONTINUATION, END_HEADERS, id + 2, &[])].concat()
        }),
        hostile("block/ping-inside", Get, 0, false, |id| {
            [frame(HEADERS, END_STREAM, id, &block(&[OK])), frame(PING, 0, 0, &[0; 8])].concat()
        }),
        hostile("block/never-ends", Get, 0, true, |id| frame(HEADERS, END_STREAM, id, &block(&[OK]))),
        hostile("block/continuation-flood", Get, 0, false, |id| {
            [frame(HEADERS, END_STREAM, id, &block(&[OK])), frame(CONTINUATION, 0, id, &[]).repeat(FLOOD)].concat()
        }),
        hostile("block/huge", Get, 0, true, move |id| split(id, 6)),
        hostile("block/endless", Get, 0, false, move |id| endless(id, 200)),
        hostile("block/many-fields", Get, 0, true, |id| {
            let fields: Vec<_> = std::iter::once(OK).chain(std::iter::repeat_n(("a", ""), 5_000)).collect();
            let block = block(&fields);
            frame(HEADERS, WHOLE, id, &block[..block.len().min(16_000) / 4 * 4])
        }),
        hostile("block/bomb", Get, 0, true, |id| {
            let value = "z".repeat(4_000);
            let inserted = block(&[("x-a", &value)]);
            let bomb = [&[0x88, 0x40][..], &inserted[1..], &[0xbe; 10_000]].concat();
            frame(HEADERS, WHOLE, id, &bomb)
        }),
    ]
}

fn resets() -> Vec<Hostile> {
    let reset = |id: u32, code: u32| frame(RST, 0, id, &number(code));
    vec![
        hostile("reset/at-once", Get, 0, true, move |id| reset(id, 2)),
        hostile("reset/no-error-at-once", Get, 0, true, move |id| reset(id, 0)),
        hostile("reset/refused", Get, 0, true, move |id| reset(id, 7)),
        hostile("reset/http-1-1-required", Get, 0, true, move |id| reset(id, 13)),
        hostile("reset/unknown-code", Get, 0, true, move |id| reset(id, 0xdead_beef)),
        hostile("reset/in-body", Get, 0, true, move |id| [begun(id), data(id, b"ok", 0), reset(id, 2)].concat()),
        hostile("reset/no-error-in-body", Get, 0, true, move |id| {
            [begun(id), data(id, b"ok", 0), reset(id, 0)].concat()
        }),
        hostile("reset/after-length", Get, 0, true, move |id| {
            [head(id, &[OK, TWO], END_HEADERS), data(id, b"ok", 0), reset(id, 2)].concat()
        }),
        hostile("reset/after-end", Get, 1, true, move |id| [ok(id), reset(id, 2)].concat()),
        hostile("reset/no-error-upload", Upload, 1, true, move |id| [ok(id), reset(id, 0)].concat()),
        hostile("reset/cancel-upload", Upload, 1, true, move |id| [ok(id), reset(id, 8)].concat()),
        hostile("reset/upload-unread", Upload, 1, true, ok),
        hostile("reset/upload-refused", Upload, 0, true, move |id| reset(id, 2)),
        hostile("reset/on-zero", Get, 0, false, move |id| [reset(0, 8), ok(id)].concat()),
        hostile("reset/on-idle", Get, 0, false, move |id| [reset(id + 2, 8), ok(id)].concat()),
        hostile("reset/bad-length", Get, 0, false, |id| [frame(RST, 0, id, &[0]), ok(id)].concat()),
    ]
}

fn goaways() -> Vec<Hostile> {
    vec![
        hostile("goaway/and-answer", Get, 1, false, |id| [goaway(id, 0), ok(id)].concat()),
        late("goaway/answer-first", Get, 1, false, |id| [ok(id), goaway(id, 0)].concat()),
        hostile("goaway/not-taken", Get, 0, false, |_| goaway(0, 0)),
        hostile("goaway/not-taken-error", Get, 0, false, |_| goaway(0, 2)),
        hostile("goaway/taken-error", Get, 0, false, |id| goaway(id, 2)),
        hostile("goaway/calm", Get, 0, false, |id| goaway(id, 11)),
        hostile("goaway/in-body", Get, 0, false, |id| [begun(id), data(id, b"ok", 0), goaway(0, 2)].concat()),
        hostile("goaway/rises", Get, 0, false, |id| [goaway(id, 0), goaway(id + 10, 0), ok(id)].concat()),
        hostile("goaway/on-stream", Get, 0, false, |id| [frame(GOAWAY, 0, id, &[0; 8]), ok(id)].concat()),
        hostile("goaway/short", Get, 0, false, |id| [frame(GOAWAY, 0, 0, &[0; 4]), ok(id)].concat()),
    ]
}

fn interims() -> Vec<Hostile> {
    let interim = |id: u32, fields: Fields<'_>| head(id, fields, END_HEADERS);
    let large = "z".repeat(16_000);
    vec![
        hostile("interim/100", Get, 1, true, move |id| [interim(id, &[(":status", "100")]), ok(id)].concat()),
        hostile("interim/103", Get, 1, true, move |id| {
            [interim(id, &[(":status", "103"), ("link", "</a>")]), ok(id)].concat()
        }),
        hostile("interim/199", Get, 1, true, move |id| [interim(id, &[(":status", "199")]), ok(id)].concat()),
        hostile("interim/101", Get, 0, true, move |id| [interim(id, &[(":status", "101")]), ok(id)].concat()),
        hostile("interim/ends", Get, 0, true, |id| head(id, &[(":status", "103")], WHOLE)),
        hostile("interim/ends-then-answer", Get, 0, true, |id| {
            [head(id, &[(":status", "103")], WHOLE), ok(id)].concat()
        }),
        hostile("interim/length", Get, 1, true, move |id| {
            [interim(id, &[(":status", "103"), ("content-length", "9")]), ok(id)].concat()
        }),
        hostile("interim/connection", Get, 0, true, move |id| {
            [interim(id, &[(":status", "103"), ("connection", "close")]), ok(id)].concat()
        }),
        hostile("interim/spaces", Get, 0, true, move |id| {
            [interim(id, &[(":status", "103"), ("x-a", " b ")]), ok(id)].concat()
        }),
        hostile("interim/data-after", Get, 0, false, move |id| {
            [interim(id, &[(":status", "103")]), data(id, b"poisoned", 0), ok(id)].concat()
        }),
        hostile("interim/after-head", Get, 0, true, move |id| {
            [begun(id), interim(id, &[(":status", "103")]), data(id, b"ok", END_STREAM)].concat()
        }),
        hostile("interim/only", Get, 0, true, move |id| interim(id, &[(":status", "103")])),
        hostile("interim/many", Get, 0, true, move |id| {
            [interim(id, &[(":status", "103")]).repeat(100), ok(id)].concat()
        }),
        hostile("interim/flood", Get, 0, false, move |id| {
            [interim(id, &[(":status", "103")]).repeat(FLOOD), ok(id)].concat()
        }),
        hostile("interim/large", Get, 0, true, move |id| {
            [interim(id, &[(":status", "103"), ("x-a", &large)]).repeat(20), ok(id)].concat()
        }),
    ]
}

fn windows() -> Vec<Hostile> {
    let update = |id: u32, count: u32| frame(WINDOW_UPDATE, 0, id, &number(count));
    vec![
        hostile("window/zero-connection", Get, 0, false, move |id| [update(0, 0), ok(id)].concat()),
        hostile("window/zero-stream", Upload, 0, true, move |id| [update(id, 0), ok(id)].concat()),
        hostile("window/overflow-connection", Get, 0, false, move |id| [update(0, 0x7fff_ffff), ok(id)].concat()),
        hostile("window/overflow-stream", Upload, 0, true, move |id| [update(id, 0x7fff_ffff), ok(id)].concat()),
        hostile("window/on-idle", Get, 0, false, move |id| [update(id + 2, 1), ok(id)].concat()),
        hostile("window/bad-length", Get, 0, false, |id| [frame(WINDOW_UPDATE, 0, 0, &[0; 3]), ok(id)].concat()),
        // More than both windows together, at once.
        late("window/overrun", Upload, 0, true, |id| {
            [begun(id), data(id, &[b'x'; 16_384], 0).repeat(256), data(id, b"", END_STREAM)].concat()
        }),
    ]
}

fn floods() -> Vec<Hostile> {
    let flood = |name: &str, answers: usize, sound: bool, frames: fn(u32) -> Vec<u8>| {
        hostile(&format!("flood/{name}"), Get, answers, sound, move |id| [frames(id).repeat(FLOOD), ok(id)].concat())
    };
    vec![
        flood("ping", 0, false, |_| frame(PING, 0, 0, &[0; 8])),
        flood("pong", 0, false, |_| frame(PING, 1, 0, &[0; 8])),
        flood("settings", 0, false, |_| frame(SETTINGS, 0, 0, &[])),
        flood("settings-ack", 0, false, |_| frame(SETTINGS, 1, 0, &[])),
        flood("window-update", 0, false, |_| frame(WINDOW_UPDATE, 0, 0, &number(1))),
        flood("priority", 0, false, |id| frame(PRIORITY, 0, id, &[0, 0, 0, 0, 1])),
        flood("unknown", 0, false, |id| frame(0xfa, 0, id, b"x")),
        flood("goaway", 0, false, |id| goaway(id, 0)),
        flood("reset", 0, false, |id| frame(RST, 0, id, &number(8))),
        hostile("flood/empty-data", Get, 0, false, |id| [begun(id), data(id, b"", 0).repeat(FLOOD)].concat()),
        hostile("flood/padding", Get, 0, false, |id| [begun(id), data(id, b"\x02\0\0", PADDED).repeat(FLOOD)].concat()),
        late("flood/data-after-end", Get, 1, true, |id| [ok(id), data(id, b"x", 0).repeat(FLOOD)].concat()),
        late("flood/answers", Get, 1, false, |id| [ok(id), ok(id).repeat(FLOOD / 10)].concat()),
        hostile("ping/bad-length", Get, 0, false, |id| [frame(PING, 0, 0, &[0; 7]), ok(id)].concat()),
        hostile("ping/on-stream", Get, 0, false, |id| [frame(PING, 0, id, &[0; 8]), ok(id)].concat()),
    ]
}

fn ends() -> Vec<Hostile> {
    let closing = |name: &str, answers: usize, frames: fn(u32) -> Vec<u8>| Hostile {
        closes: true,
        ..hostile(&format!("end/{name}"), Get, answers, false, frames)
    };
    vec![
        closing("at-once", 0, |_| Vec::new()),
        closing("in-frame", 0, |id| ok(id)[..5].to_vec()),
        closing("in-head", 0, |id| frame(HEADERS, END_STREAM, id, &block(&[OK]))),
        closing("after-head", 0, begun),
        closing("in-body", 0, |id| [begun(id), data(id, b"ok", 0)].concat()),
        closing("after-length", 0, |id| [head(id, &[OK, TWO], END_HEADERS), data(id, b"ok", 0)].concat()),
        Hostile { late: true, ..closing("after-answer", 1, ok) },
        closing("after-interim", 0, |id| head(id, &[(":status", "103")], END_HEADERS)),
        hostile("end/never", Get, 0, true, |_| Vec::new()),
        hostile("end/never-in-body", Get, 0, true, |id| [begun(id), data(id, b"ok", 0)].concat()),
    ]
}

/// What a connection may open with in place of SETTINGS.
fn openings() -> Vec<Hostile> {
    let opening = |name: &str, answers: usize, bytes: Vec<u8>| Hostile {
        opening: Some(bytes),
        ..hostile(&format!("opening/{name}"), Get, answers, answers == 1, ok)
    };
    let settings = |payload: &[u8]| frame(SETTINGS, 0, 0, payload);
    vec![
        opening("plain", 1, settings(&[])),
        opening("nothing", 0, Vec::new()),
        opening("http-1", 0, b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".to_vec()),
        opening("noise", 0, vec![0xff; 100]),
        // RFC 9113 sections 3.4 and 6.5.2: errors of the connection, which the library lets pass.
        opening("ping", 0, frame(PING, 0, 0, &[0; 8])),
        opening("settings-push", 0, settings(&setting(2, 1))),
        opening("acknowledgement", 0, frame(SETTINGS, 1, 0, &[])),
        opening("acknowledgement-with-payload", 0, frame(SETTINGS, 1, 0, &[0; 6])),
        opening("settings-on-stream", 0, frame(SETTINGS, 0, 1, &[])),
        opening("settings-bad-length", 0, settings(&[0; 5])),
        opening("settings-push-2", 0, settings(&setting(2, 2))),
        opening("settings-window-overflow", 0, settings(&setting(4, 0x8000_0000))),
        opening("settings-frame-too-small", 0, settings(&setting(5, 1))),
        opening("settings-frame-too-large", 0, settings(&setting(5, 0x0100_0000))),
        opening("settings-table-none", 1, settings(&setting(1, 0))),
        opening("settings-table-huge", 1, settings(&setting(1, u32::MAX))),
        opening("settings-list-tiny", 1, settings(&setting(6, 1))),
        opening("settings-unknown", 1, settings(&setting(0xabc, 1))),
        opening("goaway", 0, [settings(&[]), goaway(0, 0)].concat()),
    ]
}
