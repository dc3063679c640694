//! One stream of a server connection: a request, and its answer.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::task::Poll;

use http::{Method, StatusCode};
use http_body::Body as _;

use super::body::{Answered, Pump, PumpError, Received, Wanted};
use super::connection::{Receiver, Sender};
use super::error::StreamError;
use super::message::{Arrived, ResponseHead};
use super::reason::Reason;
use super::reset::StreamReset;
use super::stream::StreamIo;
use super::websocket::{from_switching, to_upgrade};
use crate::http::buffered::Held;
use crate::http::content::{expects_continue, is_bodyless};
use crate::http::{
    Body, BodyError, ConnectionEnd, ConnectionInfo, Cut, Exchange, Fate, Handler, Headers, HttpSettings, Interim,
    Refusal, Reply, Request, Response, talk, tunnel,
};

/// What all streams of a connection share.
pub(super) struct Served<H> {
    pub(super) info: Rc<ConnectionInfo>,
    pub(super) settings: Rc<HttpSettings>,
    pub(super) handler: Rc<H>,
}

/// Answers a request. `ended`: it has no body.
pub(super) async fn serve<H: Handler>(
    served: Rc<Served<H>>,
    request: Result<Arrived<Request<()>>, Refusal>,
    ended: bool,
    send: Sender,
    receive: Receiver,
) {
    let Arrived { head: mut request, length, size } = match request {
        Ok(arrived) => arrived,
        Err(refusal) => {
            served.handler.refused(&served.info, refusal);
            answer_only(&send, refusal.status);
            return;
        }
    };
    let mut fields = Held::aside(&served.info.account);
    fields.set(size);
    let connect = *request.method() == Method::CONNECT;
    let websocket = connect && to_upgrade(&mut request);
    let wanted = expects_continue(request.headers()).then(Rc::<Wanted>::default);
    let method = request.method().clone();
    let mut answered = None;
    let mut tunnel_side = None;
    let body = if connect {
        tunnel_side = Some(receive);
        Body::empty()
    } else if ended {
        Body::empty()
    } else {
        let begun = answered.insert(Answered::new(served.settings.tunnel_idle_timeout)).clone();
        let received = Received::new(receive, length).with_pace(served.settings.pace(), begun);
        let received = received.with_wanted(wanted.clone()).keeping_last();
        match if length == Some(0) { without_content(received).await } else { Ok(Body::stream(received)) } {
            Ok(body) => body,
            Err(BodyError::Timeout) => {
                let refusal = Refusal::new(StatusCode::REQUEST_TIMEOUT, "the request did not end in time");
                served.handler.refused(&served.info, refusal);
                return answer_only(&send, refusal.status);
            }
            Err(_) => return,
        }
    };
    let (interim, fate) = talk();
    let exchange = Exchange { connection: Rc::clone(&served.info), interim: interim.clone(), fate: fate.clone() };
    let reply = {
        let mut handled = Rc::clone(&served.handler).handle(request.map(|()| body), exchange);
        wait_for(handled.as_mut(), &send, &interim, wanted, &fate).await
    };
    drop(fields);
    let Some(reply) = reply else { return };
    if let Some(answered) = answered {
        answered.begin();
    }
    match tunnel_side {
        Some(receive) => answer_connect(reply, receive, send, websocket, &served, &fate).await,
        None => answer(reply, send, &method, &served, &fate).await,
    }
}

/// Tells the handler if its stream ended for what the client did.
pub(super) fn blame(fate: &Fate, error: StreamError) {
    if matches!(error, StreamError::Broken(_)) {
        fate.cut(Cut::Protocol);
    }
}

/// RFC 9113 section 8.1.1: a request without content is one when its stream has ended without any.
async fn without_content(mut received: Received) -> Result<Body, BodyError> {
    match poll_fn(|cx| received.poll_frame(cx)).await {
        Some(Err(error)) => Err(error),
        _ => Ok(Body::empty()),
    }
}

/// Waits for the handler's answer, and meanwhile sends what the client waits for. `None`: the stream has ended.
async fn wait_for(
    mut handled: Pin<&mut impl Future<Output = Reply>>,
    send: &Sender,
    interim: &Interim,
    wanted: Option<Rc<Wanted>>,
    fate: &Fate,
) -> Option<Reply> {
    poll_fn(|cx| {
        let polled = handled.as_mut().poll(cx);
        let mut waits = wanted.is_some();
        while let Some((status, headers)) = interim.pop() {
            if status != StatusCode::SWITCHING_PROTOCOLS && (status != StatusCode::CONTINUE || waits) {
                waits &= status != StatusCode::CONTINUE;
                send.send_informational(status, &headers);
            }
        }
        if wanted.as_ref().is_some_and(|wanted| wanted.poll(cx)) && waits {
            send.send_informational(StatusCode::CONTINUE, &Headers::new());
        }
        match polled {
            Poll::Ready(reply) => Poll::Ready(Some(reply)),
            Poll::Pending => send.poll_reset(cx).map(|error| {
                blame(fate, error);
                None
            }),
        }
    })
    .await
}

/// Answers with a status alone.
fn answer_only(send: &Sender, status: StatusCode) {
    let head = ResponseHead { status, headers: &Headers::new(), length: None };
    // Who is gone hears nothing.
    let _ = send.send_response(head, true);
}

async fn answer<H: Handler>(reply: Reply, send: Sender, method: &Method, served: &Served<H>, fate: &Fate) {
    let (parts, body) = reply.response.into_parts();
    if parts.status.is_informational() || reply.tunnel.is_some() {
        // Nothing was asked to be switched.
        return answer_only(&send, StatusCode::BAD_GATEWAY);
    }
    let bodyless = *method == Method::HEAD || is_bodyless(parts.status);
    let end = bodyless || body.is_end_stream();
    let length = body.size_hint().exact().filter(|_| !bodyless);
    let head = ResponseHead { status: parts.status, headers: &parts.headers, length };
    if send.send_response(head, end).is_err() || end {
        return;
    }
    drop(parts);
    let mut pump = Pump::new(send, body).limited(served.settings.pace()).counted(Held::new(&served.info.account));
    match poll_fn(|cx| pump.poll(cx)).await {
        Ok(()) => {}
        Err(PumpError::Gone(error)) => blame(fate, error),
        Err(PumpError::Stalled) => {
            fate.cut(Cut::Slow);
            served.handler.stream_reset(&served.info, StreamReset::Stalled);
            pump.reset(Reason::CANCEL);
        }
        Err(PumpError::Body(error)) => {
            served.handler.stream_reset(&served.info, StreamReset::AnswerFailed);
            pump.reset(match error {
                // A client is not blamed for what a backend was.
                BodyError::Reset(code) if code != Reason::NO_ERROR && StreamReset::blaming(code).is_none() => code,
                _ => Reason::INTERNAL_ERROR,
            });
        }
    }
}

/// Answers CONNECT, plain or extended.
async fn answer_connect<H: Handler>(
    reply: Reply,
    receive: Receiver,
    send: Sender,
    websocket: bool,
    served: &Served<H>,
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
            let head = ResponseHead { status: parts.status, headers: &parts.headers, length: None };
            if send.send_response(head, false).is_ok() {
                drop(parts);
                let account = &served.info.account;
                let near = StreamIo::new(send, receive, Held::aside(account));
                // In a box: few streams are tunnels, and it would be room in each.
                let end = Box::pin(tunnel::copy(near, far, &served.settings, account, fate)).await;
                if matches!(end, ConnectionEnd::TunnelIdle) {
                    served.handler.stream_reset(&served.info, StreamReset::TunnelIdle);
                }
            }
        }
        None if !switches => {
            drop(receive);
            answer(Response::into(response), send, &Method::CONNECT, served, fate).await;
        }
        _ => answer_only(&send, StatusCode::BAD_GATEWAY),
    }
}
