//! Copies of requests (stage 9): sent beside the request, never waited for, their answers dropped.

use std::rc::Rc;

use http_body::Body as _;
use http_body_util::BodyExt as _;
use nantian_ir::CertificateKey;

use super::Worker;
use super::asked::Outgoing;
use super::serving::{LocalBackend, LocalRule};
use super::stages::Context;
use crate::filter::mirror::{Mirror, tee};
use crate::http::buffered::Account;
use crate::http::{Body, Request};
use crate::runtime::MirrorTarget;
use crate::telemetry::MirrorOutcome;

/// A copy to be sent.
pub(super) struct Copy {
    backend: Rc<LocalBackend>,
    head: Request<()>,
    client_certificate: Option<CertificateKey>,
}

/// The copies that the rule's mirrors choose to make, of the request as the rule's filters left it.
pub(super) fn of_rule(cx: &Context<'_>, local: &LocalRule, outgoing: &Outgoing) -> Vec<Copy> {
    let rule = &local.rule;
    let mut copies = Vec::new();
    choose(cx, (&rule.filters.mirrors, &rule.mirrors), 0, local, outgoing, &mut copies);
    copies
}

/// Adds those of the target's mirrors, of the request as the target's filters left it.
pub(super) fn of_target(
    cx: &Context<'_>,
    local: &LocalRule,
    target: usize,
    outgoing: &Outgoing,
    copies: &mut Vec<Copy>,
) {
    let rule = &local.rule;
    let before = rule.targets.iter().take(target).map(|target| target.mirrors.len()).sum::<usize>();
    if let Some(target) = rule.targets.get(target) {
        let offset = rule.mirrors.len() + before;
        choose(cx, (&target.filters.mirrors, &target.mirrors), offset, local, outgoing, copies);
    }
}

fn choose(
    cx: &Context<'_>,
    (mirrors, targets): (&[Mirror], &[MirrorTarget]),
    offset: usize,
    local: &LocalRule,
    outgoing: &Outgoing,
    copies: &mut Vec<Copy>,
) {
    // Two ends cannot answer one upgraded connection.
    if outgoing.upgrade {
        return;
    }
    for (index, (mirror, target)) in mirrors.iter().zip(targets).enumerate() {
        let (true, Some(backend)) = (local.mirrors(offset + index, mirror), target) else { continue };
        let Some(mut head) = outgoing.head() else { continue };
        // The client waits for the request's own 100, not for the copy's.
        head.headers_mut().remove(http::header::EXPECT);
        if cx.worker.mirroring.get().saturating_add(copies.len()) >= cx.worker.settings.mirror_concurrency {
            cx.worker.recorder.mirrored(MirrorOutcome::Dropped);
            continue;
        }
        let client_certificate = cx.client_certificate().cloned();
        copies.push(Copy { backend: cx.serving.backend(backend), head, client_certificate });
    }
}

/// Starts the copies; returns the body for the request itself, which sets their pace.
pub(super) fn send(cx: &Context<'_>, copies: Vec<Copy>, body: Body) -> Body {
    if copies.is_empty() {
        return body;
    }
    let account = &cx.exchange.connection.account;
    let (body, bodies) = tee(body, copies.len(), cx.worker.settings.mirror_buffer, account);
    for (copy, body) in copies.into_iter().zip(bodies) {
        let worker = Rc::clone(cx.worker);
        worker.mirroring.set(worker.mirroring.get().saturating_add(1));
        let guard = Counted(Rc::clone(&worker));
        let account = Rc::clone(account);
        tokio::task::spawn_local(async move {
            let limit = worker.settings.mirror_timeout;
            let sent = tokio::time::timeout(limit, exchange(&worker, copy, body, account)).await;
            let outcome = if sent == Ok(true) { MirrorOutcome::Sent } else { MirrorOutcome::Failed };
            worker.recorder.mirrored(outcome);
            drop(guard);
        });
    }
    body
}

/// Sends one copy and reads its answer to the end, so that the connection can be used again.
async fn exchange(worker: &Worker, copy: Copy, body: Body, account: Rc<Account>) -> bool {
    let backend = &copy.backend;
    let Some(index) = backend.choose(worker.settings.balance, &[], &worker.random) else { return false };
    let Some(upstream) = worker.upstream(backend, index, &[], copy.client_certificate.as_ref(), &account).await else {
        return false;
    };
    let _in_flight = backend.begin(index);
    let request = copy.head.map(|()| body);
    let Ok(answer) = worker.pools.send(&upstream, request, None).await else { return false };
    let mut body = answer.response.into_body();
    while !body.is_end_stream() {
        match body.frame().await {
            Some(Ok(_)) => {}
            Some(Err(_)) => return false,
            None => break,
        }
    }
    true
}

/// A mirrored request in flight.
struct Counted(Rc<Worker>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.mirroring.set(self.0.mirroring.get().saturating_sub(1));
    }
}
