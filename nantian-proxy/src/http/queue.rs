//! Who waits for a place, first come, first served.

use std::collections::BTreeMap;
use std::task::{Context, Poll, Waker};

/// Tasks in the order in which they came. How many places are free, its owner knows.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    next: u64,
    waiting: BTreeMap<u64, Waker>,
}

/// A place in the line, once there is one. Its holder gives it back with [`Queue::leave`].
#[derive(Debug, Default)]
pub(crate) struct Ticket(Option<u64>);

impl Queue {
    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Ready, and out of the line, once so many places are free that one is for the holder of `ticket`.
    pub(crate) fn poll_turn(&mut self, ticket: &mut Ticket, free: usize, cx: &Context<'_>) -> Poll<()> {
        let first = match ticket.0 {
            Some(number) => self.waiting.keys().take(free).any(|first| *first == number),
            None => self.waiting.len() < free,
        };
        if first {
            self.leave(ticket);
            return Poll::Ready(());
        }
        let number = *ticket.0.get_or_insert_with(|| {
            self.next += 1;
            self.next
        });
        self.waiting.insert(number, cx.waker().clone());
        Poll::Pending
    }

    /// Leaves the line, if the holder of `ticket` stands in it. Those behind move up, and may have to be woken.
    pub(crate) fn leave(&mut self, ticket: &mut Ticket) {
        if let Some(number) = ticket.0.take() {
            self.waiting.remove(&number);
        }
    }

    /// Wakes those for whom there are places.
    pub(crate) fn wake(&self, free: usize) {
        self.waiting.values().take(free).for_each(Waker::wake_by_ref);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn poll(queue: &mut Queue, ticket: &mut Ticket, free: usize) -> bool {
        queue.poll_turn(ticket, free, &Context::from_waker(Waker::noop())).is_ready()
    }

    #[test]
    fn whoever_came_first_is_first_and_newcomers_do_not_pass_those_who_wait() {
        let (mut queue, mut tickets) = (Queue::default(), [Ticket::default(), Ticket::default()]);
        assert!(poll(&mut queue, &mut Ticket::default(), 1) && queue.is_empty());
        assert!(tickets.iter_mut().all(|ticket| !poll(&mut queue, ticket, 0)));
        assert!(!poll(&mut queue, &mut tickets[1], 1));
        assert!(!poll(&mut queue, &mut Ticket::default(), 2));
        assert!(poll(&mut queue, &mut tickets[0], 1) && poll(&mut queue, &mut tickets[1], 1));
    }

    #[test]
    fn whoever_gives_up_leaves_the_turn_to_the_next() {
        let (mut queue, mut first, mut second) = (Queue::default(), Ticket::default(), Ticket::default());
        assert!(!poll(&mut queue, &mut first, 0) && !poll(&mut queue, &mut second, 0));
        queue.leave(&mut first);
        assert!(poll(&mut queue, &mut second, 1) && queue.is_empty());
    }
}
