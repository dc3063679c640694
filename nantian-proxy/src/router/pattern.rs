//! Regular expressions, compiled once for a snapshot.

use std::cell::OnceCell;
use std::collections::HashMap;
use std::sync::Arc;

use nantian_ir::re2;
use regex::bytes::{Regex, RegexBuilder};
use thiserror::Error;

/// Memory of one pattern's lazily built automaton, in bytes.
const DFA_SIZE_LIMIT: usize = 1 << 18;

/// A pattern that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("regular expression {pattern:?} cannot be used: {reason}")]
pub(super) struct PatternError {
    pattern: String,
    reason: String,
}

/// Compiles an RE2 pattern that must match the whole value.
pub(super) fn compile(pattern: &str) -> Result<Regex, PatternError> {
    let error = |reason: String| PatternError { pattern: pattern.to_owned(), reason };
    let translated = re2::translate(pattern).map_err(|e| error(e.to_string()))?;
    let mut builder = RegexBuilder::new(&translated);
    builder.size_limit(re2::MAX_COMPILED).dfa_size_limit(DFA_SIZE_LIMIT).build().map_err(|e| error(reason(&e)))
}

fn reason(error: &regex::Error) -> String {
    match error {
        regex::Error::CompiledTooBig(limit) => {
            format!("compiled, it takes more than {limit} bytes; use fewer or smaller repetitions")
        }
        other => other.to_string(),
    }
}

/// A regular expression of a router.
#[derive(Debug, Clone)]
pub(super) struct Pattern {
    regex: Arc<Regex>,
    /// Its place in [`ThreadPatterns`].
    slot: usize,
}

impl Pattern {
    pub(super) fn is_match(&self, value: &[u8], own: Option<&ThreadPatterns>) -> bool {
        match own.and_then(|own| own.0.get(self.slot)) {
            Some(own) => own.get_or_init(|| Regex::clone(&self.regex)).is_match(value),
            None => self.regex.is_match(value),
        }
    }
}

/// One thread's copies of a router's regular expressions, each made at first use. The compiled program is shared, but
/// the scratch memory for a match comes from a pool that all users of one copy share, under a lock: threads with copies
/// of their own never meet.
#[derive(Debug)]
pub struct ThreadPatterns(Vec<OnceCell<Regex>>);

impl ThreadPatterns {
    pub(super) fn new(count: usize) -> Self {
        Self(std::iter::repeat_with(OnceCell::new).take(count).collect())
    }
}

/// Compiled patterns. The same pattern in many rules is compiled once.
#[derive(Debug, Default)]
pub(super) struct Patterns {
    compiled: HashMap<String, Result<Pattern, PatternError>>,
}

impl Patterns {
    pub(super) fn len(&self) -> usize {
        self.compiled.len()
    }

    pub(super) fn compile(&mut self, pattern: &str) -> Result<Pattern, PatternError> {
        if let Some(known) = self.compiled.get(pattern) {
            return known.clone();
        }
        let slot = self.compiled.len();
        let compiled = compile(pattern).map(|regex| Pattern { regex: Arc::new(regex), slot });
        self.compiled.insert(pattern.to_owned(), compiled.clone());
        compiled
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expression_must_match_the_whole_value() {
        let regex = compile("/a|/ab").expect("a pattern");
        assert!(regex.is_match(b"/a") && regex.is_match(b"/ab"));
        assert!(!regex.is_match(b"/abc") && !regex.is_match(b"x/a") && !regex.is_match(b"/a\n"));
    }

    #[test]
    fn a_threads_own_copies_match_the_same() {
        let mut patterns = Patterns::default();
        let [a, b, again] = ["/a+", "/b", "/a+"].map(|text| patterns.compile(text).expect("a pattern"));
        let own = ThreadPatterns::new(patterns.len());
        assert_eq!((patterns.len(), a.slot), (2, again.slot));
        for (pattern, value, expected) in
            [(&a, "/aa", true), (&b, "/aa", false), (&b, "/b", true), (&again, "/a", true)]
        {
            assert_eq!(pattern.is_match(value.as_bytes(), Some(&own)), expected, "{value}");
            assert_eq!(pattern.is_match(value.as_bytes(), None), expected, "{value}");
        }
    }

    #[test]
    fn values_that_are_not_utf_8_match_only_what_names_no_characters() {
        assert!(!compile(".").expect("a pattern").is_match(b"\xff"));
        assert!(compile("a?").expect("a pattern").is_match(b""));
    }

    #[test]
    fn a_pattern_of_usual_size_fits_and_a_huge_one_is_refused_with_a_remedy() {
        assert!(compile("/v[0-9]{1,3}/users/[^/]{1,255}(/.*)?").is_ok());
        let error = compile(&".{1000}".repeat(100)).expect_err("a limit");
        assert!(error.to_string().contains("smaller repetitions"), "{error}");
    }
}
