//! What became of an exchange that its connection gave up.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

use http::StatusCode;

use super::Headers;

/// Why a connection gave an exchange up that its handler would have gone on with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cut {
    /// The client took too little of its answer within the time limit.
    Slow,
    /// The tunnel carried nothing within its time limit.
    Idle,
    /// The client broke the protocol, or flooded its connection.
    Protocol,
}

/// Tells the handler of an exchange that it was cut, before its future, body or tunnel is dropped. What is dropped without
/// a word is an exchange whose client went away.
#[derive(Debug, Clone, Default)]
pub struct Fate(Rc<Talk>);

impl Fate {
    /// Says why the exchange ends.
    pub(crate) fn cut(&self, cut: Cut) {
        self.0.cut.set(Some(cut));
    }

    /// Why the exchange was cut, if it was.
    pub fn get(&self) -> Option<Cut> {
        self.0.cut.get()
    }
}

/// Sends interim (1xx) answers ahead of the final one: a handler pushes, the connection writes them while it waits for
/// the handler. 101 never comes this way.
#[derive(Debug, Clone, Default)]
pub struct Interim(Rc<Talk>);

impl Interim {
    /// Queues an interim answer.
    pub fn push(&self, status: StatusCode, headers: Headers) {
        self.0.interim.borrow_mut().push_back((status, headers));
    }

    /// Takes the oldest one, for the connection.
    pub fn pop(&self) -> Option<(StatusCode, Headers)> {
        self.0.interim.borrow_mut().pop_front()
    }
}

/// What a connection and a handler tell each other of one exchange.
#[derive(Debug, Default)]
struct Talk {
    cut: Cell<Option<Cut>>,
    interim: RefCell<VecDeque<(StatusCode, Headers)>>,
}

/// Both ends of one exchange, in one place.
pub(crate) fn talk() -> (Interim, Fate) {
    let talk = Rc::<Talk>::default();
    (Interim(Rc::clone(&talk)), Fate(talk))
}
