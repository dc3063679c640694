//! Gives memory back to the system when it is needed no more.

use std::hint::black_box;
use std::time::Duration;

/// Asks the system for pages of 4 KiB: where it gives huge ones (`transparent_hugepage/enabled` is `always`), each touch of an
/// unused region takes 2 MiB, and what clients have left is not given back until all of such a page is free. Where it refuses,
/// memory is larger and nothing else.
///
/// The allocator has to be one that does not ask for huge ones itself (mimalloc with its feature `no_thp`): it is at work before
/// `main`, and what was huge before this stays so.
pub fn take_small_pages() {
    let _ = rustix::thread::disable_transparent_huge_pages(true);
}

/// How often.
const PERIOD: Duration = Duration::from_secs(2);
/// Larger than any block that mimalloc puts beside others, so that freeing it frees a page.
const OWN_PAGE: usize = 4 * 1024 * 1024;

/// Goes on for ever: a task of its own, in each process whose allocator is mimalloc.
///
/// mimalloc gives freed pages back a second later, but only when it gets or frees another page by then. A gateway that all
/// clients have left does neither, and would keep what they needed. The block here is never written to, so it costs
/// addresses and no memory.
pub async fn give_back() {
    let mut ticks = tokio::time::interval(PERIOD);
    loop {
        ticks.tick().await;
        drop(black_box(Vec::<u8>::with_capacity(OWN_PAGE)));
    }
}
