//! What became of an exchange that its connection gave up.

use std::cell::Cell;
use std::rc::Rc;

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
pub struct Fate(Rc<Cell<Option<Cut>>>);

impl Fate {
    /// Says why the exchange ends.
    pub(crate) fn cut(&self, cut: Cut) {
        self.0.set(Some(cut));
    }

    /// Why the exchange was cut, if it was.
    pub fn get(&self) -> Option<Cut> {
        self.0.get()
    }
}
