//! Requests that are answered otherwise.

use nantian_ir::Snapshot;
use nantian_proxy::router::Router;
use serde::Serialize;

use super::requests::{self, Requests};
use crate::explain::{Answer, Request, no_rule, sockets};

/// What became of the requests that were tried.
#[derive(Debug, Serialize)]
pub(super) struct Behaviour {
    /// How many were tried: derived from the matches of both sides.
    pub(super) tried: usize,
    /// Those whose answers differ.
    pub(super) changed: Vec<AnswerChange>,
}

/// A request with another answer.
#[derive(Debug, Serialize)]
pub(super) struct AnswerChange {
    /// As `nantian explain` is told it.
    pub(super) request: String,
    /// Before.
    pub(super) old: Answer,
    /// Now.
    pub(super) new: Answer,
}

impl Behaviour {
    pub(super) fn between(old: &Snapshot, new: &Snapshot) -> Self {
        let mut requests = Requests::new();
        requests::add(old, &mut requests);
        requests::add(new, &mut requests);
        let (before, now) = (Gateway::new(old), Gateway::new(new));
        let tried = requests.len();
        let changes = requests.into_iter().filter_map(|(text, request)| {
            let (old, new) = (before.answer(&request), now.answer(&request));
            (old != new).then_some(AnswerChange { request: text, old, new })
        });
        Self { tried, changed: changes.collect() }
    }
}

/// A snapshot that answers.
struct Gateway<'s> {
    snapshot: &'s Snapshot,
    router: Router,
}

impl<'s> Gateway<'s> {
    fn new(snapshot: &'s Snapshot) -> Self {
        Self { snapshot, router: Router::new(snapshot) }
    }

    /// The answer, whichever rule gives it and wherever its backends' Pods are.
    fn answer(&self, request: &Request) -> Answer {
        let mut refused = None;
        for bind in sockets(request, self.snapshot) {
            match self.router.route(&request.parts(bind)) {
                Ok(found) => {
                    let mut answer = Answer::of(found.rule, self.snapshot);
                    answer.backends.iter_mut().for_each(|backend| backend.endpoints.clear());
                    return answer;
                }
                Err(missed) => refused = refused.or(Some(no_rule(missed.listener, bind, request.host()))),
            }
        }
        refused.map_or_else(|| Answer::without_socket(request, self.snapshot), Answer::without_rule)
    }
}
