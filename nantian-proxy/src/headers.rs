//! The header section of a message, as a list.
//!
//! A message has a dozen fields. To look at the name of each is cheaper than to hash the one that is wanted, and a list needs no
//! second structure that is filled for each message and emptied again.

use http::{HeaderMap, HeaderName, HeaderValue};

/// Fields in the order in which they came or were added. Its methods are those of [`HeaderMap`], and mean the same.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Headers(Vec<(HeaderName, HeaderValue)>);

impl Headers {
    /// No fields.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// No fields, and room for so many.
    pub fn with_capacity(fields: usize) -> Self {
        Self(Vec::with_capacity(fields))
    }

    /// How many fields there are; those of one name count each.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The first value of a name.
    pub fn get(&self, name: impl AsName) -> Option<&HeaderValue> {
        self.get_all(name).next()
    }

    /// All values of a name, in their order.
    pub fn get_all<N: AsName>(&self, name: N) -> Values<'_, N> {
        Values { fields: self.0.iter(), name }
    }

    /// Whether there is a field of that name.
    pub fn contains_key(&self, name: impl AsName) -> bool {
        self.get(name).is_some()
    }

    /// Adds a field, whatever there is of its name.
    pub fn append(&mut self, name: impl IntoName, value: HeaderValue) {
        self.0.push((name.into_name(), value));
    }

    /// Puts a field in the place of all of its name.
    pub fn insert(&mut self, name: impl IntoName, value: HeaderValue) {
        let name = name.into_name();
        match self.0.iter().position(|(known, _)| *known == name) {
            None => self.append(name, value),
            Some(first) => {
                let mut at = 0;
                self.0.retain(|(known, _)| {
                    at += 1;
                    at <= first + 1 || *known != name
                });
                if let Some((_, replaced)) = self.0.get_mut(first) {
                    *replaced = value;
                }
            }
        }
    }

    /// Takes all fields of a name out; returns the first value.
    pub fn remove(&mut self, name: impl AsName) -> Option<HeaderValue> {
        let first = self.0.iter().position(|(known, _)| name.is(known))?;
        let (_, value) = self.0.remove(first);
        self.0.retain(move |(known, _)| !name.is(known));
        Some(value)
    }

    /// Takes all fields out of which `keep` says no.
    pub fn retain(&mut self, mut keep: impl FnMut(&HeaderName) -> bool) {
        self.0.retain(|(name, _)| keep(name));
    }

    /// The names, as often as there are fields of them.
    pub fn keys(&self) -> impl Iterator<Item = &HeaderName> {
        self.0.iter().map(|(name, _)| name)
    }

    /// Names and values, in their order.
    pub fn iter(&self) -> impl Iterator<Item = (&HeaderName, &HeaderValue)> {
        self.into_iter()
    }
}

/// The values of one name.
#[derive(Debug, Clone)]
pub struct Values<'a, N> {
    fields: std::slice::Iter<'a, (HeaderName, HeaderValue)>,
    name: N,
}

impl<'a, N: AsName> Iterator for Values<'a, N> {
    type Item = &'a HeaderValue;

    fn next(&mut self) -> Option<&'a HeaderValue> {
        self.fields.find(|(name, _)| self.name.is(name)).map(|(_, value)| value)
    }
}

/// What a field is looked up by: a name, or a text in any case.
pub trait AsName {
    /// Whether it is that name.
    fn is(&self, name: &HeaderName) -> bool;
}

impl AsName for HeaderName {
    fn is(&self, name: &HeaderName) -> bool {
        self == name
    }
}

impl AsName for &HeaderName {
    fn is(&self, name: &HeaderName) -> bool {
        *self == name
    }
}

impl AsName for &str {
    fn is(&self, name: &HeaderName) -> bool {
        name.as_str().eq_ignore_ascii_case(self)
    }
}

/// What a field is added by: a name, or a valid one in lower case that the program spells out.
pub trait IntoName {
    /// The name.
    fn into_name(self) -> HeaderName;
}

impl IntoName for HeaderName {
    fn into_name(self) -> HeaderName {
        self
    }
}

impl IntoName for &'static str {
    fn into_name(self) -> HeaderName {
        HeaderName::from_static(self)
    }
}

type Borrowed<'a> = fn(&'a (HeaderName, HeaderValue)) -> (&'a HeaderName, &'a HeaderValue);

impl<'a> IntoIterator for &'a Headers {
    type Item = (&'a HeaderName, &'a HeaderValue);
    type IntoIter = std::iter::Map<std::slice::Iter<'a, (HeaderName, HeaderValue)>, Borrowed<'a>>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter().map(|(name, value)| (name, value))
    }
}

impl FromIterator<(HeaderName, HeaderValue)> for Headers {
    fn from_iter<I: IntoIterator<Item = (HeaderName, HeaderValue)>>(fields: I) -> Self {
        Self(fields.into_iter().collect())
    }
}

impl From<HeaderMap> for Headers {
    fn from(map: HeaderMap) -> Self {
        let mut headers = Self::with_capacity(map.len());
        let mut last = None;
        // A map gives a name with its first value only.
        for (name, value) in map {
            last = name.or(last);
            if let Some(name) = &last {
                headers.append(name.clone(), value);
            }
        }
        headers
    }
}

impl From<Headers> for HeaderMap {
    fn from(headers: Headers) -> Self {
        headers.0.into_iter().collect()
    }
}

#[cfg(test)]
impl std::ops::Index<&str> for Headers {
    type Output = HeaderValue;

    fn index(&self, name: &str) -> &HeaderValue {
        self.get(name).unwrap_or_else(|| panic!("no field {name} in {self:?}"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn value(number: u8) -> HeaderValue {
        HeaderValue::from(u16::from(number))
    }

    fn name(number: u8) -> HeaderName {
        let names = ["accept", "x-a", "x-b", "via"];
        HeaderName::from_static(names[usize::from(number) % names.len()])
    }

    /// The values of each name, in their order.
    fn of_list(headers: &Headers) -> Vec<Vec<HeaderValue>> {
        (0..4).map(|number| headers.get_all(name(number)).cloned().collect()).collect()
    }

    fn of_map(map: &HeaderMap) -> Vec<Vec<HeaderValue>> {
        (0..4).map(|number| map.get_all(name(number)).iter().cloned().collect()).collect()
    }

    proptest! {
        #[test]
        fn a_list_holds_what_a_map_does(steps in proptest::collection::vec((0_u8..4, 0_u8..4, any::<u8>()), 0..20)) {
            let (mut list, mut map) = (Headers::new(), HeaderMap::new());
            for (step, number, of) in steps {
                match step {
                    0 => {
                        list.insert(name(number), value(of));
                        map.insert(name(number), value(of));
                    }
                    1 => prop_assert_eq!(list.remove(name(number)), map.remove(name(number))),
                    _ => {
                        list.append(name(number), value(of));
                        map.append(name(number), value(of));
                    }
                }
                prop_assert_eq!(of_list(&list), of_map(&map));
                prop_assert_eq!(list.len(), map.len());
                prop_assert_eq!(list.contains_key("X-A"), map.contains_key("x-a"));
            }
            prop_assert_eq!(of_list(&Headers::from(map.clone())), of_map(&map));
            prop_assert_eq!(HeaderMap::from(list), map);
        }
    }

    #[test]
    fn fields_keep_their_order_and_one_that_is_replaced_its_place() {
        let mut headers = Headers::new();
        for (at, of) in [(1, 1), (2, 2), (1, 3), (0, 4)] {
            headers.append(name(at), value(of));
        }
        headers.insert(name(1), value(5));
        let left: Vec<_> = headers.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
        assert_eq!(left, ["x-a: 5", "x-b: 2", "accept: 4"]);
    }
}
