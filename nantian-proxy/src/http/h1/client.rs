//! A client connection: writes a request and reads its answer, both at once where both take time.

use std::cell::RefCell;
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::UPGRADE;
use http::{Method, StatusCode};
use http_body::{Body as _, Frame, SizeHint};
use tokio::time::Sleep;

use super::encode::{self, COPY_UP_TO, Encoder, Output};
use super::framing::{self, Framing};
use super::gathered::{self, Gathered};
use super::head::{HeadLimits, Kind, ResponseHead, Scanner, response};
use super::io::{BodyReader, HIGH_WATER, Reader, lets_others_go_first, poll_turn, poll_write};
use crate::http::buffered::Held;
use crate::http::content::expects_continue;
use crate::http::interim::InterimBudget;
use crate::http::transport::Prefixed;
use crate::http::{Body, BodyError, ByteStream, Interim, Pipe, Request, Response, Transport};
use crate::upstream::Upstream;

/// RFC 9110 section 10.1.1: a client SHOULD NOT wait for 100 for ever.
const CONTINUE_WAIT: Duration = Duration::from_secs(1);

/// A connection to a backend. One exchange at a time.
pub(crate) struct Connection {
    io: Transport,
    reader: Reader,
    out: Output,
    /// Whether the request was written to its end.
    uploaded: bool,
    /// Whether it is all here, and waits to be written together with others.
    gathered: bool,
    /// Why the rest of the request will never come.
    failed: Option<BodyError>,
    /// The task that reads the answer.
    consumer: Option<Waker>,
    /// The task that writes the rest of a request whose answer came early.
    uploader: Option<Waker>,
    /// What waits in either direction, on the account of the client.
    held: Held,
}

/// The same, as it is shared by the two halves of an exchange.
pub(crate) type Shared = Rc<RefCell<Connection>>;

impl Connection {
    pub(crate) fn new(io: Transport) -> Self {
        Self {
            io,
            reader: Reader::new(BytesMut::new()),
            out: Output::default(),
            uploaded: true,
            gathered: false,
            failed: None,
            consumer: None,
            uploader: None,
            held: Held::default(),
        }
    }

    /// Whether an idle connection can take a request: nothing arrived, neither an end nor bytes that nobody asked for.
    pub(crate) fn is_usable(&mut self) -> bool {
        self.reader.buf.is_empty() && !self.reader.eof && self.io.is_quiet()
    }

    /// Gives memory back while the connection rests.
    pub(crate) fn release(&mut self) {
        self.reader.release();
        self.out.release();
        self.held = Held::default();
    }

    fn count(&mut self) {
        self.held.set(self.out.len() + self.reader.buf.len());
    }

    /// What follows a read for the body of an answer.
    fn read(&mut self, pending: bool, cx: &Context<'_>) {
        if pending && !self.uploaded {
            self.consumer = Some(cx.waker().clone());
        }
        self.count();
    }

    fn close(&mut self) {
        self.io = Transport::Closed;
        for waker in [self.consumer.take(), self.uploader.take()].into_iter().flatten() {
            waker.wake();
        }
    }
}

impl Gathered for RefCell<Connection> {
    fn write_gathered(&self, cx: &mut Context<'_>) -> bool {
        let mut shared = self.borrow_mut();
        let Connection { io, out, .. } = &mut *shared;
        let written = matches!(poll_write(io, out, cx), Poll::Ready(Ok(())));
        (shared.gathered, shared.uploaded) = (false, written);
        if let Some(uploader) = shared.uploader.take() {
            uploader.wake();
        }
        written
    }
}

/// Takes connections back that can be used again.
pub(crate) trait Home {
    /// `connection` has nothing left of its last exchange.
    fn put(self: Rc<Self>, connection: Shared);
}

/// What came of an exchange.
pub(crate) struct Answer {
    pub(crate) response: Response<Body>,
    pub(crate) tunnel: Option<Box<dyn ByteStream>>,
}

/// Why there is no answer.
pub(crate) struct Failed {
    pub(crate) reason: FailReason,
    /// Whether nothing of the request's body was taken: it can be sent again.
    pub(crate) untouched: bool,
    /// Whether the backend had sent nothing at all.
    pub(crate) silent: bool,
}

pub(crate) enum FailReason {
    /// The backend closed the connection.
    Closed,
    Io(std::io::Error),
    Protocol(&'static str),
    RequestBody(BodyError),
}

/// The request on its way out.
struct Upload {
    body: Body,
    encoder: Encoder,
    touched: bool,
    /// Whether the backend has not taken all that was given to it.
    behind: bool,
    /// Waits for 100.
    hold: Option<Pin<Box<Sleep>>>,
}

enum UploadError {
    Body(BodyError),
    Io(std::io::Error),
}

impl Upload {
    fn poll(&mut self, connection: &Shared, cx: &mut Context<'_>) -> Poll<Result<(), UploadError>> {
        loop {
            let mut waits = false;
            if let Some(hold) = &mut self.hold {
                if hold.as_mut().poll(cx).is_pending() {
                    waits = true;
                } else {
                    self.hold = None;
                }
            }
            while !waits && !self.behind && !self.encoder.ended() && connection.borrow().out.len() < HIGH_WATER {
                self.touched = true;
                // The body may be one of our own connections; nothing is borrowed while it is polled.
                match Pin::new(&mut self.body).poll_frame(cx) {
                    Poll::Ready(frame) => {
                        self.take(frame, &mut connection.borrow_mut().out).map_err(UploadError::Body)?;
                    }
                    Poll::Pending => waits = true,
                }
            }
            let mut shared = connection.borrow_mut();
            if shared.gathered {
                return Poll::Pending;
            }
            let Connection { io, out, .. } = &mut *shared;
            if !self.behind && self.encoder.ended() && lets_others_go_first(out) {
                gathered::write_later(Rc::<RefCell<Connection>>::clone(connection), cx);
                shared.gathered = true;
                return Poll::Pending;
            }
            if !self.behind {
                ready!(poll_turn(out, cx));
            }
            match poll_write(io, out, cx) {
                Poll::Ready(Ok(())) if std::mem::take(&mut self.behind) => continue,
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(error)) => return Poll::Ready(Err(UploadError::Io(error))),
                Poll::Pending => {
                    self.behind = true;
                    return Poll::Pending;
                }
            }
            if self.encoder.ended() {
                shared.uploaded = true;
                return Poll::Ready(Ok(()));
            }
            if waits {
                return Poll::Pending;
            }
        }
    }

    fn take(&mut self, frame: Option<Result<Frame<Bytes>, BodyError>>, out: &mut Output) -> Result<(), BodyError> {
        match frame {
            Some(Ok(frame)) => {
                let last = self.body.is_end_stream();
                self.encoder.frame(frame, out).map_err(BodyError::Framing)?;
                if last { self.encoder.finish(None, out).map_err(BodyError::Framing) } else { Ok(()) }
            }
            None => self.encoder.finish(None, out).map_err(BodyError::Framing),
            Some(Err(error)) => Err(error),
        }
    }
}

/// Sends `request`, whose body is taken while the rest stays as it is, and waits for the head of its answer.
pub(crate) async fn exchange(
    connection: Shared,
    request: &mut Request<Body>,
    upstream: &Upstream,
    interim: Option<&Interim>,
    limits: HeadLimits,
    home: Rc<dyn Home>,
) -> Result<Answer, Failed> {
    let encoder = {
        let mut shared = connection.borrow_mut();
        shared.reader.most = upstream.read_size;
        shared.held = upstream.account.as_ref().map(Held::aside).unwrap_or_default();
        shared.uploaded = false;
        shared.failed = None;
        encode::request_head(request, upstream.address, &mut shared.out)
    };
    let hold =
        (!encoder.ended() && expects_continue(request.headers())).then(|| Box::pin(tokio::time::sleep(CONTINUE_WAIT)));
    let body = std::mem::take(request.body_mut());
    let mut upload = Upload { body, encoder, touched: false, behind: false, hold };
    let mut waiting = Waiting {
        scanner: Scanner::new(Kind::Response),
        interims: InterimBudget::new(limits.bytes),
        silent: true,
        write_error: None,
    };
    let head = poll_fn(|cx| waiting.poll(&connection, &mut upload, interim, limits, cx)).await;
    let done = head.and_then(|head| {
        finish_head(head, request, &connection, limits).map_err(|reason| (FailReason::Protocol(reason), false))
    });
    match done {
        Ok(head) => Ok(answer(head, upload, connection, waiting.write_error.is_some(), home)),
        Err((reason, silent)) => {
            connection.borrow_mut().close();
            let untouched = !upload.touched;
            *request.body_mut() = upload.body;
            Err(Failed { reason, untouched, silent })
        }
    }
}

struct Waiting {
    scanner: Scanner,
    interims: InterimBudget,
    silent: bool,
    write_error: Option<std::io::Error>,
}

impl Waiting {
    fn poll(
        &mut self,
        connection: &Shared,
        upload: &mut Upload,
        interim: Option<&Interim>,
        limits: HeadLimits,
        cx: &mut Context<'_>,
    ) -> Poll<Result<ResponseHead, (FailReason, bool)>> {
        loop {
            if !connection.borrow().uploaded && self.write_error.is_none() {
                match upload.poll(connection, cx) {
                    Poll::Ready(Err(UploadError::Body(error))) => {
                        return Poll::Ready(Err((FailReason::RequestBody(error), self.silent)));
                    }
                    // The backend may have answered before it stopped reading (RFC 9112 section 9.5).
                    Poll::Ready(Err(UploadError::Io(error))) => self.write_error = Some(error),
                    Poll::Ready(Ok(())) | Poll::Pending => {}
                }
            }
            let mut shared = connection.borrow_mut();
            let Connection { io, reader, .. } = &mut *shared;
            let mut continued = false;
            let protocol = |reason| (FailReason::Protocol(reason), false);
            while let Some((head, length)) = self.head(reader, limits).map_err(protocol)? {
                if !head.status.is_informational() || head.status == StatusCode::SWITCHING_PROTOCOLS {
                    return Poll::Ready(Ok(head));
                }
                self.interims.take(length).map_err(protocol)?;
                continued |= head.status == StatusCode::CONTINUE && upload.hold.take().is_some();
                push_interim(interim, head);
            }
            if continued {
                continue;
            }
            match reader.poll_fill(io, cx) {
                Poll::Ready(Ok(0)) => {
                    let reason = self.write_error.take().map_or(FailReason::Closed, FailReason::Io);
                    return Poll::Ready(Err((reason, self.silent)));
                }
                Poll::Ready(Ok(_)) => self.silent = false,
                Poll::Ready(Err(error)) => {
                    let error = self.write_error.take().unwrap_or(error);
                    return Poll::Ready(Err((FailReason::Io(error), self.silent)));
                }
                Poll::Pending => {
                    shared.count();
                    return Poll::Pending;
                }
            }
        }
    }

    /// The next head and its length, as far as it was read.
    fn head(&mut self, reader: &mut Reader, limits: HeadLimits) -> Result<Option<(ResponseHead, usize)>, &'static str> {
        if reader.buf.is_empty() {
            return Ok(None);
        }
        let Some(length) = self.scanner.scan(&reader.buf, &limits).map_err(|refusal| refusal.reason)? else {
            return Ok(None);
        };
        let head = response(&reader.buf.split_to(length).freeze(), self.scanner.lines());
        self.scanner.reset();
        Ok(Some((head.map_err(|refusal| refusal.reason)?, length)))
    }
}

fn push_interim(interim: Option<&Interim>, mut head: ResponseHead) {
    if let Some(interim) = interim {
        crate::http::hop_by_hop::strip_response(&mut head.fields.headers, false);
        interim.push(head.status, head.fields.headers);
    }
}

/// A response head whose body is known.
struct Finished {
    head: ResponseHead,
    reader: BodyReader,
    keep: bool,
    switched: bool,
}

fn finish_head(
    mut head: ResponseHead,
    request: &Request<Body>,
    connection: &Shared,
    limits: HeadLimits,
) -> Result<Finished, &'static str> {
    let method = request.method();
    let upgraded = head.status == StatusCode::SWITCHING_PROTOCOLS;
    if upgraded && !request.headers().contains_key(UPGRADE) {
        return Err("an answer 101 to a request without Upgrade");
    }
    if upgraded && !framing::agrees(request.headers(), &head.fields.headers) {
        return Err("an answer 101 that switches to a protocol which the request did not offer");
    }
    let switched = upgraded || (*method == Method::CONNECT && head.status.is_success());
    if switched {
        if !connection.borrow().uploaded {
            return Err("the protocol was switched before the request was sent");
        }
        return Ok(Finished { head, reader: BodyReader::Ended, keep: false, switched });
    }
    let framing =
        framing::of_response(method, head.status, head.version, &mut head.fields).map_err(|refusal| refusal.reason)?;
    let keep = framing != Framing::UntilClose && framing::keeps_alive(head.version, &head.fields);
    Ok(Finished { reader: BodyReader::new(framing, limits), head, keep, switched })
}

fn answer(done: Finished, mut upload: Upload, connection: Shared, broken: bool, home: Rc<dyn Home>) -> Answer {
    let Finished { head, reader, keep, switched } = done;
    let ResponseHead { status, version, fields } = head;
    let mut response = Response { status, version, headers: fields.headers, body: Body::empty() };
    if switched {
        let mut shared = connection.borrow_mut();
        let prefix = shared.reader.buf.split().freeze();
        let tunnel = Prefixed::new(prefix, std::mem::take(&mut shared.io));
        return Answer { response, tunnel: Some(Box::new(tunnel)) };
    }
    let uploaded = connection.borrow().uploaded;
    // A body that was held back until 100 is not sent after a final answer; what follows would be anyone's guess.
    let goes_on = !uploaded && !broken && upload.hold.is_none();
    if goes_on && !reader.ended() {
        let shared = Rc::clone(&connection);
        tokio::task::spawn_local(poll_fn(move |cx| poll_rest(&shared, &mut upload, cx)));
    }
    let length = match &reader {
        BodyReader::Length(length) => Some(*length),
        _ => None,
    };
    let mut body = Received { connection: Some(connection), reader, length, keep: keep && !broken, home };
    if let Some(whole) = body.whole() {
        response.body = Body::full(whole);
    }
    if body.reader.ended() {
        body.finish();
    } else {
        response.body = Body::received(body);
    }
    Answer { response, tunnel: None }
}

/// Writes the rest of a request whose answer came early, until it ends or the answer does.
fn poll_rest(connection: &Shared, upload: &mut Upload, cx: &mut Context<'_>) -> Poll<()> {
    let polled = upload.poll(connection, cx);
    let mut shared = connection.borrow_mut();
    match polled {
        Poll::Pending => {
            if matches!(shared.io, Transport::Closed) {
                return Poll::Ready(());
            }
            shared.count();
            shared.uploader = Some(cx.waker().clone());
            Poll::Pending
        }
        Poll::Ready(Err(UploadError::Body(error))) => {
            shared.failed = Some(error);
            shared.close();
            Poll::Ready(())
        }
        // The answer goes on; the connection is not used again, since the request is not complete.
        Poll::Ready(Ok(()) | Err(UploadError::Io(_))) => Poll::Ready(()),
    }
}

/// The body of an answer, read from its connection as it is polled.
pub(crate) struct Received {
    connection: Option<Shared>,
    reader: BodyReader,
    length: Option<u64>,
    keep: bool,
    home: Rc<dyn Home>,
}

impl fmt::Debug for Received {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Received").field("reader", &self.reader).field("keep", &self.keep).finish_non_exhaustive()
    }
}

impl Received {
    pub(crate) fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let Some(connection) = &self.connection else { return Poll::Ready(None) };
        let polled = {
            let mut shared = connection.borrow_mut();
            if let Some(error) = shared.failed.take() {
                Poll::Ready(Some(Err(error)))
            } else {
                let Connection { io, reader, .. } = &mut *shared;
                let polled = self.reader.poll_frame(reader, io, cx);
                shared.read(polled.is_pending(), cx);
                polled
            }
        };
        match &polled {
            Poll::Ready(Some(Ok(frame))) => self.took(frame.data_ref().map_or(0, Bytes::len)),
            Poll::Ready(Some(Err(_))) => self.break_off(),
            Poll::Ready(None) => self.took(0),
            Poll::Pending => {}
        }
        polled
    }

    /// All of it, if it is little and came with the head: the connection is free for another request then, before the client
    /// has its answer.
    fn whole(&mut self) -> Option<Bytes> {
        let length =
            self.length.and_then(|length| usize::try_from(length).ok()).filter(|&length| length <= COPY_UP_TO)?;
        let mut shared = self.connection.as_ref()?.borrow_mut();
        if !shared.uploaded || shared.reader.buf.len() < length {
            return None;
        }
        self.reader = BodyReader::Ended;
        Some(shared.reader.buf.split_to(length).freeze())
    }

    pub(crate) fn is_pipeable(&self) -> bool {
        let Some(connection) = &self.connection else { return false };
        let shared = connection.borrow();
        shared.failed.is_none() && self.reader.is_pipeable(&shared.reader, &shared.io)
    }

    pub(crate) fn poll_pipe(&mut self, pipe: &mut Pipe, cx: &mut Context<'_>) -> Poll<Result<usize, BodyError>> {
        let Some(connection) = &self.connection else { return Poll::Ready(Err(BodyError::Truncated)) };
        let polled = {
            let mut shared = connection.borrow_mut();
            let polled = self.reader.poll_pipe(&shared.io, pipe, cx);
            shared.read(polled.is_pending(), cx);
            polled
        };
        match &polled {
            Poll::Ready(Ok(count)) => self.took(*count),
            Poll::Ready(Err(_)) => self.break_off(),
            Poll::Pending => {}
        }
        polled
    }

    pub(crate) fn read_up_to(&self, most: usize) {
        if let Some(connection) = &self.connection {
            connection.borrow_mut().reader.most = most;
        }
    }

    /// Counts bytes that came, and ends with the last of them.
    fn took(&mut self, count: usize) {
        if let Some(left) = &mut self.length {
            *left = left.saturating_sub(u64::try_from(count).unwrap_or(u64::MAX));
        }
        if self.reader.ended() {
            self.finish();
        }
    }

    fn break_off(&mut self) {
        self.keep = false;
        self.finish();
    }

    pub(crate) fn is_end_stream(&self) -> bool {
        self.connection.is_none()
    }

    pub(crate) fn size_hint(&self) -> SizeHint {
        self.length.map_or_else(SizeHint::default, SizeHint::with_exact)
    }

    /// Gives the connection back, or closes it if anything of it is in doubt.
    fn finish(&mut self) {
        let Some(connection) = self.connection.take() else { return };
        let reusable = {
            let mut shared = connection.borrow_mut();
            let clean = shared.uploaded && shared.out.is_empty() && shared.reader.buf.is_empty() && !shared.reader.eof;
            if !(self.keep && clean) {
                shared.close();
            }
            self.keep && clean
        };
        if reusable {
            Rc::clone(&self.home).put(connection);
        }
    }
}

impl Drop for Received {
    fn drop(&mut self) {
        self.break_off();
    }
}
