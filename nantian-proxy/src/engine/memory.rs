//! Gives memory of a worker back when it is needed no more.

use std::hint::black_box;
use std::rc::Rc;
use std::time::Duration;

use tokio::sync::Notify;

/// Time between two rounds.
const PERIOD: Duration = Duration::from_millis(250);
/// Rounds after the last connection that ended: more than twice what mimalloc waits for.
const ROUNDS: usize = 40;
/// Allocations of a round, 25 microseconds' worth.
const ALLOCATIONS: usize = 1_000;
/// Bytes of one: more than an allocator takes from its shortest path.
const SIZE: usize = 2 * 1_024;

/// Allocators that keep memory for each thread look at what it has freed as it allocates: mimalloc frees a page that had
/// nothing in it for 16 rounds of a thousand allocations. A worker that all clients have left allocates nothing, and would
/// keep a page of each size that they needed, megabytes in all. While no connection ends, this sleeps.
pub(super) async fn give_back(connection_ended: Rc<Notify>) {
    loop {
        connection_ended.notified().await;
        let mut left = ROUNDS;
        while left > 0 {
            tokio::time::sleep(PERIOD).await;
            round();
            // Whoever left meanwhile has freed something too.
            let another = tokio::time::timeout(Duration::ZERO, connection_ended.notified()).await;
            left = if another.is_ok() { ROUNDS } else { left - 1 };
        }
    }
}

fn round() {
    for _ in 0..ALLOCATIONS {
        drop(black_box(Vec::<u8>::with_capacity(SIZE)));
    }
}
