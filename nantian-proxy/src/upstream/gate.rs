//! How many HTTP/1.1 connections to one place are in use.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use super::SendErrorKind;
use crate::http::deadline::Deadline;
use crate::http::queue::{Queue, Ticket};

/// Lets so many in at once. Further ones wait in line.
#[derive(Debug)]
pub(super) struct Gate {
    most: usize,
    inside: Cell<usize>,
    queue: RefCell<Queue>,
}

/// One that was let in, until dropped.
#[derive(Debug)]
pub(super) struct Entered(Rc<Gate>);

impl Drop for Entered {
    fn drop(&mut self) {
        self.0.inside.set(self.0.inside.get() - 1);
        self.0.wake();
    }
}

/// One that waits. Whoever drops it leaves the turn to others.
struct Waiting<'a> {
    gate: &'a Rc<Gate>,
    ticket: Ticket,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.gate.queue.borrow_mut().leave(&mut self.ticket);
        self.gate.wake();
    }
}

impl Gate {
    pub(super) fn new(most: usize) -> Rc<Self> {
        Rc::new(Self { most: most.max(1), inside: Cell::new(0), queue: RefCell::default() })
    }

    fn free(&self) -> usize {
        self.most.saturating_sub(self.inside.get())
    }

    fn wake(&self) {
        let queue = self.queue.borrow();
        if !queue.is_empty() {
            queue.wake(self.free());
        }
    }

    fn admit(self: &Rc<Self>) -> Entered {
        self.inside.set(self.inside.get() + 1);
        Entered(Rc::clone(self))
    }

    /// Enters at once, if there is room and nobody waits for it.
    pub(super) fn try_enter(self: &Rc<Self>) -> Option<Entered> {
        (self.free() > 0 && self.queue.borrow().is_empty()).then(|| self.admit())
    }

    /// Enters when it is one's turn, up to a limit of time.
    pub(super) async fn enter(self: &Rc<Self>, limit: Duration) -> Result<Entered, SendErrorKind> {
        let mut waiting = Waiting { gate: self, ticket: Ticket::default() };
        let mut limit = Deadline::after(limit);
        poll_fn(|cx| {
            let turn = self.queue.borrow_mut().poll_turn(&mut waiting.ticket, self.free(), cx);
            match turn {
                Poll::Ready(()) => Poll::Ready(Ok(self.admit())),
                Poll::Pending if limit.poll(cx) => Poll::Ready(Err(SendErrorKind::Full)),
                Poll::Pending => Poll::Pending,
            }
        })
        .await
    }
}
