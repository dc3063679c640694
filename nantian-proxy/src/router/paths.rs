//! Matches of one hostname of one listener, by path.

use super::candidates::Candidates;
use super::condition::{CompiledMatch, Place, Request};
use crate::hash::Map;

/// Matches by path. Lookups follow the order of precedence, so that the first that holds is the answer.
#[derive(Debug)]
pub(super) struct PathTable {
    exact: Map<Box<str>, Candidates>,
    regexes: Candidates,
    /// A trie of path elements. The first node is the prefix `/`.
    nodes: Vec<Node>,
}

#[derive(Debug, Default)]
struct Node {
    parent: Option<usize>,
    children: Map<Box<str>, usize>,
    candidates: Candidates,
}

impl Default for PathTable {
    fn default() -> Self {
        Self { exact: Map::default(), regexes: Candidates::default(), nodes: vec![Node::default()] }
    }
}

impl PathTable {
    /// Adds a match that is weaker than all here.
    pub(super) fn push(&mut self, place: &Place, index: usize) {
        match place {
            Place::Exact(path) => self.exact.entry(path.as_str().into()).or_default().push(index),
            Place::Regex => self.regexes.push(index),
            Place::Prefix(prefix) => {
                let node = self.node(prefix);
                if let Some(node) = self.nodes.get_mut(node) {
                    node.candidates.push(index);
                }
            }
        }
    }

    /// The node of a prefix, made if there is none.
    fn node(&mut self, prefix: &str) -> usize {
        let mut at = 0;
        for element in elements(prefix) {
            let next = self.nodes.len();
            let Some(node) = self.nodes.get_mut(at) else { return 0 };
            let child = *node.children.entry(element.into()).or_insert(next);
            if child == next {
                self.nodes.push(Node { parent: Some(at), ..Node::default() });
            }
            at = child;
        }
        at
    }

    /// Prepares lookups, after the last [`PathTable::push`].
    pub(super) fn finish(&mut self, matches: &[CompiledMatch]) {
        let prefixes = self.nodes.iter_mut().map(|node| &mut node.candidates);
        for candidates in self.exact.values_mut().chain(prefixes).chain([&mut self.regexes]) {
            candidates.finish(matches);
        }
    }

    /// The strongest match that holds.
    pub(super) fn find<'m>(&self, request: &Request<'_>, matches: &'m [CompiledMatch]) -> Option<&'m CompiledMatch> {
        // HTTPRouteRule `matches`: exact paths, then (ours) regular expressions, then the longest prefix.
        let exact = self.exact.get(request.path).and_then(|candidates| candidates.find(request, matches));
        exact
            .or_else(|| self.regexes.find(request, matches))
            .or_else(|| self.prefixes(request.path).find_map(|candidates| candidates.find(request, matches)))
    }

    /// The prefixes of `path`, the longest first.
    fn prefixes(&self, path: &str) -> impl Iterator<Item = &Candidates> {
        let mut deepest = 0;
        for element in elements(path) {
            match self.nodes.get(deepest).and_then(|node| node.children.get(element)) {
                Some(child) => deepest = *child,
                None => break,
            }
        }
        let first = self.nodes.get(deepest);
        let up = std::iter::successors(first, |node| node.parent.and_then(|parent| self.nodes.get(parent)));
        up.map(|node| &node.candidates)
    }
}

/// The elements of a path: what is between slashes. A path that does not begin with a slash has none.
fn elements(path: &str) -> impl Iterator<Item = &str> {
    path.strip_prefix('/').into_iter().flat_map(|rest| rest.split('/'))
}
