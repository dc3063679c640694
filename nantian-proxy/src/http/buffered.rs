//! How many bytes we hold for clients that have not taken them: counted for each connection and for all, and bounded.
//!
//! What is counted here is one worker's and written by it alone. The sum over all workers is looked at only when a worker
//! holds more than its share.

use std::cell::{Cell, RefCell};
use std::cmp::Reverse;
use std::collections::HashMap;
use std::rc::{Rc, Weak};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::task::AbortHandle;
use tokio::time::Instant;

use crate::engine::LimitsConfig;
use crate::telemetry::{BufferAction, Recorder, Telemetry};

/// Between two searches for the connection that holds most, which look at all of them.
const SEARCHES: Duration = Duration::from_millis(10);

/// What the connections of one worker hold. Clones are the same.
#[derive(Clone)]
pub(crate) struct Buffers(Rc<Worker>);

struct Worker {
    telemetry: Telemetry,
    recorder: Recorder,
    per_connection: usize,
    total: u64,
    /// This worker's part of `total`: below it nobody looks at what the others hold.
    share: u64,
    next: Cell<u64>,
    accounts: RefCell<HashMap<u64, Weak<Account>>>,
    searched: Cell<Option<Instant>>,
}

impl Buffers {
    /// Those of the worker that `recorder` counts for.
    pub(crate) fn new(limits: &LimitsConfig, telemetry: Telemetry, recorder: Recorder) -> Self {
        let total = u64::try_from(limits.buffered_bytes).unwrap_or(u64::MAX);
        let workers = u64::try_from(telemetry.workers().max(1)).unwrap_or(1);
        Self(Rc::new(Worker {
            telemetry,
            recorder,
            per_connection: limits.buffered_bytes_per_connection,
            total,
            share: total / workers,
            next: Cell::new(0),
            accounts: RefCell::default(),
            searched: Cell::new(None),
        }))
    }

    /// The account of a new connection.
    pub(crate) fn open(&self) -> Rc<Account> {
        let id = self.0.next.get();
        self.0.next.set(id.wrapping_add(1));
        let account = Rc::new(Account::at(Some((self.clone(), id))));
        self.0.accounts.borrow_mut().insert(id, Rc::downgrade(&account));
        account
    }

    /// Whether all workers together hold more than they may.
    fn is_over(&self) -> bool {
        self.0.recorder.buffered() > self.0.share && self.0.telemetry.buffered() > self.0.total
    }

    /// Cuts those connections of this worker that hold most, until what is left is within the bound.
    fn cut_largest(&self) {
        let now = Instant::now();
        if self.0.searched.get().is_some_and(|last| now.duration_since(last) < SEARCHES) {
            return;
        }
        self.0.searched.set(Some(now));
        let mut accounts: Vec<_> = self.0.accounts.borrow().values().filter_map(Weak::upgrade).collect();
        accounts.retain(|account| account.in_all() > 0 && !account.is_cut());
        accounts.sort_unstable_by_key(|account| Reverse(account.in_all()));
        let mut excess = self.0.telemetry.buffered().saturating_sub(self.0.total);
        for account in accounts {
            if excess == 0 {
                return;
            }
            excess = excess.saturating_sub(u64::try_from(account.in_all()).unwrap_or(u64::MAX));
            account.cut();
            self.0.recorder.buffers(BufferAction::ConnectionCut);
        }
    }
}

/// What one connection holds. The default counts nowhere and has no bound.
pub(crate) struct Account {
    place: Option<(Buffers, u64)>,
    held: Cell<usize>,
    /// What counts for the bound of all alone.
    aside: Cell<usize>,
    cut: Cell<bool>,
    task: RefCell<Option<AbortHandle>>,
    /// Who waits for room.
    waiting: RefCell<Vec<Waker>>,
}

impl Default for Account {
    fn default() -> Self {
        Self::at(None)
    }
}

impl std::fmt::Debug for Account {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Account").field("held", &self.held).field("cut", &self.cut).finish_non_exhaustive()
    }
}

impl Account {
    fn at(place: Option<(Buffers, u64)>) -> Self {
        let (held, aside, cut) = (Cell::new(0), Cell::new(0), Cell::new(false));
        Self { place, held, aside, cut, task: RefCell::new(None), waiting: RefCell::default() }
    }

    /// Counts bytes in `part` that are held from now on.
    fn hold(&self, part: &Cell<usize>, bytes: usize) {
        part.set(part.get().saturating_add(bytes));
        if let Some((buffers, _)) = &self.place {
            buffers.0.recorder.hold(bytes);
        }
    }

    /// Counts bytes in `part` that are held no longer.
    fn release(&self, part: &Cell<usize>, bytes: usize) {
        part.set(part.get().saturating_sub(bytes));
        if let Some((buffers, _)) = &self.place {
            buffers.0.recorder.release(bytes);
        }
        if !self.waiting.borrow().is_empty() && !self.is_full() {
            self.waiting.take().into_iter().for_each(Waker::wake);
        }
    }

    /// What counts for the bound of all.
    fn in_all(&self) -> usize {
        self.held.get().saturating_add(self.aside.get())
    }

    fn is_full(&self) -> bool {
        self.place.as_ref().is_some_and(|(buffers, _)| self.held.get() >= buffers.0.per_connection)
    }

    /// Ready when more may be read for this connection. What one read brings may go beyond the bound.
    fn poll_room(&self, cx: &Context<'_>) -> Poll<()> {
        if !self.is_full() {
            return Poll::Ready(());
        }
        let mut waiting = self.waiting.borrow_mut();
        if !waiting.iter().any(|waker| waker.will_wake(cx.waker())) {
            waiting.push(cx.waker().clone());
            if let Some((buffers, _)) = &self.place {
                buffers.0.recorder.buffers(BufferAction::ReadingPaused);
            }
        }
        Poll::Pending
    }

    /// Whether a new request may be served. Where too much is held in all, it may not, and whoever holds most is cut.
    pub(crate) fn admits_request(&self) -> bool {
        let Some((buffers, _)) = &self.place else { return true };
        if !buffers.is_over() {
            return true;
        }
        buffers.0.recorder.buffers(BufferAction::RequestRefused);
        buffers.cut_largest();
        false
    }

    /// The task that ends the connection when it is aborted.
    pub(crate) fn set_task(&self, task: AbortHandle) {
        *self.task.borrow_mut() = Some(task);
    }

    fn cut(&self) {
        self.cut.set(true);
        if let Some(task) = self.task.borrow_mut().take() {
            task.abort();
        }
    }

    /// Whether the connection was cut because of what it held.
    pub(crate) fn is_cut(&self) -> bool {
        self.cut.get()
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        if let Some((buffers, id)) = self.place.take() {
            buffers.0.recorder.release(self.in_all());
            buffers.0.accounts.borrow_mut().remove(&id);
        }
    }
}

/// Bytes on an account, given back when dropped. The default counts nowhere.
#[derive(Debug, Default)]
pub(crate) struct Held {
    account: Option<Rc<Account>>,
    bytes: usize,
    aside: bool,
}

impl Held {
    /// Counts for both bounds.
    pub(crate) fn new(account: &Rc<Account>) -> Self {
        Self::of(account, false)
    }

    /// Counts for the bound of all alone: what is on its way to a backend must not stop the reading of what the backend
    /// answers, or each waits for the other.
    pub(crate) fn aside(account: &Rc<Account>) -> Self {
        Self::of(account, true)
    }

    fn of(account: &Rc<Account>, aside: bool) -> Self {
        Self { account: Some(Rc::clone(account)), bytes: 0, aside }
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Holds as many bytes from now on.
    pub(crate) fn set(&mut self, bytes: usize) {
        let before = std::mem::replace(&mut self.bytes, bytes);
        let Some(account) = &self.account else { return };
        let part = if self.aside { &account.aside } else { &account.held };
        if bytes > before {
            account.hold(part, bytes - before);
        } else if bytes < before {
            account.release(part, before - bytes);
        }
    }

    pub(crate) fn add(&mut self, bytes: usize) {
        self.set(self.bytes.saturating_add(bytes));
    }

    pub(crate) fn subtract(&mut self, bytes: usize) {
        self.set(self.bytes.saturating_sub(bytes));
    }

    /// Ready when more may be read for the connection, see [`Account::poll_room`].
    pub(crate) fn poll_room(&self, cx: &Context<'_>) -> Poll<()> {
        match &self.account {
            Some(account) if !self.aside => account.poll_room(cx),
            _ => Poll::Ready(()),
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.set(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(per_connection: usize, total: usize) -> LimitsConfig {
        LimitsConfig { buffered_bytes_per_connection: per_connection, buffered_bytes: total, ..LimitsConfig::default() }
    }

    fn buffers(telemetry: &Telemetry, worker: usize, per_connection: usize, total: usize) -> Buffers {
        Buffers::new(&limits(per_connection, total), telemetry.clone(), telemetry.recorder(worker))
    }

    #[test]
    fn what_is_held_is_counted_until_it_is_given_back_however_that_happens() {
        let telemetry = Telemetry::new("test", 2);
        let (one, two) = (buffers(&telemetry, 0, 100, 1_000), buffers(&telemetry, 1, 100, 1_000));
        let (a, b) = (one.open(), two.open());
        let mut held = Held::new(&a);
        held.set(30);
        held.set(20);
        b.hold(&b.held, 5);
        assert_eq!(telemetry.buffered(), 25);
        assert!(telemetry.metrics_text().contains("nantian_gateway_dataplane_buffered_bytes 25\n"));
        drop(held);
        assert_eq!((a.held.get(), telemetry.buffered()), (0, 5));
        drop(b);
        assert_eq!(telemetry.buffered(), 0);
        assert!(two.0.accounts.borrow().is_empty());
    }

    #[test]
    fn what_is_aside_counts_in_all_and_for_who_is_cut_but_keeps_nobody_waiting() {
        let telemetry = Telemetry::new("test", 1);
        let buffers = buffers(&telemetry, 0, 10, 100);
        let (small, large) = (buffers.open(), buffers.open());
        let (mut few, mut many) = (Held::new(&small), Held::aside(&large));
        few.set(9);
        many.add(100);
        let cx = Context::from_waker(Waker::noop());
        assert!(large.poll_room(&cx).is_ready() && many.poll_room(&cx).is_ready());
        assert_eq!((large.held.get(), telemetry.buffered()), (0, 109));
        assert!(!small.admits_request() && large.is_cut() && !small.is_cut());
        many.subtract(100);
        assert_eq!((many.bytes(), telemetry.buffered()), (0, 9));
        assert!(small.admits_request());
    }

    #[test]
    fn a_connection_that_holds_its_bound_waits_until_it_holds_less() {
        let telemetry = Telemetry::new("test", 1);
        let account = buffers(&telemetry, 0, 100, 1_000).open();
        let cx = Context::from_waker(Waker::noop());
        account.hold(&account.held, 99);
        assert!(account.poll_room(&cx).is_ready());
        account.hold(&account.held, 1);
        assert!(account.poll_room(&cx).is_pending());
        account.release(&account.held, 1);
        assert!(account.poll_room(&cx).is_ready() && account.waiting.borrow().is_empty());
        assert!(telemetry.metrics_text().contains("buffered_bytes_actions_total{action=\"reading_paused\"} 1\n"));
    }

    #[test]
    fn beyond_the_bound_of_all_requests_are_refused_and_the_largest_is_cut() {
        let telemetry = Telemetry::new("test", 1);
        let buffers = buffers(&telemetry, 0, 1_000, 100);
        let (small, large, idle) = (buffers.open(), buffers.open(), buffers.open());
        small.hold(&small.held, 40);
        large.hold(&large.held, 60);
        assert!(idle.admits_request(), "the bound itself is allowed");
        small.hold(&small.held, 1);
        assert!(!idle.admits_request());
        assert!(large.is_cut() && !small.is_cut() && !idle.is_cut());
        drop(large);
        assert!(idle.admits_request());
        let text = telemetry.metrics_text();
        assert!(text.contains("buffered_bytes_actions_total{action=\"request_refused\"} 1\n"), "{text}");
        assert!(text.contains("buffered_bytes_actions_total{action=\"connection_cut\"} 1\n"), "{text}");
    }

    #[test]
    fn a_worker_above_its_share_serves_on_while_the_others_leave_room() {
        let telemetry = Telemetry::new("test", 2);
        let (one, two) = (buffers(&telemetry, 0, 1_000, 100), buffers(&telemetry, 1, 1_000, 100));
        let (a, b) = (one.open(), two.open());
        a.hold(&a.held, 90);
        assert!(a.admits_request());
        b.hold(&b.held, 20);
        assert!(!a.admits_request());
        assert!(b.admits_request(), "below its share a worker refuses nobody");
    }

    #[test]
    fn an_account_of_nobody_has_no_bound() {
        let account = Account::default();
        account.hold(&account.held, usize::MAX);
        assert!(account.admits_request() && account.poll_room(&Context::from_waker(Waker::noop())).is_ready());
    }
}
