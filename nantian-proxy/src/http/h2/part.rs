//! Parts of bodies on their way out, which tell what `h2` does not: how much of them waits to be written.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use bytes::{Buf, Bytes};

use crate::http::buffered::Account;

/// Parts up to this size are copied when they are held.
const COPY_UP_TO: usize = 4096;

/// What one stream holds of its body: what `h2` has not room for, and what it has not written yet.
#[derive(Debug, Default)]
pub(crate) struct Unsent {
    bytes: Cell<usize>,
    /// Written since somebody asked.
    written: Cell<usize>,
    waker: RefCell<Option<Waker>>,
    account: Rc<Account>,
}

impl Unsent {
    pub(crate) fn new(account: &Rc<Account>) -> Self {
        Self { account: Rc::clone(account), ..Self::default() }
    }

    /// Counts bytes that are held from now on, until they are [`left`](Self::left) or a part of them is.
    pub(crate) fn hold(&self, bytes: usize) {
        self.bytes.set(self.bytes.get().saturating_add(bytes));
        self.account.hold(bytes);
    }

    /// Ready when the connection may hold more.
    pub(crate) fn poll_room(&self, cx: &Context<'_>) -> Poll<()> {
        self.account.poll_room(cx)
    }

    /// Ready when nothing waits to be written.
    pub(crate) fn poll_empty(&self, cx: &Context<'_>) -> Poll<()> {
        if self.bytes.get() == 0 {
            return Poll::Ready(());
        }
        *self.waker.borrow_mut() = Some(cx.waker().clone());
        Poll::Pending
    }

    /// Bytes that were written since this was asked last.
    pub(crate) fn take_written(&self) -> usize {
        self.written.take()
    }

    /// Counts bytes that are held no longer.
    pub(crate) fn left(&self, bytes: usize) {
        self.bytes.set(self.bytes.get().saturating_sub(bytes));
        self.account.release(bytes);
        if self.bytes.get() == 0
            && let Some(waker) = self.waker.borrow_mut().take()
        {
            waker.wake();
        }
    }
}

/// A part of a body; `h2` drops it once it is written, or never will be.
#[derive(Debug, Default)]
pub(crate) struct Part {
    data: Bytes,
    unsent: Option<Rc<Unsent>>,
}

impl Part {
    /// A part of what `unsent` holds, until it is written.
    pub(crate) fn counted(data: Bytes, unsent: &Rc<Unsent>) -> Self {
        if data.is_empty() {
            return Self::from(data);
        }
        Self { data, unsent: Some(Rc::clone(unsent)) }
    }
}

impl From<Bytes> for Part {
    fn from(data: Bytes) -> Self {
        Self { data, unsent: None }
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        if let Some(unsent) = &self.unsent {
            unsent.left(self.data.len());
        }
    }
}

impl Buf for Part {
    fn remaining(&self) -> usize {
        self.data.len()
    }

    fn chunk(&self) -> &[u8] {
        &self.data
    }

    fn advance(&mut self, count: usize) {
        self.data.advance(count);
        // A little must not keep the whole read that it came with.
        if self.data.len() <= COPY_UP_TO && self.data.len() + count > COPY_UP_TO {
            self.data = Bytes::copy_from_slice(&self.data);
        }
        if let Some(unsent) = &self.unsent {
            unsent.written.set(unsent.written.get().saturating_add(count));
            unsent.left(count);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_counts_as_unsent_until_it_is_written_or_dropped() {
        let unsent = Rc::new(Unsent::default());
        let cx = Context::from_waker(Waker::noop());
        assert!(unsent.poll_empty(&cx).is_ready());
        unsent.hold(6);
        let mut first = Part::counted(Bytes::from_static(b"abcd"), &unsent);
        let second = Part::counted(Bytes::from_static(b"ef"), &unsent);
        first.advance(3);
        assert_eq!((unsent.bytes.get(), unsent.take_written(), unsent.take_written()), (3, 3, 0));
        drop(first);
        assert!(unsent.poll_empty(&cx).is_pending());
        drop(second);
        assert!(unsent.poll_empty(&cx).is_ready());
        // What was dropped was not written.
        assert_eq!(unsent.take_written(), 0);
    }
}
