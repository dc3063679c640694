//! The signal that tells the connections of a worker to finish.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::task::{Context, Waker};

/// Tells connections to finish: idle ones close, busy ones close after their answers. Clones share one signal; it stays
/// on one worker.
#[derive(Debug, Clone, Default)]
pub struct Drain(Rc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    draining: Cell<bool>,
    /// A waker for each registered connection, and the free places among them.
    places: RefCell<Places>,
}

#[derive(Debug, Default)]
struct Places {
    wakers: Vec<Option<Waker>>,
    free: Vec<usize>,
}

impl Drain {
    /// A signal that nobody has given yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Gives the signal. It cannot be taken back.
    pub fn start(&self) {
        self.0.draining.set(true);
        let wakers: Vec<Waker> = self.0.places.borrow_mut().wakers.iter_mut().filter_map(Option::take).collect();
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Whether it was given.
    pub fn is_draining(&self) -> bool {
        self.0.draining.get()
    }

    /// Waits until it is given.
    pub async fn wait(&self) {
        let mut watch = DrainWatch::new(self.clone());
        std::future::poll_fn(|cx| if watch.poll(cx) { std::task::Poll::Ready(()) } else { std::task::Poll::Pending })
            .await;
    }
}

/// One task's place at the signal.
#[derive(Debug)]
pub(crate) struct DrainWatch {
    drain: Drain,
    place: Option<usize>,
}

impl DrainWatch {
    pub(crate) fn new(drain: Drain) -> Self {
        Self { drain, place: None }
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.drain.is_draining()
    }

    /// Whether the signal was given; if not, the task is woken when it is.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> bool {
        if self.drain.is_draining() {
            return true;
        }
        let mut places = self.drain.0.places.borrow_mut();
        let place = *self.place.get_or_insert_with(|| {
            places.free.pop().unwrap_or_else(|| {
                places.wakers.push(None);
                places.wakers.len() - 1
            })
        });
        if let Some(slot) = places.wakers.get_mut(place)
            && !slot.as_ref().is_some_and(|waker| waker.will_wake(cx.waker()))
        {
            *slot = Some(cx.waker().clone());
        }
        false
    }
}

impl Drop for DrainWatch {
    fn drop(&mut self) {
        if let Some(place) = self.place {
            let mut places = self.drain.0.places.borrow_mut();
            if let Some(slot) = places.wakers.get_mut(place) {
                *slot = None;
            }
            places.free.push(place);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_waiting_task_hears_the_signal_once_it_is_given() {
        let drain = Drain::new();
        let waiters = futures_util::future::join(drain.wait(), drain.wait());
        let signal = async {
            tokio::task::yield_now().await;
            drain.start();
        };
        futures_util::future::join(waiters, signal).await;
        assert!(drain.is_draining());
        drain.wait().await;
    }

    #[test]
    fn places_are_used_again() {
        let drain = Drain::new();
        let mut cx = Context::from_waker(Waker::noop());
        for _ in 0..10 {
            assert!(!DrainWatch::new(drain.clone()).poll(&mut cx));
        }
        assert_eq!(drain.0.places.borrow().wakers.len(), 1);
    }
}
