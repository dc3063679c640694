//! Matches that the same path leads to.

use http::HeaderName;
use http::header::HOST;

use super::condition::{CompiledMatch, Request, ValueTest};
use super::query;
use crate::hash::Map;

/// From this many matches on, an index by value pays.
const INDEX_FROM: usize = 8;

/// Matches as indices, the strongest first (which is the order of the indices).
#[derive(Debug, Default)]
pub(super) struct Candidates {
    all: Vec<usize>,
    index: Option<Box<ValueIndex>>,
}

/// Matches by a value, in order.
type ByValue = Map<Box<[u8]>, Vec<usize>>;

/// Which matches can hold, by the exact value of one header or query parameter of each.
#[derive(Debug, Default)]
struct ValueIndex {
    by_header: Map<HeaderName, ByValue>,
    by_parameter: Map<Box<[u8]>, ByValue>,
    /// Matches without an exact value, in order.
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
        self.index = (self.all.len() >= INDEX_FROM).then(|| Box::new(ValueIndex::new(&self.all, matches)));
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

/// An exact value that a match asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Key<'m> {
    Header(&'m HeaderName, &'m [u8]),
    Parameter(&'m str, &'m [u8]),
}

fn keys(compiled: &CompiledMatch) -> impl Iterator<Item = Key<'_>> {
    let headers = compiled.headers.iter().filter_map(|test| match &test.value {
        ValueTest::Exact(value) => Some(Key::Header(&test.name, value)),
        ValueTest::Regex(_) => None,
    });
    let parameters = compiled.query.iter().filter_map(|test| match &test.value {
        ValueTest::Exact(value) => Some(Key::Parameter(&test.name, value)),
        ValueTest::Regex(_) => None,
    });
    headers.chain(parameters)
}

impl ValueIndex {
    fn new(all: &[usize], matches: &[CompiledMatch]) -> Self {
        let keys_of = |index: usize| matches.get(index).into_iter().flat_map(keys);
        let mut frequency = Map::<_, usize>::default();
        for key in all.iter().flat_map(|index| keys_of(*index)) {
            *frequency.entry(key).or_default() += 1;
        }
        let mut built = Self::default();
        for index in all {
            // The rarest value tells matches apart best.
            let list = match keys_of(*index).min_by_key(|key| frequency.get(key).copied()) {
                Some(Key::Header(name, value)) => {
                    built.by_header.entry(name.clone()).or_default().entry(value.into()).or_default()
                }
                Some(Key::Parameter(name, value)) => {
                    built.by_parameter.entry(name.as_bytes().into()).or_default().entry(value.into()).or_default()
                }
                None => &mut built.rest,
            };
            list.push(*index);
        }
        built
    }

    fn find(&self, request: &Request<'_>, matches: &[CompiledMatch]) -> Option<usize> {
        let narrow = |best, values: &ByValue, value: &[u8]| {
            values.get(value).map_or(best, |list| first_that_holds(list, best, request, matches))
        };
        let by_header = |best, (name, values): (&HeaderName, &ByValue)| {
            request.header(name).map_or(best, |value| narrow(best, values, &value))
        };
        // Whichever is fewer: the names of the index, or those of the request.
        let best = if self.by_header.len() <= request.headers.keys_len() {
            self.by_header.iter().fold(None, by_header)
        } else {
            let names = request.headers.keys().chain([&HOST]);
            let known = names.filter_map(|name| self.by_header.get_key_value(name));
            known.fold(None, by_header)
        };
        let best = if self.by_parameter.is_empty() {
            best
        } else {
            // A parameter that is not the first of its name may offer more matches; `holds` refuses them.
            let pairs = request.query.into_iter().flat_map(query::pairs);
            pairs.fold(best, |best, (name, value)| {
                let values = self.by_parameter.get(&*query::decode(name));
                values.map_or(best, |values| narrow(best, values, &query::decode(value)))
            })
        };
        first_that_holds(&self.rest, best, request, matches)
    }
}
