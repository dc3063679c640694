//! Regular expressions, compiled once for a snapshot.

use std::collections::HashMap;

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

/// Compiled patterns. The same pattern in many rules is compiled once.
#[derive(Debug, Default)]
pub(super) struct Patterns {
    compiled: HashMap<String, Result<Regex, PatternError>>,
}

impl Patterns {
    pub(super) fn compile(&mut self, pattern: &str) -> Result<Regex, PatternError> {
        if let Some(known) = self.compiled.get(pattern) {
            return known.clone();
        }
        let compiled = compile(pattern);
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
