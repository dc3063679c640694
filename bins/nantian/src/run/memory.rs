//! Gives memory back to the system when it is needed no more.

use std::hint::black_box;
use std::time::Duration;

/// How often.
const PERIOD: Duration = Duration::from_secs(2);
/// Larger than any block that mimalloc puts beside others, so that freeing it frees a page.
const OWN_PAGE: usize = 4 * 1024 * 1024;

/// mimalloc gives freed pages back a second later, but only when it gets or frees another page by then. A gateway that all
/// clients have left does neither, and would keep what they needed. The block here is never written to, so it costs
/// addresses and no memory.
pub(super) async fn give_back() {
    let mut ticks = tokio::time::interval(PERIOD);
    loop {
        ticks.tick().await;
        drop(black_box(Vec::<u8>::with_capacity(OWN_PAGE)));
    }
}
