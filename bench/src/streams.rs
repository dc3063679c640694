//! The backend of the part on streams, in this process: server-sent events, a stream in the shape of gRPC, a WebSocket echo.

use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::stream;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Empty, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::header::{CONNECTION, CONTENT_TYPE, HeaderMap, HeaderValue, UPGRADE};
use hyper::service::service_fn;
use hyper::upgrade::Upgraded;
use hyper::{Request, Response, StatusCode, Version};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{MissedTickBehavior, interval};

use crate::failure::Failure;

/// Where `WebSockets` are.
pub(crate) const ECHO: &str = "/ws";
/// The key of a WebSocket's request and what it is accepted with: the example of RFC 6455, section 1.3.
pub(crate) const KEY: [&str; 2] = ["dGhlIHNhbXBsZSBub25jZQ==", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="];
/// Bytes of a WebSocket message.
pub(crate) const MESSAGE: usize = 64;
/// Before the payload of a message of this length, binary and final: RFC 6455, section 5.2.
pub(crate) const MESSAGE_HEAD: [u8; 2] = [0x82, 0x40];

/// What each stream waits between two events.
const BETWEEN: Duration = Duration::from_millis(4);
/// Characters of an event: number, time of sending, filling.
const TEXT: usize = 120;

type Body = UnsyncBoxBody<Bytes, Infallible>;

/// How events are told apart in a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// <https://html.spec.whatwg.org/multipage/server-sent-events.html>, over HTTP/1.1.
    ServerSent,
    /// Messages of gRPC with their length, and trailers, over HTTP/2.
    Grpc,
}

impl Shape {
    /// What stands before each event and after it.
    fn around(self) -> (&'static [u8], &'static [u8]) {
        match self {
            Self::ServerSent => (b"data: ", b"\n\n"),
            // Not compressed, 120 bytes.
            Self::Grpc => (&[0, 0, 0, 0, 120], b""),
        }
    }

    /// Bytes of an event.
    pub(crate) fn length(self) -> usize {
        let (before, after) = self.around();
        before.len() + TEXT + after.len()
    }

    /// The media type of a body.
    pub(crate) fn media_type(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::ServerSent => "text/event-stream",
            Self::Grpc => "application/grpc",
        })
    }

    fn event(self, number: u64) -> Bytes {
        let (before, after) = self.around();
        let text = format!("{number:020} {:020} {:x<78}", now_micros(), "");
        Bytes::from([before, text.as_bytes(), after].concat())
    }

    /// How many µs ago this event was sent, if it is the one of that number.
    pub(crate) fn age_micros(self, event: &[u8], number: u64) -> Option<u64> {
        let (before, after) = self.around();
        let text = event.strip_prefix(before)?.strip_suffix(after)?;
        let mut words = std::str::from_utf8(text).ok()?.split(' ');
        let found: u64 = words.next()?.parse().ok()?;
        let sent: u64 = words.next()?.parse().ok()?;
        (found == number && text.len() == TEXT).then(|| now_micros().saturating_sub(sent))
    }
}

/// The clock of events: µs since it was first looked at.
fn now_micros() -> u64 {
    static BEGAN: OnceLock<Instant> = OnceLock::new();
    u64::try_from(BEGAN.get_or_init(Instant::now).elapsed().as_micros()).unwrap_or(u64::MAX)
}

/// Serves HTTP/1.1 on the first port and h2c on the other, until the process ends.
pub(crate) fn serve(ports: [u16; 2]) -> Result<(), Failure> {
    let failed = |error| Failure::start("the backend of streams", error);
    let [http, h2c] = ports.map(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)));
    let (http, h2c) = (http.map_err(failed)?, h2c.map_err(failed)?);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
    std::thread::spawn(move || {
        // Either ends only with an error, which the next request meets.
        runtime.block_on(async { tokio::try_join!(accept(http, false), accept(h2c, true)).map(|_: ((), ())| ()) })
    });
    Ok(())
}

async fn accept(listener: TcpListener, h2c: bool) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    let listener = tokio::net::TcpListener::from_std(listener)?;
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let stream = TokioIo::new(stream);
        // A connection that fails fails the requests on it, whose client reports them.
        if h2c {
            let server = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
            tokio::spawn(server.serve_connection(stream, service_fn(answer)));
        } else {
            let server = hyper::server::conn::http1::Builder::new();
            tokio::spawn(server.serve_connection(stream, service_fn(answer)).with_upgrades());
        }
    }
}

/// `/events/N` is answered with so many events.
async fn answer(request: Request<Incoming>) -> Result<Response<Body>, Infallible> {
    let path = request.uri().path();
    if path == ECHO {
        return Ok(switch(request));
    }
    let shape = if request.version() == Version::HTTP_2 { Shape::Grpc } else { Shape::ServerSent };
    let Some(count) = path.strip_prefix("/events/").and_then(|count| count.parse().ok()) else {
        return Ok(bare(StatusCode::NOT_FOUND));
    };
    let mut response = Response::new(events(shape, count));
    response.headers_mut().insert(CONTENT_TYPE, shape.media_type());
    // nginx holds answers back unless it is told not to:
    // https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_buffering
    response.headers_mut().insert("x-accel-buffering", HeaderValue::from_static("no"));
    Ok(response)
}

fn bare(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Empty::new().boxed_unsync());
    *response.status_mut() = status;
    response
}

fn events(shape: Shape, count: u64) -> Body {
    let mut ticks = interval(BETWEEN);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let frames = stream::unfold((0, ticks), move |(number, mut ticks)| async move {
        if number < count {
            ticks.tick().await;
            return Some((Ok(Frame::data(shape.event(number))), (number + 1, ticks)));
        }
        let trailers = HeaderMap::from_iter([("grpc-status".parse().ok()?, HeaderValue::from_static("0"))]);
        (number == count && shape == Shape::Grpc).then(|| (Ok(Frame::trailers(trailers)), (number + 1, ticks)))
    });
    StreamBody::new(frames).boxed_unsync()
}

fn switch(request: Request<Incoming>) -> Response<Body> {
    tokio::spawn(async {
        if let Ok(upgraded) = hyper::upgrade::on(request).await {
            // Ends when the client leaves.
            let _left = echo(TokioIo::new(upgraded)).await;
        }
    });
    let mut response = bare(StatusCode::SWITCHING_PROTOCOLS);
    let [_, accept] = KEY;
    let fields = [(CONNECTION, "upgrade"), (UPGRADE, "websocket")];
    response.headers_mut().extend(fields.map(|(name, value)| (name, HeaderValue::from_static(value))));
    response.headers_mut().insert("sec-websocket-accept", HeaderValue::from_static(accept));
    response
}

async fn echo(mut stream: TokioIo<Upgraded>) -> io::Result<()> {
    let (mut head, mut asked) = ([0; MESSAGE_HEAD.len()], [0; 4 + MESSAGE]);
    loop {
        stream.read_exact(&mut head).await?;
        stream.read_exact(&mut asked).await?;
        let (mask, payload) = asked.split_at(4);
        let unmasked = payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask);
        let message: Vec<u8> = MESSAGE_HEAD.into_iter().chain(unmasked).collect();
        stream.write_all(&message).await?;
        stream.flush().await?;
    }
}

#[cfg(test)]
mod tests {
    use super::Shape;

    #[test]
    fn an_event_is_known_by_its_number_and_its_length() {
        for shape in [Shape::ServerSent, Shape::Grpc] {
            let event = shape.event(7);
            assert_eq!(event.len(), shape.length());
            assert!(shape.age_micros(&event, 7).is_some());
            assert!(shape.age_micros(&event, 8).is_none());
            assert!(shape.age_micros(&event[..event.len() - 1], 7).is_none());
        }
    }
}
