//! The backends of the suite (`conformance/echo-basic`): they answer with what they were asked, as JSON.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::{Condvar, Mutex, OnceLock};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::stream;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::{Value, json};

type Body = BoxBody<Bytes, Infallible>;

/// Pods that were asked, with the path, in order.
static ASKED: Mutex<Vec<(String, String)>> = Mutex::new(Vec::new());
static MORE: Condvar = Condvar::new();

fn runtime() -> &'static tokio::runtime::Runtime {
    static RUNTIME: OnceLock<tokio::runtime::Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap())
}

/// Where the pods of an app listen, for HTTP/1.1 or for HTTP/2 in cleartext.
pub(crate) fn address(namespace: &str, app: &str, h2c: bool) -> SocketAddr {
    static ALL: Mutex<BTreeMap<(String, String, bool), SocketAddr>> = Mutex::new(BTreeMap::new());
    let mut all = ALL.lock().unwrap();
    let key = (namespace.to_owned(), app.to_owned(), h2c);
    *all.entry(key).or_insert_with_key(|(namespace, app, _)| start(namespace.clone(), app.clone(), h2c))
}

fn start(namespace: String, app: String, h2c: bool) -> SocketAddr {
    let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    socket.set_nonblocking(true).unwrap();
    let address = socket.local_addr().unwrap();
    runtime().spawn(async move {
        let socket = tokio::net::TcpListener::from_std(socket).unwrap();
        while let Ok((stream, _)) = socket.accept().await {
            let (namespace, app) = (namespace.clone(), app.clone());
            let service = service_fn(move |request| answer(namespace.clone(), app.clone(), request));
            let io = TokioIo::new(stream);
            tokio::spawn(async move {
                let _ = if h2c {
                    hyper::server::conn::http2::Builder::new(TokioExecutor::new()).serve_connection(io, service).await
                } else {
                    hyper::server::conn::http1::Builder::new().serve_connection(io, service).with_upgrades().await
                };
            });
        }
    });
    address
}

/// How often a pod was asked for `path` (a query does not count).
pub(crate) fn asked(namespace: &str, app: &str, path: &str) -> usize {
    let pod = format!("{namespace}/{app}");
    ASKED.lock().unwrap().iter().filter(|(found, target)| *found == pod && target == path).count()
}

/// Waits until a pod was asked for `path` `count` times.
pub(crate) fn wait_asked(namespace: &str, app: &str, path: &str, count: usize) -> bool {
    let pod = format!("{namespace}/{app}");
    let end = Instant::now() + Duration::from_secs(20);
    let mut seen = ASKED.lock().unwrap();
    loop {
        if seen.iter().filter(|(found, target)| *found == pod && target == path).count() >= count {
            return true;
        }
        let Some(left) = end.checked_duration_since(Instant::now()) else { return false };
        seen = MORE.wait_timeout(seen, left).unwrap().0;
    }
}

async fn answer(namespace: String, app: String, mut request: Request<Incoming>) -> Result<Response<Body>, Infallible> {
    ASKED.lock().unwrap().push((format!("{namespace}/{app}"), request.uri().path().to_owned()));
    MORE.notify_all();
    if request.headers().contains_key("upgrade") {
        let upgrade = hyper::upgrade::on(&mut request);
        tokio::spawn(async move {
            let io = TokioIo::new(upgrade.await.unwrap());
            let (mut read, mut write) = tokio::io::split(io);
            let _ = tokio::io::copy(&mut read, &mut write).await;
        });
        let response = Response::builder().status(101).header("connection", "upgrade").header("upgrade", "websocket");
        return Ok(response.body(Full::default().boxed()).unwrap());
    }
    let query = request.uri().query().unwrap_or_default();
    if let Some(delay) = query.strip_prefix("delay=").and_then(|delay| delay.strip_suffix('s')) {
        // The suite's backends answer late when asked to.
        tokio::time::sleep(Duration::from_secs(delay.parse().unwrap())).await;
    }
    let is_grpc =
        request.headers().get("content-type").is_some_and(|kind| kind.as_bytes().starts_with(b"application/grpc"));
    let echoed = echoed(&namespace, &app, &request).to_string();
    let mut response = if is_grpc { grpc(&echoed) } else { Response::new(Full::from(echoed).boxed()) };
    let kind = if is_grpc { "application/grpc" } else { "application/json" };
    let headers = response.headers_mut();
    set_headers(headers, request.headers());
    headers.insert("content-type", HeaderValue::from_static(kind));
    Ok(response)
}

fn echoed(namespace: &str, app: &str, request: &Request<Incoming>) -> Value {
    let mut headers = BTreeMap::<&str, Vec<&str>>::new();
    for (name, value) in request.headers().iter().filter(|(name, _)| *name != "host") {
        headers.entry(name.as_str()).or_default().push(value.to_str().unwrap());
    }
    let host = request.headers().get("host").map(|host| host.to_str().unwrap());
    let host = host.or(request.uri().authority().map(http::uri::Authority::as_str));
    let path = request.uri().path_and_query().map(http::uri::PathAndQuery::as_str);
    json!({
        "path": path, "host": host, "method": request.method().as_str(), "proto": format!("{:?}", request.version()),
        "headers": headers, "namespace": namespace, "pod": format!("{app}-0"),
    })
}

/// What `X-Echo-Set-Header: NAME:VALUE,NAME:VALUE` asks for.
fn set_headers(headers: &mut HeaderMap, asked: &HeaderMap) {
    let asked = asked.get_all("x-echo-set-header").iter().flat_map(|value| value.to_str().unwrap().split(','));
    for (name, value) in asked.filter_map(|one| one.trim().split_once(':')) {
        let name: HeaderName = name.parse().unwrap();
        let mut all = headers.get(&name).map(|held| held.to_str().unwrap().to_owned()).unwrap_or_default();
        if all.is_empty() {
            value.clone_into(&mut all);
        } else {
            write!(all, ",{}", value.trim()).unwrap();
        }
        headers.insert(name, all.parse().unwrap());
    }
}

/// One message and `grpc-status: 0`. The message is JSON, which only our client has to understand.
fn grpc(message: &str) -> Response<Body> {
    let mut frame = vec![0];
    frame.extend(u32::try_from(message.len()).unwrap().to_be_bytes());
    frame.extend(message.as_bytes());
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from_static("0"));
    let frames = [Ok(Frame::data(Bytes::from(frame))), Ok(Frame::trailers(trailers))];
    Response::new(StreamBody::new(stream::iter(frames)).boxed())
}
