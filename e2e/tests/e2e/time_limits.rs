//! Each time limit, at its default, on one slow client; and beside it the slow but honest client that must live.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;
use std::time::{Duration, Instant};

use crate::backend::{Backend, digest, pattern};
use crate::certificate::Certificate;
use crate::gateway::{Gateway, PATIENCE};
use crate::http2_frames::{
    Client, DATA, END_HEADERS, END_STREAM, HEADERS, Heard, PREFACE, RST_STREAM, STATUS_200, STATUS_204, WINDOW_UPDATE,
    frame_head,
};
use crate::manifest::{self, Listener};
use crate::{port, raw};

/// A head, a TLS handshake and the detection of the protocol take 10 s at most.
const HEAD: u64 = 10;
/// A body that does not move, in either direction, lives for 30 s.
const BODY: u64 = 30;
/// How long the honest clients take: longer than every limit above.
const LONG: u64 = 40;

struct Site {
    gateway: Gateway,
    _backend: Backend,
    plain: u16,
    tls: u16,
}

/// One client: what it does, and the test of what became of it.
type Case = (&'static str, fn(&Site));

const CASES: &[Case] = &[
    ("a silent connection is cut", silence),
    ("a dripped head is answered with 408", dripped_head),
    ("a dripped HTTP/2 preface is cut", dripped_preface),
    ("an HTTP/2 connection without a request is cut", silence_after_the_preface),
    ("a dripped HTTP/2 head is cut", dripped_headers_frame),
    ("a silent TLS handshake is cut", silent_handshake),
    ("a dripped TLS handshake is cut", dripped_handshake),
    ("an upload of a byte a second is cut", dripped_upload),
    ("an HTTP/2 upload of a byte a second is cut", dripped_http2_upload),
    ("a reader of a byte a second is cut", dripped_download),
    ("a stream without window is reset and its connection lives", closed_window),
    ("a head that takes 8 seconds is served", slow_head),
    ("a long poll lives", long_poll),
    ("server-sent events live", server_sent_events),
    ("an idle WebSocket lives", idle_websocket),
    ("an upload of 1 KiB a second lives", slow_upload),
    ("an HTTP/2 upload of 1 KiB a second lives", slow_http2_upload),
    ("a download of 10 KiB a second lives", slow_download),
    ("an HTTP/2 download of 1 KiB a second lives", slow_http2_download),
    ("a connection with a request each 5 seconds lives", kept_alive),
];

#[test]
fn slow_clients_are_cut_at_the_default_limits_and_honest_ones_live() {
    let (backend, plain, tls) = (Backend::start("a"), port::free(), port::free());
    let yaml = [
        manifest::gateway(&[Listener::http("web", plain), Listener::https("tls", tls, "localhost", "certificate")]),
        manifest::secret("certificate", &Certificate::for_names(&["localhost"])),
        manifest::service("a", backend.port, None),
        manifest::http_route("all", &[], &manifest::to("a")),
    ];
    let site = Site { gateway: Gateway::start(&yaml.concat()), _backend: backend, plain, tls };
    let failed: Vec<&str> = thread::scope(|scope| {
        let run = |(name, test): &Case| {
            let (name, test, site) = (*name, *test, &site);
            (name, scope.spawn(move || catch_unwind(AssertUnwindSafe(|| test(site)))))
        };
        let running: Vec<_> = CASES.iter().map(run).collect();
        running.into_iter().filter_map(|(name, thread)| thread.join().unwrap().is_err().then_some(name)).collect()
    });
    assert!(failed.is_empty(), "{failed:?}");
}

#[test]
fn a_connection_at_rest_is_closed_and_one_in_use_is_kept() {
    let (backend, port) = (Backend::start("a"), port::free());
    let yaml = [
        manifest::gateway(&[Listener::http("web", port)]),
        manifest::service("a", backend.port, None),
        manifest::http_route("all", &[], &manifest::to("a")),
    ];
    let _gateway = Gateway::start_configured(&yaml.concat(), "engine: {http: {keepAliveTimeout: 3s}}\n");
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut resting = raw::connect(port).unwrap();
            empty_answer(&mut resting);
            let (took, rest) = until_closed(resting, |_| Ok(()));
            is_cut("a connection at rest", 3, took);
            assert!(rest.is_empty());
        });
        scope.spawn(|| {
            let mut used = raw::connect(port).unwrap();
            for _ in 0..8 {
                empty_answer(&mut used);
                thread::sleep(Duration::from_secs(1));
            }
        });
    });
}

/// Whether a client was cut at a limit. Not before it; afterwards with much room, as the machine may be busy.
#[track_caller]
fn is_cut(what: &str, limit: u64, took: Duration) {
    println!("{what}: cut after {:.1} s", took.as_secs_f32());
    let limit = Duration::from_secs(limit);
    assert!(took + Duration::from_secs(1) >= limit && took <= limit + Duration::from_secs(15), "{what}: {took:?}");
}

/// Does `drip` once a second until the server closes; returns how long that took, and what the server sent.
fn until_closed(
    mut stream: TcpStream,
    mut drip: impl FnMut(&mut TcpStream) -> std::io::Result<()>,
) -> (Duration, Vec<u8>) {
    let (began, mut read) = (Instant::now(), Vec::new());
    stream.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
    loop {
        assert!(began.elapsed() < 3 * PATIENCE, "never cut");
        if drip(&mut stream).is_err() {
            return (began.elapsed(), read);
        }
        let mut part = [0; 16_384];
        match stream.read(&mut part) {
            Ok(0) => return (began.elapsed(), read),
            Ok(count) => read.extend_from_slice(&part[..count]),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Err(_) => return (began.elapsed(), read),
        }
    }
}

/// Sends these bytes one by one, then the last one for ever.
fn one_by_one(bytes: &'static [u8]) -> impl FnMut(&mut TcpStream) -> std::io::Result<()> {
    let mut left = bytes.iter();
    let last = *bytes.last().unwrap();
    move |stream| stream.write_all(&[*left.next().unwrap_or(&last)])
}

fn silence(site: &Site) {
    let (took, read) = until_closed(raw::connect(site.plain).unwrap(), |_| Ok(()));
    is_cut("silence", HEAD, took);
    assert!(read.is_empty(), "there was no request that could be answered");
}

fn dripped_head(site: &Site) {
    let mut stream = raw::connect(site.plain).unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\nX-A: ").unwrap();
    let (took, read) = until_closed(stream, one_by_one(b"a"));
    is_cut("a head of a byte a second", HEAD, took);
    assert!(read.starts_with(b"HTTP/1.1 408 "), "{}", String::from_utf8_lossy(&read));
}

fn dripped_preface(site: &Site) {
    let (took, _) = until_closed(raw::connect(site.plain).unwrap(), one_by_one(PREFACE));
    is_cut("an HTTP/2 preface of a byte a second", HEAD, took);
}

fn silent_handshake(site: &Site) {
    let (took, read) = until_closed(raw::connect(site.tls).unwrap(), |_| Ok(()));
    is_cut("a silent TLS handshake", HEAD, took);
    assert!(read.is_empty());
}

fn dripped_handshake(site: &Site) {
    // A record of 512 bytes with a ClientHello of TLS 1.2, as far as it comes.
    let hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\x00";
    let (took, _) = until_closed(raw::connect(site.tls).unwrap(), one_by_one(hello));
    is_cut("a TLS handshake of a byte a second", HEAD, took);
}

/// Does `drip` after each second, or frame, until there is a frame that `wanted` takes or the connection ends.
fn until_frame(
    client: &mut Client,
    mut drip: impl FnMut(&mut Client),
    wanted: impl Fn(u8, u32) -> bool,
) -> (Duration, Option<(u8, Vec<u8>)>) {
    let began = Instant::now();
    loop {
        assert!(began.elapsed() < 3 * PATIENCE, "nothing of the kind came");
        match client.listen() {
            Heard::Frame(frame) if wanted(frame.kind, frame.stream) => {
                return (began.elapsed(), Some((frame.kind, frame.payload)));
            }
            Heard::Frame(_) => {}
            Heard::Nothing => drip(client),
            Heard::End => return (began.elapsed(), None),
        }
    }
}

fn silence_after_the_preface(site: &Site) {
    let mut client = Client::connect(site.plain, 65_535);
    let (took, frame) = until_frame(&mut client, |_| {}, |_, _| false);
    is_cut("an HTTP/2 connection without a request", HEAD, took);
    assert_eq!(frame, None);
}

fn dripped_headers_frame(site: &Site) {
    let mut client = Client::connect(site.plain, 65_535);
    // What the server says first is acknowledged first: afterwards there are only bytes of this one frame.
    while !matches!(client.listen(), Heard::Nothing) {}
    client.write(&frame_head(200, HEADERS, END_HEADERS | END_STREAM, 1));
    let drip = |client: &mut Client| {
        client.write(&[0x82]);
    };
    let (took, frame) = until_frame(&mut client, drip, |_, _| false);
    // A second of listening has gone already.
    is_cut("an HTTP/2 head of a byte a second", HEAD, took + Duration::from_secs(1));
    assert_eq!(frame, None);
}

fn dripped_upload(site: &Site) {
    let mut stream = raw::connect(site.plain).unwrap();
    stream.write_all(b"POST /digest HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n").unwrap();
    let (took, read) = until_closed(stream, one_by_one(b"a"));
    is_cut("an upload of a byte a second", BODY, took);
    assert!(read.starts_with(b"HTTP/1.1 408 "), "{}", String::from_utf8_lossy(&read));
}

fn dripped_http2_upload(site: &Site) {
    let mut client = Client::connect(site.plain, 65_535);
    client.request(1, "POST", "/digest");
    let drip = |client: &mut Client| {
        client.send(DATA, 0, 1, b"a");
    };
    let (took, frame) =
        until_frame(&mut client, drip, |kind, stream| stream == 1 && matches!(kind, HEADERS | RST_STREAM));
    is_cut("an HTTP/2 upload of a byte a second", BODY, took);
    assert_ne!(frame.expect("the connection lives").1.first(), Some(&STATUS_200));
}

fn dripped_download(site: &Site) {
    let mut stream = raw::connect(site.plain).unwrap();
    stream.write_all(b"GET /download/8000000 HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    let began = Instant::now();
    // What the kernel of this side has for the client would last for hours: the gateway's count tells.
    while site.gateway.metric("listener_connections_cut_total", "write_timeout") == 0 {
        assert!(began.elapsed() < 3 * PATIENCE, "never cut");
        stream.read_exact(&mut [0]).unwrap();
        thread::sleep(Duration::from_secs(1));
    }
    is_cut("a reader of a byte a second", BODY, began.elapsed());
    let end = loop {
        match stream.read(&mut [0; 16_384]) {
            Ok(count) if count > 0 => {}
            end => break end.map_err(|error| error.kind()),
        }
    };
    assert_eq!(end, Err(ErrorKind::ConnectionReset), "the kernel keeps nothing for it");
}

fn closed_window(site: &Site) {
    let mut client = Client::connect(site.plain, 0);
    client.request(1, "GET", "/download/100000");
    let (took, frame) = until_frame(&mut client, |_| {}, |kind, stream| (kind, stream) == (RST_STREAM, 1));
    is_cut("a stream without window", BODY, took);
    assert!(frame.is_some(), "the connection was closed with its stream");
    client.request(3, "GET", "/status/204");
    let (_, frame) = until_frame(&mut client, |_| {}, |kind, stream| (kind, stream) == (HEADERS, 3));
    assert_eq!(frame.expect("the connection lives").1.first(), Some(&STATUS_204));
}

/// Reads one answer without a body on a connection that stays.
fn empty_answer(stream: &mut TcpStream) {
    stream.write_all(b"GET /status/204 HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    let answer = answer_head(stream);
    assert!(answer.starts_with("HTTP/1.1 204 "), "{answer}");
}

/// Reads a head, byte by byte, so that nothing after it is lost.
fn answer_head(stream: &mut TcpStream) -> String {
    let mut read = Vec::new();
    while !read.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap_or_else(|error| panic!("{error} after {read:?}"));
        read.extend(byte);
    }
    String::from_utf8(read).unwrap()
}

/// A connection whose reads wait longer than any honest client here.
fn patient(port: u16) -> TcpStream {
    let stream = raw::connect(port).unwrap();
    stream.set_read_timeout(Some(3 * PATIENCE)).unwrap();
    stream
}

/// An exchange on a connection of its own, to its end.
fn rest(mut stream: TcpStream) -> String {
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    text
}

fn slow_head(site: &Site) {
    let mut stream = patient(site.plain);
    for part in ["GET /status/204", " HTTP/1.1\r\n", "Host: ", "a\r\n", "Connection:", " close", "\r\n", "X: a"] {
        stream.write_all(part.as_bytes()).unwrap();
        thread::sleep(Duration::from_secs(1));
    }
    stream.write_all(b"\r\n\r\n").unwrap();
    assert!(rest(stream).starts_with("HTTP/1.1 204 "));
}

fn long_poll(site: &Site) {
    let mut stream = patient(site.plain);
    write!(stream, "GET /wait/{LONG} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").unwrap();
    let answer = rest(stream);
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
}

fn server_sent_events(site: &Site) {
    let mut stream = patient(site.plain);
    stream.write_all(b"GET /events/15 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").unwrap();
    let answer = rest(stream);
    for event in ["data: 1\n\n", "data: 2\n\n", "data: 3\n\n"] {
        assert!(answer.contains(event), "{answer}");
    }
    assert!(answer.ends_with("0\r\n\r\n"), "the stream was cut off: {answer}");
}

fn idle_websocket(site: &Site) {
    let mut stream = patient(site.plain);
    stream
        .write_all(
            b"GET /tunnel HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
            Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
        )
        .unwrap();
    let answer = answer_head(&mut stream);
    assert!(answer.starts_with("HTTP/1.1 101 "), "{answer}");
    thread::sleep(Duration::from_secs(LONG));
    stream.write_all(b"still there").unwrap();
    let mut back = [0; 11];
    stream.read_exact(&mut back).unwrap();
    assert_eq!(&back, b"still there");
}

fn slow_upload(site: &Site) {
    let mut stream = patient(site.plain);
    let body = vec![b'a'; 1024];
    let length = body.len() * usize::try_from(LONG).unwrap();
    write!(stream, "POST /digest HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n")
        .unwrap();
    for _ in 0..LONG {
        stream.write_all(&body).unwrap();
        thread::sleep(Duration::from_secs(1));
    }
    let answer = rest(stream);
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.contains(&digest(&vec![b'a'; length])), "{answer}");
}

fn slow_http2_upload(site: &Site) {
    let mut client = Client::connect(site.plain, 65_535);
    client.request(1, "POST", "/digest");
    let mut left = LONG;
    let drip = |client: &mut Client| {
        left = left.saturating_sub(1);
        client.send(DATA, if left == 0 { END_STREAM } else { 0 }, 1, &[b'a'; 1024]);
    };
    let (took, frame) =
        until_frame(&mut client, drip, |kind, stream| stream == 1 && matches!(kind, HEADERS | RST_STREAM));
    assert!(took >= Duration::from_secs(LONG - 1), "{took:?}");
    assert_eq!(frame.expect("the connection lives").1.first(), Some(&STATUS_200));
}

fn slow_download(site: &Site) {
    let length = 8_000_000;
    let mut stream = patient(site.plain);
    // HTTP/1.0 knows no chunks: what follows the head is the body.
    write!(stream, "GET /download/{length} HTTP/1.0\r\nHost: a\r\n\r\n").unwrap();
    let answer = answer_head(&mut stream);
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    let mut read = Vec::new();
    for _ in 0..LONG {
        let mut part = vec![0; 10 * 1024];
        stream.read_exact(&mut part).unwrap();
        read.extend(part);
        thread::sleep(Duration::from_secs(1));
    }
    stream.read_to_end(&mut read).unwrap();
    assert_eq!(read.len(), length, "it was cut off");
    assert!(read.iter().enumerate().all(|(index, byte)| *byte == pattern(index)));
}

fn slow_http2_download(site: &Site) {
    let mut client = Client::connect(site.plain, 1024);
    client.request(1, "GET", &format!("/download/{}", 1024 * LONG));
    let (began, mut read) = (Instant::now(), Vec::new());
    loop {
        match client.listen() {
            Heard::Frame(frame) if frame.stream == 1 && frame.kind == DATA => {
                read.extend(frame.payload);
                if frame.flags & END_STREAM != 0 {
                    break;
                }
            }
            Heard::Frame(frame) => assert_ne!(frame.kind, RST_STREAM, "after {:?}", began.elapsed()),
            Heard::Nothing => assert!(client.send(WINDOW_UPDATE, 0, 1, &1024_u32.to_be_bytes())),
            Heard::End => panic!("closed after {:?}", began.elapsed()),
        }
    }
    assert!(began.elapsed() >= Duration::from_secs(LONG - 2), "{:?}", began.elapsed());
    assert!(read.iter().enumerate().all(|(index, byte)| *byte == pattern(index)));
}

fn kept_alive(site: &Site) {
    let mut stream = patient(site.plain);
    for _ in 0..=LONG / 5 {
        empty_answer(&mut stream);
        thread::sleep(Duration::from_secs(5));
    }
}
