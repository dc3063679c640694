//! The dynamic table (RFC 7541 section 2.3.2): newest first, bounded by size.

use std::collections::VecDeque;

use super::entry::Entry;

/// Entries, and their bound.
#[derive(Debug)]
pub(super) struct Table {
    entries: VecDeque<Entry>,
    size: usize,
    max: usize,
}

impl Table {
    pub(super) fn new(max: usize) -> Self {
        Self { entries: VecDeque::new(), size: 0, max }
    }

    /// The entry that so many newer ones precede.
    pub(super) fn get(&self, newer: usize) -> Option<&Entry> {
        self.entries.get(newer)
    }

    /// RFC 7541 section 4.4: an entry that is larger than the table empties it. Returns whether it was taken.
    pub(super) fn insert(&mut self, entry: Entry) -> bool {
        let fits = entry.size <= self.max;
        self.evict(if fits { self.max - entry.size } else { 0 });
        if fits {
            self.size += entry.size;
            self.entries.push_front(entry);
        }
        fits
    }

    /// RFC 7541 section 4.3.
    pub(super) fn resize(&mut self, max: usize) {
        self.max = max;
        self.evict(max);
    }

    fn evict(&mut self, down_to: usize) {
        while self.size > down_to {
            let Some(oldest) = self.entries.pop_back() else { break };
            self.size -= oldest.size;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::entry::{Name, value};
    use super::*;

    fn entry(text: &str) -> Entry {
        Entry::new(Name::read(text.as_bytes()), text.len(), value(b""), 0)
    }

    fn names(table: &Table) -> Vec<&str> {
        (0..).map_while(|at| table.get(at)).map(|entry| entry.name.as_str()).collect()
    }

    #[test]
    fn the_oldest_make_room_for_the_newest() {
        let mut table = Table::new(66);
        assert!(table.insert(entry("a")) && table.insert(entry("b")));
        assert_eq!(names(&table), ["b", "a"]);
        assert!(table.insert(entry("c")));
        assert_eq!(names(&table), ["c", "b"]);
        table.resize(65);
        assert_eq!(names(&table), ["c"]);
    }

    #[test]
    fn an_entry_that_is_too_large_empties_the_table() {
        let mut table = Table::new(64);
        assert!(table.insert(entry("a")));
        assert!(!table.insert(entry(&"b".repeat(33))));
        assert_eq!((table.entries.len(), table.size, table.max), (0, 0, 64));
    }
}
