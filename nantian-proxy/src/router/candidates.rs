//! Matches that the same path leads to.

use std::sync::Arc;

use http::HeaderName;
use http::header::HOST;
use smallvec::SmallVec;

use super::condition::{CompiledMatch, Request, ValueTest};
use super::query;
use crate::shards::Shards;

/// From this many matches on, an index by value pays.
const INDEX_FROM: usize = 8;

/// Matches, the strongest first.
type Ordered = Vec<Arc<CompiledMatch>>;

fn insert(list: &mut Ordered, added: &Arc<CompiledMatch>) {
    let order = added.order();
    // Nearly always the last: rules come in the order of their names.
    if list.last().is_none_or(|last| last.order() < order) {
        list.push(Arc::clone(added));
    } else if let Err(place) = list.binary_search_by(|held| held.order().cmp(&order)) {
        list.insert(place, Arc::clone(added));
    }
}

fn remove(list: &mut Ordered, removed: &CompiledMatch) {
    if let Ok(place) = list.binary_search_by(|held| held.order().cmp(&removed.order())) {
        list.remove(place);
    }
}

/// The first of `list` that holds, if it is stronger than `best`; otherwise `best`.
fn first_that_holds<'m>(
    list: &'m Ordered,
    best: Option<&'m CompiledMatch>,
    request: &Request<'_>,
) -> Option<&'m CompiledMatch> {
    list.iter()
        .map(Arc::as_ref)
        .take_while(|found| best.is_none_or(|best| found.order() < best.order()))
        .find(|found| found.holds(request))
        .or(best)
}

/// The matches of one path.
#[derive(Debug, Clone)]
pub(super) enum Candidates {
    Few(Ordered),
    Many(Arc<ValueIndex>),
}

impl Default for Candidates {
    fn default() -> Self {
        Self::Few(Vec::new())
    }
}

impl Candidates {
    pub(super) fn insert(&mut self, added: &Arc<CompiledMatch>) {
        match self {
            Self::Few(list) => {
                insert(list, added);
                if list.len() >= INDEX_FROM {
                    *self = Self::Many(Arc::new(ValueIndex::new(list)));
                }
            }
            Self::Many(index) => Arc::make_mut(index).insert(added),
        }
    }

    pub(super) fn remove(&mut self, removed: &CompiledMatch) {
        match self {
            Self::Few(list) => remove(list, removed),
            Self::Many(index) => {
                let index = Arc::make_mut(index);
                index.remove(removed);
                if index.len == 0 {
                    *self = Self::default();
                }
            }
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        matches!(self, Self::Few(list) if list.is_empty())
    }

    /// The strongest match that holds.
    pub(super) fn find(&self, request: &Request<'_>) -> Option<&CompiledMatch> {
        match self {
            Self::Few(list) => first_that_holds(list, None, request),
            Self::Many(index) => index.find(request),
        }
    }
}

/// What names a value.
#[derive(Debug, Clone, Copy)]
enum Name<'m> {
    Header(&'m HeaderName),
    Parameter(&'m [u8]),
}

/// The exact values that a match asks for, with what names each.
fn exact_values(compiled: &CompiledMatch) -> impl Iterator<Item = (Name<'_>, &[u8])> {
    fn exact(value: &ValueTest) -> Option<&[u8]> {
        match value {
            ValueTest::Exact(value) => Some(value),
            ValueTest::Regex(_) => None,
        }
    }
    let headers = compiled.headers.iter().filter_map(|test| Some((Name::Header(&test.name), exact(&test.value)?)));
    let parameters =
        compiled.query.iter().filter_map(|test| Some((Name::Parameter(test.name.as_bytes()), exact(&test.value)?)));
    headers.chain(parameters)
}

/// Matches by the values of one header or parameter.
type ByValue = Shards<Arc<[u8]>, Asked>;

/// Who asks for one value.
#[derive(Debug, Clone, Default)]
struct Asked {
    /// By how many matches.
    by: usize,
    /// Those that are found by it.
    found: Ordered,
}

/// Which matches can hold, by the exact value of one header or query parameter of each.
#[derive(Debug, Clone, Default)]
pub(super) struct ValueIndex {
    by_header: Shards<HeaderName, ByValue>,
    by_parameter: Shards<Arc<[u8]>, ByValue>,
    /// Matches without an exact value.
    rest: Ordered,
    len: usize,
}

impl ValueIndex {
    fn new(list: &Ordered) -> Self {
        let mut index = Self::default();
        for added in list {
            index.count(added);
        }
        for added in list {
            index.place(added);
        }
        index
    }

    fn insert(&mut self, added: &Arc<CompiledMatch>) {
        self.count(added);
        self.place(added);
    }

    fn count(&mut self, added: &CompiledMatch) {
        for (name, value) in exact_values(added) {
            self.change(name, value, |asked| asked.by += 1);
        }
    }

    fn place(&mut self, added: &Arc<CompiledMatch>) {
        self.len += 1;
        // The rarest value tells matches apart best.
        match exact_values(added).min_by_key(|(name, value)| self.asked_by(*name, value)) {
            Some((name, value)) => self.change(name, value, |asked| insert(&mut asked.found, added)),
            None => insert(&mut self.rest, added),
        }
    }

    fn remove(&mut self, removed: &CompiledMatch) {
        self.len -= 1;
        remove(&mut self.rest, removed);
        for (name, value) in exact_values(removed) {
            let of_values = |values: &mut ByValue| {
                values.change_or_remove(value, |asked| {
                    asked.by -= 1;
                    remove(&mut asked.found, removed);
                    asked.by == 0
                });
                values.is_empty()
            };
            match name {
                Name::Header(name) => self.by_header.change_or_remove(name, of_values),
                Name::Parameter(name) => self.by_parameter.change_or_remove(name, of_values),
            }
        }
    }

    fn asked_by(&self, name: Name<'_>, value: &[u8]) -> usize {
        let values = match name {
            Name::Header(name) => self.by_header.get(name),
            Name::Parameter(name) => self.by_parameter.get(name),
        };
        values.and_then(|values| values.get(value)).map_or(0, |asked| asked.by)
    }

    fn change(&mut self, name: Name<'_>, value: &[u8], change: impl FnOnce(&mut Asked)) {
        let of_values =
            |values: &mut ByValue| values.change_or_insert(value, || (value.into(), Asked::default()), change);
        match name {
            Name::Header(name) => {
                self.by_header.change_or_insert(name, || (name.clone(), ByValue::default()), of_values);
            }
            Name::Parameter(name) => {
                self.by_parameter.change_or_insert(name, || (name.into(), ByValue::default()), of_values);
            }
        }
    }

    fn find(&self, request: &Request<'_>) -> Option<&CompiledMatch> {
        fn narrow<'m>(
            best: Option<&'m CompiledMatch>,
            values: &'m ByValue,
            value: &[u8],
            request: &Request<'_>,
        ) -> Option<&'m CompiledMatch> {
            values.get(value).map_or(best, |asked| first_that_holds(&asked.found, best, request))
        }
        let by_header = |best, (name, values): (&HeaderName, _)| {
            request.header(name).map_or(best, |value| narrow(best, values, &value, request))
        };
        // Whichever is fewer: the names of the index, or those of the request.
        let best = if self.by_header.len() <= request.headers.len() {
            self.by_header.iter().fold(None, by_header)
        } else {
            // A repeated field is one here: its values are joined.
            let mut seen = SmallVec::<[&HeaderName; 8]>::new();
            let names = request.headers.keys().chain([&HOST]);
            let found = names.filter_map(|name| Some((name, self.by_header.get(name)?)));
            let mut is_new = |name| {
                !seen.contains(&name) && {
                    seen.push(name);
                    true
                }
            };
            found.filter(|(name, _)| is_new(*name)).fold(None, by_header)
        };
        let best = if self.by_parameter.is_empty() {
            best
        } else {
            // A parameter that is not the first of its name may offer more matches; `holds` refuses them.
            let pairs = request.query.into_iter().flat_map(query::pairs);
            pairs.fold(best, |best, (name, value)| {
                let values = self.by_parameter.get(&*query::decode(name));
                values.map_or(best, |values| narrow(best, values, &query::decode(value), request))
            })
        };
        first_that_holds(&self.rest, best, request)
    }
}
