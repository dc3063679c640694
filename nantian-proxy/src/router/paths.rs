//! Matches of one hostname of one listener, by path.

use std::sync::Arc;

use smallvec::SmallVec;

use super::candidates::Candidates;
use super::condition::{CompiledMatch, Place, Request};
use crate::shards::Shards;

/// Matches by path. Lookups follow the order of precedence, so that the first that holds is the answer.
#[derive(Debug, Clone, Default)]
pub(super) struct PathTable {
    exact: Shards<Arc<str>, Candidates>,
    regexes: Candidates,
    /// The prefix `/`.
    root: Node,
}

/// A node of a trie of path elements.
#[derive(Debug, Clone, Default)]
struct Node {
    children: Shards<Arc<str>, Arc<Self>>,
    candidates: Candidates,
}

impl PathTable {
    pub(super) fn insert(&mut self, place: &Place<'_>, added: &Arc<CompiledMatch>) {
        match place {
            Place::Exact(path) => {
                let made = || (Arc::from(path.as_ref()), Candidates::default());
                self.exact.change_or_insert(path.as_ref(), made, |candidates| candidates.insert(added));
            }
            Place::Regex => self.regexes.insert(added),
            Place::Prefix(prefix) => self.root.insert(elements(prefix), added),
        }
    }

    pub(super) fn remove(&mut self, place: &Place<'_>, removed: &CompiledMatch) {
        match place {
            Place::Exact(path) => self.exact.change_or_remove(path.as_ref(), |candidates| {
                candidates.remove(removed);
                candidates.is_empty()
            }),
            Place::Regex => self.regexes.remove(removed),
            Place::Prefix(prefix) => self.root.remove(elements(prefix), removed),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.exact.is_empty() && self.regexes.is_empty() && self.root.is_empty()
    }

    /// The strongest match that holds.
    pub(super) fn find(&self, request: &Request<'_>) -> Option<&CompiledMatch> {
        // HTTPRouteRule `matches`: exact paths, then (ours) regular expressions, then the longest prefix.
        let exact = self.exact.get(request.path).and_then(|candidates| candidates.find(request));
        exact.or_else(|| self.regexes.find(request)).or_else(|| self.root.find(elements(request.path), request))
    }

    /// How many shards of its paths, and of those below a prefix, another one does not have.
    #[cfg(test)]
    pub(super) fn unshared(&self, other: &Self, prefix: &str) -> usize {
        let at = |table: &Self| {
            elements(prefix).try_fold(table.root.clone(), |node, element| {
                node.children.get(element).map(|child| Node::clone(child))
            })
        };
        let below = at(self).zip(at(other)).map_or(0, |(own, theirs)| own.children.unshared(&theirs.children));
        self.exact.unshared(&other.exact) + below
    }
}

impl Node {
    fn insert<'e>(&mut self, mut below: impl Iterator<Item = &'e str>, added: &Arc<CompiledMatch>) {
        match below.next() {
            None => self.candidates.insert(added),
            Some(element) => {
                let made = || (element.into(), Arc::default());
                self.children.change_or_insert(element, made, |child| Arc::make_mut(child).insert(below, added));
            }
        }
    }

    fn remove<'e>(&mut self, mut below: impl Iterator<Item = &'e str>, removed: &CompiledMatch) {
        match below.next() {
            None => self.candidates.remove(removed),
            Some(element) => self.children.change_or_remove(element, |child| {
                let child = Arc::make_mut(child);
                child.remove(below, removed);
                child.is_empty()
            }),
        }
    }

    fn is_empty(&self) -> bool {
        self.candidates.is_empty() && self.children.is_empty()
    }

    fn find<'e>(&self, below: impl Iterator<Item = &'e str>, request: &Request<'_>) -> Option<&CompiledMatch> {
        let mut prefixes = SmallVec::<[&Candidates; 8]>::new();
        let mut node = Some(self);
        let mut below = below;
        while let Some(at) = node {
            if !at.candidates.is_empty() {
                prefixes.push(&at.candidates);
            }
            node = below.next().and_then(|element| at.children.get(element)).map(Arc::as_ref);
        }
        // The longest first.
        prefixes.iter().rev().find_map(|candidates| candidates.find(request))
    }
}

/// The elements of a path: what is between slashes. A path that does not begin with a slash has none.
pub(super) fn elements(path: &str) -> impl Iterator<Item = &str> {
    path.strip_prefix('/').into_iter().flat_map(|rest| rest.split('/'))
}
