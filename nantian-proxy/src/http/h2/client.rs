//! A client connection: many exchanges at once, each on a stream.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::fmt;
use std::future::poll_fn;
use std::io::ErrorKind::{BrokenPipe, UnexpectedEof};
use std::rc::{Rc, Weak};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::BytesMut;
use http::Method;
use http::header::{CONTENT_LENGTH, HOST};
use http_body::Body as _;
use tokio::time::Instant;

use super::body::{Pump, PumpError, Received};
use super::connection::{Core, Opening, Receiver, Sender, Shared};
use super::driver::{Driver, End};
use super::error::{ConnectionError, StreamError};
use super::message::RequestHead;
use super::reason::Reason;
use crate::http::buffered::Held;
use crate::http::deadline::Deadline;
use crate::http::h1::digits;
use crate::http::interim::InterimBudget;
use crate::http::{Body, BodyError, Headers, HttpSettings, Interim, Request, Response, Transport, normalize};
use crate::upstream::{Counted, OverTls, PoolSettings, SendErrorKind, Upstream};

/// A connection to a backend, shared by all exchanges on it.
#[derive(Clone)]
pub(crate) struct Connection {
    core: Shared,
    state: Rc<State>,
    /// Bytes of the header lists of one answer.
    max_header_bytes: usize,
}

/// What is known of a connection. It lives as long as somebody may use it.
struct State {
    core: Weak<RefCell<Core>>,
    active: Cell<usize>,
    served: Cell<bool>,
    rests_since: Cell<Instant>,
    /// The last host that was found to be an authority, which most requests of a connection share.
    authority: RefCell<String>,
}

impl State {
    /// Whether a host can stand in `:authority`.
    fn is_authority(&self, host: &str) -> bool {
        let mut known = self.authority.borrow_mut();
        if !host.is_empty() && *known == *host {
            return true;
        }
        let valid = normalize::host(host).is_ok();
        if valid {
            known.clear();
            known.push_str(host);
        }
        valid
    }
}

impl Drop for State {
    fn drop(&mut self) {
        if let Some(core) = self.core.upgrade() {
            core.borrow_mut().wake_driver();
        }
    }
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
    /// Whether nothing of the request's body was taken: it can be sent again.
    pub(crate) untouched: bool,
    /// Whether all of the connection failed, and not this exchange.
    pub(crate) lost: bool,
}

impl Connection {
    /// Begins HTTP/2 on `io`. `held` lives as long as the connection.
    pub(crate) fn open(io: Transport, settings: &HttpSettings, pool: &PoolSettings, held: Counted) -> Self {
        let core = Rc::new(RefCell::new(Core::client(settings, pool)));
        let state = Rc::new(State {
            core: Rc::downgrade(&core),
            active: Cell::new(0),
            served: Cell::new(false),
            rests_since: Cell::new(Instant::now()),
            authority: RefCell::default(),
        });
        let driven = Driven {
            driver: Driver::new(io, BytesMut::new(), Rc::clone(&core)),
            core: Rc::clone(&core),
            state: Rc::downgrade(&state),
            held,
            turn: Deadline::default(),
        };
        tokio::task::spawn_local(driven.drive(settings.linger));
        Self { core, state, max_header_bytes: settings.max_header_bytes }
    }

    /// Whether it has ended, or will take nothing more.
    pub(crate) fn is_closed(&self) -> bool {
        self.core.borrow().is_going_away()
    }

    /// Exchanges on it, those that wait for a stream and those that were given up included.
    pub(crate) fn load(&self) -> usize {
        self.state.active.get() + self.core.borrow().abandoned_streams()
    }

    /// Whether there may be another stream now.
    pub(crate) fn has_room(&self) -> bool {
        self.load() < self.core.borrow().most_streams()
    }

    /// Whether it has served an exchange before.
    pub(crate) fn was_used(&self) -> bool {
        self.state.served.get()
    }

    /// Since when it rests, if it does.
    pub(crate) fn rests_since(&self) -> Option<Instant> {
        (self.state.active.get() == 0).then(|| self.state.rests_since.get())
    }

    /// Sends `request`, whose body is taken while the rest stays as it is, and waits for the head of its answer.
    pub(crate) async fn exchange(
        &self,
        request: &mut Request<Body>,
        upstream: &Upstream,
        interim: Option<&Interim>,
    ) -> Result<Response<Body>, Failed> {
        let active = Active::new(&self.state);
        self.state.served.set(true);
        let end = request.body().is_end_stream();
        let (send, receive) = match self.begin(request, upstream, end).await {
            Ok(opened) => opened,
            Err(kind) => return Err(Failed { kind, untouched: true, lost: false }),
        };
        let body = std::mem::take(request.body_mut());
        let mut pump = Pump::new(send, body);
        if let Some(account) = &upstream.account {
            receive.count_unread(account);
            pump = pump.counted(Held::aside(account));
        }
        let mut upload = Upload { pump, done: end, failed: None };
        let mut waiting = Waiting {
            receive: &receive,
            upload: &mut upload,
            interim,
            interims: InterimBudget::new(self.max_header_bytes),
            heard: false,
        };
        match poll_fn(|cx| waiting.poll(cx)).await {
            Ok(response) => Ok(received(response, receive, upload, active, request.method())),
            Err(unanswered) => {
                // What was said before must not be said again by another connection.
                let heard = waiting.heard;
                let untouched = !upload.pump.touched;
                request.body = upload.pump.body;
                let (kind, lost) = match unanswered {
                    Unanswered::Here(kind) => (kind, false),
                    Unanswered::Ended(error) => (kind(error), !heard && self.core.borrow().ended_with(error)),
                };
                Err(Failed { kind, untouched, lost })
            }
        }
    }

    /// Opens a stream (RFC 9113 section 8.3.1), for which it waits as long as for a connection.
    async fn begin(
        &self,
        request: &Request<Body>,
        upstream: &Upstream,
        end: bool,
    ) -> Result<(Sender, Receiver), SendErrorKind> {
        let (method, headers) = (request.method(), request.headers());
        let host = match (headers.get(HOST), request.uri().authority()) {
            (Some(host), _) => Cow::Borrowed(host.to_str().unwrap_or_default()),
            (None, Some(authority)) => Cow::Borrowed(authority.as_str()),
            (None, None) => Cow::Owned(upstream.address.to_string()),
        };
        if !self.state.is_authority(&host) {
            return Err(SendErrorKind::Protocol("the request's host is no authority"));
        }
        let target = request.uri().path_and_query().map_or("/", |target| target.as_str());
        let exact = request.body().size_hint().exact();
        let head = RequestHead {
            method,
            over_tls: request.extensions.get::<OverTls>().is_some(),
            authority: &host,
            path: (*method != Method::CONNECT).then_some(target),
            headers,
            length: exact.filter(|length| *length > 0 || headers.contains_key(CONTENT_LENGTH)),
        };
        let (mut opening, mut limit) = (Opening::new(&self.core), None);
        poll_fn(|cx| match opening.poll(head, end, cx) {
            Poll::Ready(opened) => Poll::Ready(opened.map_err(unsent)),
            Poll::Pending => {
                let limit = limit.get_or_insert_with(|| Deadline::after(upstream.connect_timeout));
                if limit.poll(cx) { Poll::Ready(Err(SendErrorKind::Full)) } else { Poll::Pending }
            }
        })
        .await
    }
}

/// A connection and what drives it.
struct Driven {
    driver: Driver,
    core: Shared,
    state: Weak<State>,
    held: Counted,
    /// When the next of the abandoned streams may be reset.
    turn: Deadline,
}

impl Driven {
    async fn drive(mut self, linger: Duration) {
        let end = poll_fn(|cx| self.poll(cx)).await;
        if let Some(End::Failed(ConnectionError::Flood(_))) = end {
            self.held.flooded();
        }
        drop(self.held);
        self.driver.close_within(linger, end.as_ref());
        poll_fn(|cx| self.driver.poll_close(false, cx)).await;
    }

    /// Ready once the connection has ended, or nobody can use it any more.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<End>> {
        self.core.borrow_mut().register(cx);
        if let Err(end) = self.driver.read(cx) {
            return Poll::Ready(Some(end));
        }
        self.let_go(cx);
        match self.driver.poll_write(cx) {
            Poll::Ready(Err(end)) => return Poll::Ready(Some(end)),
            Poll::Ready(Ok(())) | Poll::Pending => {}
        }
        let mut core = self.core.borrow_mut();
        let useless = self.state.strong_count() == 0 || core.is_going_away();
        // The end of the connection tells the backend of all that were abandoned.
        if useless && core.held_streams() == 0 {
            core.finish();
            return Poll::Ready(None);
        }
        Poll::Pending
    }

    /// Resets the streams whose turn it is.
    fn let_go(&mut self, cx: &mut Context<'_>) {
        let mut core = self.core.borrow_mut();
        while core.abandoned_streams() > 0 {
            let done = core.let_go(Instant::now());
            self.held.cancelled(done.reset, done.held);
            self.turn.set_at(done.next);
            if !self.turn.poll(cx) {
                return;
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
        match ready!(self.pump.poll(cx)) {
            // RFC 9113 section 8.1: a backend that has answered may stop the request; its answer counts.
            Ok(()) | Err(PumpError::Gone(_) | PumpError::Stalled) => {}
            Err(PumpError::Body(error)) => {
                self.pump.reset(Reason::CANCEL);
                self.failed = Some(error);
            }
        }
        self.done = true;
        Poll::Ready(())
    }
}

/// Why an exchange has no answer.
enum Unanswered {
    Here(SendErrorKind),
    /// Its stream ended.
    Ended(StreamError),
}

/// An exchange before its answer.
struct Waiting<'a> {
    receive: &'a Receiver,
    upload: &'a mut Upload,
    interim: Option<&'a Interim>,
    interims: InterimBudget,
    /// Whether an interim answer came.
    heard: bool,
}

impl Waiting<'_> {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<Response<()>, Unanswered>> {
        let _ = self.upload.poll(cx);
        if let Some(error) = self.upload.failed.take() {
            return Poll::Ready(Err(Unanswered::Here(SendErrorKind::RequestBody(error))));
        }
        loop {
            let head = ready!(self.receive.poll_head(cx)).map_err(Unanswered::Ended)?;
            if !head.status().is_informational() {
                return Poll::Ready(Ok(head));
            }
            let (parts, ()) = head.into_parts();
            self.heard = true;
            let taken = self.interims.take(list_size(&parts.headers));
            taken.map_err(|reason| Unanswered::Here(SendErrorKind::Protocol(reason)))?;
            if let Some(queue) = self.interim {
                queue.push(parts.status, parts.headers);
            }
        }
    }
}

/// RFC 9113 section 6.5.2: names and values, and 32 bytes a field.
fn list_size(headers: &Headers) -> usize {
    headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 32).sum()
}

fn received(
    response: Response<()>,
    receive: Receiver,
    mut upload: Upload,
    active: Active,
    method: &Method,
) -> Response<Body> {
    let (parts, ()) = response.into_parts();
    let length = parts.headers.get(CONTENT_LENGTH).and_then(|value| digits(value.as_bytes()));
    let shared = Rc::new(active);
    if !upload.done {
        // The rest of the request does not depend on whether somebody reads the answer.
        let shared = Rc::clone(&shared);
        tokio::task::spawn_local(async move {
            poll_fn(|cx| upload.poll(cx)).await;
            drop(shared);
        });
    }
    let body = if receive.is_ended() {
        Body::empty()
    } else {
        let length = length.filter(|_| *method != Method::HEAD);
        Body::stream(Received::new(receive, length).holding(shared))
    };
    parts.map(|()| body)
}

/// An error before anything was sent.
fn unsent(error: StreamError) -> SendErrorKind {
    match kind(error) {
        SendErrorKind::Reset(_) | SendErrorKind::Closed | SendErrorKind::Io(_) => SendErrorKind::Refused,
        other => other,
    }
}

fn kind(error: StreamError) -> SendErrorKind {
    match error {
        // RFC 9113 section 8.7: a refused stream, and one beyond the last of GOAWAY, was not acted on.
        StreamError::Refused => SendErrorKind::Refused,
        StreamError::Reset(reason) => SendErrorKind::Reset(reason),
        StreamError::Broken(what) => SendErrorKind::Protocol(what),
        StreamError::Cancelled | StreamError::Closed | StreamError::Io(UnexpectedEof | BrokenPipe) => {
            SendErrorKind::Closed
        }
        StreamError::Io(kind) => SendErrorKind::Io(kind.into()),
    }
}
