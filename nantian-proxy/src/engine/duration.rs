//! Durations in configuration files, as Gateway API spells them (GEP-2257): `1h30m`, `10s`, `250ms`, `0s`.

use std::time::Duration;

use serde::{Deserialize, Deserializer, Serializer};

/// GEP-2257: one to four pairs of a number of up to five digits and a unit of h, m, s or ms.
pub(crate) fn parse(text: &str) -> Option<Duration> {
    let mut rest = text;
    let mut total = Duration::ZERO;
    for _ in 0..4 {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (number, after) = rest.split_at_checked(digits)?;
        if !(1..=5).contains(&digits) {
            return None;
        }
        let number: u64 = number.parse().ok()?;
        let (unit, after) = if let Some(after) = after.strip_prefix("ms") {
            (Duration::from_millis(number), after)
        } else if let Some(after) = after.strip_prefix('h') {
            (Duration::from_secs(number * 3600), after)
        } else if let Some(after) = after.strip_prefix('m') {
            (Duration::from_secs(number * 60), after)
        } else {
            (Duration::from_secs(number), after.strip_prefix('s')?)
        };
        total += unit;
        if after.is_empty() {
            return Some(total);
        }
        rest = after;
    }
    None
}

/// The shortest spelling; parts below a millisecond are lost.
pub(crate) fn format(duration: Duration) -> String {
    use std::fmt::Write as _;

    let millis = duration.as_millis();
    let mut text = String::new();
    for (size, unit) in [(3_600_000, "h"), (60_000, "m"), (1_000, "s"), (1, "ms")] {
        let inside = match unit {
            "h" => millis / size,
            "m" => millis % 3_600_000 / size,
            "s" => millis % 60_000 / size,
            _ => millis % 1_000,
        };
        if inside > 0 {
            // Writing to a String cannot fail.
            let _ = write!(text, "{inside}{unit}");
        }
    }
    if text.is_empty() { "0s".to_owned() } else { text }
}

/// For `#[serde(with = "...")]`.
pub(crate) fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&format(*duration))
}

/// For `#[serde(with = "...")]`.
pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    parse(&text).ok_or_else(|| {
        serde::de::Error::custom(format_args!("{text:?} is not a duration: write for example 10s, 1m30s or 250ms"))
    })
}

/// The same where a duration may be absent: `#[serde(with = "...::option")]`.
pub(crate) mod option {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    #[expect(clippy::ref_option, reason = "serde calls it with a reference to the field")]
    pub(crate) fn serialize<S: Serializer>(duration: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
        match duration {
            Some(duration) => super::serialize(duration, serializer),
            None => serializer.serialize_none(),
        }
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
        #[derive(Deserialize)]
        struct Inner(#[serde(with = "super")] Duration);
        Ok(Option::<Inner>::deserialize(deserializer)?.map(|inner| inner.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// <https://gateway-api.sigs.k8s.io/geps/gep-2257/>
    #[test]
    fn durations_are_spelt_as_gep_2257_says() {
        let millis = |text: &str| parse(text).map(|duration| duration.as_millis());
        assert_eq!(millis("1h"), Some(3_600_000));
        assert_eq!(millis("1h30m"), Some(5_400_000));
        assert_eq!(millis("10s500ms"), Some(10_500));
        assert_eq!(millis("0s"), Some(0));
        for wrong in ["", "1", "s", "1.5s", "-1s", "100000s", "1s1s1s1s1s", "1d", "1 s", "1sx", "99999999999999999999h"]
        {
            assert_eq!(millis(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn a_duration_survives_formatting() {
        for text in ["0s", "1h30m", "10s", "250ms", "1m1ms"] {
            assert_eq!(format(parse(text).expect("a duration")), text);
        }
    }
}
