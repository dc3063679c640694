//! Query parameters, decoded as `application/x-www-form-urlencoded` (WHATWG URL section 5.1) without copying.

use std::borrow::Cow;

/// The decoded bytes of one name or value.
#[derive(Debug, Clone)]
pub(super) struct Decoded<'q> {
    rest: &'q [u8],
}

impl<'q> Decoded<'q> {
    pub(super) fn new(raw: &'q str) -> Self {
        Self { rest: raw.as_bytes() }
    }
}

impl Iterator for Decoded<'_> {
    type Item = u8;

    fn next(&mut self) -> Option<u8> {
        let (byte, rest) = match self.rest {
            [] => return None,
            [b'%', high, low, rest @ ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                (hex(*high) << 4 | hex(*low), rest)
            }
            [b'+', rest @ ..] => (b' ', rest),
            [byte, rest @ ..] => (*byte, rest),
        };
        self.rest = rest;
        Some(byte)
    }
}

fn hex(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        b'a'..=b'f' => digit - b'a' + 10,
        b'A'..=b'F' => digit - b'A' + 10,
        _ => 0,
    }
}

/// The decoded name or value. Copies only if something is encoded.
pub(super) fn decode(raw: &str) -> Cow<'_, [u8]> {
    if raw.bytes().any(|byte| byte == b'%' || byte == b'+') {
        Cow::Owned(Decoded::new(raw).collect())
    } else {
        Cow::Borrowed(raw.as_bytes())
    }
}

/// The parameters of a query, raw: name and value.
pub(super) fn pairs(query: &str) -> impl Iterator<Item = (&str, &str)> {
    query.split('&').filter(|pair| !pair.is_empty()).map(|pair| pair.split_once('=').unwrap_or((pair, "")))
}

/// The raw value of the first parameter with this (decoded) name.
pub(super) fn first<'q>(query: &'q str, name: &str) -> Option<&'q str> {
    pairs(query).find(|(raw, _)| Decoded::new(raw).eq(name.bytes())).map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(query: &str, name: &str) -> Option<String> {
        first(query, name).map(|raw| String::from_utf8(Decoded::new(raw).collect()).expect("UTF-8"))
    }

    #[test]
    fn names_and_values_are_decoded() {
        assert_eq!(value("a=1&b=2", "b").as_deref(), Some("2"));
        assert_eq!(value("%61=x%20y+z", "a").as_deref(), Some("x y z"));
        assert_eq!(value("a=%2B", "a").as_deref(), Some("+"));
        assert_eq!(value("a=%zz%4", "a").as_deref(), Some("%zz%4"));
        assert_eq!(value("a=b=c", "a").as_deref(), Some("b=c"));
        assert_eq!(value("&&a&", "a").as_deref(), Some(""));
        assert_eq!(value("A=1", "a"), None);
        assert_eq!(value("", ""), None);
    }

    /// `HTTPQueryParamMatch.name`: "implementations should match against the first value of the param".
    #[test]
    fn the_first_of_repeated_parameters_counts() {
        assert_eq!(value("a=1&a=2", "a").as_deref(), Some("1"));
    }
}
