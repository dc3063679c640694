//! Gives memory of a worker back when it is needed no more.

use std::hint::black_box;
use std::time::Duration;

/// How often.
const PERIOD: Duration = Duration::from_millis(250);
/// Allocations each time, 25 microseconds' worth.
const ALLOCATIONS: usize = 1_000;
/// Bytes of one: more than an allocator takes from its shortest path.
const SIZE: usize = 2 * 1_024;

/// Allocators that keep memory for each thread look at what it has freed as it allocates: mimalloc frees a page that had
/// nothing in it for 16 rounds of a thousand allocations. A worker that all clients have left allocates nothing, and would
/// keep a page of each size that they needed, megabytes in all.
pub(super) async fn give_back() {
    let mut ticks = tokio::time::interval(PERIOD);
    loop {
        ticks.tick().await;
        for _ in 0..ALLOCATIONS {
            drop(black_box(Vec::<u8>::with_capacity(SIZE)));
        }
    }
}
