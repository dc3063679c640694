//! Regular expressions, compiled once for all rules that have them and for as long as one has them.

use std::rc::Rc;
use std::sync::Arc;

use nantian_ir::re2;
use regex::bytes::{Regex, RegexBuilder};
use thiserror::Error;

use crate::shards::Shards;
use crate::slots::{Locals, Numbers, Slots};

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
        let copy = || Rc::new(Copied { of: Arc::clone(&self.regex), regex: Regex::clone(&self.regex) });
        match own.and_then(|own| own.own.get_or_init(self.slot, copy)) {
            Some(own) => own.regex.is_match(value),
            None => self.regex.is_match(value),
        }
    }
}

/// One thread's copies of a router's regular expressions, each made at first use. The compiled program is shared, but
/// the scratch memory for a match comes from a pool that all users of one copy share, under a lock: threads with copies
/// of their own never meet.
#[derive(Debug)]
pub struct ThreadPatterns {
    compiled: Slots<Regex>,
    own: Locals<Rc<Copied>>,
}

#[derive(Debug)]
struct Copied {
    of: Arc<Regex>,
    regex: Regex,
}

impl ThreadPatterns {
    pub(super) fn new(patterns: &Patterns) -> Self {
        Self { compiled: Slots::default(), own: Locals::default() }.following(patterns)
    }

    /// Those for a router that followed the one that these are for. Copies of what both have stay, and with them what they
    /// have learnt of the values that come.
    pub(super) fn following(&self, patterns: &Patterns) -> Self {
        let keep = |own: &Rc<Copied>, now: &Arc<Regex>| Arc::ptr_eq(&own.of, now).then(|| Rc::clone(own));
        let own = self.own.following(&self.compiled, &patterns.compiled, keep);
        Self { compiled: patterns.compiled.clone(), own }
    }
}

/// Compiled patterns. The same pattern in many rules is compiled once.
#[derive(Debug, Clone, Default)]
pub(super) struct Patterns {
    by_text: Shards<Arc<str>, Interned>,
    compiled: Slots<Regex>,
    numbers: Numbers,
}

#[derive(Debug, Clone)]
struct Interned {
    pattern: Pattern,
    uses: usize,
}

impl Patterns {
    /// How many different ones there are.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.by_text.len()
    }

    fn compile(&mut self, text: &str) -> Result<Pattern, PatternError> {
        let pattern = if let Some(known) = self.by_text.get(text) {
            known.pattern.clone()
        } else {
            let regex = Arc::new(compile(text)?);
            let slot = self.numbers.take();
            self.compiled.set(slot, Some(Arc::clone(&regex)));
            Pattern { regex, slot }
        };
        let interned = || (text.into(), Interned { pattern: pattern.clone(), uses: 0 });
        self.by_text.change_or_insert(text, interned, |interned| interned.uses += 1);
        Ok(pattern)
    }

    /// A use of a pattern has ended.
    fn release(&mut self, text: &str) {
        let mut unused = None;
        self.by_text.change_or_remove(text, |interned| {
            interned.uses -= 1;
            unused = (interned.uses == 0).then_some(interned.pattern.slot);
            unused.is_some()
        });
        if let Some(slot) = unused {
            self.compiled.set(slot, None);
            self.numbers.give_back(slot);
        }
    }

    /// The uses of a rule have ended.
    pub(super) fn release_all(&mut self, texts: &[Box<str>]) {
        for text in texts {
            self.release(text);
        }
    }
}

/// Compiles the patterns of one rule, and remembers which.
#[derive(Debug)]
pub(super) struct Used<'p> {
    patterns: &'p mut Patterns,
    texts: Vec<Box<str>>,
}

impl<'p> Used<'p> {
    pub(super) fn new(patterns: &'p mut Patterns) -> Self {
        Self { patterns, texts: Vec::new() }
    }

    pub(super) fn compile(&mut self, text: &str) -> Result<Pattern, PatternError> {
        let pattern = self.patterns.compile(text)?;
        self.texts.push(text.into());
        Ok(pattern)
    }

    /// Each use, for [`Patterns::release_all`].
    pub(super) fn into_texts(self) -> Box<[Box<str>]> {
        self.texts.into_boxed_slice()
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
        let own = ThreadPatterns::new(&patterns);
        assert_eq!((patterns.len(), a.slot), (2, again.slot));
        for (pattern, value, expected) in
            [(&a, "/aa", true), (&b, "/aa", false), (&b, "/b", true), (&again, "/a", true)]
        {
            assert_eq!(pattern.is_match(value.as_bytes(), Some(&own)), expected, "{value}");
            assert_eq!(pattern.is_match(value.as_bytes(), None), expected, "{value}");
        }
    }

    #[test]
    fn a_pattern_goes_with_its_last_use_and_a_threads_copies_of_the_others_stay() {
        let mut patterns = Patterns::default();
        let [a, ..] = ["/a+", "/b", "/b"].map(|text| patterns.compile(text).expect("a pattern"));
        let own = ThreadPatterns::new(&patterns);
        assert!(a.is_match(b"/a", Some(&own)));
        patterns.release("/b");
        assert_eq!(patterns.len(), 2);
        patterns.release("/b");
        let c = patterns.compile("/c").expect("a pattern");
        assert_eq!((patterns.len(), c.slot), (2, 1));
        let after = own.following(&patterns);
        assert!(c.is_match(b"/c", Some(&after)) && !c.is_match(b"/b", Some(&after)));
        let [before, after] = [&own, &after].map(|own| own.own.get(a.slot).map(Rc::as_ptr));
        assert!(before.is_some() && before == after);
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
