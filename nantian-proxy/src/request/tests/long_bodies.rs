//! Long answers in cleartext, which go through pipes and not through memory.

use std::time::Duration;

use tokio::io::AsyncReadExt as _;

use super::*;
use crate::http::splice;
use crate::http::testing::{buffers, raw_backend, server_that_counts, until_held};

pub(super) const LONG: usize = 3_000_000;
const SENT: &str = "nantian_gateway_dataplane_http_sent_bytes_total";
pub(super) const GET: &str = "GET / HTTP/1.1\r\nhost: a\r\n\r\n";

/// Bytes of which each part differs from what stands elsewhere.
pub(super) fn long() -> Vec<u8> {
    let mut state = 1_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    };
    (0..LONG).map(|_| next()).collect()
}

/// A backend that answers each request with a head and these parts, waiting between them; closes where they are fewer bytes.
pub(super) async fn in_parts(parts: Vec<Vec<u8>>) -> SocketAddr {
    let whole: usize = parts.iter().map(Vec::len).sum();
    let parts = Rc::new(parts);
    raw_backend(move |mut raw| {
        let parts = Rc::clone(&parts);
        async move {
            while raw.asked().await {
                raw.write(format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", LONG.max(whole))).await;
                for part in parts.iter() {
                    tokio::time::sleep(Duration::from_millis(2)).await;
                    raw.write(part).await;
                }
                if whole < LONG {
                    return;
                }
            }
        }
    })
    .await
}

impl Raw {
    /// Whether another request came.
    async fn asked(&mut self) -> bool {
        while memchr::memmem::find(&self.read, b"\r\n\r\n").is_none() {
            if self.io.read_buf(&mut self.read).await.unwrap_or_default() == 0 {
                return false;
            }
        }
        self.read.clear();
        true
    }

    /// Reads so many bytes.
    async fn take(&mut self, count: usize) -> Vec<u8> {
        while self.read.len() < count {
            assert!(self.io.read_buf(&mut self.read).await.unwrap() > 0, "the gateway closed");
        }
        self.read.split_to(count).to_vec()
    }
}

pub(super) async fn before(backend: SocketAddr) -> Gateway {
    before_one(backend, None).await
}

/// Pipes that this worker holds open, and that rest.
fn pipes() -> (usize, usize) {
    (splice::tests::open(), splice::tests::resting())
}

#[test]
fn a_long_answer_arrives_as_it_is_and_both_connections_go_on() {
    local(async {
        let long = long();
        let whole = vec![long.clone()];
        let few = long.chunks(700_001).map(<[u8]>::to_vec).collect();
        let many = long.chunks(20_011).map(<[u8]>::to_vec).collect();
        for parts in [whole, few, many] {
            let gateway = before(in_parts(parts).await).await;
            let mut client = Raw::connect(gateway.address).await;
            for _ in 0..3 {
                client.write(GET).await;
                client.until("\r\n\r\n").await;
                assert!(client.take(LONG).await == long);
            }
            assert_eq!(gateway.metric("nantian_gateway_dataplane_backend_connections_total"), 1);
            assert_eq!(gateway.metric(SENT), 3 * u64::try_from(LONG).unwrap());
            assert_eq!(gateway.metric("nantian_gateway_dataplane_http_response_flags_total"), 0);
            let (open, resting) = pipes();
            assert!(open > 0 && open == resting, "{open} open, {resting} at rest");
        }
    });
}

#[test]
fn an_answer_that_breaks_off_is_cut_and_counts_as_the_backends_fault() {
    local(async {
        let mut parts = vec![long()];
        parts[0].truncate(LONG / 2);
        let gateway = before(in_parts(parts.clone()).await).await;
        let mut client = Raw::connect(gateway.address).await;
        client.write(GET).await;
        client.until("\r\n\r\n").await;
        assert!(client.take(LONG / 2).await == parts[0], "what came is passed on");
        assert_eq!(client.rest().await, "");
        assert_eq!((gateway.flags("UC"), gateway.metric(SENT)), (1, u64::try_from(LONG / 2).unwrap()));
    });
}

#[test]
fn a_client_that_leaves_in_the_middle_takes_its_pipe_with_it() {
    local(async {
        let gateway = before(in_parts(vec![long(), long(), long()]).await).await;
        let mut client = Raw::connect(gateway.address).await;
        client.write(GET).await;
        client.until("\r\n\r\n").await;
        client.take(LONG).await;
        drop(client);
        while gateway.flags("DC") == 0 {
            tokio::task::yield_now().await;
        }
        let (open, resting) = pipes();
        assert_eq!(open, resting);
    });
}

#[test]
fn what_a_slow_client_leaves_in_the_pipe_counts_as_held_and_arrives_later() {
    local(async {
        // More than the sockets' buffers hold.
        let parts = vec![long(); 12];
        let backend = in_parts(parts.clone()).await;
        let (telemetry, buffers) = buffers(1 << 20, 1 << 30);
        let gateway = before(backend).await;
        let pipeline = Rc::clone(&gateway.pipeline);
        let server = server_that_counts(HttpSettings::default(), pipeline, move || buffers.open()).await;
        let mut client = Raw::connect(server.address).await;
        client.write(GET).await;
        until_held(&telemetry, |held| held > 16 * 1024).await;
        client.until("\r\n\r\n").await;
        assert!(client.take(12 * LONG).await == parts.concat());
        until_held(&telemetry, |held| held == 0).await;
    });
}

#[test]
fn a_client_that_takes_little_at_a_time_of_what_the_system_holds_is_not_cut() {
    local(async {
        let parts = vec![long(); 12];
        let gateway = before(in_parts(parts.clone()).await).await;
        let settings = HttpSettings { body_idle_timeout: Duration::from_secs(1), ..HttpSettings::default() };
        // Its sockets hold as much as the system gives them, as those of clients do that were fast.
        let server = server_of(settings, Rc::clone(&gateway.pipeline)).await;
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(128 * 1024).unwrap();
        let mut client = Raw { io: socket.connect(server.address).await.unwrap(), read: bytes::BytesMut::new() };
        client.write(GET).await;
        client.until("\r\n\r\n").await;
        let mut seen = Vec::new();
        for _ in 0..40 {
            tokio::time::sleep(Duration::from_millis(100)).await;
            seen.extend(client.take(30_000).await);
        }
        let left = 12 * LONG - seen.len();
        seen.extend(client.take(left).await);
        assert!(seen == parts.concat());
    });
}

#[test]
fn bodies_beyond_the_pipes_that_a_worker_may_have_are_copied() {
    local(async {
        let taken = splice::tests::take_all();
        let long = long();
        let gateway = before(in_parts(vec![long.clone()]).await).await;
        let mut client = Raw::connect(gateway.address).await;
        client.write(GET).await;
        client.until("\r\n\r\n").await;
        assert!(client.take(LONG).await == long);
        drop(taken);
        assert_eq!(pipes(), (0, 0));
    });
}

#[test]
fn the_time_limit_of_a_request_cuts_a_long_answer() {
    local(async {
        let parts = long().chunks(300_000).map(<[u8]>::to_vec).collect::<Vec<_>>();
        let backend = raw_backend(move |mut raw| {
            let parts = parts.clone();
            async move {
                raw.asked().await;
                raw.write(format!("HTTP/1.1 200 OK\r\ncontent-length: {LONG}\r\n\r\n")).await;
                raw.write(&parts[0]).await;
                raw.rest().await;
            }
        })
        .await;
        let gateway = before_one(backend, Some(Duration::from_millis(200))).await;
        let mut client = Raw::connect(gateway.address).await;
        client.write(GET).await;
        client.until("\r\n\r\n").await;
        client.take(300_000).await;
        while client.io.read_buf(&mut client.read).await.unwrap_or_default() > 0 {}
        assert_eq!((client.read.len(), gateway.flags("UT")), (0, 1));
    });
}
