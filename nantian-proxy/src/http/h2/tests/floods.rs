//! Floods, as raw frames against a server (RFC 9113 section 10.5), and the traffic that must not be taken for one.

use std::cell::{Cell, RefCell};
use std::future::pending;
use std::rc::Rc;

use http::Method;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::frame;
use crate::http::h2::Flood;
use crate::http::h2::frame::HEAD;
use crate::http::h2::frame::flag::PADDED;
use crate::http::h2::frame::kind::{CONTINUATION, DATA, HEADERS, PING, RST_STREAM, SETTINGS, WINDOW_UPDATE};
use crate::http::testing::{Asked, Place, Server, local, reply, server};
use crate::http::{Body, ConnectionEnd, Reply, Request};

/// GET / of host a (RFC 7541 appendix A).
fn get(stream: u32, end: bool) -> Vec<u8> {
    frame(HEADERS, 0x4 | u8::from(end), stream, b"\x82\x86\x84\x41\x01a")
}

fn reset(stream: u32, code: u32) -> Vec<u8> {
    frame(RST_STREAM, 0, stream, &code.to_be_bytes())
}

struct Client {
    io: TcpStream,
}

impl Client {
    async fn connect(server: &Server) -> Self {
        let mut io = TcpStream::connect(server.address).await.unwrap();
        io.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.unwrap();
        io.write_all(&frame(SETTINGS, 0, 0, b"")).await.unwrap();
        Self { io }
    }

    /// Writes all, or up to where the server reads no more; reads to the end, and gives GOAWAY's last stream and code.
    async fn flood(self, bytes: Vec<u8>) -> (u32, u32) {
        let (mut read, mut write) = self.io.into_split();
        tokio::task::spawn_local(async move {
            let _ = write.write_all(&bytes).await;
            // Both directions stay open until the server has ended.
            pending::<()>().await;
        });
        loop {
            let mut head = [0; HEAD];
            read.read_exact(&mut head).await.expect("GOAWAY comes before the end");
            let mut payload = vec![0; usize::from(head[1]) * 256 + usize::from(head[2])];
            read.read_exact(&mut payload).await.unwrap();
            if head[3] == 7 {
                let number = |at: usize| u32::from_be_bytes(payload[at..at + 4].try_into().unwrap());
                // A graceful one may come first.
                if number(4) != 0 {
                    return (number(0), number(4));
                }
            }
        }
    }
}

const CALM: u32 = 11;

/// A server whose handler never answers, and the most requests that it had at once, ever, and now.
async fn silent() -> (Server, Rc<Asked>) {
    let asked = Rc::<Asked>::default();
    let handler = Rc::clone(&asked);
    let server = server(move |_, _| {
        let place = Place::new(&handler);
        async move {
            let _place = place;
            pending::<Reply>().await
        }
    })
    .await;
    (server, asked)
}

/// Sends a flood; whatever it was, it ends in GOAWAY with `ENHANCE_YOUR_CALM`, and leaves no request behind.
async fn ends_in_goaway(what: &str, bytes: Vec<u8>) -> (u32, Rc<Asked>) {
    let (mut server, asked) = silent().await;
    let (last, code) = Client::connect(&server).await.flood(bytes).await;
    assert_eq!(code, CALM, "{what}");
    let end = server.ends.recv().await.unwrap();
    assert!(matches!(end, ConnectionEnd::Flood(_) | ConnectionEnd::Http2(_)), "{what}: {end}");
    while asked.open.get() > 0 {
        tokio::task::yield_now().await;
    }
    assert!(asked.most.get() <= 250, "{what}: {} requests at once", asked.most.get());
    (last, asked)
}

fn streams() -> impl Iterator<Item = u32> {
    (0..20_000).map(|stream| stream * 2 + 1)
}

#[test]
fn rapid_resets_end_in_goaway_within_two_hundred() {
    local(async {
        let bytes = streams().flat_map(|stream| [get(stream, true), reset(stream, 8)].concat()).collect();
        let (last, asked) = ends_in_goaway("rapid resets", bytes).await;
        assert!(last <= 400 && asked.total.get() <= 200, "stream {last}, {} requests", asked.total.get());
    });
}

#[test]
fn provoked_resets_end_in_goaway_within_two_hundred() {
    local(async {
        for (what, provocation) in [
            ("a window update of 0", frame(WINDOW_UPDATE, 0, 0, &[0; 4])),
            ("a window that overflows", frame(WINDOW_UPDATE, 0, 0, &[0x7f, 0xff, 0xff, 0xff])),
            ("data after the end", frame(DATA, 0, 0, b"data")),
            ("a priority of a wrong size", frame(2, 0, 0, &[0; 4])),
            ("a stream that depends on itself", frame(2, 0, 0, &[0; 5])),
        ] {
            let bytes = streams().flat_map(|stream| {
                let mut provocation = provocation.clone();
                provocation[5..9].copy_from_slice(&stream.to_be_bytes());
                if what.ends_with("itself") {
                    provocation[9..13].copy_from_slice(&stream.to_be_bytes());
                }
                [get(stream, true), provocation].concat()
            });
            let (mut server, asked) = silent().await;
            let (last, code) = Client::connect(&server).await.flood(bytes.collect()).await;
            // Some of these are errors of the connection, which ends at the first one.
            assert!([CALM, 1, 5, 6].contains(&code), "{what}: {code}");
            assert!(last <= 500 && asked.total.get() <= 250, "{what}: stream {last}, {}", asked.total.get());
            server.ends.recv().await.unwrap();
            while asked.open.get() > 0 {
                tokio::task::yield_now().await;
            }
        }
    });
}

#[test]
fn floods_of_each_type_of_frame_end_in_goaway() {
    local(async {
        let upload = get(1, false);
        for (what, frame) in [
            ("settings", frame(SETTINGS, 0, 0, b"")),
            ("pings", frame(PING, 0, 0, &[0; 8])),
            ("answers to pings", frame(PING, 1, 0, &[0; 8])),
            ("priorities", frame(2, 0, 3, &[0, 0, 0, 0, 1])),
            ("window updates", frame(WINDOW_UPDATE, 0, 0, &[0, 0, 0, 1])),
            ("window updates of a stream", frame(WINDOW_UPDATE, 0, 1, &[0, 0, 0, 1])),
            ("empty data", frame(DATA, 0, 1, b"")),
            ("padding", frame(DATA, PADDED, 1, b"\x03\0\0\0")),
            ("unknown types", frame(0xbe, 0, 0, b"")),
        ] {
            ends_in_goaway(what, [upload.clone(), frame.repeat(20_000)].concat()).await;
        }
        let block = frame(HEADERS, 0, 3, b"\x82\x86\x84\x41\x01a");
        let bytes = [block, frame(CONTINUATION, 0, 3, b"").repeat(20_000)].concat();
        ends_in_goaway("continuations", bytes).await;
    });
}

/// A field of 4,000 bytes that goes into the table once, then 450 references of one byte to it, on each of 100 streams: it
/// ends where the first of them has unpacked to four times the bound.
#[test]
fn a_header_section_that_unpacks_to_far_more_than_the_bound_ends_in_goaway() {
    local(async {
        let mut server = server(async |_, _| reply("x")).await;
        let request = b"\x82\x86\x84\x41\x01a";
        let entry = [&b"\x40\x01x\x7f\xa1\x1e"[..], &[b'v'; 4_000]].concat();
        let blocks = (0..100_u32).flat_map(|stream| {
            let entry = if stream == 0 { entry.as_slice() } else { &[] };
            frame(HEADERS, 0x4 | 1, stream * 2 + 1, &[request, entry, &[0xbe; 450]].concat())
        });
        assert_eq!(Client::connect(&server).await.flood(blocks.collect()).await, (0, CALM));
        let end = server.ends.recv().await.unwrap();
        assert!(matches!(end, ConnectionEnd::Http2(_)), "{end}");
    });
}

#[test]
fn replies_that_nobody_reads_are_not_piled_up() {
    local(async {
        let (mut server, _) = silent().await;
        let mut client = Client::connect(&server).await;
        // 400,000 PINGs, none of whose answers is read: the server stops reading long before.
        let bytes = frame(PING, 0, 0, &[0; 8]).repeat(400_000);
        let written = client.io.write_all(&bytes).await;
        assert!(matches!(server.ends.recv().await.unwrap(), ConnectionEnd::Flood(Flood::Pings)), "{written:?}");
    });
}

#[test]
fn a_client_that_is_told_to_calm_down_may_come_again() {
    local(async {
        let server = server(async |_, _| reply("x")).await;
        for _ in 0..3 {
            let bytes = frame(PING, 0, 0, &[0; 8]).repeat(1_000);
            assert_eq!(Client::connect(&server).await.flood(bytes).await.1, CALM);
        }
    });
}

/// An HPACK bomb (CVE-2016-6581): one field goes into the table, and each of 100 heads names it 450 times, a byte each.
#[test]
fn four_hundred_and_fifty_references_on_a_hundred_streams_reach_no_handler() {
    for value in [1_usize, 100, 4_000] {
        local(async move {
            let asked = Rc::new(Cell::new(0));
            let counter = Rc::clone(&asked);
            let server = server(move |_, _| {
                counter.set(counter.get() + 1);
                async { reply("served") }
            })
            .await;
            let mut bomb = b"\x82\x86\x84\x41\x01a\x40\x01b\x7f".to_vec();
            let mut length = value;
            if length < 127 {
                bomb.pop();
                bomb.push(u8::try_from(length).unwrap());
            } else {
                length -= 127;
                bomb.extend([u8::try_from(length % 128 + 128).unwrap(), u8::try_from(length / 128).unwrap()]);
            }
            bomb.extend(vec![b'x'; value]);
            bomb.extend([0xbe; 450]);
            let heads = (0..100).flat_map(|number| frame(HEADERS, 0x5, 2 * number + 1, &bomb));
            let mut client = Client::connect(&server).await;
            client.io.write_all(&heads.collect::<Vec<_>>()).await.unwrap();
            let mut refused = 0;
            while refused < 100 {
                let mut head = [0; HEAD];
                client.io.read_exact(&mut head).await.expect("an answer, or GOAWAY");
                let mut payload = vec![0; usize::from(head[1]) * 256 + usize::from(head[2])];
                client.io.read_exact(&mut payload).await.unwrap();
                refused += if head[3] == 7 { 100 } else { u32::from(head[3] == HEADERS) };
            }
            assert_eq!(asked.get(), 0, "no head of them is kept for a handler");
        });
    }
}

/// Both connections have something to read at the same time.
#[test]
fn one_request_does_not_wait_behind_all_that_another_connection_asks_at_once() {
    local(async {
        let order = Rc::new(RefCell::new(Vec::new()));
        let seen = Rc::clone(&order);
        let server = server(move |request: Request<Body>, _| {
            seen.borrow_mut().push(request.method().clone());
            async { reply("") }
        })
        .await;
        let (mut many, mut one) = (Client::connect(&server).await, Client::connect(&server).await);
        for client in [&mut many, &mut one] {
            // The server's SETTINGS: it has read ours.
            client.io.read_exact(&mut [0; HEAD]).await.unwrap();
            client.io.readable().await.unwrap();
        }
        let asked: Vec<u8> = (1..).step_by(2).take(200).flat_map(|stream| get(stream, true)).collect();
        // Nothing is awaited between the two.
        assert_eq!(many.io.try_write(&asked).unwrap(), asked.len());
        one.io.try_write(&frame(HEADERS, 0x5, 1, b"\x83\x86\x84\x41\x01a")).unwrap();
        while order.borrow().len() < 201 {
            tokio::task::yield_now().await;
        }
        let place = order.borrow().iter().position(|method| *method == Method::POST).unwrap();
        assert!(place <= 64, "{place} requests came first");
    });
}
