//! Matches that the same path leads to.

use std::collections::HashMap;

use http::HeaderName;

use super::condition::{CompiledMatch, Request, ValueTest};

/// From this many matches on, an index by header value pays.
const INDEX_FROM: usize = 8;

/// Matches as indices, the strongest first (which is the order of the indices).
#[derive(Debug, Default)]
pub(super) struct Candidates {
    all: Vec<usize>,
    index: Option<Box<HeaderIndex>>,
}

/// Which matches can hold, by the exact value of one of their headers. Every list is in order.
#[derive(Debug, Default)]
struct HeaderIndex {
    by_header: HashMap<HeaderName, HashMap<Box<[u8]>, Vec<usize>>>,
    /// Matches without an exact header.
    rest: Vec<usize>,
}

impl Candidates {
    /// Adds a match that is weaker than all here, or the same as the last.
    pub(super) fn push(&mut self, index: usize) {
        if self.all.last() != Some(&index) {
            self.all.push(index);
        }
    }

    /// Prepares lookups, after the last [`Candidates::push`].
    pub(super) fn finish(&mut self, matches: &[CompiledMatch]) {
        self.all.shrink_to_fit();
        self.index = (self.all.len() >= INDEX_FROM).then(|| Box::new(HeaderIndex::new(&self.all, matches)));
    }

    /// The strongest match that holds.
    pub(super) fn find<'m>(&self, request: &Request<'_>, matches: &'m [CompiledMatch]) -> Option<&'m CompiledMatch> {
        let found = match &self.index {
            None => first_that_holds(&self.all, None, request, matches),
            Some(index) => index.find(request, matches),
        };
        found.and_then(|index| matches.get(index))
    }
}

/// The first of `list` that holds, if it is stronger than `best`; otherwise `best`.
fn first_that_holds(
    list: &[usize],
    best: Option<usize>,
    request: &Request<'_>,
    matches: &[CompiledMatch],
) -> Option<usize> {
    list.iter()
        .copied()
        .take_while(|index| best.is_none_or(|best| *index < best))
        .find(|index| matches.get(*index).is_some_and(|found| found.holds(request)))
        .or(best)
}

impl HeaderIndex {
    fn new(all: &[usize], matches: &[CompiledMatch]) -> Self {
        let headers = |index: usize| {
            let tests = matches.get(index).map_or(&[][..], |found| &*found.headers);
            tests.iter().filter_map(|test| match &test.value {
                ValueTest::Exact(value) => Some((&test.name, &**value)),
                ValueTest::Regex(_) => None,
            })
        };
        let mut frequency = HashMap::<_, usize>::new();
        for header in all.iter().flat_map(|index| headers(*index)) {
            *frequency.entry(header).or_default() += 1;
        }
        let mut built = Self::default();
        for index in all {
            // The rarest header tells matches apart best.
            let rarest = headers(*index).min_by_key(|header| frequency.get(header).copied());
            let list = match rarest {
                Some((name, value)) => {
                    let values = built.by_header.entry(name.clone()).or_default();
                    values.entry(value.into()).or_default()
                }
                None => &mut built.rest,
            };
            list.push(*index);
        }
        built
    }

    fn find(&self, request: &Request<'_>, matches: &[CompiledMatch]) -> Option<usize> {
        let narrow = |best, name: &HeaderName, values: &HashMap<Box<[u8]>, Vec<usize>>| {
            let list = request.header(name).and_then(|value| values.get(&*value));
            list.map_or(best, |list| first_that_holds(list, best, request, matches))
        };
        let best = if self.by_header.len() <= request.headers.keys_len() {
            self.by_header.iter().fold(None, |best, (name, values)| narrow(best, name, values))
        } else {
            let known = request.headers.keys().filter_map(|name| Some((name, self.by_header.get(name)?)));
            known.fold(None, |best, (name, values)| narrow(best, name, values))
        };
        first_that_holds(&self.rest, best, request, matches)
    }
}
