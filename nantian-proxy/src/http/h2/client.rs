//! A client connection: many exchanges at once, each on a stream.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use h2::client::{self, ResponseFuture, SendRequest};
use h2::{Reason, RecvStream};
use http::header::{CONTENT_LENGTH, HOST, HeaderValue};
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderMap, Method, Request, Response, StatusCode, Uri, Version};
use http_body::Body as _;
use tokio::time::Instant;

use super::body::{Pump, PumpError, Received};
use super::fields::{self, strip_connection_specific};
use super::guard::{Flood, Guarded, Peer};
use super::part::Part;
use crate::http::h1::digits;
use crate::http::interim::InterimBudget;
use crate::http::{Body, BodyError, HttpSettings, Interim, Transport};
use crate::upstream::{Counted, SendErrorKind};

/// A connection to a backend, shared by all exchanges on it.
#[derive(Clone)]
pub(crate) struct Connection {
    send: SendRequest<Part>,
    state: Rc<State>,
    /// Bytes of the header lists of one answer.
    max_header_bytes: usize,
}

/// What is known of a connection.
#[derive(Debug)]
struct State {
    closed: Cell<bool>,
    flood: Rc<Cell<Option<Flood>>>,
    active: Cell<usize>,
    served: Cell<bool>,
    rests_since: Cell<Instant>,
}

/// One exchange on a connection.
struct Active(Rc<State>);

impl Active {
    fn new(state: &Rc<State>) -> Self {
        state.active.set(state.active.get() + 1);
        Self(Rc::clone(state))
    }
}

impl fmt::Debug for Active {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Active")
    }
}

impl Drop for Active {
    fn drop(&mut self) {
        self.0.active.set(self.0.active.get().saturating_sub(1));
        self.0.rests_since.set(Instant::now());
    }
}

/// Why there is no answer.
pub(crate) struct Failed {
    pub(crate) kind: SendErrorKind,
    /// The request, if nothing of its body was taken.
    pub(crate) request: Option<Request<Body>>,
    /// Whether all of the connection failed, and not this exchange.
    pub(crate) lost: bool,
}

impl Failed {
    fn of_one(kind: SendErrorKind, request: Option<Request<Body>>) -> Self {
        Self { kind, request, lost: false }
    }
}

impl Connection {
    /// Begins HTTP/2 on `io`. `held` lives as long as the connection.
    pub(crate) async fn open(io: Transport, settings: &HttpSettings, held: Counted) -> Result<Self, SendErrorKind> {
        let http2 = &settings.http2;
        let mut builder = client::Builder::new();
        builder
            .enable_push(false)
            .initial_window_size(http2.stream_window)
            .initial_connection_window_size(http2.connection_window)
            .max_frame_size(http2.max_frame_size)
            .max_header_list_size(u32::try_from(settings.max_header_bytes).unwrap_or(u32::MAX))
            .header_table_size(http2.header_table_size)
            .max_send_buffer_size(http2.max_send_buffer)
            // The guard counts them, in windows of time: a limit for a whole life would let one bad answer in a thousand
            // end the connection of all others.
            .max_local_error_reset_streams(None);
        let io = Guarded::new(io, Peer::Backend, settings, |_| {});
        let flood = io.flood();
        let (send, mut connection) = builder.handshake(io).await.map_err(kind)?;
        let state = Rc::new(State {
            closed: Cell::new(false),
            flood,
            active: Cell::new(0),
            served: Cell::new(false),
            rests_since: Cell::new(Instant::now()),
        });
        let driven = Rc::clone(&state);
        tokio::task::spawn_local(async move {
            let flooded = poll_fn(|cx| {
                let ended = Pin::new(&mut connection).poll(cx).is_ready();
                let flooded = driven.flood.get().is_some();
                if ended || flooded { Poll::Ready(flooded) } else { Poll::Pending }
            });
            if flooded.await {
                held.flooded();
            }
            driven.closed.set(true);
        });
        Ok(Self { send, state, max_header_bytes: settings.max_header_bytes })
    }

    /// Whether it has ended, or will take nothing more.
    pub(crate) fn is_closed(&mut self) -> bool {
        let mut cx = Context::from_waker(std::task::Waker::noop());
        self.state.closed.get()
            || self.state.flood.get().is_some()
            || matches!(self.send.poll_ready(&mut cx), Poll::Ready(Err(_)))
    }

    /// Streams in use.
    pub(crate) fn active(&self) -> usize {
        self.state.active.get()
    }

    /// Whether the backend allows another stream now.
    pub(crate) fn has_room(&self) -> bool {
        self.active() < self.send.current_max_send_streams()
    }

    /// Whether it has served an exchange before.
    pub(crate) fn was_used(&self) -> bool {
        self.state.served.get()
    }

    /// Since when it rests, if it does.
    pub(crate) fn rests_since(&self) -> Option<Instant> {
        (self.active() == 0).then(|| self.state.rests_since.get())
    }

    /// Sends a request and waits for the head of its answer.
    pub(crate) async fn exchange(
        &self,
        mut request: Request<Body>,
        address: SocketAddr,
        interim: Option<&Interim>,
    ) -> Result<Response<Body>, Failed> {
        let active = Active::new(&self.state);
        self.state.served.set(true);
        let head = match head(&request, address) {
            Ok(head) => head,
            Err(kind) => return Err(Failed::of_one(kind, Some(request))),
        };
        let end = request.body().is_end_stream();
        let mut send = match self.send.clone().ready().await {
            Ok(send) => send,
            Err(error) => return Err(Failed::of_one(unsent(error), Some(request))),
        };
        let (response, stream) = match send.send_request(head, end) {
            Ok(opened) => opened,
            Err(error) => return Err(Failed::of_one(unsent(error), Some(request))),
        };
        let body = std::mem::take(request.body_mut());
        let mut upload = Upload { pump: Pump::new(stream, body, &Rc::default(), None), done: end, failed: None };
        let interims = InterimBudget::new(self.max_header_bytes);
        let head =
            poll_fn(Waiting { response, upload: &mut upload, interim, interims, heard: false }.into_poll()).await;
        match head {
            Ok(response) => Ok(received(response, upload, active, request.method())),
            Err(unanswered) => {
                let untouched = !upload.pump.touched;
                *request.body_mut() = std::mem::take(&mut upload.pump.body);
                let (kind, lost) = match (unanswered, self.state.flood.get()) {
                    (Unanswered::Lost(_), Some(_)) => {
                        (SendErrorKind::Protocol("too many HTTP/2 frames of one kind"), true)
                    }
                    (Unanswered::Lost(kind), None) => (kind, true),
                    (Unanswered::Here(kind), _) => (kind, false),
                };
                Err(Failed { kind, request: untouched.then_some(request), lost })
            }
        }
    }
}

/// The request on its way out.
struct Upload {
    pump: Pump,
    done: bool,
    failed: Option<BodyError>,
}

impl Upload {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.done {
            return Poll::Ready(());
        }
        match std::task::ready!(self.pump.poll(cx)) {
            // RFC 9113 section 8.1: a backend that has answered may stop the request; its answer counts.
            Ok(()) | Err(PumpError::Gone | PumpError::Stalled) => {}
            Err(PumpError::Body(error)) => {
                self.pump.stream().send_reset(Reason::CANCEL);
                self.failed = Some(error);
            }
        }
        self.done = true;
        Poll::Ready(())
    }
}

/// Why an exchange has no answer.
enum Unanswered {
    /// It is this one's own matter.
    Here(SendErrorKind),
    /// The connection ended.
    Lost(SendErrorKind),
}

impl From<h2::Error> for Unanswered {
    fn from(error: h2::Error) -> Self {
        let all = error.is_io() || error.is_go_away();
        match kind(error) {
            SendErrorKind::Refused => Self::Here(SendErrorKind::Refused),
            kind if all => Self::Lost(kind),
            kind => Self::Here(kind),
        }
    }
}

struct Waiting<'a> {
    response: ResponseFuture,
    upload: &'a mut Upload,
    interim: Option<&'a Interim>,
    interims: InterimBudget,
    /// Whether an interim answer came.
    heard: bool,
}

impl<'a> Waiting<'a> {
    fn into_poll(mut self) -> impl FnMut(&mut Context<'_>) -> Poll<Result<Response<RecvStream>, Unanswered>> + 'a {
        move |cx| self.poll(cx)
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<Response<RecvStream>, Unanswered>> {
        let _ = self.upload.poll(cx);
        if let Some(error) = self.upload.failed.take() {
            return Poll::Ready(Err(Unanswered::Here(SendErrorKind::RequestBody(error))));
        }
        let broken = |reason| Unanswered::Here(SendErrorKind::Protocol(reason));
        while let Poll::Ready(Some(Ok(answer))) = self.response.poll_informational(cx) {
            self.take_interim(answer).map_err(broken)?;
        }
        Pin::new(&mut self.response).poll(cx).map(|response| {
            let response = response.map_err(|error| match Unanswered::from(error) {
                // What was said before must not be said again by another connection.
                Unanswered::Lost(kind) if self.heard => Unanswered::Here(kind),
                other => other,
            })?;
            check_head(&response).map_err(broken)?;
            Ok(response)
        })
    }

    fn take_interim(&mut self, answer: Response<()>) -> Result<(), &'static str> {
        let (parts, ()) = answer.into_parts();
        if parts.status == StatusCode::SWITCHING_PROTOCOLS {
            return Err("an answer 101, which HTTP/2 does not have");
        }
        fields::check(&parts.headers)?;
        self.heard = true;
        self.interims.take(list_size(&parts.headers))?;
        if let Some(queue) = self.interim {
            queue.push(parts.status, parts.headers);
        }
        Ok(())
    }
}

/// RFC 9113 section 6.5.2: names and values, and 32 bytes a field.
fn list_size(headers: &HeaderMap) -> usize {
    headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 32).sum()
}

/// What `h2` lets through: fields that are malformed, two lengths, and statuses outside 100 to 599 (RFC 9110 section 15).
fn check_head(response: &Response<RecvStream>) -> Result<(), &'static str> {
    fields::check(response.headers())?;
    if response.headers().get_all(CONTENT_LENGTH).iter().count() > 1 {
        return Err("more than one content-length field");
    }
    if response.status().as_u16() >= 600 {
        return Err("the status is none");
    }
    Ok(())
}

fn received(response: Response<RecvStream>, mut upload: Upload, active: Active, method: &Method) -> Response<Body> {
    let (parts, stream) = response.into_parts();
    let length = parts.headers.get(CONTENT_LENGTH).and_then(|value| digits(value.as_bytes()));
    let shared = Rc::new(RefCell::new(active));
    if !upload.done {
        // The rest of the request does not depend on whether somebody reads the answer.
        let shared = Rc::clone(&shared);
        tokio::task::spawn_local(async move {
            poll_fn(|cx| upload.poll(cx)).await;
            drop(shared);
        });
    }
    let body = if stream.is_end_stream() {
        Body::empty()
    } else {
        let length = length.filter(|_| *method != Method::HEAD);
        Body::stream(Received::new(stream, length).holding(shared))
    };
    Response::from_parts(parts, body)
}

/// The head of a request as HTTP/2 has it (RFC 9113 section 8.3.1).
fn head(request: &Request<Body>, address: SocketAddr) -> Result<Request<()>, SendErrorKind> {
    let mut headers: HeaderMap = request.headers().clone();
    let host = headers.remove(HOST);
    let authority = match (host, request.uri().authority()) {
        (Some(host), _) => Authority::try_from(host.as_bytes()).ok(),
        (None, Some(authority)) => Some(authority.clone()),
        (None, None) => Authority::try_from(address.to_string()).ok(),
    };
    let authority = authority.ok_or(SendErrorKind::Protocol("the request's host is no authority"))?;
    strip_connection_specific(&mut headers);
    match request.body().size_hint().exact() {
        Some(0) if !headers.contains_key(CONTENT_LENGTH) => {}
        Some(length) => {
            headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
        }
        None => {}
    }
    let mut uri = http::uri::Parts::default();
    uri.authority = Some(authority);
    if *request.method() != Method::CONNECT {
        uri.scheme = Some(Scheme::HTTP);
        let target = request.uri().path_and_query().cloned();
        uri.path_and_query = Some(target.unwrap_or_else(|| PathAndQuery::from_static("/")));
    }
    let mut head = Request::new(());
    *head.uri_mut() = Uri::from_parts(uri).map_err(|_| SendErrorKind::Protocol("the request's target is no URI"))?;
    *head.method_mut() = request.method().clone();
    *head.version_mut() = Version::HTTP_2;
    *head.headers_mut() = headers;
    Ok(head)
}

/// An error before anything was sent.
fn unsent(error: h2::Error) -> SendErrorKind {
    match kind(error) {
        SendErrorKind::Reset(_) | SendErrorKind::Closed | SendErrorKind::Io(_) => SendErrorKind::Refused,
        other => other,
    }
}

fn kind(error: h2::Error) -> SendErrorKind {
    match error.reason() {
        // RFC 9113 section 8.7: a refused stream, and one beyond the last of GOAWAY, was not acted on.
        Some(Reason::REFUSED_STREAM) => SendErrorKind::Refused,
        Some(Reason::NO_ERROR) if error.is_go_away() => SendErrorKind::Refused,
        Some(reason) => SendErrorKind::Reset(reason),
        None if error.is_io() => error.into_io().map_or(SendErrorKind::Closed, |error| match error.kind() {
            std::io::ErrorKind::UnexpectedEof | std::io::ErrorKind::BrokenPipe => SendErrorKind::Closed,
            _ => SendErrorKind::Io(error),
        }),
        None => SendErrorKind::Closed,
    }
}
