//! What no listener or rule wants waits a little for a configuration that does: `noRouteWait`.
//!
//! A new route is taken by one worker after the other, and by one data plane after the other. A client that was answered
//! by the first that had it, and whose next request comes to another one, is answered there as soon as it has it too,
//! and not told that there is nothing.

use std::rc::Rc;

use tokio::time::timeout_at;

use super::answer::Failure;
use super::stages::{self, Answered, Context, Start, Unrouted};

/// Serves the request by the first configuration that wants it, or answers it with 404 when the wait is over.
pub(super) async fn wait(cx: &mut Context<'_>, mut request: Box<Unrouted>) -> Answered {
    let deadline = cx.log.clock() + cx.worker.settings.no_route_wait;
    while timeout_at(deadline, cx.worker.applied.notified()).await.is_ok() {
        let serving = cx.worker.serving();
        cx.log.serve_by(Rc::clone(&serving));
        let mut again = Context { serving: &serving, log: &mut *cx.log, ..*cx };
        // In a box, since it is the future that this one is a part of.
        match Box::pin(stages::run(&mut again, Start::Again(request))).await {
            Ok(answered) => return answered,
            Err(unrouted) => request = unrouted,
        }
    }
    cx.fail(Failure::NoRoute)
}
