//! The query of a request: parameters that are known, each once.

use std::collections::BTreeMap;
use std::str::FromStr;

use percent_encoding::percent_decode_str;

use super::problem::Problem;

/// Bytes of a query.
pub(super) const MAX_QUERY: usize = 4_096;

/// Parameters by name. They are taken out; [`Query::finish`] refuses what is left.
#[derive(Debug, Default)]
pub(super) struct Query(BTreeMap<String, String>);

impl Query {
    /// Reads `name=value&...` (`application/x-www-form-urlencoded`).
    pub(super) fn read(text: Option<&str>) -> Result<Self, Problem> {
        let text = text.unwrap_or_default();
        if text.len() > MAX_QUERY {
            return Err(Problem::bad_request(format!("the query has more than {MAX_QUERY} bytes")));
        }
        let mut parameters = BTreeMap::new();
        for pair in text.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (name, value) = (decoded(&name.replace('+', " "))?, decoded(&value.replace('+', " "))?);
            if parameters.contains_key(&name) {
                return Err(Problem::bad_request(format!("{name}: is given twice")));
            }
            parameters.insert(name, value);
        }
        Ok(Self(parameters))
    }

    pub(super) fn take(&mut self, name: &str) -> Option<String> {
        self.0.remove(name)
    }

    /// Takes a number.
    pub(super) fn number<N: FromStr>(&mut self, name: &str) -> Result<Option<N>, Problem> {
        let Some(text) = self.take(name) else { return Ok(None) };
        let number = text.parse().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()));
        number.map(Some).ok_or_else(|| Problem::bad_request(format!("{name}: {text:?} is not a number from 0 on")))
    }

    /// Nothing else may be given.
    pub(super) fn finish(self, known: &[&str]) -> Result<(), Problem> {
        let Some(name) = self.0.keys().next() else { return Ok(()) };
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        Err(Problem::bad_request(format!("{name}: is not a parameter of this path, which has: {known}")))
    }
}

/// A part of a URI without its percent-encoding.
pub(super) fn decoded(text: &str) -> Result<String, Problem> {
    let decoded = percent_decode_str(text).decode_utf8();
    decoded.map(Into::into).map_err(|_| Problem::bad_request(format!("{text:?} is not UTF-8 once it is decoded")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_values_are_decoded() {
        let mut query = Query::read(Some("hostname=%2A.example.com&name=a+b&&flag")).unwrap();
        assert_eq!(query.take("hostname").as_deref(), Some("*.example.com"));
        assert_eq!(query.take("name").as_deref(), Some("a b"));
        assert_eq!(query.take("flag").as_deref(), Some(""));
        assert!(query.finish(&[]).is_ok());
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        assert!(Query::read(Some("name=%FF")).is_err());
        assert!(Query::read(Some("name=a&na%6De=b")).is_err());
        assert!(Query::read(Some(&"x".repeat(MAX_QUERY))).is_ok());
        assert!(Query::read(Some(&"x".repeat(MAX_QUERY + 1))).is_err());
        for number in ["-1", "+1", "1.5", "", "99999999999999999999999"] {
            let mut query = Query::read(Some(&format!("limit={}", number.replace('+', "%2B")))).unwrap();
            assert!(query.number::<usize>("limit").is_err(), "{number}");
        }
        assert!(Query::read(Some("limi=1")).unwrap().finish(&["limit"]).is_err());
    }
}
