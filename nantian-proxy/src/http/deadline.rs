//! One timer for a connection, moved lazily: setting a later time costs no timer operation.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

/// A deadline that can be moved. The timer behind it is made at first use and kept.
#[derive(Debug, Default)]
pub(crate) struct Deadline {
    at: Option<Instant>,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Deadline {
    pub(crate) fn after(time: Duration) -> Self {
        let mut deadline = Self::default();
        deadline.set_in(time);
        deadline
    }

    pub(crate) fn clear(&mut self) {
        self.at = None;
    }

    pub(crate) fn set_in(&mut self, after: Duration) {
        // A duration that no clock can hold means never.
        self.at = Instant::now().checked_add(after);
    }

    pub(crate) fn set_at(&mut self, at: Option<Instant>) {
        self.at = at;
    }

    /// True once the deadline has passed; else the task is woken when it does.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(at) = self.at else { return false };
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(at)));
        // A timer that fires early is armed again; only one that would fire late has to be moved now.
        if timer.deadline() > at {
            timer.as_mut().reset(at);
        }
        while timer.as_mut().poll(cx) == Poll::Ready(()) {
            if Instant::now() >= at {
                return true;
            }
            timer.as_mut().reset(at);
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;

    async fn wait(deadline: &mut Deadline) -> Duration {
        let start = Instant::now();
        poll_fn(|cx| if deadline.poll(cx) { Poll::Ready(()) } else { Poll::Pending }).await;
        start.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn a_deadline_fires_at_its_time_however_it_was_moved() {
        let mut deadline = Deadline::default();
        deadline.set_in(Duration::from_secs(10));
        assert!(poll_fn(|cx| Poll::Ready(!deadline.poll(cx))).await);
        deadline.set_in(Duration::from_secs(20));
        assert_eq!(wait(&mut deadline).await.as_secs(), 20);
        deadline.set_in(Duration::from_secs(100));
        assert!(poll_fn(|cx| Poll::Ready(!deadline.poll(cx))).await);
        deadline.set_in(Duration::from_secs(1));
        assert_eq!(wait(&mut deadline).await.as_secs(), 1);
        deadline.clear();
        assert!(poll_fn(|cx| Poll::Ready(!deadline.poll(cx))).await);
    }
}
