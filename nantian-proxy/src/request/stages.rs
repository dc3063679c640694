//! The stages of a request, in their order: the one list, for HTTP and gRPC alike.
//!
//! 0. refuse it where too much is held already: 503
//! 1. read and normalise the head: 400, 413, 501; a loop: 508; the end of `Max-Forwards` is answered here
//! 2. find the listener: 404; the connection's server name must belong to the same one: 421
//! 3. tell the backend about the client and about us: `X-Forwarded-*`, `X-Request-Id`, `Via`
//! 4. find the rule: 404
//! 5. CORS: a preflight is answered here
//! 6. filters that answer: redirect, direct response
//! 7. filters that change the request: headers, rewrite, in the route's order
//! 8. choose the target by weight: 500, 503 where it has no endpoint; its own filters
//! 9. mirror
//! 10. forward, with time limits and retries ([`forward`](super::forward)): 502, 503, 504
//! 11. filters that change the answer: the target's, then the rule's, then CORS
//!
//! Where stage 2, 4 or 8 would fail, the request may wait for a configuration by which it does not ([`unserved`](super::unserved)),
//! and begins at stage 2 again.
//!
//! Once a rule matched, stage 11 runs for every answer but a preflight's, also for those of our own, so that what a
//! route adds to answers (security headers, CORS) is on its errors and redirects too.

use std::rc::Rc;

use http::{Method, header};
use http_body::Body as _;
use nantian_ir::{BindAddress, CertificateKey, Listener};

use super::answer::{self, Failure};
use super::asked::{Asked, Outgoing};
use super::body::RequestBody;
use super::forward::{self, Forward};
use super::forwarded::{self, Seen};
use super::log::RequestLog;
use super::max_forwards::{self, Hops};
use super::mirror;
use super::names::{self, Present};
use super::serving::{InFlight, LocalRule, Serving};
use super::{Via, Worker, via};
use crate::filter::headers::HeaderEdits;
use crate::filter::{Answer, cors, redirect};
use crate::http::{Body, ByteStream, Exchange, Headers, Request, Response, hop_by_hop};
use crate::router::{ListenerRoutes, RequestParts};
use crate::runtime::Target;
use crate::telemetry::ResponseFlag;

/// What surrounds a request on its way through the stages.
pub(super) struct Context<'a> {
    pub(super) worker: &'a Rc<Worker>,
    pub(super) serving: &'a Rc<Serving>,
    pub(super) bind: BindAddress,
    pub(super) exchange: &'a Exchange,
    pub(super) log: &'a mut RequestLog,
    /// Whether the request says that it is gRPC.
    pub(super) grpc: bool,
    /// Whether it waits for another configuration if this one cannot serve it.
    pub(super) patient: bool,
}

/// An answer on its way to the client.
pub(super) struct Answered {
    pub(super) response: Response<Body>,
    pub(super) tunnel: Option<Box<dyn ByteStream>>,
    pub(super) in_flight: Option<InFlight>,
    /// When its body must be complete.
    pub(super) deadline: Option<tokio::time::Instant>,
}

impl From<Response<Body>> for Answered {
    fn from(response: Response<Body>) -> Self {
        Self { response, tunnel: None, in_flight: None, deadline: None }
    }
}

impl<'a> Context<'a> {
    /// What backends with TLS are shown: the listener says so.
    pub(super) fn client_certificate(&self) -> Option<&'a CertificateKey> {
        let serving: &'a Serving = self.serving;
        serving.listener(self.log.listener?)?.client_certificate.as_ref()
    }

    /// Answers by ourselves.
    pub(super) fn fail(&mut self, failure: Failure) -> Answered {
        self.log.flag(failure.flag());
        let by_rule = self.log.rule.as_ref().is_some_and(|local| local.rule.is_grpc());
        failure.answer(self.log.method(), self.grpc || by_rule).into()
    }
}

/// A rule that matched, and how.
struct Matched<'a> {
    local: &'a Rc<LocalRule>,
    listener: &'a Listener,
    prefix: Option<usize>,
}

/// A request that the configuration cannot serve: stage 1 is behind it.
pub(super) struct Unserved {
    asked: Asked,
    body: Body,
    choice: Option<Choice>,
}

/// What stage 8 chose for a request that waits.
struct Choice {
    local: Rc<LocalRule>,
    target: Option<usize>,
}

/// Where a request begins.
pub(super) enum Start<'a> {
    /// It came in, and is taken from here: as an argument it would be room in each future on its way.
    Received(&'a mut Request<Body>),
    /// Stage 2, by another configuration.
    Again(Box<Unserved>),
}

/// Runs all stages. Back comes a request that another configuration may serve, if it may wait for one.
pub(super) async fn run(cx: &mut Context<'_>, start: Start<'_>) -> Result<Answered, Box<Unserved>> {
    let (mut asked, body, choice) = match start {
        Start::Received(request) => match receive(cx, std::mem::take(request)) {
            Ok((asked, body)) => (asked, body, None),
            Err(answered) => return Ok(*answered),
        },
        Start::Again(unserved) => (unserved.asked, unserved.body, unserved.choice),
    };
    let matched = match route(cx, &mut asked) {
        Ok(matched) => matched,
        Err(Failure::NoRoute) if cx.patient => return Err(Box::new(Unserved { asked, body, choice: None })),
        Err(failure) => return Ok(cx.fail(failure)),
    };
    let rule = &matched.local.rule;
    let cors = rule.filters.cors.as_deref();
    if let Some(cors) = cors
        && cors::is_preflight(&asked.method, &asked.headers)
    {
        return Ok(cors.preflight(&asked.headers).into());
    }
    let verdict = cors.map(|cors| cors.judge(&asked.headers));
    let target = choose(matched.local, choice);
    if cx.patient && rule.filters.answer.is_none() && !matched.local.has_endpoint(target) {
        let choice = Choice { local: Rc::clone(matched.local), target };
        return Err(Box::new(Unserved { asked, body, choice: Some(choice) }));
    }
    let answered = match &rule.filters.answer {
        Some(answer) => answer_now(cx, &matched, &asked, answer),
        None => serve(cx, &matched, target, &mut asked.into_outgoing(matched.prefix), body).await,
    };
    let mut answered = answered.unwrap_or_else(|failure| cx.fail(failure));
    let headers = answered.response.headers_mut();
    edit_answer(&rule.filters.response, headers);
    if let (Some(cors), Some(verdict)) = (cors, &verdict) {
        cors.mark(verdict, headers);
    }
    Ok(answered)
}

/// Stages 0 and 1; an error is the answer.
fn receive(cx: &mut Context<'_>, request: Request<Body>) -> Result<(Asked, Body), Box<Answered>> {
    let (head, body) = request.into_parts();
    cx.grpc = answer::is_grpc(&head.method, &head.headers);
    if !cx.exchange.connection.account.admits_request() {
        return Err(Box::new(cx.fail(Failure::Overload)));
    }
    match read(cx, head) {
        Ok(Read::Asked(asked)) => match check_length(cx, &body) {
            Ok(()) => Ok((asked, body)),
            Err(failure) => Err(Box::new(cx.fail(failure))),
        },
        Ok(Read::Answered(answer)) => Err(Box::new(answer.into())),
        Err(failure) => Err(Box::new(cx.fail(failure))),
    }
}

/// What stage 1 leads to.
enum Read {
    Asked(Asked),
    /// Nobody behind us is asked.
    Answered(Response<Body>),
}

/// Stage 1.
fn read(cx: &mut Context<'_>, mut head: Request<()>) -> Result<Read, Failure> {
    let settings = &cx.worker.settings;
    let present = Present::of(&head.headers);
    if present.underscore {
        let screened = names::screen_head(&mut head.headers, settings.underscore_headers);
        names::count(&cx.worker.recorder, &screened);
        screened.map_err(|names::Refused| Failure::BadRequest("a field name has an underscore"))?;
    }
    if present.via && settings.via != Via::Off {
        via::check_loop(&head.headers)?;
    }
    let mut asked = Asked::read(head, present, settings.paths, &cx.exchange.connection)?;
    cx.log.host = Some(Rc::clone(&asked.host));
    if present.max_forwards && max_forwards::spend(&asked.method, &mut asked.headers)? == Hops::Spent {
        return max_forwards::answer(&asked.method).map(Read::Answered);
    }
    Ok(Read::Asked(asked))
}

/// Stage 1, for what the head says of the body (RFC 9110 section 15.5.14).
fn check_length(cx: &Context<'_>, body: &Body) -> Result<(), Failure> {
    let too_long = body.size_hint().exact().is_some_and(|length| length > cx.worker.max_body);
    if too_long { Err(Failure::Client(ResponseFlag::TooLarge)) } else { Ok(()) }
}

/// Stages 2 to 4.
fn route<'a>(cx: &mut Context<'a>, asked: &mut Asked) -> Result<Matched<'a>, Failure> {
    let serving = cx.serving;
    let routes = serving.router().listener(cx.bind, &asked.host);
    check_server_name(cx, routes.as_ref())?;
    let routes = routes.ok_or(Failure::NoRoute)?;
    let listener = serving.listener(routes.index()).ok_or(Failure::NoRoute)?;
    cx.log.listener = Some(routes.index());
    // Once, also where another configuration is asked again.
    if cx.log.request_id.is_none() {
        introduce_client(cx, routes.index(), asked);
    }

    let bind = cx.bind;
    let find = |method: &Method| {
        let parts = RequestParts {
            bind,
            host: &asked.host,
            path: asked.path(),
            query: asked.query(),
            method: method.as_str(),
            headers: &asked.headers,
        };
        routes
            .route_with(&parts, &serving.patterns)
            .ok()
            .and_then(|found| Some((serving.rule(found.rule_index)?, found.prefix)))
    };
    let mut found = find(&asked.method);
    // A rule for the method that a preflight asks about answers it, although it does not match OPTIONS.
    if cors::is_preflight(&asked.method, &asked.headers)
        && found.is_none_or(|(local, _)| local.rule.filters.cors.is_none())
        && let Some(method) = asked.headers.get(header::ACCESS_CONTROL_REQUEST_METHOD)
        && let Ok(method) = Method::from_bytes(method.as_bytes())
        && let Some(wanted) = find(&method).filter(|(local, _)| local.rule.filters.cors.is_some())
    {
        found = Some(wanted);
    }
    let (local, prefix) = found.ok_or(Failure::NoRoute)?;
    cx.log.rule = Some(Rc::clone(local));
    Ok(Matched { local, listener, prefix })
}

/// Gateway API `Listener.hostname`, GEP-3567: a connection was let in by the listener of its server name. If the host
/// belongs to another listener, the Gateway SHOULD answer 421; if to none, it MUST answer 404.
fn check_server_name(cx: &Context<'_>, of_host: Option<&ListenerRoutes<'_>>) -> Result<(), Failure> {
    let Some(tls) = &cx.exchange.connection.tls else { return Ok(()) };
    let Some(name) = tls.server_name.as_deref() else { return Ok(()) };
    match (cx.serving.router().listener(cx.bind, name), of_host) {
        (Some(of_name), Some(of_host)) if of_name.index() != of_host.index() => Err(Failure::Misdirected),
        _ => Ok(()),
    }
}

/// Stage 3, ahead of the match, so that a route cannot be led by what a stranger claims.
fn introduce_client(cx: &mut Context<'_>, listener: usize, asked: &mut Asked) {
    let random = &cx.worker.random;
    let connection = &cx.exchange.connection;
    let seen = Seen {
        peer: connection.peer.ip(),
        peer_value: connection.peer_value(),
        scheme: connection.scheme(),
        host: asked.authority.as_ref(),
        port: cx.serving.port_value(listener),
        random: [random.next(), random.next()],
    };
    let settings = &cx.worker.settings;
    let told = forwarded::write(&mut asked.headers, asked.present, &settings.forwarded, &seen);
    if settings.via != Via::Off {
        via::append(&mut asked.headers, cx.log.version());
    }
    // An IPv4 client of a socket for both families; or one behind a proxy of ours, whose port nobody tells.
    let port = if told.client == seen.peer.to_canonical() { cx.log.client.port() } else { 0 };
    cx.log.client = (told.client, port).into();
    cx.log.request_id = Some(told.request_id);
}

/// Which target gets the request. One that waits keeps what was chosen for it, as long as the shares are the same: a share
/// that is refused would else become smaller with each configuration that comes.
fn choose(local: &LocalRule, before: Option<Choice>) -> Option<usize> {
    match before {
        Some(before) if before.local.has_shares_of(local) => before.target,
        _ => local.choose_target(),
    }
}

/// Stages 7 to 10; the target is chosen.
async fn serve(
    cx: &mut Context<'_>,
    matched: &Matched<'_>,
    target: Option<usize>,
    outgoing: &mut Outgoing,
    body: Body,
) -> Result<Answered, Failure> {
    let (settings, local) = (&cx.worker.settings, matched.local);
    let rule = &local.rule;
    outgoing.edit(&rule.filters.request);
    let mut copies = mirror::of_rule(cx, local, outgoing);

    let index = target.ok_or(Failure::NoBackend)?;
    let target = rule.targets.get(index).ok_or(Failure::NoBackend)?;
    let backend = local.backend(index).ok_or(Failure::Unresolved)?;
    cx.log.backend = Some(Rc::clone(backend));
    outgoing.edit(&target.filters.request);
    mirror::of_target(cx, local, index, outgoing, &mut copies);

    let (most, underscores) = (cx.worker.max_body, settings.underscore_headers);
    let body = RequestBody::wrap(body, cx.log, most, underscores, &cx.worker.recorder);
    let body = mirror::send(cx, copies, body);
    let mut answered = forward::forward(cx, Forward { rule, backend }, outgoing, body).await?;
    finish(outgoing, target, settings.via, &mut answered)?;
    Ok(answered)
}

/// Stage 6.
fn answer_now(cx: &Context<'_>, matched: &Matched<'_>, asked: &Asked, answer: &Answer) -> Result<Answered, Failure> {
    let response = match answer {
        Answer::Direct(direct) => direct.answer(cx.log.method()),
        Answer::Redirect(redirect) => {
            let location = redirect.location(&redirect::Target {
                scheme: cx.exchange.connection.scheme(),
                host: &asked.host,
                path: asked.path(),
                query: asked.query(),
                listener_port: matched.listener.public_port,
                prefix: matched.prefix,
            });
            let mut response = Response::new(Body::empty());
            *response.status_mut() = redirect.status;
            let location = location.ok_or(Failure::BadRequest("the path or host cannot stand in a Location"))?;
            response.headers_mut().insert(header::LOCATION, location);
            response.headers_mut().insert(header::CONTENT_LENGTH, 0.into());
            response
        }
    };
    Ok(response.into())
}

/// Stage 11, as far as it concerns the target: what a backend answered becomes an answer to the client.
fn finish(outgoing: &Outgoing, target: &Target, via: Via, answered: &mut Answered) -> Result<(), Failure> {
    let switching = answered.response.status() == http::StatusCode::SWITCHING_PROTOCOLS;
    if switching && (!outgoing.upgrade || answered.tunnel.is_none()) {
        // RFC 9110 section 15.2.2: only after an Upgrade that was sent.
        return Err(Failure::Protocol);
    }
    let version = answered.response.version();
    let headers = answered.response.headers_mut();
    hop_by_hop::strip_response(headers, switching);
    if via == Via::Both {
        via::append(headers, version);
    }
    edit_answer(&target.filters.response, headers);
    Ok(())
}

fn edit_answer(edits: &[HeaderEdits], headers: &mut Headers) {
    for edit in edits {
        edit.apply(headers);
    }
}
