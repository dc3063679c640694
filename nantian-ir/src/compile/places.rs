//! Where the fields of an object stand in its text: held for as long as the object, and asked for when something is told of it.

use std::iter;
use std::sync::Arc;

use crate::yaml::Positions;

/// Paths with line and column, packed: a tenth of what a map of them takes, which would be most of an object.
///
/// Paths are sorted. Of each there are, as numbers of seven bits in a byte: how many bytes it begins with as the path before
/// it, how many follow, these, how many lines it is below that one, its column.
#[derive(Clone, PartialEq, Eq, Default)]
pub(super) struct Places(Arc<[u8]>);

impl Places {
    pub(super) fn of(positions: &Positions) -> Self {
        let (mut bytes, mut before, mut line_before) = (Vec::new(), "", 0);
        for (path, (line, column)) in positions {
            let shared = iter::zip(path.bytes(), before.bytes()).take_while(|(one, other)| one == other).count();
            let rest = path.as_bytes().get(shared..).unwrap_or_default();
            put(&mut bytes, length(shared));
            put(&mut bytes, length(rest.len()));
            bytes.extend_from_slice(rest);
            put(&mut bytes, zigzag(i64::from(*line) - line_before));
            put(&mut bytes, (*column).into());
            (before, line_before) = (path, i64::from(*line));
        }
        if bytes.is_empty() { Self::default() } else { Self(bytes.into()) }
    }

    /// Line and column of a field, or of the nearest one around it that has a place.
    pub(super) fn nearest(&self, field: &str) -> Option<(u32, u32)> {
        let field = field.as_bytes();
        let mut reading = Reading { rest: &self.0, path: Vec::new(), line: 0 };
        let mut nearest = None;
        while let Some(place) = reading.next() {
            let path = &reading.path[..];
            match field.strip_prefix(path) {
                // Those around it come in the order of their depth, and the field itself after them.
                Some([]) => return Some(place),
                Some([b'.' | b'[', ..]) => nearest = Some(place),
                // The object itself is around everything.
                Some(_) if path.is_empty() => nearest = Some(place),
                _ if path > field => break,
                _ => {}
            }
        }
        nearest
    }
}

struct Reading<'b> {
    rest: &'b [u8],
    path: Vec<u8>,
    line: i64,
}

impl Reading<'_> {
    /// The place of the next path.
    fn next(&mut self) -> Option<(u32, u32)> {
        let shared = usize::try_from(self.number()?).ok()?;
        let length = usize::try_from(self.number()?).ok()?;
        let (own, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        self.path.truncate(shared);
        self.path.extend_from_slice(own);
        self.line = self.line.checked_add(unzigzag(self.number()?))?;
        let column = self.number()?;
        Some((u32::try_from(self.line).ok()?, u32::try_from(column).ok()?))
    }

    fn number(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..u64::BITS).step_by(7) {
            let (byte, rest) = self.rest.split_first()?;
            self.rest = rest;
            number |= u64::from(byte & 0x7f) << shift;
            if *byte < 0x80 {
                return Some(number);
            }
        }
        None
    }
}

/// Seven bits in a byte, the lowest first; all but the last have the highest bit.
fn put(bytes: &mut Vec<u8>, mut number: u64) {
    loop {
        let [low, ..] = number.to_le_bytes();
        number >>= 7;
        if number == 0 {
            bytes.push(low & 0x7f);
            return;
        }
        bytes.push(low | 0x80);
    }
}

/// Small numbers of either sign as small ones.
fn zigzag(number: i64) -> u64 {
    ((number << 1) ^ (number >> 63)).cast_unsigned()
}

fn unzigzag(number: u64) -> i64 {
    (number >> 1).cast_signed() ^ -(number & 1).cast_signed()
}

fn length(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::collection::btree_map;
    use proptest::prelude::*;

    use super::*;

    /// As it is said: the field, what is around it, the object.
    fn in_map(positions: &Positions, field: &str) -> Option<(u32, u32)> {
        let mut path = field;
        loop {
            match (positions.get(path), path) {
                (Some(place), _) => return Some(*place),
                (None, "") => return None,
                _ => path = path.rfind(['.', '[']).and_then(|end| path.get(..end)).unwrap_or(""),
            }
        }
    }

    fn paths() -> impl Strategy<Value = String> {
        prop_oneof![3 => "([ab](\\.[ab\u{e9}]{1,2}|\\[[0-2]\\]){0,4})?", 1 => "[ab.\\[\\]]{0,8}"]
    }

    fn numbers() -> impl Strategy<Value = u32> {
        prop_oneof![0..200u32, any::<u32>()]
    }

    proptest! {
        #[test]
        fn a_field_is_at_the_same_place_as_in_the_map(
            positions in btree_map(paths(), (numbers(), numbers()), 0..24),
            fields in proptest::collection::vec(paths(), 8),
        ) {
            let places = Places::of(&positions);
            for field in positions.keys().chain(&fields) {
                prop_assert_eq!(places.nearest(field), in_map(&positions, field), "{}", field);
            }
        }

        #[test]
        fn other_places_are_not_equal(
            one in btree_map(paths(), (numbers(), numbers()), 0..4),
            other in btree_map(paths(), (numbers(), numbers()), 0..4),
        ) {
            prop_assert_eq!(Places::of(&one) == Places::of(&other), one == other);
        }

        #[test]
        fn whatever_the_bytes_are_a_place_is_found_or_not(bytes: Vec<u8>, field in paths()) {
            let _found = Places(bytes.into()).nearest(&field);
        }
    }
}
