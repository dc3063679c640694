//! What is counted and logged of exchanges that their connection gave up.

use std::time::Duration;

use tokio::io::AsyncWriteExt as _;

use super::upgrades::switching;
use super::*;
use crate::http::testing::raw_backend;
use crate::runtime::tests::to_protocol;

const SHORT: Duration = Duration::from_millis(100);

fn short() -> HttpSettings {
    HttpSettings { linger: LINGER, body_idle_timeout: SHORT, tunnel_idle_timeout: SHORT, ..HttpSettings::default() }
}

/// A gateway before a backend that answers with more than all buffers on the way hold.
async fn with_much(http: HttpSettings) -> Gateway {
    let backend = server(|_, _| async { crate::http::testing::reply(vec![b'x'; 32 << 20]) }).await.address;
    let builder = Builder::new().backend("a", BackendProtocol::Http1, &[backend]);
    gateway_on(builder.rule(0, "/", |rule| rule.targets = vec![to("a", 1)]), Settings::default(), http).await
}

/// A gateway before a backend that never answers.
async fn with_silence(http: HttpSettings) -> Gateway {
    let backend = raw_backend(|mut raw| async move {
        raw.rest().await;
    })
    .await;
    let builder = Builder::new().backend("a", BackendProtocol::Http1, &[backend]);
    gateway_on(builder.rule(0, "/", |rule| rule.targets = vec![to("a", 1)]), Settings::default(), http).await
}

impl Gateway {
    /// Waits until a request has ended.
    async fn ended(&self) {
        while self.metric("nantian_gateway_dataplane_http_requests_total") == 0 {
            tokio::task::yield_now().await;
        }
    }

    fn streams_reset(&self, reason: &str) -> u64 {
        self.metric(&format!("nantian_gateway_dataplane_http2_streams_reset_total{{reason=\"{reason}\"}}"))
    }
}

/// GET / of host a on streams 1 and 3 (RFC 7541 appendix A).
const GET: &[u8] = b"\0\0\x06\x01\x05\0\0\0\x01\x82\x86\x84\x41\x01a";
const GET_ON_3: &[u8] = b"\0\0\x06\x01\x05\0\0\0\x03\x82\x86\x84\x41\x01a";

#[test]
fn an_answer_that_its_client_does_not_take_has_the_flag_of_slow_clients() {
    local(async {
        let gateway = with_much(short()).await;
        let mut client = Raw::connect(gateway.address).await;
        client.write("GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
        gateway.ended().await;
        assert_eq!((gateway.flags("DT"), gateway.flags("DC")), (1, 0));
    });
}

#[test]
fn a_stream_without_window_is_counted_and_has_the_flag_of_slow_clients() {
    local(async {
        let gateway = with_much(short()).await;
        let io = tokio::net::TcpStream::connect(gateway.address).await.unwrap();
        let (client, connection) =
            h2::client::Builder::new().initial_window_size(0).handshake::<_, bytes::Bytes>(io).await.unwrap();
        tokio::task::spawn_local(async move {
            let _ = connection.await;
        });
        let mut client = client.ready().await.unwrap();
        let (answer, _) = client.send_request(http::Request::get("http://a/").body(()).unwrap(), true).unwrap();
        let error = answer.await.unwrap().into_body().data().await.unwrap().unwrap_err();
        assert_eq!(error.reason(), Some(h2::Reason::CANCEL));
        gateway.ended().await;
        assert_eq!((gateway.flags("DT"), gateway.flags("DC"), gateway.streams_reset("stalled")), (1, 0, 1));
    });
}

#[test]
fn a_tunnel_that_rests_too_long_has_the_flag_of_slow_clients() {
    local(async {
        let backend = switching().await;
        let builder = Builder::new().backend("ws", BackendProtocol::WebSocket, &[backend]);
        let builder =
            builder.rule(0, "/", |rule| rule.targets = vec![to_protocol("ws", BackendProtocol::WebSocket, 1)]);
        let gateway = gateway_on(builder, Settings::default(), short()).await;
        let mut client = Raw::connect(gateway.address).await;
        client.write("GET / HTTP/1.1\r\nhost: a\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\r\n").await;
        client.until("\r\n\r\n").await;
        assert_eq!(client.rest().await, "");
        gateway.ended().await;
        assert_eq!((gateway.flags("DT"), gateway.flags("DC")), (1, 0));
    });
}

#[test]
fn a_window_that_overflows_is_counted_and_has_the_flag_of_clients_that_break_the_protocol() {
    local(async {
        let gateway = with_silence(short()).await;
        let mut client = gateway.frames(&[GET]).await;
        heard(&mut client).await;
        client.write(b"\0\0\x04\x08\0\0\0\0\x01\x7f\xff\xff\xff").await;
        gateway.ended().await;
        assert_eq!((gateway.flags("DPE"), gateway.flags("DC")), (1, 0));
        while gateway.streams_reset("flow_control") == 0 {
            tokio::task::yield_now().await;
        }
    });
}

#[test]
fn a_request_that_is_reset_in_the_moment_in_which_it_came_is_counted_and_flagged() {
    local(async {
        let gateway = with_silence(short()).await;
        let mut client = gateway.frames(&[GET, b"\0\0\x04\x03\0\0\0\0\x01\0\0\0\x08"]).await;
        heard(&mut client).await;
        assert_eq!(gateway.metric("nantian_gateway_dataplane_http_requests_total"), 1);
        assert_eq!((gateway.flags("DC"), gateway.flags("DPE")), (1, 0));
        // What came in the same moment as a flood has ended with it.
        let _client = gateway.frames(&[GET, &b"\0\0\x08\x06\0\0\0\0\0\0\0\0\0\0\0\0\0".repeat(200)]).await;
        while gateway.flags("DPE") == 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(gateway.metric("nantian_gateway_dataplane_http_requests_total"), 2);
    });
}

#[test]
fn a_stream_too_many_is_refused_and_counted_and_the_others_go_on() {
    local(async {
        let mut http = short();
        http.http2.max_concurrent_streams = 1;
        let gateway = with_silence(http).await;
        let _client = gateway.frames(&[GET, GET_ON_3]).await;
        while gateway.streams_reset("refused") == 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(gateway.metric("nantian_gateway_dataplane_http_requests_total"), 0, "the first one is open");
    });
}

#[test]
fn requests_of_a_connection_that_floods_have_the_flag_of_clients_that_break_the_protocol() {
    local(async {
        let gateway = with_silence(short()).await;
        let pings = b"\0\0\x08\x06\0\0\0\0\0\0\0\0\0\0\0\0\0".repeat(200);
        let mut client = gateway.frames(&[GET]).await;
        heard(&mut client).await;
        client.write(pings).await;
        gateway.ended().await;
        assert_eq!((gateway.flags("DPE"), gateway.flags("DC")), (1, 0));
    });
}

#[test]
fn an_answer_that_breaks_off_resets_its_stream_and_is_counted() {
    local(async {
        let backend = raw_backend(|mut raw| async move {
            raw.until("\r\n\r\n").await;
            raw.write("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhello").await;
            raw.io.shutdown().await.unwrap();
        })
        .await;
        let builder = Builder::new().backend("a", BackendProtocol::Http1, &[backend]);
        let builder = builder.rule(0, "/", |rule| rule.targets = vec![to("a", 1)]);
        let gateway = gateway_on(builder, Settings::default(), short()).await;
        let _client = gateway.frames(&[GET]).await;
        gateway.ended().await;
        assert_eq!((gateway.flags("UC"), gateway.streams_reset("answer_failed")), (1, 1));
    });
}

#[test]
fn a_target_and_fields_beyond_their_bounds_are_answered_and_flagged() {
    local(async {
        let http = HttpSettings { max_uri_bytes: 20, max_header_bytes: 300, max_header_fields: 4, ..short() };
        let gateway = with_silence(http).await;
        for (status, request) in [
            (414, format!("GET /{} HTTP/1.1\r\nhost: a\r\n\r\n", "x".repeat(20))),
            (431, format!("GET / HTTP/1.1\r\nhost: a\r\nx: {}\r\n\r\n", "x".repeat(300))),
            (431, "GET / HTTP/1.1\r\nhost: a\r\na: 1\r\nb: 2\r\nc: 3\r\nd: 4\r\n\r\n".to_owned()),
        ] {
            let before = gateway.flags("TL");
            let mut client = Raw::connect(gateway.address).await;
            client.write(request).await;
            assert_eq!((parse(&client.rest().await).status, gateway.flags("TL")), (status, before + 1));
        }
    });
}

#[test]
fn a_conversation_that_rests_too_long_has_the_flag_of_slow_clients() {
    local(async {
        let backend = raw_backend(|mut raw| async move {
            raw.until("\r\n\r\n").await;
            raw.write("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n").await;
            raw.rest().await;
        })
        .await;
        let builder = Builder::new().backend("a", BackendProtocol::Http1, &[backend]);
        let builder = builder.rule(0, "/", |rule| rule.targets = vec![to("a", 1)]);
        let gateway = gateway_on(builder, Settings::default(), short()).await;
        let mut client = Raw::connect(gateway.address).await;
        client.write("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\nhello").await;
        client.until("hello").await;
        gateway.ended().await;
        assert_eq!((gateway.flags("DT"), gateway.flags("UC"), gateway.flags("DC")), (1, 0, 0));
    });
}

/// POST / of host a on stream 1, its body to come.
const POST: &[u8] = b"\0\0\x06\x01\x04\0\0\0\x01\x83\x86\x84\x41\x01a";

#[test]
fn late_frames_are_passed_over_only_on_streams_that_are_remembered() {
    local(async {
        for (remembered, blamed) in [(50, 0), (0, 1)] {
            let mut http = short();
            http.http2.max_reset_streams = remembered;
            let gateway = with_silence(http).await;
            let mut client = gateway.frames(&[POST]).await;
            heard(&mut client).await;
            client.write(b"\0\0\x04\x08\0\0\0\0\x01\x7f\xff\xff\xff").await;
            gateway.ended().await;
            while gateway.streams_reset("flow_control") == 0 {
                tokio::task::yield_now().await;
            }
            // DATA that was on its way, and a stream whose answer shows that it was read.
            client.write([&b"\0\0\x01\0\0\0\0\0\x01x"[..], b"\0\0\x04\x08\0\0\0\0\x01\0\0\0\x01"].concat()).await;
            heard(&mut client).await;
            assert_eq!(gateway.streams_reset("stream_closed"), blamed, "{remembered}");
        }
    });
}

#[test]
fn data_beyond_the_window_of_a_stream_resets_it_and_has_the_flag_of_clients_that_break_the_protocol() {
    local(async {
        let mut http = short();
        http.http2.stream_window = 1_000;
        let gateway = with_silence(http).await;
        let mut client = gateway.frames(&[POST]).await;
        heard(&mut client).await;
        // The window is that small once our SETTINGS were acknowledged.
        let mut data = b"\0\0\0\x04\x01\0\0\0\0\0\x07\xd0\0\0\0\0\0\x01".to_vec();
        data.extend([b'x'; 2_000]);
        client.write(data).await;
        gateway.ended().await;
        assert_eq!((gateway.flags("DPE"), gateway.flags("DC")), (1, 0));
        while gateway.streams_reset("flow_control") == 0 {
            tokio::task::yield_now().await;
        }
    });
}

#[test]
fn data_beyond_the_window_of_a_connection_ends_it_and_has_the_flag_of_clients_that_break_the_protocol() {
    local(async {
        let mut http = short();
        http.http2.connection_window = 65_535;
        let backend = raw_backend(|mut raw| async move {
            raw.rest().await;
        })
        .await;
        let builder = Builder::new().backend("a", BackendProtocol::Http1, &[backend]);
        let builder = builder.rule(0, "/", |rule| rule.targets = vec![to("a", 1)]);
        let pool = crate::upstream::PoolSettings { max_http1_connections: 1, ..Default::default() };
        let gateway = gateway_on(builder, Settings { pool, ..Settings::default() }, http).await;
        // Uploads that stand in line behind this one are not read.
        let mut first = Raw::connect(gateway.address).await;
        first.write("GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
        while gateway.metric("nantian_gateway_dataplane_backend_connections_total") == 0 {
            tokio::task::yield_now().await;
        }
        let mut client = gateway.frames(&[]).await;
        heard(&mut client).await;
        for stream in [1, 3] {
            let data = [&[0, 0x40, 0, 0, 0, 0, 0, 0, stream][..], &[b'x'; 0x4000]].concat();
            client
                .write([&[POST[..8].to_vec(), vec![stream], POST[9..].to_vec()].concat()[..], &data, &data].concat())
                .await;
        }
        // GOAWAY with FLOW_CONTROL_ERROR.
        while memchr::memmem::find(&client.read, b"\0\0\x08\x07\0\0\0\0\0\0\0\0\x03\0\0\0\x03").is_none() {
            tokio::io::AsyncReadExt::read_buf(&mut client.io, &mut client.read).await.unwrap();
        }
        assert_eq!((gateway.flags("DPE"), gateway.flags("DC")), (2, 0));
        drop(first);
    });
}

#[test]
fn a_misdirected_request_has_a_flag_of_its_own() {
    assert_eq!(Failure::Misdirected.flag().code(), "MD");
}
