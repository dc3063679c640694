//! How large the body of a request may be (RFC 9110 section 15.5.14).

use bytes::Bytes;

use super::*;

/// A gateway whose requests may have ten bytes, before a backend that says how many it got.
async fn ten_bytes() -> Gateway {
    let a = echo("a").await;
    let builder = Builder::new().backend("a", BackendProtocol::Http1, &[a]);
    let builder = builder.rule(0, "/", |rule| rule.targets = vec![to("a", 1)]);
    let http = HttpSettings { max_body_bytes: 10, linger: LINGER, ..HttpSettings::default() };
    gateway_on(builder, Settings::default(), http).await
}

async fn answer(gateway: &Gateway, request: &str) -> Seen {
    let mut client = Raw::connect(gateway.address).await;
    client.write(request).await;
    parse(&client.rest().await)
}

#[test]
fn a_length_beyond_the_bound_is_answered_413_before_the_body_comes() {
    local(async {
        let gateway = ten_bytes().await;
        let seen = gateway.send("POST", "/", &[], "0123456789").await;
        assert_eq!((seen.status, line(&seen, "body")), (200, Some("0123456789")));
        for expect in ["", "expect: 100-continue\r\n"] {
            let head = format!("POST / HTTP/1.1\r\nhost: a\r\n{expect}content-length: 11\r\n\r\n");
            let seen = answer(&gateway, &head).await;
            assert_eq!(seen.status, 413, "{expect}");
        }
        assert_eq!(gateway.flags("TL"), 2);
        assert_eq!(gateway.metric("nantian_gateway_dataplane_backend_connections_total"), 1, "the first request's");
    });
}

#[test]
fn a_body_without_a_length_is_answered_413_once_it_passes_the_bound() {
    local(async {
        let gateway = ten_bytes().await;
        let head = "POST / HTTP/1.1\r\nhost: a\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n";
        let seen = answer(&gateway, &format!("{head}5\r\n01234\r\n5\r\n56789\r\n0\r\n\r\n")).await;
        assert_eq!((seen.status, line(&seen, "body")), (200, Some("0123456789")));
        // Its end is never sent.
        let seen = answer(&gateway, &format!("{head}5\r\n01234\r\n6\r\n56789x\r\n")).await;
        assert_eq!((seen.status, gateway.flags("TL")), (413, 1));
    });
}

#[test]
fn bodies_of_http2_have_the_same_bound_and_the_connection_goes_on() {
    local(async {
        let gateway = ten_bytes().await;
        let mut client = http2::connect(gateway.address).await;
        for (length, sent, status) in [(None, 10, 200), (None, 11, 413), (Some("11"), 0, 413), (Some("10"), 10, 200)] {
            let mut request = http::Request::post("http://a/");
            if let Some(length) = length {
                request = request.header("content-length", length);
            }
            let (response, mut body) = client.send_request(request.body(()).unwrap(), false).unwrap();
            if sent > 0 {
                body.send_data(Bytes::from(vec![b'x'; sent]), status == 200).unwrap();
            }
            assert_eq!(response.await.unwrap().status(), status, "{length:?} {sent}");
        }
        assert_eq!(gateway.flags("TL"), 2);
    });
}
