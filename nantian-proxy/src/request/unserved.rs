//! What the configuration cannot serve waits a little for one that can: `configurationWait`.
//!
//! A change is taken by one worker after the other, and by one data plane after the other. A client that was answered by
//! the first that had a route, its backend and its endpoints, and whose next request comes to another one, is answered
//! there as soon as it has them too, and not told that there is nothing.
//!
//! How old the configuration is says nothing about whether the next one is on its way, so every such request waits, also
//! one for what will never be there: it is told so later. How many wait at one time is bounded.

use std::rc::Rc;

use tokio::time::{Instant, timeout_at};

use super::Worker;
use super::forward::time_limit;
use super::stages::{self, Answered, Context, Start, Unserved};
use crate::telemetry::WaitOutcome;

/// Requests of one worker that may wait at one time: `configurationWait` says so too.
pub(super) const MAX_WAITING: usize = 1_024;

/// Serves the request by the first configuration that can, or answers it by the newest when the wait is over.
pub(super) async fn wait(cx: &mut Context<'_>, mut request: Box<Unserved>) -> Answered {
    let place = Place::take(cx.worker);
    loop {
        let patient = place.is_some() && timeout_at(deadline(cx), cx.worker.applied.notified()).await.is_ok();
        let serving = cx.worker.serving();
        cx.log.serve_by(Rc::clone(&serving));
        let mut again = Context { serving: &serving, log: &mut *cx.log, patient, ..*cx };
        // In a box, since it is the future that this one is a part of.
        match Box::pin(stages::run(&mut again, Start::Again(request))).await {
            Ok(answered) => {
                cx.worker.recorder.waited(match place {
                    None => WaitOutcome::Refused,
                    Some(_) if patient => WaitOutcome::Served,
                    Some(_) => WaitOutcome::Unserved,
                });
                return answered;
            }
            Err(unserved) => request = unserved,
        }
    }
}

/// Until when the request may wait: what its rule says of the whole request holds too.
fn deadline(cx: &Context<'_>) -> Instant {
    let settings = &cx.worker.settings;
    let of_rule = cx.log.rule.as_ref().and_then(|local| time_limit(&local.rule, settings));
    let wait = settings.configuration_wait;
    cx.log.clock() + of_rule.map_or(wait, |limit| limit.min(wait))
}

/// A place among those that wait, until dropped.
struct Place(Rc<Worker>);

impl Place {
    /// `None`: all are taken.
    fn take(worker: &Rc<Worker>) -> Option<Self> {
        let waiting = worker.waiting.get();
        (waiting < MAX_WAITING).then(|| {
            worker.waiting.set(waiting + 1);
            Self(Rc::clone(worker))
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.waiting.set(self.0.waiting.get().saturating_sub(1));
    }
}
