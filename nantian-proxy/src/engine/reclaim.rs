//! Frees what configurations were made of, on a thread that nobody waits for.

use std::sync::mpsc::{Sender, channel};

use super::EngineError;
use crate::runtime::Parts;

/// The last request that began with a configuration would have to free it: milliseconds for thousands of rules, in which its
/// worker serves nobody. The thread ends with the last sender.
pub(super) fn start() -> Result<Sender<Parts>, EngineError> {
    let (reclaim, given_up) = channel();
    let name = "nantian-reclaim".to_owned();
    let thread = std::thread::Builder::new().name(name.clone()).spawn(move || given_up.into_iter().for_each(drop));
    thread.map(|_| reclaim).map_err(|source| EngineError::Thread { name, source })
}
