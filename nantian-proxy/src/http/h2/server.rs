//! A server connection: one task for the connection, one for each stream.

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use h2::server::{self, SendResponse};
use h2::{Ping, PingPong, Reason, RecvStream};
use http::header::{CONTENT_LENGTH, DATE};
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body::Body as _;

use super::body::{Answered, Pump, PumpError, Received, Wanted};
use super::fields::strip_connection_specific;
use super::guard::{Flood, Guarded, Peer};
use super::part::Part;
use super::request::{check, expects_continue};
use super::reset::{StreamReset, blames_client};
use super::stream::StreamIo;
use super::websocket::{from_switching, to_upgrade};
use crate::http::deadline::Deadline;
use crate::http::drain::DrainWatch;
use crate::http::h1::{Refusal, digits};
use crate::http::{
    Body, BodyError, ConnectionEnd, ConnectionInfo, Cut, Drain, Exchange, Fate, Handler, HttpSettings, Interim, Reply,
    Transport, date, tunnel,
};

/// Serves HTTP/2 on `io` until it ends.
pub async fn serve<H: Handler>(
    io: Transport,
    info: Rc<ConnectionInfo>,
    settings: Rc<HttpSettings>,
    handler: Rc<H>,
    drain: Drain,
) -> ConnectionEnd {
    let mut deadline = Deadline::default();
    deadline.set_in(settings.request_head_timeout);
    let (asked, about) = (Rc::clone(&handler), Rc::clone(&info));
    let io = Guarded::new(io, Peer::Client, &settings, move |reason| asked.stream_reset(&about, reason));
    let mut flood = FloodWatch { flood: io.flood(), told: false, deadline: Deadline::default() };
    let connection = {
        let mut handshake = pin!(builder(&settings).handshake::<_, Part>(io));
        poll_fn(|cx| match handshake.as_mut().poll(cx) {
            Poll::Ready(done) => Poll::Ready(done.map_err(ConnectionEnd::Http2)),
            Poll::Pending if deadline.poll(cx) => Poll::Ready(Err(ConnectionEnd::HeadTimeout)),
            Poll::Pending => Poll::Pending,
        })
        .await
    };
    let mut connection = match connection {
        Ok(connection) => connection,
        Err(end) => return end,
    };
    let mut keeper = Keeper::new(connection.ping_pong(), deadline, drain, Rc::clone(&settings));
    let shared = Rc::new(Shared { info, settings, handler, streams: Rc::clone(&keeper.streams) });
    poll_fn(|cx| {
        loop {
            match keeper.poll(cx) {
                Some(Action::Finish) => connection.graceful_shutdown(),
                Some(Action::Abort(end)) => return Poll::Ready(end),
                None => {}
            }
            if flood.is_new() {
                flood.deadline.set_in(shared.settings.linger.saturating_mul(2));
                connection.abrupt_shutdown(Reason::ENHANCE_YOUR_CALM);
            }
            match connection.poll_accept(cx) {
                Poll::Ready(Some(Ok(_))) if flood.told => {}
                Poll::Ready(Some(Ok((request, respond)))) => {
                    keeper.opened();
                    let open = Open::new(&shared.streams);
                    tokio::task::spawn_local(serve_stream(Rc::clone(&shared), request, respond, open));
                }
                Poll::Ready(Some(Err(error))) => {
                    return Poll::Ready(flood.end().unwrap_or(ConnectionEnd::Http2(error)));
                }
                Poll::Ready(None) => return Poll::Ready(flood.end().unwrap_or_else(|| keeper.end())),
                Poll::Pending if flood.pending() => {}
                Poll::Pending if flood.deadline.poll(cx) => {
                    return Poll::Ready(flood.end().unwrap_or(ConnectionEnd::Closed));
                }
                Poll::Pending => return Poll::Pending,
            }
        }
    })
    .await
}

fn builder(settings: &HttpSettings) -> server::Builder {
    let http2 = &settings.http2;
    let mut builder = server::Builder::new();
    builder
        .max_concurrent_streams(http2.max_concurrent_streams)
        .initial_window_size(http2.stream_window)
        .initial_connection_window_size(http2.connection_window)
        .max_frame_size(http2.max_frame_size)
        .max_header_list_size(u32::try_from(settings.max_header_bytes).unwrap_or(u32::MAX))
        .header_table_size(http2.header_table_size)
        .max_send_buffer_size(http2.max_send_buffer)
        .max_concurrent_reset_streams(http2.max_reset_streams)
        .max_pending_accept_reset_streams(http2.max_pending_accept_reset_streams)
        .max_local_error_reset_streams(Some(http2.max_local_error_reset_streams))
        .enable_connect_protocol();
    builder
}

/// What the guard saw, and the time for our last word about it.
struct FloodWatch {
    flood: Rc<Cell<Option<Flood>>>,
    told: bool,
    deadline: Deadline,
}

impl FloodWatch {
    /// Whether a flood was seen of which the client was not told yet.
    fn pending(&self) -> bool {
        !self.told && self.flood.get().is_some()
    }

    fn is_new(&mut self) -> bool {
        let new = self.pending();
        self.told |= new;
        new
    }

    fn end(&self) -> Option<ConnectionEnd> {
        self.flood.get().map(ConnectionEnd::Flood)
    }
}

/// What all streams of a connection share.
struct Shared<H> {
    info: Rc<ConnectionInfo>,
    settings: Rc<HttpSettings>,
    handler: Rc<H>,
    streams: Rc<Streams>,
}

/// Counts open streams.
#[derive(Default)]
struct Streams {
    open: Cell<usize>,
    connection: RefCell<Option<Waker>>,
}

/// One open stream.
struct Open(Rc<Streams>);

impl Open {
    fn new(streams: &Rc<Streams>) -> Self {
        streams.open.set(streams.open.get() + 1);
        Self(Rc::clone(streams))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        let open = self.0.open.get().saturating_sub(1);
        self.0.open.set(open);
        if open == 0
            && let Some(waker) = self.0.connection.borrow_mut().take()
        {
            waker.wake();
        }
    }
}

enum Action {
    /// GOAWAY, and the end once the streams have ended.
    Finish,
    Abort(ConnectionEnd),
}

/// Watches over a connection: drain, rest, and whether the peer is still there.
struct Keeper {
    streams: Rc<Streams>,
    settings: Rc<HttpSettings>,
    drain: DrainWatch,
    /// For the first request, later for rest.
    rest: Deadline,
    resting: bool,
    ping: Option<PingPong>,
    ping_at: Deadline,
    ping_sent: bool,
    served: u32,
    finishing: bool,
}

impl Keeper {
    fn new(ping: Option<PingPong>, rest: Deadline, drain: Drain, settings: Rc<HttpSettings>) -> Self {
        let mut ping_at = Deadline::default();
        ping_at.set_in(settings.http2.keep_alive_interval);
        Self {
            streams: Rc::default(),
            drain: DrainWatch::new(drain),
            rest,
            resting: true,
            ping,
            ping_at,
            ping_sent: false,
            served: 0,
            finishing: false,
            settings,
        }
    }

    fn opened(&mut self) {
        self.served = self.served.saturating_add(1);
        self.resting = false;
    }

    fn end(&self) -> ConnectionEnd {
        match (self.used_up(), self.drain.is_draining()) {
            (true, _) => ConnectionEnd::UsedUp,
            (false, true) => ConnectionEnd::Drained,
            (false, false) => ConnectionEnd::Closed,
        }
    }

    fn used_up(&self) -> bool {
        self.served >= self.settings.max_requests_per_connection
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Option<Action> {
        *self.streams.connection.borrow_mut() = Some(cx.waker().clone());
        if !self.finishing && (self.used_up() || self.drain.poll(cx)) {
            self.finishing = true;
            return Some(Action::Finish);
        }
        if self.streams.open.get() > 0 {
            return self.poll_ping(cx);
        }
        if !std::mem::replace(&mut self.resting, true) {
            self.rest.set_in(self.settings.keep_alive_timeout);
        }
        if self.rest.poll(cx) {
            // Whoever rests longer than the limit gets one chance to hear GOAWAY, not to rest on.
            if std::mem::replace(&mut self.finishing, true) {
                let end = if self.served == 0 { ConnectionEnd::HeadTimeout } else { ConnectionEnd::Idle };
                return Some(Action::Abort(end));
            }
            self.rest.set_in(self.settings.linger);
            let _ = self.rest.poll(cx);
            return Some(Action::Finish);
        }
        None
    }

    /// A peer that is gone without a word would keep its streams for ever.
    fn poll_ping(&mut self, cx: &mut Context<'_>) -> Option<Action> {
        let ping = self.ping.as_mut()?;
        if self.ping_sent && ping.poll_pong(cx).is_ready() {
            self.ping_sent = false;
            self.ping_at.set_in(self.settings.http2.keep_alive_interval);
        }
        if self.ping_at.poll(cx) {
            if self.ping_sent {
                return Some(Action::Abort(ConnectionEnd::PingTimeout));
            }
            self.ping_sent = ping.send_ping(Ping::opaque()).is_ok();
            self.ping_at.set_in(self.settings.http2.keep_alive_ping_timeout);
            let _ = self.ping_at.poll(cx);
        }
        None
    }
}

async fn serve_stream<H: Handler>(
    shared: Rc<Shared<H>>,
    request: Request<RecvStream>,
    mut respond: SendResponse<Part>,
    _open: Open,
) {
    let (parts, recv) = request.into_parts();
    let mut request = Request::from_parts(parts, ());
    let connect = *request.method() == Method::CONNECT;
    let websocket = connect && to_upgrade(&mut request);
    if let Err(refusal) = check(&mut request, connect, websocket, &shared.settings) {
        shared.handler.refused(&shared.info, refusal);
        let _ = respond.send_response(refused(refusal), true);
        return;
    }
    let wanted = expects_continue(request.headers()).then(Rc::<Wanted>::default);
    let method = request.method().clone();
    let answered = Answered::new(shared.settings.tunnel_idle_timeout);
    let mut tunnel_side = None;
    let body = if connect {
        tunnel_side = Some(recv);
        Body::empty()
    } else if recv.is_end_stream() {
        Body::empty()
    } else {
        let length = request.headers().get(CONTENT_LENGTH).and_then(|value| digits(value.as_bytes()));
        let received = Received::new(recv, length).with_pace(shared.settings.pace(), answered.clone());
        let received = received.with_wanted(wanted.clone()).keeping_last();
        match if length == Some(0) { ended(received).await } else { Ok(Body::stream(received)) } {
            Ok(body) => body,
            Err(BodyError::Timeout) => {
                let refusal = Refusal::new(StatusCode::REQUEST_TIMEOUT, "the request did not end in time");
                shared.handler.refused(&shared.info, refusal);
                let _ = respond.send_response(refused(refusal), true);
                return;
            }
            Err(_) => return,
        }
    };
    let interim = Interim::default();
    let fate = Fate::default();
    let exchange = Exchange { connection: Rc::clone(&shared.info), interim: interim.clone(), fate: fate.clone() };
    let reply = {
        let mut answer = pin!(Rc::clone(&shared.handler).handle(request.map(|()| body), exchange));
        poll_fn(|cx| {
            let polled = answer.as_mut().poll(cx);
            let mut waits = wanted.is_some();
            while let Some((status, headers)) = interim.pop() {
                if status != StatusCode::SWITCHING_PROTOCOLS && (status != StatusCode::CONTINUE || waits) {
                    waits &= status != StatusCode::CONTINUE;
                    send_interim(&mut respond, status, headers);
                }
            }
            if wanted.as_ref().is_some_and(|wanted| wanted.poll(cx)) && waits {
                send_interim(&mut respond, StatusCode::CONTINUE, HeaderMap::new());
            }
            match polled {
                Poll::Ready(reply) => Poll::Ready(Some(reply)),
                // The client gave up; so do we.
                Poll::Pending => respond.poll_reset(cx).map(|code| {
                    blame(&fate, code);
                    None
                }),
            }
        })
        .await
    };
    let Some(reply) = reply else { return };
    answered.begin();
    match tunnel_side {
        Some(recv) => answer_connect(reply, recv, respond, websocket, &shared, &fate).await,
        None => answer(reply, respond, &method, &shared, &fate).await,
    }
}

/// Tells the handler if its stream ended for what the client did.
fn blame(fate: &Fate, code: Result<Reason, h2::Error>) {
    if code.is_ok_and(blames_client) {
        fate.cut(Cut::Protocol);
    }
}

/// RFC 9113 section 8.1.1: a request without content is one when its stream has ended without any.
async fn ended(mut received: Received) -> Result<Body, BodyError> {
    match poll_fn(|cx| received.poll_frame(cx)).await {
        Some(Err(error)) => Err(error),
        _ => Ok(Body::empty()),
    }
}

fn send_interim(respond: &mut SendResponse<Part>, status: StatusCode, mut headers: HeaderMap) {
    strip_connection_specific(&mut headers);
    // RFC 9110 section 8.6: an interim answer has no content.
    headers.remove(CONTENT_LENGTH);
    let mut response = Response::new(());
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    let _ = respond.send_informational(response);
}

fn refused(refusal: Refusal) -> Response<()> {
    let mut response = Response::new(());
    *response.status_mut() = refusal.status;
    response.headers_mut().insert(DATE, date::now());
    response
}

fn response_head(status: StatusCode, mut headers: HeaderMap) -> Response<()> {
    strip_connection_specific(&mut headers);
    headers.entry(DATE).or_insert_with(date::now);
    let mut response = Response::new(());
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}

async fn answer<H: Handler>(
    reply: Reply,
    mut respond: SendResponse<Part>,
    method: &Method,
    shared: &Shared<H>,
    fate: &Fate,
) {
    let (mut parts, body) = reply.response.into_parts();
    if parts.status.is_informational() || reply.tunnel.is_some() {
        // Nothing was asked to be switched.
        let _ = respond.send_response(refused(Refusal::new(StatusCode::BAD_GATEWAY, "")), true);
        return;
    }
    let bodyless = *method == Method::HEAD || matches!(parts.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
    let end = bodyless || body.is_end_stream();
    match body.size_hint().exact() {
        Some(length) if !bodyless => {
            parts.headers.insert(CONTENT_LENGTH, length.into());
        }
        _ if parts.status == StatusCode::NO_CONTENT => {
            parts.headers.remove(CONTENT_LENGTH);
        }
        _ => {}
    }
    let Ok(stream) = respond.send_response(response_head(parts.status, parts.headers), end) else { return };
    if end {
        return;
    }
    let mut pump = Pump::new(stream, body, &shared.info.account, Some(shared.settings.pace()));
    match poll_fn(|cx| pump.poll(cx)).await {
        Ok(()) => {}
        Err(PumpError::Gone) => {
            poll_fn(|cx| {
                if let Poll::Ready(code) = pump.stream().poll_reset(cx) {
                    blame(fate, code);
                }
                Poll::Ready(())
            })
            .await;
        }
        Err(PumpError::Stalled) => {
            fate.cut(Cut::Slow);
            shared.handler.stream_reset(&shared.info, StreamReset::Stalled);
            pump.stream().send_reset(Reason::CANCEL);
        }
        Err(PumpError::Body(error)) => {
            shared.handler.stream_reset(&shared.info, StreamReset::AnswerFailed);
            pump.stream().send_reset(match error {
                // A client is not blamed for what a backend was.
                BodyError::Reset(code) if code != Reason::NO_ERROR && !blames_client(code) => code,
                _ => Reason::INTERNAL_ERROR,
            });
        }
    }
}

/// Answers CONNECT, plain or extended.
async fn answer_connect<H: Handler>(
    reply: Reply,
    recv: RecvStream,
    mut respond: SendResponse<Part>,
    websocket: bool,
    shared: &Shared<H>,
    fate: &Fate,
) {
    let Reply { response, tunnel } = reply;
    let switches =
        if websocket { response.status() == StatusCode::SWITCHING_PROTOCOLS } else { response.status().is_success() };
    match tunnel {
        Some(far) if switches => {
            let (mut parts, _) = response.into_parts();
            if websocket {
                from_switching(&mut parts.status, &mut parts.headers);
            }
            if let Ok(stream) = respond.send_response(response_head(parts.status, parts.headers), false) {
                let end = tunnel::copy(StreamIo::new(stream, recv), far, &shared.settings, fate).await;
                if matches!(end, ConnectionEnd::TunnelIdle) {
                    shared.handler.stream_reset(&shared.info, StreamReset::TunnelIdle);
                }
            }
        }
        None if !switches => answer(response.into(), respond, &Method::CONNECT, shared, fate).await,
        _ => {
            let _ = respond.send_response(refused(Refusal::new(StatusCode::BAD_GATEWAY, "")), true);
        }
    }
}
