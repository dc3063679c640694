//! A server connection: one task that reads a head, asks the handler, writes its answer, and so on.

use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use http::{Method, StatusCode, Version};
use http_body::{Body as _, Frame};
use tokio::io::AsyncWrite;
use tokio::time::Instant;

use super::encode::{self, Encoder, ResponseContext};
use super::framing::Framing;
use super::gathered;
use super::head::{HeadLimits, Kind, Refusal, RequestHead, Scanner, request};
use super::incoming::{Expect, Incoming, Wire};
use super::io::{BodyReader, HIGH_WATER, lets_others_go_first, poll_turn, poll_write, write_pipe_unasked};
use crate::http::buffered::{Account, Held};
use crate::http::deadline::Deadline;
use crate::http::drain::DrainWatch;
use crate::http::pace::Pace;
use crate::http::transport::Prefixed;
use crate::http::unsent::Unsent;
use crate::http::{
    Body, ConnectionEnd, ConnectionInfo, Cut, Drain, Exchange, Fate, Handler, Headers, HttpSettings, Interim, Pipe,
    Piped as _, Reply, Request, Response, Transport, tunnel,
};
use crate::tls;

/// Parts of a body that go out one after another, each a pipe or a write, before other connections have their turn: what
/// is ready and taken at once would keep a worker for megabytes.
const PARTS_A_TURN: usize = 8;
/// The same of large parts, for a client that takes much.
const LARGE_PARTS_A_TURN: usize = 2;

/// Serves HTTP/1.1 on `io` until it ends.
pub fn serve<H: Handler>(
    io: Transport,
    info: Rc<ConnectionInfo>,
    settings: Rc<HttpSettings>,
    handler: Rc<H>,
    drain: Drain,
) -> impl Future<Output = ConnectionEnd> {
    let mut deadline = Deadline::default();
    deadline.set_in(settings.request_head_timeout);
    serve_read(io, BytesMut::new(), deadline, info, settings, handler, drain)
}

/// The same, where some bytes were read already and the time for the first head runs.
pub(crate) fn serve_read<H: Handler>(
    io: Transport,
    read: BytesMut,
    deadline: Deadline,
    info: Rc<ConnectionInfo>,
    settings: Rc<HttpSettings>,
    handler: Rc<H>,
    drain: Drain,
) -> impl Future<Output = ConnectionEnd> {
    let mut connection = Connection {
        wire: Rc::new(RefCell::new(Wire::new(io, read, settings.pace()))),
        held: Held::new(&info.account),
        head: 0,
        deadline,
        drain: DrainWatch::new(drain),
        write_pace: settings.pace(),
        limits: HeadLimits::from(settings.as_ref()),
        settings,
        fate: Fate::default(),
        unsent: None,
    };
    // What only a request needs, or the end, is in boxes or made where nothing is awaited: it would be room in each
    // connection that rests.
    async move {
        let most = connection.settings.max_requests_per_connection;
        let mut served = 0_u32;
        // One for all requests: what is left in it of one is dropped with the body of its answer.
        let interim = Interim::default();
        loop {
            let asked = connection.read_head(served == 0).await.map(|head| {
                served = served.saturating_add(1);
                let context = RequestContext::new(&head, served < most, &interim);
                let request = connection.request(head);
                let fate = connection.fate.clone();
                let exchange = Exchange { connection: Rc::clone(&info), interim: interim.clone(), fate };
                (Rc::clone(&handler).handle(request, exchange), context)
            });
            let (mut answer, context) = match asked {
                Ok(asked) => asked,
                Err(end) => return Box::pin(connection.turn_away(end, handler.as_ref(), &info)).await,
            };
            let answered = connection.wait_for(answer.as_mut(), &context).await;
            drop(answer);
            connection.head = 0;
            let begun = match answered.map(|reply| connection.begin_answer(reply, &context)) {
                Ok(begun) => begun,
                Err(end) => return end,
            };
            match connection.answer(begun, &context).await {
                Ok(None) => {}
                Ok(Some(tunnel)) => return Box::pin(connection.tunnel(tunnel, &info.account)).await,
                Err(ConnectionEnd::Closed) if served >= most => return connection.linger(ConnectionEnd::UsedUp).await,
                Err(end @ ConnectionEnd::Closed) => return connection.linger(end).await,
                Err(end) => return end,
            }
        }
    }
}

/// The last answer is written first.
fn after_others<T>(cx: &Context<'_>) -> Poll<T> {
    cx.waker().wake_by_ref();
    Poll::Pending
}

/// What is kept of a request for its answer.
struct RequestContext {
    method: Method,
    version: Version,
    keep_alive: bool,
    trailers: bool,
    interim: Interim,
}

impl RequestContext {
    /// `more`: whether the connection may carry another request after this one.
    fn new(head: &RequestHead, more: bool, interim: &Interim) -> Self {
        Self {
            method: head.method.clone(),
            version: head.version,
            // What follows a CONNECT may have been meant for the tunnel (RFC 9110 section 9.3.6): refused or not, it is
            // never read as a request.
            keep_alive: head.keep_alive && head.method != Method::CONNECT && more,
            trailers: head.trailers,
            interim: interim.clone(),
        }
    }
}

/// An answer whose head waits to be written.
struct Begun {
    body: Body,
    encoder: Encoder,
    keep_alive: bool,
    tunnel: Option<TunnelIo>,
}

struct Connection {
    wire: Rc<RefCell<Wire>>,
    /// What waits in either direction.
    held: Held,
    /// Bytes of the head of the request in work.
    head: usize,
    deadline: Deadline,
    drain: DrainWatch,
    settings: Rc<HttpSettings>,
    limits: HeadLimits,
    /// How long what is to be written waits for the client.
    write_pace: Pace,
    /// That of each exchange, one after another: none follows one that was cut.
    fate: Fate,
    /// How fast the client takes a long answer, while it has one.
    unsent: Option<Box<Unsent>>,
}

type TunnelIo = Box<dyn crate::http::ByteStream>;

impl Connection {
    /// Waits for the next head. The deadline for the first one runs already.
    async fn read_head(&mut self, first: bool) -> Result<RequestHead, ConnectionEnd> {
        let mut scanner = Scanner::new(Kind::Request);
        let mut started = first;
        if !first {
            self.deadline.set_in(self.settings.keep_alive_timeout);
        }
        poll_fn(|cx| {
            if self.goes_on_writing(started, cx)? {
                return Poll::Pending;
            }
            self.poll_head(&mut scanner, &mut started, cx)
        })
        .await
    }

    /// Whether the client has not taken the last answer, which was to be written together with others. `started`: whether a part
    /// of the next head is there.
    fn goes_on_writing(&mut self, started: bool, cx: &mut Context<'_>) -> Result<bool, ConnectionEnd> {
        {
            let wire = self.wire.borrow();
            if wire.gathered || wire.out.is_written() {
                return Ok(false);
            }
        }
        self.write(cx)?;
        if self.wire.borrow().out.is_written() {
            let HttpSettings { request_head_timeout, keep_alive_timeout, .. } = *self.settings;
            self.deadline.set_in(if started { request_head_timeout } else { keep_alive_timeout });
            return Ok(false);
        }
        self.keep_time(cx)?;
        Ok(true)
    }

    fn poll_head(
        &mut self,
        scanner: &mut Scanner,
        started: &mut bool,
        cx: &mut Context<'_>,
    ) -> Poll<Result<RequestHead, ConnectionEnd>> {
        let mut wire = self.wire.borrow_mut();
        let Wire { io, out, gathered, reader, .. } = &mut *wire;
        loop {
            if !reader.buf.is_empty() {
                if let Some(length) = scanner.scan(&reader.buf, &self.limits)? {
                    self.head = length;
                    let head = reader.buf.split_to(length).freeze();
                    self.deadline.clear();
                    let head = request(&head, scanner.lines(), &self.limits);
                    return Poll::Ready(head.map_err(ConnectionEnd::Refused));
                }
                if !std::mem::replace(started, true) {
                    self.deadline.set_in(self.settings.request_head_timeout);
                }
            }
            match reader.poll_fill(io, cx) {
                Poll::Ready(Ok(0)) if *gathered => return after_others(cx),
                Poll::Ready(Ok(0)) if reader.buf.is_empty() => return Poll::Ready(Err(ConnectionEnd::Closed)),
                Poll::Ready(Ok(0)) => return Poll::Ready(Err(ConnectionEnd::ClientGone)),
                Poll::Ready(Ok(_)) => {}
                Poll::Ready(Err(error)) => return Poll::Ready(Err(ConnectionEnd::Io(error))),
                Poll::Pending if reader.buf.is_empty() => {
                    reader.release();
                    out.release();
                    self.held.set(0);
                    if let Some(unsent) = self.unsent.take() {
                        unsent.end(io);
                    }
                    if self.drain.poll(cx) {
                        if *gathered {
                            return after_others(cx);
                        }
                        return Poll::Ready(Err(ConnectionEnd::Drained));
                    }
                    if self.deadline.poll(cx) {
                        let end = if *started { ConnectionEnd::HeadTimeout } else { ConnectionEnd::Idle };
                        return Poll::Ready(Err(end));
                    }
                    return Poll::Pending;
                }
                Poll::Pending if self.deadline.poll(cx) => {
                    let refusal = Refusal::new(StatusCode::REQUEST_TIMEOUT, "the request head did not arrive in time");
                    return Poll::Ready(Err(ConnectionEnd::Refused(refusal)));
                }
                Poll::Pending => {
                    self.held.set(reader.buf.len());
                    return Poll::Pending;
                }
            }
        }
    }

    fn request(&self, head: RequestHead) -> Request<Body> {
        let (pace, expect) = (self.settings.pace(), head.expect_continue);
        let body = if head.framing == Framing::None {
            self.wire.borrow_mut().begin(BodyReader::Ended, pace, expect);
            Body::empty()
        } else {
            Body::incoming(Incoming::new(&self.wire, head.framing, self.limits, pace, expect))
        };
        let RequestHead { method, uri, version, headers, .. } = head;
        Request { method, uri, version, headers, ..Request::new(body) }
    }

    /// Waits for the handler's answer, and meanwhile for the client: what it wants to hear, and whether it is still
    /// there.
    async fn wait_for(
        &mut self,
        mut answer: Pin<&mut impl Future<Output = Reply>>,
        context: &RequestContext,
    ) -> Result<Reply, ConnectionEnd> {
        poll_fn(|cx| {
            self.wire.borrow_mut().register(cx);
            if let Poll::Ready(reply) = answer.as_mut().poll(cx) {
                self.write_interim(context);
                return Poll::Ready(Ok(reply));
            }
            self.write_interim(context);
            self.around(cx)?;
            Poll::Pending
        })
        .await
    }

    fn write_interim(&mut self, context: &RequestContext) {
        let mut wire = self.wire.borrow_mut();
        while let Some((status, headers)) = context.interim.pop() {
            // RFC 9110 section 15.2: no 1xx to a client of HTTP/1.0; section 10.1.1: 100 is for who waits for it.
            let is_continue = status == StatusCode::CONTINUE;
            let wanted = !is_continue || wire.expect != Expect::Nothing;
            if context.version != Version::HTTP_10 && status != StatusCode::SWITCHING_PROTOCOLS && wanted {
                encode::interim_head(status, &headers, &mut wire.out);
            }
            if is_continue {
                wire.expect = Expect::Nothing;
            }
        }
        if wire.expect == Expect::Wanted {
            wire.expect = Expect::Nothing;
            encode::interim_head(StatusCode::CONTINUE, &Headers::new(), &mut wire.out);
        }
    }

    /// What goes on beside the handler and the body of the answer: writes what waits, notices that the client went away,
    /// and keeps the time limits.
    fn around(&mut self, cx: &mut Context<'_>) -> Result<(), ConnectionEnd> {
        self.write(cx)?;
        self.read_ahead(cx)?;
        self.keep_time(cx)
    }

    fn write(&mut self, cx: &mut Context<'_>) -> Result<(), ConnectionEnd> {
        let mut wire = self.wire.borrow_mut();
        let Wire { io, out, .. } = &mut *wire;
        let waiting = out.len() + io.unsent();
        match poll_write(io, out, cx) {
            Poll::Ready(Ok(())) => self.write_pace.forget(),
            Poll::Ready(Err(error)) => return Err(ConnectionEnd::Io(error)),
            Poll::Pending => {
                let now = Instant::now();
                let taken = waiting.saturating_sub(out.len() + io.unsent());
                self.write_pace.go_on(taken, now);
            }
        }
        Ok(())
    }

    /// Reads ahead, up to a bound, what nobody waits for: the rest of the body, or a next request. It is the only way to
    /// see that the client went away. Who waits for the body sees it himself.
    fn read_ahead(&mut self, cx: &mut Context<'_>) -> Result<(), ConnectionEnd> {
        let mut wire = self.wire.borrow_mut();
        while !wire.pace.is_waiting() && wire.reader.buf.len() < self.settings.max_header_bytes {
            let Wire { io, reader, body, .. } = &mut *wire;
            match reader.poll_fill(io, cx) {
                Poll::Ready(Ok(0)) if self.settings.half_close && body.ended() => break,
                Poll::Ready(Ok(0)) => return Err(ConnectionEnd::ClientGone),
                Poll::Ready(Ok(_)) => {}
                Poll::Ready(Err(error)) => return Err(ConnectionEnd::Io(error)),
                Poll::Pending => break,
            }
        }
        let Wire { io, out, reader, .. } = &mut *wire;
        self.held.set(self.head + out.len() + io.unsent() + reader.buf.len());
        Ok(())
    }

    fn keep_time(&mut self, cx: &mut Context<'_>) -> Result<(), ConnectionEnd> {
        let mut wire = self.wire.borrow_mut();
        let (read_end, write_end) = (wire.pace.ends_at(), self.write_pace.ends_at());
        self.deadline.set_at(match (read_end, write_end) {
            (Some(read), Some(write)) => Some(read.min(write)),
            (read, write) => read.or(write),
        });
        if self.deadline.poll(cx) {
            let now = Instant::now();
            if write_end.is_some_and(|end| end <= now) {
                let Wire { io, out, .. } = &mut *wire;
                let taken = write_pipe_unasked(io, out);
                if taken == 0 {
                    wire.io.reset_on_drop();
                    self.fate.cut(Cut::Slow);
                    return Err(ConnectionEnd::WriteTimeout);
                }
                self.write_pace.go_on(taken, now);
                // The deadline is set by the next look, and so is what follows where all was taken.
                cx.waker().wake_by_ref();
                return Ok(());
            }
            wire.time_out();
            self.deadline.clear();
        }
        Ok(())
    }

    /// Writes the head of an answer into the buffer.
    fn begin_answer(&mut self, reply: Reply, context: &RequestContext) -> Begun {
        let Reply { response, mut tunnel } = reply;
        let (parts, body) = response.into_parts();
        let switches = parts.status == StatusCode::SWITCHING_PROTOCOLS
            || (context.method == Method::CONNECT && parts.status.is_success());
        let (status, headers, body) = if switches != tunnel.is_some() || (switches && !self.wire.borrow().body.ended())
        {
            tunnel = None;
            (StatusCode::BAD_GATEWAY, Headers::new(), Body::empty())
        } else {
            (parts.status, parts.headers, body)
        };
        let response_context = ResponseContext {
            method: &context.method,
            version: context.version,
            keep_alive: context.keep_alive && self.can_go_on(),
            trailers: context.trailers,
        };
        let (encoder, keep_alive) =
            encode::response_head(status, &headers, &body, response_context, &mut self.wire.borrow_mut().out);
        self.wire.borrow_mut().pace.relax(self.settings.tunnel_idle_timeout);
        Begun { body, encoder, keep_alive, tunnel }
    }

    /// Writes an answer to its end. `Ok` if the connection goes on, `Err(Closed)` if it ends in good order.
    async fn answer(&mut self, begun: Begun, context: &RequestContext) -> Result<Option<TunnelIo>, ConnectionEnd> {
        let Begun { mut body, mut encoder, keep_alive, tunnel } = begun;
        match &mut self.unsent {
            Some(unsent) => unsent.go_on(encoder.left()),
            none => *none = Unsent::of(encoder.left()),
        }
        let follows = keep_alive && tunnel.is_none() && self.wire.borrow().body.ended();
        poll_fn(|cx| self.poll_body(Pin::new(&mut body), &mut encoder, context, follows, cx)).await?;
        drop(body);
        self.wire.borrow_mut().reclaim();
        if tunnel.is_some() {
            return Ok(tunnel);
        }
        if keep_alive && self.drain_request().await { Ok(None) } else { Err(ConnectionEnd::Closed) }
    }

    /// Whether another request can follow, as far as this one's body is concerned.
    fn can_go_on(&self) -> bool {
        let wire = self.wire.borrow();
        // RFC 9110 section 10.1.1: a client that waited in vain for 100 may send the body or not; we cannot tell which
        // of both the next bytes are.
        let certain = wire.body.ended() || wire.expect == Expect::Nothing;
        let little = !wire.dropped || wire.body.remaining() <= self.settings.max_drain_bytes;
        certain && little && !wire.reader.eof && !self.drain.is_draining()
    }

    fn poll_body(
        &mut self,
        mut body: Pin<&mut Body>,
        encoder: &mut Encoder,
        context: &RequestContext,
        follows: bool,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), ConnectionEnd>> {
        self.wire.borrow_mut().register(cx);
        if self.write_pace.is_waiting() {
            self.around(cx)?;
            if !self.wire.borrow().out.is_written() {
                return Poll::Pending;
            }
        }
        for _ in 0..if self.has_plenty() { LARGE_PARTS_A_TURN } else { PARTS_A_TURN } {
            let mut waits = false;
            while !encoder.ended() && self.wire.borrow().out.len() < HIGH_WATER {
                if encoder.takes_pipes() && body.is_pipeable() && self.wire.borrow().io.socket().is_some() {
                    // A pipe holds one part, and what was read before it goes first.
                    if !self.wire.borrow().out.is_empty() {
                        break;
                    }
                    if let Some(pipe) = Pipe::take() {
                        match self.poll_pipe(body.as_mut(), encoder, pipe, cx) {
                            Poll::Ready(piped) => piped?,
                            Poll::Pending => waits = true,
                        }
                        break;
                    }
                }
                match body.as_mut().poll_frame(cx) {
                    Poll::Ready(Some(Ok(frame))) => {
                        let last = body.is_end_stream();
                        self.write_frame(frame, last, encoder)?;
                        if encoder.ended() && !last {
                            // The end was reached by counting; let the body see it too.
                            let _ = body.as_mut().poll_frame(cx);
                        }
                    }
                    Poll::Ready(None) => {
                        encoder.finish(None, &mut self.wire.borrow_mut().out).map_err(ConnectionEnd::Broken)?;
                    }
                    Poll::Ready(Some(Err(error))) => {
                        // The client gets what there is, and sees from its framing that it is not all.
                        let _ = self.around(cx);
                        return Poll::Ready(Err(ConnectionEnd::Answer(error)));
                    }
                    Poll::Pending => {
                        waits = true;
                        break;
                    }
                }
            }
            // No 100 after the final answer (RFC 9110 section 15.2): who still waits for it sends the body or does not.
            while context.interim.pop().is_some() {}
            if follows && encoder.ended() && self.write_later(cx) {
                return Poll::Ready(Ok(()));
            }
            ready!(poll_turn(&mut self.wire.borrow_mut().out, cx));
            self.write(cx)?;
            let written = self.wire.borrow().out.is_written();
            if written && encoder.ended() {
                return Poll::Ready(Ok(()));
            }
            if let (true, Some(unsent)) = (written, &mut self.unsent) {
                unsent.left(encoder.left(), &mut self.wire.borrow_mut().io);
                if unsent.is_plenty() {
                    body.as_mut().read_up_to(tls::LARGE_READ);
                }
            }
            self.read_ahead(cx)?;
            self.keep_time(cx)?;
            if !written || waits {
                return Poll::Pending;
            }
        }
        // There is more, and the client takes it: whoever else is ready comes first.
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Lets a part of the answer follow; if it is the last one, the end, too.
    fn write_frame(&self, frame: Frame<Bytes>, last: bool, encoder: &mut Encoder) -> Result<(), ConnectionEnd> {
        let mut wire = self.wire.borrow_mut();
        let out = &mut wire.out;
        let written = encoder.frame(frame, out);
        let written = if last { written.and_then(|()| encoder.finish(None, out)) } else { written };
        written.map_err(ConnectionEnd::Broken)
    }

    /// Has what there is written together with others, if it is little and was not asked to wait before.
    fn write_later(&self, cx: &Context<'_>) -> bool {
        let mut wire = self.wire.borrow_mut();
        if !lets_others_go_first(&mut wire.out) {
            return false;
        }
        wire.gathered = true;
        gathered::write_later(Rc::<RefCell<Wire>>::clone(&self.wire), cx);
        true
    }

    fn has_plenty(&self) -> bool {
        self.unsent.as_deref().is_some_and(Unsent::is_plenty)
    }

    /// Lets a part of the answer follow in `pipe`.
    fn poll_pipe(
        &mut self,
        body: Pin<&mut Body>,
        encoder: &mut Encoder,
        mut pipe: Pipe,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), ConnectionEnd>> {
        if self.has_plenty() {
            pipe.widen();
        }
        match body.poll_pipe(&mut pipe, cx) {
            Poll::Ready(Ok(count)) => {
                self.wire.borrow_mut().out.push_pipe(pipe);
                Poll::Ready(encoder.piped(count).map_err(ConnectionEnd::Broken))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(ConnectionEnd::Answer(error))),
            Poll::Pending => {
                pipe.rest();
                Poll::Pending
            }
        }
    }

    /// Reads and drops the rest of a request body. False if that is too much, takes too long, or goes wrong.
    async fn drain_request(&mut self) -> bool {
        if self.wire.borrow().body.ended() {
            return true;
        }
        self.deadline.set_in(self.settings.linger);
        let mut left = self.settings.max_drain_bytes;
        let drained = poll_fn(|cx| {
            let mut wire = self.wire.borrow_mut();
            let Wire { io, reader, body, .. } = &mut *wire;
            loop {
                match body.poll_frame(reader, io, cx) {
                    Poll::Ready(None) => return Poll::Ready(true),
                    Poll::Ready(Some(Ok(frame))) => {
                        let length = frame.data_ref().map_or(0, bytes::Bytes::len);
                        match left.checked_sub(u64::try_from(length).unwrap_or(u64::MAX)) {
                            Some(rest) => left = rest,
                            None => return Poll::Ready(false),
                        }
                    }
                    Poll::Ready(Some(Err(_))) => return Poll::Ready(false),
                    Poll::Pending if self.deadline.poll(cx) => return Poll::Ready(false),
                    Poll::Pending => return Poll::Pending,
                }
            }
        })
        .await;
        self.deadline.clear();
        drained
    }

    /// Ends where no request came.
    async fn turn_away<H: Handler>(&mut self, end: ConnectionEnd, handler: &H, info: &ConnectionInfo) -> ConnectionEnd {
        let ConnectionEnd::Refused(refusal) = end else { return self.close(end).await };
        handler.refused(info, refusal);
        self.refuse(refusal).await
    }

    /// Answers what is no request, and ends.
    async fn refuse(&mut self, refusal: Refusal) -> ConnectionEnd {
        let mut response = Response::new(Body::full(format!("{}: {}\n", refusal.status, refusal.reason)));
        *response.status_mut() = refusal.status;
        response.headers_mut().insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static("text/plain"));
        let context = RequestContext {
            method: Method::GET,
            version: Version::HTTP_11,
            keep_alive: false,
            trailers: false,
            interim: Interim::default(),
        };
        let begun = self.begin_answer(response.into(), &context);
        match self.answer(begun, &context).await {
            Ok(_) | Err(ConnectionEnd::Closed) => self.linger(ConnectionEnd::Refused(refusal)).await,
            Err(_) => ConnectionEnd::Refused(refusal),
        }
    }

    /// Ends a connection on which nothing waits.
    async fn close(&mut self, end: ConnectionEnd) -> ConnectionEnd {
        if !matches!(end, ConnectionEnd::Io(_)) {
            let _ = poll_fn(|cx| Pin::new(&mut self.wire.borrow_mut().io).poll_shutdown(cx)).await;
        }
        end
    }

    /// RFC 9112 section 9.6: closes our side, then reads until the client closes its own, for a while: a reset would take
    /// away an answer that the client has not read yet.
    async fn linger(&mut self, end: ConnectionEnd) -> ConnectionEnd {
        self.deadline.set_in(self.settings.linger);
        poll_fn(|cx| {
            let mut wire = self.wire.borrow_mut();
            let Wire { io, reader, .. } = &mut *wire;
            if self.deadline.poll(cx) {
                return Poll::Ready(());
            }
            if ready!(Pin::new(&mut *io).poll_shutdown(cx)).is_err() {
                return Poll::Ready(());
            }
            loop {
                reader.buf.clear();
                if let Ok(0) | Err(_) = ready!(reader.poll_fill(io, cx)) {
                    return Poll::Ready(());
                }
            }
        })
        .await;
        end
    }

    /// Copies bytes both ways until both sides have ended.
    async fn tunnel(&mut self, far: TunnelIo, account: &Rc<Account>) -> ConnectionEnd {
        let near = {
            let mut wire = self.wire.borrow_mut();
            let prefix = wire.reader.buf.split().freeze();
            Prefixed::new(prefix, std::mem::take(&mut wire.io)).counted(std::mem::take(&mut self.held))
        };
        tunnel::copy(near, far, &self.settings, account, &self.fate).await
    }
}
