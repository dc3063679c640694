//! Clients that begin requests and reset them (CVE-2023-44487): what of it reaches backends.

use std::future::pending;

use tokio::io::AsyncWriteExt as _;

use super::*;
use crate::http::testing::{Asked, Place, Server, reply};
use crate::runtime::tests::to_protocol;
use crate::upstream::PoolSettings;

/// Far more than a backend gets to see at once, each client within the bounds of its connection.
const CLIENTS: u32 = 200;
const REQUESTS: u32 = 100;

/// A backend that answers at `/honest`, at `/late` once it is told, and else never.
async fn backend(http: HttpSettings) -> (Server, Rc<Asked>, Rc<tokio::sync::Notify>) {
    let (asked, go) = (Rc::<Asked>::default(), Rc::<tokio::sync::Notify>::default());
    let (counted, told) = (Rc::clone(&asked), Rc::clone(&go));
    let server = crate::http::testing::server_with(http, move |request, _| {
        let (place, told) = (Place::new(&counted), Rc::clone(&told));
        async move {
            let _place = place;
            match request.uri().path() {
                "/honest" => {}
                "/late" => told.notified().await,
                _ => pending().await,
            }
            reply("x")
        }
    })
    .await;
    (server, asked, go)
}

async fn before(backend: SocketAddr, protocol: BackendProtocol, pool: PoolSettings) -> Gateway {
    let builder = Builder::new().backend("a", protocol, &[backend]);
    let builder = builder.rule(0, "/", |rule| rule.targets = vec![to_protocol("a", protocol, 1)]);
    gateway_with(builder, Settings { pool, ..Settings::default() }).await
}

/// A frame without a payload, or the head of one with.
fn head(length: u8, kind: u8, flags: u8, stream: u32) -> Vec<u8> {
    [&[0, 0, length, kind, flags][..], &stream.to_be_bytes()].concat()
}

/// GET / of host a (RFC 7541 appendix A).
fn get(stream: u32) -> Vec<u8> {
    [&head(6, 1, 5, stream)[..], b"\x82\x86\x84\x41\x01a"].concat()
}

/// Clients that all begin their requests, and then reset all of them.
async fn attack(gateway: &Gateway) {
    let streams = || (0..REQUESTS).map(|number| 2 * number + 1);
    let gets: Vec<u8> = streams().flat_map(get).collect();
    let resets: Vec<u8> = streams().flat_map(|id| [&head(4, 3, 0, id)[..], &[0, 0, 0, 8]].concat()).collect();
    let mut clients = Vec::new();
    for _ in 0..CLIENTS {
        let mut client = gateway.frames(&[&gets]).await;
        heard(&mut client).await;
        clients.push(client);
    }
    for client in &mut clients {
        client.write(&resets).await;
        heard(client).await;
    }
}

/// What resets a stream.
type Reset<'a> = &'a dyn Fn(u32) -> Vec<u8>;

/// Sends requests, and what resets them once they have reached the backend, until GOAWAY comes; gives its code.
async fn reset_one_after_another(gateway: &Gateway, asked: &Asked, reset: Reset<'_>) -> Option<u8> {
    let mut client = gateway.frames(&[]).await;
    let streams: Vec<u32> = (0..20_000).map(|number| 2 * number + 1).collect();
    for (round, streams) in (1..).zip(streams.chunks(10)) {
        let _ = client.io.write_all(&streams.iter().copied().flat_map(get).collect::<Vec<_>>()).await;
        while asked.total.get() < round * 10 {
            let _ = client.io.try_read_buf(&mut client.read);
            if let Some(at) = memchr::memmem::find(&client.read, b"\0\0\x08\x07\0\0\0\0\0") {
                return client.read.get(at + 16).copied();
            }
            tokio::task::yield_now().await;
        }
        let _ = client.io.write_all(&streams.iter().copied().flat_map(reset).collect::<Vec<_>>()).await;
    }
    None
}

#[test]
fn of_twenty_thousand_resets_of_a_client_a_backend_sees_less_than_two_hundred_requests() {
    let frame = |kind: u8, payload: &'static [u8; 4]| move |id: u32| [&head(4, kind, 0, id)[..], payload].concat();
    let itself = |id: u32| [&head(5, 2, 0, id)[..], &id.to_be_bytes(), &[0]].concat();
    let ways: [(&str, Reset<'_>); 6] = [
        ("a reset", &frame(3, &[0, 0, 0, 8])),
        ("a window update of 0", &frame(8, &[0; 4])),
        ("a window that overflows", &frame(8, &[0x7f, 0xff, 0xff, 0xff])),
        ("data after the end", &frame(0, b"data")),
        ("a priority of a wrong size", &frame(2, &[0; 4])),
        ("a stream that depends on itself", &itself),
    ];
    for protocol in [BackendProtocol::H2c, BackendProtocol::Http1] {
        for (what, reset) in ways {
            local(async {
                let (mut server, asked, _go) = backend(HttpSettings::default()).await;
                let gateway = before(server.address, protocol, PoolSettings::default()).await;
                let code = reset_one_after_another(&gateway, &asked, reset).await;
                println!("{protocol:?}, {what}: {} of {} at once", asked.most.get(), asked.total.get());
                assert_eq!(code, Some(11), "{what}");
                assert!(asked.total.get() < 200, "{what}: {}", asked.total.get());
                if protocol == BackendProtocol::H2c {
                    assert!(server.ends.try_recv().is_err(), "{what}");
                }
                assert_eq!(gateway.get("/honest").await.status, 200);
            });
        }
    }
}

#[test]
fn clients_that_reset_their_requests_do_not_make_us_attack_a_backend_and_hurt_no_other_client() {
    local(async {
        let (mut server, asked, go) = backend(HttpSettings::default()).await;
        let pool = PoolSettings::default();
        let gateway = before(server.address, BackendProtocol::H2c, pool.clone()).await;
        let mut other = Raw::connect(gateway.address).await;
        other.write("GET /late HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await;
        while asked.total.get() == 0 {
            tokio::task::yield_now().await;
        }
        attack(&gateway).await;
        let streams = usize::try_from(HttpSettings::default().http2.max_concurrent_streams).unwrap();
        assert!(asked.most.get() <= pool.max_http2_connections * streams, "{} at once", asked.most.get());
        // The backend has the bounds of ours, and took none of its connections for an attack.
        assert!(server.ends.try_recv().is_err());
        let abandoned = "nantian_gateway_dataplane_backend_requests_abandoned_total";
        let (reset, held) = (
            gateway.metric(&format!("{abandoned}{{backend=\"Service/ns/a:80/h2c\",action=\"reset\"}}")),
            gateway.metric(&format!("{abandoned}{{backend=\"Service/ns/a:80/h2c\",action=\"held\"}}")),
        );
        println!("{} of {} at once, {reset} reset, {held} held", asked.most.get(), asked.total.get());
        assert!(reset > 0 && held > 0, "{}", gateway.telemetry.metrics_text());
        assert_eq!(gateway.get("/honest").await.status, 200);
        go.notify_one();
        assert_eq!(parse(&other.rest().await).status, 200);
    });
}

#[test]
fn requests_that_are_begun_and_reset_open_no_more_connections_than_there_may_be() {
    local(async {
        let (server, asked, _go) = backend(HttpSettings::default()).await;
        let pool = PoolSettings { max_http1_connections: 50, ..PoolSettings::default() };
        let gateway = before(server.address, BackendProtocol::Http1, pool).await;
        attack(&gateway).await;
        println!("{} of {} at once", asked.most.get(), asked.total.get());
        assert!((1..=50).contains(&asked.most.get()), "{} at once", asked.most.get());
        assert_eq!(gateway.get("/honest").await.status, 200);
    });
}

#[test]
fn a_request_for_which_a_backend_has_no_room_in_time_is_answered_503_and_flagged() {
    local(async {
        let one = PoolSettings {
            max_http1_connections: 1,
            max_http2_connections: 1,
            max_http2_streams: 1,
            ..PoolSettings::default()
        };
        for protocol in [BackendProtocol::Http1, BackendProtocol::H2c] {
            let (server, asked, go) = backend(HttpSettings::default()).await;
            let builder = Builder::new().backend("a", protocol, &[server.address]);
            let builder = builder.rule(0, "/", |rule| rule.targets = vec![to_protocol("a", protocol, 1)]);
            let connect_timeout = std::time::Duration::from_millis(200);
            let settings = Settings { pool: one.clone(), connect_timeout, ..Settings::default() };
            let gateway = gateway_with(builder, settings).await;
            let mut first = Raw::connect(gateway.address).await;
            first.write("GET /late HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await;
            while asked.total.get() == 0 {
                tokio::task::yield_now().await;
            }
            let seen = gateway.get("/honest").await;
            assert_eq!((seen.status, gateway.flags("CB")), (503, 1), "{protocol:?}");
            go.notify_one();
            assert_eq!(parse(&first.rest().await).status, 200);
            assert_eq!(gateway.get("/honest").await.status, 200);
        }
    });
}
