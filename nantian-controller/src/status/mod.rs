//! Writing statuses: what differs, and nothing else.
//!
//! The writer looks at an object when what is wanted of it has changed (a publication), when its status has (a watch), when
//! data planes said something, and every resync period at whatever may need it although nothing of that was noticed: all but
//! those whose comparison found nothing to write, and would have the same two sides again. `served.rs` and `refused.rs` add to
//! what the compiler said what only data planes know; `plan.rs` compares with what is there. An object is in `queue.rs` once,
//! so that what is written is always the newest.

mod plan;
mod refused;
mod served;
#[cfg(test)]
mod tests;
mod writer;

pub(crate) use writer::Writer;
