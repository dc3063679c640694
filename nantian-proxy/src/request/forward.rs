//! Forwarding (stage 10): time limits, endpoints, tries.

use std::net::SocketAddr;
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;

use http::Method;
use http_body::Body as _;
use nantian_ir::BackendProtocol;
use smallvec::SmallVec;
use tokio::time::{Instant, timeout_at};

use super::answer::Failure;
use super::asked::Outgoing;
use super::serving::LocalBackend;
use super::stages::{Answered, Context};
use super::{Settings, Worker};
use crate::http::buffered::{Account, Held};
use crate::http::h1::SHORT_READ;
use crate::http::{Body, Request};
use crate::retry::replay::Replay;
use crate::retry::{RetryPolicy, is_idempotent};
use crate::runtime::Rule;
use crate::telemetry::ResponseFlag;
use crate::tls;
use crate::upstream::{SendErrorKind, Unanswered};

/// Further tries without a retry policy: those that cannot make a backend act twice.
const FREE_TRIES: u32 = 2;

/// What is forwarded, and by which rule.
#[derive(Clone, Copy)]
pub(super) struct Forward<'a> {
    pub(super) rule: &'a Rule,
    pub(super) backend: &'a LocalBackend,
}

/// Forwards a request until there is an answer to give, within the rule's time limits (GEP-1742).
pub(super) async fn forward(
    cx: &mut Context<'_>,
    what: Forward<'_>,
    outgoing: &mut Outgoing,
    body: Body,
) -> Result<Answered, Failure> {
    let limit = time_limit(what.rule, &cx.worker.settings);
    let deadline = limit.and_then(|limit| cx.log.clock().checked_add(limit));
    let tries = pin!(tries(cx, what, outgoing, body));
    let Some(deadline) = deadline else { return tries.await };
    match timeout_at(deadline, tries).await {
        Ok(Ok(answered)) => {
            let deadline = answered.deadline.map_or(deadline, |own| own.min(deadline));
            Ok(Answered { deadline: Some(deadline), ..answered })
        }
        Ok(Err(failure)) => Err(failure),
        Err(_) => Err(Failure::Timeout),
    }
}

/// That of the whole request.
pub(super) fn time_limit(rule: &Rule, settings: &Settings) -> Option<Duration> {
    limit(rule.source.timeouts.request, settings.request_timeout)
}

/// Zero disables a limit (`HTTPRouteTimeouts`: "Setting a timeout to the zero duration SHOULD disable the timeout").
fn limit(of_rule: Option<Duration>, default: Option<Duration>) -> Option<Duration> {
    of_rule.or(default).filter(|limit| !limit.is_zero())
}

/// The request for one try after another.
struct Source<'a> {
    outgoing: &'a mut Outgoing,
    /// The head that a try gave back. It is made once where the body is sent once, since nearly every request is.
    given: Option<Request<()>>,
    once: bool,
    body: BodySource,
}

impl<'a> Source<'a> {
    fn new(
        outgoing: &'a mut Outgoing,
        body: Body,
        policy: Option<&RetryPolicy>,
        limit: usize,
        account: &Rc<Account>,
    ) -> Self {
        let kept = match policy {
            Some(policy) => policy.attempts > 0,
            None => !body.is_end_stream() && is_idempotent(&outgoing.method) && fits(&body, limit),
        };
        let once = !kept;
        Self { outgoing, given: None, once, body: BodySource::new(body, once, limit, account) }
    }

    fn head(&mut self) -> Option<Request<()>> {
        match self.given.take() {
            Some(given) => Some(given),
            None if self.once => self.outgoing.take_head(),
            None => self.outgoing.head(),
        }
    }

    fn give_back(&mut self, request: Request<Body>) {
        let (head, body) = request.into_parts();
        self.given = Some(head);
        self.body.give_back(body);
    }

    fn possible(&self) -> bool {
        (self.given.is_some() || !self.once) && self.body.possible()
    }
}

/// Whether the whole body can be kept. One of unknown length may never end, so that keeping it may be for nothing.
fn fits(body: &Body, limit: usize) -> bool {
    body.size_hint().upper().and_then(|most| usize::try_from(most).ok()).is_some_and(|most| most <= limit)
}

/// The request's body for one try after another.
enum BodySource {
    Empty,
    /// Sent once; given back by a try that took nothing of it.
    Once(Option<Body>),
    Kept(Replay),
}

impl BodySource {
    fn new(body: Body, once: bool, limit: usize, account: &Rc<Account>) -> Self {
        if body.is_end_stream() {
            Self::Empty
        } else if once {
            Self::Once(Some(body))
        } else {
            Self::Kept(Replay::new(body, limit, Held::aside(account)))
        }
    }

    fn next(&mut self, last: bool) -> Option<Body> {
        match self {
            Self::Empty => Some(Body::empty()),
            Self::Once(body) => body.take(),
            Self::Kept(replay) => replay.next(last),
        }
    }

    fn give_back(&mut self, given: Body) {
        if let Self::Once(body) = self {
            *body = Some(given);
        }
    }

    fn possible(&self) -> bool {
        match self {
            Self::Empty => true,
            Self::Once(body) => body.is_some(),
            Self::Kept(replay) => replay.possible(),
        }
    }
}

/// How one try ended without an answer.
struct Failed {
    failure: Failure,
    again: Again,
}

impl Failed {
    /// Whether there is another try without a policy: at another endpoint, or once more at the only one, which may have
    /// come back just now.
    fn is_tried_freely(&self, method: &Method, other: bool, made: u32) -> bool {
        match self.again {
            Again::Never | Again::ByPolicy => false,
            Again::IfIdempotent => is_idempotent(method) && (other || made == 0),
            Again::Always => other || self.is_refusal(),
        }
    }

    /// One that the endpoint refused to take (HTTP/2) may go there again, on another connection.
    fn is_refusal(&self) -> bool {
        self.again == Again::Always && self.failure == Failure::Reset
    }
}

/// When a request whose try failed may be sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Again {
    /// It would fail in the same way.
    Never,
    /// The backend may have acted on it, and may still: only its rule's policy knows.
    ByPolicy,
    /// The backend may have acted on it, and said nothing before its connection ended.
    IfIdempotent,
    /// The backend has not acted on it.
    Always,
}

/// What a request failed on in this round.
#[derive(Default)]
struct Tried {
    endpoints: SmallVec<[usize; 4]>,
    /// An endpoint that is a DNS name may have several.
    addresses: SmallVec<[SocketAddr; 4]>,
}

/// Tries until there is an answer to give, or none to hope for (GEP-1731).
async fn tries(
    cx: &mut Context<'_>,
    what: Forward<'_>,
    outgoing: &mut Outgoing,
    body: Body,
) -> Result<Answered, Failure> {
    let worker: &Worker = cx.worker;
    let policy = what.rule.retry.as_ref();
    let further = policy.map_or(FREE_TRIES, |policy| policy.attempts);
    let backend = what.backend;
    let account = &cx.exchange.connection.account;
    let mut source = Source::new(outgoing, body, policy, worker.settings.retry_buffer, account);
    let mut tried = Tried::default();
    let mut made = 0;
    loop {
        let chosen = backend.choose(worker.settings.balance, &tried.endpoints, &worker.random);
        let Some(index) = chosen else {
            // Every endpoint failed once. A policy says how often to try, so the next round begins.
            if policy.is_none() || tried.endpoints.is_empty() {
                return Err(if tried.endpoints.is_empty() { Failure::NoEndpoint } else { Failure::Connect });
            }
            tried = Tried::default();
            continue;
        };
        let last = made >= further;
        let Some(body) = source.body.next(last) else { return Err(Failure::Connect) };
        let ended = try_once(cx, &what, index, body, &mut source, &mut tried).await;
        let other_address = worker.has_other_address(backend, index, &tried.addresses);
        let other = other_address || tried.endpoints.len() + 1 < backend.backend.endpoints.len();
        let again = match (&ended, policy) {
            _ if last || !source.possible() => false,
            (Ok(answered), Some(policy)) => policy.covers(answered.response.status()),
            (Ok(_), None) => false,
            (Err(failed), Some(_)) => failed.again != Again::Never,
            (Err(failed), None) => failed.is_tried_freely(&source.outgoing.method, other, made),
        };
        if !again {
            let failed = match (&ended, policy) {
                (Ok(answered), Some(policy)) => policy.covers(answered.response.status()),
                (ended, _) => ended.is_err(),
            };
            if failed && made > 0 {
                cx.log.flag(ResponseFlag::RetriesExhausted);
            }
            return ended.map_err(|failed| failed.failure);
        }
        let refused = ended.is_err_and(|failed| failed.is_refusal());
        if refused || (policy.is_none() && !other) {
            tried.addresses.pop();
        } else if !other_address {
            tried.endpoints.push(index);
        }
        if let Some(policy) = policy {
            let delay = policy.delay(made, worker.settings.retry_backoff, worker.random.next());
            tokio::time::sleep(delay).await;
        }
        made += 1;
    }
}

/// One try on one endpoint.
async fn try_once(
    cx: &mut Context<'_>,
    what: &Forward<'_>,
    index: usize,
    body: Body,
    source: &mut Source<'_>,
    tried: &mut Tried,
) -> Result<Answered, Failed> {
    let limit = limit(what.rule.source.timeouts.backend_request, cx.worker.settings.backend_request_timeout);
    let deadline = limit.and_then(|limit| Instant::now().checked_add(limit));
    let (worker, backend): (&Worker, _) = (cx.worker, what.backend);
    let account = &cx.exchange.connection.account;
    let Some(mut upstream) = worker.upstream(backend, index, &tried.addresses, cx.client_certificate(), account).await
    else {
        source.body.give_back(body);
        source.given = source.head();
        return Err(Failed { failure: Failure::Connect, again: Again::Always });
    };
    if cx.log.version == http::Version::HTTP_2 {
        upstream.read_size = SHORT_READ;
    } else if cx.exchange.connection.tls.is_some() {
        upstream.read_size = tls::READ;
    }
    cx.log.tries = cx.log.tries.saturating_add(1);
    cx.log.endpoint = Some(upstream.address);
    tried.addresses.push(upstream.address);
    let Some(mut head) = source.head() else {
        let failure = Failure::BadRequest("the path is not valid after its rewrite");
        return Err(Failed { failure, again: Again::Never });
    };
    if backend.backend.key.protocol == BackendProtocol::H2c {
        // RFC 9113 section 8.2.2: HTTP/2 has no Upgrade; a server may always ignore one (RFC 9110 section 7.8).
        head.headers_mut().remove(http::header::UPGRADE);
    }
    let in_flight = backend.begin(index);
    let mut request = head.map(|()| body);
    let sent = {
        let sending = pin!(worker.pools.send_borrowed(&upstream, &mut request, Some(&cx.exchange.interim)));
        match deadline {
            None => sending.await,
            Some(deadline) => match timeout_at(deadline, sending).await {
                Ok(sent) => sent,
                Err(_) => return Err(Failed { failure: Failure::Timeout, again: Again::ByPolicy }),
            },
        }
    };
    match sent {
        Ok(answer) => {
            cx.log.answered();
            Ok(Answered { response: answer.response, tunnel: answer.tunnel, in_flight, deadline })
        }
        Err(Unanswered { kind, untouched, cut }) => {
            let fault = cx.log.client_fault();
            if untouched {
                source.give_back(request);
            }
            Err(classify(&kind, cut, fault))
        }
    }
}

fn classify(kind: &SendErrorKind, cut: bool, client_fault: Option<ResponseFlag>) -> Failed {
    let client = |flag| Failed { failure: Failure::Client(flag), again: Again::Never };
    if let Some(flag) = client_fault {
        return client(flag);
    }
    let failure = match kind {
        SendErrorKind::Connect(_) | SendErrorKind::ConnectTimeout | SendErrorKind::Tls(_) => Failure::Connect,
        SendErrorKind::Full => Failure::Full,
        SendErrorKind::Refused | SendErrorKind::Reset(_) => Failure::Reset,
        SendErrorKind::Protocol(_) => Failure::Protocol,
        SendErrorKind::RequestBody(_) => return client(ResponseFlag::ClientProtocolError),
        _ => Failure::Closed,
    };
    let again = match failure {
        _ if kind.is_unsent() => Again::Always,
        Failure::Protocol => Again::Never,
        Failure::Closed if cut => Again::IfIdempotent,
        _ => Again::ByPolicy,
    };
    Failed { failure, again }
}
