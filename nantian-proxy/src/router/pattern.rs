//! Regular expressions, compiled once for a snapshot.

use regex::bytes::{Regex, RegexBuilder};
use thiserror::Error;

/// Memory of one compiled pattern, in bytes: enough for any pattern of 4096 characters without huge repetitions.
const SIZE_LIMIT: usize = 1 << 20;
/// Memory of one pattern's lazily built automaton, in bytes.
const DFA_SIZE_LIMIT: usize = 1 << 18;

/// A pattern that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("regular expression {pattern:?} cannot be used: {reason}; write it in RE2 syntax")]
pub(super) struct PatternError {
    pattern: String,
    reason: String,
}

/// Compiles an RE2 pattern that must match the whole value.
pub(super) fn compile(pattern: &str) -> Result<Regex, PatternError> {
    RegexBuilder::new(&format!(r"\A(?:{pattern})\z"))
        .size_limit(SIZE_LIMIT)
        .dfa_size_limit(DFA_SIZE_LIMIT)
        .build()
        .map_err(|error| PatternError { pattern: pattern.to_owned(), reason: error.to_string() })
}
