//! Fields that lie, and who may say what: on HTTP/1.1 and HTTP/2, in header sections and in trailers.

use http_body_util::BodyExt as _;

use super::http2::connect;
use super::*;
use crate::http::testing::raw_backend;

/// A gateway in front of an echo backend.
async fn echoing(settings: Settings) -> Gateway {
    let a = echo("a").await;
    let builder = Builder::new().backend("a", BackendProtocol::Http1, &[a]);
    gateway_with(builder.rule(0, "/", |rule| rule.targets = vec![to("a", 1)]), settings).await
}

fn underscores(underscore_headers: UnderscoreHeaders) -> Settings {
    Settings { underscore_headers, ..Settings::default() }
}

const UNDERSCORED: &[(&str, &str)] = &[
    ("X_User", "root"),
    ("X-Own", "1"),
    ("Content_Length", "5"),
    ("Transfer_Encoding", "chunked"),
    ("X_Real_IP", "1"),
];

#[test]
fn fields_with_underscores_are_dropped_and_counted() {
    local(async {
        let gateway = echoing(Settings::default()).await;
        let seen = gateway.send("GET", "/", UNDERSCORED, "").await;
        assert_eq!((seen.status, line(&seen, "x-own")), (200, Some("1")));
        assert!(!seen.body.contains('_'), "{}", seen.body);
        assert_eq!(gateway.metric("nantian_gateway_dataplane_http_underscore_fields_total{action=\"dropped\"}"), 4);
    });
}

#[test]
fn fields_with_underscores_are_kept_by_setting_except_those_that_pass_for_a_proxys() {
    local(async {
        let gateway = echoing(underscores(UnderscoreHeaders::Keep)).await;
        let seen = gateway.send("GET", "/", UNDERSCORED, "").await;
        assert_eq!((seen.status, line(&seen, "x_user")), (200, Some("root")));
        for gone in ["content_length", "transfer_encoding", "x_real_ip"] {
            assert_eq!(line(&seen, gone), None, "{gone}");
        }
        assert_eq!(gateway.metric("nantian_gateway_dataplane_http_underscore_fields_total{action=\"dropped\"}"), 3);
    });
}

#[test]
fn a_request_with_underscores_is_refused_by_setting() {
    local(async {
        let gateway = echoing(underscores(UnderscoreHeaders::Refuse)).await;
        assert_eq!(gateway.send("GET", "/", &[("X_User", "root")], "").await.status, 400);
        assert_eq!(gateway.send("GET", "/", &[("X-User", "root")], "").await.status, 200);
        assert_eq!(gateway.metric("nantian_gateway_dataplane_http_underscore_fields_total{action=\"refused\"}"), 1);
        assert_eq!(gateway.flags("DPE"), 1);
    });
}

#[test]
fn http2_fields_obey_the_same_policy() {
    local(async {
        let gateway = echoing(Settings::default()).await;
        let mut client = connect(gateway.address).await;
        let request =
            http::Request::builder().uri("http://a.example/").header("x_user", "root").header("via", "2.0 other");
        let request = request.header("x-real-ip", "192.0.2.9").body(()).unwrap();
        let (response, _) = client.send_request(request, true).unwrap();
        let mut body = response.await.unwrap().into_body();
        let mut text = Vec::new();
        while let Some(data) = body.data().await {
            text.extend_from_slice(&data.unwrap());
        }
        let seen = Seen { status: 200, headers: HeaderMap::new(), body: String::from_utf8(text).unwrap() };
        assert_eq!(lines(&seen, "via"), ["2.0 other", "2.0 nantian"]);
        assert_eq!((line(&seen, "x_user"), line(&seen, "x-real-ip")), (None, None));
    });
}

/// What arrives at a backend of the trailers that a client sends.
async fn trailers(settings: Settings, sent: &str) -> (u16, String) {
    let backend = server(|request, _| async move {
        let collected = request.into_body().collect().await;
        let trailers = collected.ok().and_then(|body| body.trailers().cloned()).unwrap_or_default();
        let names: Vec<_> = trailers.keys().map(HeaderName::as_str).collect();
        Response::new(Body::full(names.join(" "))).into()
    });
    let builder = Builder::new().backend("a", BackendProtocol::Http1, &[backend.await.address]);
    let gateway = gateway_with(builder.rule(0, "/", |rule| rule.targets = vec![to("a", 1)]), settings).await;
    let mut client = Raw::connect(gateway.address).await;
    let head = "POST / HTTP/1.1\r\nhost: a\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n";
    client.write(format!("{head}2\r\nok\r\n0\r\n{sent}\r\n")).await;
    let seen = parse(&client.rest().await);
    (seen.status, seen.body)
}

#[test]
fn trailers_obey_the_same_policy() {
    local(async {
        let sent = "X-Sum: 7\r\nX_Sum: 7\r\nX-Forwarded-For: 192.0.2.9\r\nVia: 1.1 a\r\nX_Real_IP: 1\r\n";
        let kept = trailers(underscores(UnderscoreHeaders::Keep), sent).await;
        assert_eq!(kept, (200, "x-sum x_sum".to_owned()));
        assert_eq!(trailers(Settings::default(), sent).await, (200, "x-sum".to_owned()));
        assert_eq!(trailers(underscores(UnderscoreHeaders::Refuse), sent).await.0, 400);
    });
}

#[test]
fn what_trusted_proxies_say_is_kept_and_extended() {
    local(async {
        let forwarded = ForwardedSettings { trusted_hops: 1, forwarded_header: true, real_ip: true };
        let gateway = echoing(Settings { forwarded, ..Settings::default() }).await;
        let sent = [
            ("host", "a.example"),
            ("x-forwarded-for", "203.0.113.9, 198.51.100.1"),
            ("x-forwarded-proto", "https"),
            ("forwarded", "for=203.0.113.9, for=198.51.100.1"),
            ("x-real-ip", "203.0.113.9"),
            ("x-request-id", "theirs"),
        ];
        let seen = gateway.send("GET", "/", &sent, "").await;
        assert_eq!(lines(&seen, "x-forwarded-for"), ["198.51.100.1, 127.0.0.1"]);
        assert_eq!(lines(&seen, "x-real-ip"), ["198.51.100.1"]);
        let elements = "for=198.51.100.1, for=127.0.0.1;proto=http;host=\"a.example\"";
        assert_eq!(lines(&seen, "forwarded"), [elements]);
        assert_eq!((line(&seen, "x-forwarded-proto"), line(&seen, "x-request-id")), (Some("https"), Some("theirs")));
    });
}

#[test]
fn via_is_on_requests_and_by_setting_on_answers_or_nowhere() {
    local(async {
        for (setting, asked, answered) in [
            (Via::Requests, Some("1.1 nantian"), None),
            (Via::Both, Some("1.1 nantian"), Some("1.1 nantian")),
            (Via::Off, None, None),
        ] {
            let gateway = echoing(Settings { via: setting, ..Settings::default() }).await;
            let seen = gateway.get("/").await;
            assert_eq!((line(&seen, "via"), seen.header("via")), (asked, answered), "{setting:?}");
        }
    });
}

/// RFC 5842 section 7.2.
#[test]
fn a_backend_that_leads_back_to_the_gateway_ends_with_508() {
    local(async {
        // The address of a gateway is known only after its routes: what relays to it learns it then.
        let relay = Rc::new(std::cell::OnceCell::<SocketAddr>::new());
        let next = Rc::clone(&relay);
        let back = raw_backend(move |mut near| {
            let next = Rc::clone(&next);
            async move {
                let mut far = Raw::connect(*next.get().unwrap()).await;
                let _ = tokio::io::copy_bidirectional(&mut near.io, &mut far.io).await;
            }
        })
        .await;
        let builder = Builder::new().backend("a", BackendProtocol::Http1, &[back]);
        let gateway = gateway(builder.rule(0, "/", |rule| rule.targets = vec![to("a", 1)])).await;
        relay.set(gateway.address).unwrap();
        assert_eq!(gateway.get("/").await.status, 508);
        assert_eq!(gateway.flags("LP"), 1);
        assert_eq!(gateway.metric("nantian_gateway_dataplane_http_requests_total"), 9);
    });
}

/// RFC 9110 section 7.6.2.
#[test]
fn max_forwards_ends_options_and_trace_here() {
    local(async {
        let gateway = echoing(Settings::default()).await;
        let seen = gateway.send("OPTIONS", "/", &[("max-forwards", "3")], "").await;
        assert_eq!((seen.status, line(&seen, "max-forwards")), (200, Some("2")));
        let seen = gateway.send("OPTIONS", "/", &[("max-forwards", "0")], "").await;
        assert_eq!((seen.status, seen.body.as_str(), seen.header("content-length")), (200, "", Some("0")));
        // A hop cannot be hidden from us by naming the field in Connection.
        let mut client = Raw::connect(gateway.address).await;
        client
            .write("OPTIONS / HTTP/1.1\r\nhost: a\r\nmax-forwards: 0\r\nconnection: close, max-forwards\r\n\r\n")
            .await;
        assert_eq!(parse(&client.rest().await).body, "");
        assert_eq!(gateway.send("TRACE", "/", &[("max-forwards", "0")], "").await.status, 501);
        assert_eq!(gateway.send("OPTIONS", "/", &[("max-forwards", "x")], "").await.status, 400);
        let seen = gateway.send("GET", "/", &[("max-forwards", "0")], "").await;
        assert_eq!((seen.status, line(&seen, "max-forwards")), (200, Some("0")));
    });
}

#[test]
fn what_is_matched_of_a_path_is_what_is_forwarded() {
    local(async {
        let a = echo("a").await;
        let gateway = async |paths| {
            let builder = Builder::new().backend("a", BackendProtocol::Http1, &[a]);
            let builder = builder.rule(0, "/open", |rule| rule.targets = vec![to("a", 1)]);
            gateway_with(builder, Settings { paths, ..Settings::default() }).await
        };
        let defaults = gateway(PathOptions::default()).await;
        for (sent, expected) in [
            ("/open%2Fx", (404, "")),
            ("/open/x%2fy", (200, "GET /open/x%2Fy")),
            ("/secret/..%2Fopen/x", (400, "")),
            ("/open/..;/secret", (400, "")),
            ("/open/..%00/secret", (400, "")),
            ("/open\\x", (400, "")),
            ("/open/x%00", (400, "")),
            ("/open/%252e%252e/x;y=1", (200, "GET /open/%252e%252e/x;y=1")),
            ("/%6fpen//./x", (200, "GET /open/x")),
        ] {
            let seen = defaults.get(sent).await;
            let target = if seen.status == 200 { target(&seen) } else { "" };
            assert_eq!((seen.status, target), expected, "{sent}");
        }
        let decode = gateway(PathOptions { encoded_slash: EncodedSlash::Decode, ..PathOptions::default() }).await;
        for (sent, expected) in [
            ("/open%2Fx", (200, "GET /open/x")),
            ("/secret/..%2Fopen/x", (200, "GET /open/x")),
            ("/open/..%2Fsecret", (404, "")),
        ] {
            let seen = decode.get(sent).await;
            let target = if seen.status == 200 { target(&seen) } else { "" };
            assert_eq!((seen.status, target), expected, "{sent}");
        }
    });
}
