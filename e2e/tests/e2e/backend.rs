//! A backend that tells what it got: HTTP/1.1 and HTTP/2 with prior knowledge on one port, or HTTP/1.1 within TLS.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, channel::Channel, combinators::UnsyncBoxBody};
use hyper::body::{Body, Frame, Incoming};
use hyper::{HeaderMap, Request, Response, service::service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tokio_rustls::TlsAcceptor;

use crate::certificate::Certificate;

/// A running backend. Dropping it closes its connections.
pub(crate) struct Backend {
    pub(crate) port: u16,
    requests: Arc<AtomicU64>,
    runtime: Option<Runtime>,
}

impl Backend {
    /// Starts it; its answers carry `name`.
    ///
    /// | path | answer |
    /// | --- | --- |
    /// | `/status/NNN` | that status, empty |
    /// | `/download/N` | N bytes, see [`pattern`] |
    /// | `/digest` | `LENGTH SHA256` of the request's body |
    /// | `/trailers` | a body, then the trailer `x-checksum` |
    /// | `/hang` | nothing, ever |
    /// | `/wait/N` | an empty answer after N seconds |
    /// | `/events/N` | three server-sent events, each after N seconds |
    /// | `/tunnel` | 101, then what comes is sent back |
    /// | others | JSON: backend, method, uri, version, headers, length of the body, trailers |
    pub(crate) fn start(name: &'static str) -> Self {
        Self::serve(name, None)
    }

    /// The same within TLS, showing this certificate.
    pub(crate) fn start_secured(name: &'static str, certificate: &Certificate) -> Self {
        Self::serve(name, Some(acceptor(certificate)))
    }

    fn serve(name: &'static str, tls: Option<TlsAcceptor>) -> Self {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let port = listener.local_addr().unwrap().port();
        let requests = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&requests);
        runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (counter, tls) = (Arc::clone(&counter), tls.clone());
                let _slower_without = stream.set_nodelay(true);
                tokio::spawn(async move {
                    match tls {
                        None => connection(name, &counter, stream).await,
                        // A client that does not trust the certificate ends here.
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                connection(name, &counter, stream).await;
                            }
                        }
                    }
                });
            }
        });
        Self { port, requests, runtime: Some(runtime) }
    }

    /// How many requests it got.
    pub(crate) fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }
}

impl Drop for Backend {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

fn acceptor(certificate: &Certificate) -> TlsAcceptor {
    let chain = CertificateDer::pem_slice_iter(certificate.chain.as_bytes()).collect::<Result<Vec<_>, _>>().unwrap();
    let key = PrivateKeyDer::from_pem_slice(certificate.key.as_bytes()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    TlsAcceptor::from(Arc::new(builder.with_no_client_auth().with_single_cert(chain, key).unwrap()))
}

async fn connection(
    name: &'static str,
    counter: &AtomicU64,
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
) {
    let service = service_fn(|request| {
        counter.fetch_add(1, Ordering::Relaxed);
        answer(name, request)
    });
    let server = auto::Builder::new(TokioExecutor::new());
    // How a connection ends is the client's matter: tests look at what clients got.
    let _ended = server.serve_connection_with_upgrades(TokioIo::new(stream), service).await;
}

/// After so many bytes the pattern begins again.
const PERIOD: usize = 251 * 251;

/// From each place of the period, the longest chunk. Many downloads at once are no work for the backend.
static DOWNLOAD: LazyLock<Bytes> = LazyLock::new(|| (0..PERIOD + CHUNK).map(pattern).collect());

/// Bytes of a download that are written at once.
const CHUNK: usize = 16 * 1024;

/// Byte `index` of every download.
pub(crate) fn pattern(index: usize) -> u8 {
    u8::try_from((index / 251 + index) % 251).unwrap()
}

/// `LENGTH SHA256`.
pub(crate) fn digest(bytes: &[u8]) -> String {
    format!("{} {}", bytes.len(), hex(&Sha256::digest(bytes)))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}

type Answer = Response<UnsyncBoxBody<Bytes, Infallible>>;

async fn answer(name: &'static str, request: Request<Incoming>) -> Result<Answer, hyper::Error> {
    let path = request.uri().path().to_owned();
    let number = |prefix: &str| path.strip_prefix(prefix).and_then(|rest| rest.parse::<usize>().ok());
    let mut response = if let Some(code) = number("/status/") {
        Response::builder().status(u16::try_from(code).unwrap_or(500)).body(full("")).unwrap()
    } else if let Some(left) = number("/download/") {
        Response::new(Download { sent: 0, left }.boxed_unsync())
    } else if path == "/digest" {
        Response::new(full(digest_body(request.into_body()).await?))
    } else if path == "/trailers" {
        // hyper sends only those trailers over HTTP/1.1 that the head announces.
        Response::builder().header("trailer", "x-checksum").body(Trailed(2).boxed_unsync()).unwrap()
    } else if path == "/hang" {
        std::future::pending().await
    } else if let Some(seconds) = number("/wait/") {
        sleep(seconds).await;
        Response::new(full(""))
    } else if let Some(seconds) = number("/events/") {
        Response::builder().header("content-type", "text/event-stream").body(events(seconds)).unwrap()
    } else if path == "/tunnel" {
        send_back(request)
    } else {
        echo(name, request).await?
    };
    response.headers_mut().insert("x-backend", name.parse().unwrap());
    Ok(response)
}

async fn sleep(seconds: usize) {
    tokio::time::sleep(Duration::from_secs(u64::try_from(seconds).unwrap())).await;
}

fn events(seconds: usize) -> UnsyncBoxBody<Bytes, Infallible> {
    let (mut send, body) = Channel::new(1);
    tokio::spawn(async move {
        for number in 1..=3 {
            sleep(seconds).await;
            // Whoever listens may have gone.
            let _gone = send.send_data(Bytes::from(format!("data: {number}\n\n"))).await;
        }
    });
    body.boxed_unsync()
}

/// A tunnel, as a WebSocket is one: it sends back what it gets.
fn send_back(request: Request<Incoming>) -> Answer {
    let upgrade = request.headers().get("upgrade").cloned().unwrap();
    tokio::spawn(async move {
        let tunnel = hyper::upgrade::on(request).await.unwrap();
        let (mut read, mut write) = tokio::io::split(TokioIo::new(tunnel));
        let _ended = tokio::io::copy(&mut read, &mut write).await;
    });
    let response = Response::builder().status(101).header("connection", "upgrade").header("upgrade", upgrade);
    response.body(full("")).unwrap()
}

fn full(text: impl Into<Bytes>) -> UnsyncBoxBody<Bytes, Infallible> {
    http_body_util::Full::new(text.into()).boxed_unsync()
}

async fn digest_body(mut body: Incoming) -> Result<String, hyper::Error> {
    let (mut hash, mut length) = (Sha256::new(), 0);
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame?.into_data() {
            length += data.len();
            hash.update(&data);
        }
    }
    Ok(format!("{length} {}", hex(&hash.finalize())))
}

async fn echo(name: &str, request: Request<Incoming>) -> Result<Answer, hyper::Error> {
    let (head, body) = request.into_parts();
    let body = body.collect().await?;
    let trailers = body.trailers().map(fields);
    let text = json!({
        "backend": name,
        "method": head.method.as_str(),
        "uri": head.uri.to_string(),
        "version": format!("{:?}", head.version),
        "headers": fields(&head.headers),
        "length": body.to_bytes().len(),
        "trailers": trailers,
    });
    Ok(Response::builder().header("content-type", "application/json").body(full(text.to_string())).unwrap())
}

fn fields(headers: &HeaderMap) -> Value {
    let mut map = Map::new();
    for name in headers.keys() {
        let values = headers.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes()).into());
        map.insert(name.to_string(), Value::Array(values.collect()));
    }
    Value::Object(map)
}

/// A body of `left` more bytes of the pattern.
struct Download {
    sent: usize,
    left: usize,
}

impl Body for Download {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let length = self.left.min(CHUNK);
        if length == 0 {
            return Poll::Ready(None);
        }
        let begin = self.sent % PERIOD;
        self.sent += length;
        self.left -= length;
        Poll::Ready(Some(Ok(Frame::data(DOWNLOAD.slice(begin..begin + length)))))
    }
}

/// One frame of data, then trailers; the number says how many frames are left.
struct Trailed(u8);

impl Body for Trailed {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let frame = match self.0 {
            2 => Frame::data(Bytes::from_static(b"with trailers")),
            1 => Frame::trailers(HeaderMap::from_iter([(
                hyper::header::HeaderName::from_static("x-checksum"),
                hyper::header::HeaderValue::from_static("abc123"),
            )])),
            _ => return Poll::Ready(None),
        };
        self.0 -= 1;
        Poll::Ready(Some(Ok(frame)))
    }
}
