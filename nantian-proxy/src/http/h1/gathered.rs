//! Little requests and answers, written together.
//!
//! All who are ready are read before anyone is written to ([`super::io::poll_turn`] says why). A message that is written as a
//! whole needs nobody for that but the system, so whoever made it is not polled once more: it is put down here, and a task
//! that has its turn when all others had theirs writes them one after another.

use std::cell::RefCell;
use std::rc::Rc;
use std::task::{Context, Waker};

/// So many messages wait for more.
const MANY: usize = 4;
/// How often the sockets are looked at again for them at most.
const LOOKS: usize = 3;

/// A connection with a message to write.
pub(super) trait Gathered {
    /// Writes it. False where the system does not take it at once: whoever made it goes on with that.
    fn write_gathered(&self, cx: &mut Context<'_>) -> bool;
}

/// A connection, and the task that made its message.
type Waiting = (Rc<dyn Gathered>, Waker);

thread_local! {
    static WAITING: RefCell<Vec<Waiting>> = const { RefCell::new(Vec::new()) };
}

/// Writes what `connection` has to write when everyone else had a turn.
pub(super) fn write_later(connection: Rc<dyn Gathered>, cx: &Context<'_>) {
    let first = WAITING.with_borrow_mut(|waiting| {
        waiting.push((connection, cx.waker().clone()));
        waiting.len() == 1
    });
    if first {
        let turn = Turn;
        tokio::task::spawn_local(async move {
            wait_for_more().await;
            write_all();
            drop(turn);
        });
    }
}

/// Where there are many, more come while these are put down: has the sockets looked at again, as long as it brings some. Nobody
/// waits for what is not there yet, and a few messages for nobody.
async fn wait_for_more() {
    let mut before = MANY - 1;
    for _ in 0..LOOKS {
        let waiting = WAITING.with_borrow(Vec::len);
        if waiting <= before {
            break;
        }
        before = waiting;
        // Goes on when the driver was asked, and whoever it woke has had a turn.
        tokio::task::yield_now().await;
    }
}

fn write_all() {
    let mut waiting = WAITING.take();
    for (connection, waker) in waiting.drain(..) {
        // It may have been given up.
        let wanted = Rc::strong_count(&connection) > 1;
        if wanted && !connection.write_gathered(&mut Context::from_waker(&waker)) {
            waker.wake();
        }
    }
    // Room for the next ones.
    WAITING.set(waiting);
}

/// That of the task that writes. If the task ends without it, as its worker ends, what was put down ends with it: the next
/// one who puts something down begins another task.
struct Turn;

impl Drop for Turn {
    fn drop(&mut self) {
        let _ended = WAITING.try_with(|waiting| {
            let left = waiting.borrow().len();
            if left > 0 { waiting.take() } else { Vec::new() }
        });
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::task::Poll;

    use super::*;
    use crate::http::testing::local;

    /// Counts its turns; written at the second one.
    #[derive(Default)]
    struct Slow(Cell<usize>);

    impl Gathered for Slow {
        fn write_gathered(&self, _cx: &mut Context<'_>) -> bool {
            self.0.set(self.0.get() + 1);
            self.0.get() > 1
        }
    }

    /// Puts `slow` down and goes.
    async fn leave(slow: &Rc<Slow>) {
        std::future::poll_fn(|cx| {
            write_later(Rc::<Slow>::clone(slow), cx);
            Poll::Ready(())
        })
        .await;
    }

    /// Puts `slow` down once, and is ready when it is polled again.
    async fn put_down(slow: &Rc<Slow>) {
        let mut first = true;
        std::future::poll_fn(|cx| {
            if !std::mem::take(&mut first) {
                return Poll::Ready(());
            }
            write_later(Rc::<Slow>::clone(slow), cx);
            Poll::Pending
        })
        .await;
    }

    #[test]
    fn who_is_not_written_at_once_is_told() {
        local(async {
            let slow = Rc::new(Slow::default());
            put_down(&slow).await;
            assert_eq!(slow.0.get(), 1);
        });
    }

    #[test]
    fn many_wait_for_those_who_come_meanwhile_and_few_for_nobody() {
        for (count, written) in [(MANY - 1, MANY - 1), (MANY, 0)] {
            // As if it had had its first turn: each writing is one more.
            let slow = Rc::new(Slow(Cell::new(1)));
            local(async {
                for _ in 0..count {
                    leave(&slow).await;
                }
                tokio::task::yield_now().await;
                assert_eq!(slow.0.get() - 1, written);
                leave(&slow).await;
                for _ in 0..=LOOKS {
                    tokio::task::yield_now().await;
                }
                assert_eq!(slow.0.get() - 1, count + 1);
            });
        }
    }

    #[test]
    fn what_was_given_up_is_not_written() {
        local(async {
            let gone = Rc::new(Slow::default());
            let seen = Rc::downgrade(&gone);
            leave(&gone).await;
            let one = Rc::new(Slow::default());
            drop(gone);
            put_down(&one).await;
            assert!(seen.upgrade().is_none());
            assert_eq!(one.0.get(), 1);
        });
    }

    #[test]
    fn a_worker_that_ends_leaves_nothing_that_the_next_one_would_wait_for() {
        let slow = Rc::new(Slow::default());
        local(async {
            leave(&slow).await;
        });
        assert_eq!((slow.0.get(), Rc::strong_count(&slow)), (0, 1));
        local(put_down(&slow));
        assert_eq!(slow.0.get(), 1);
    }
}
