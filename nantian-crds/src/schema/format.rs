//! The `format` keyword, with the formats that the API server checks.

use std::net::{Ipv4Addr, Ipv6Addr};

use serde_json::Value;

/// A format that is checked; others are ignored, as the API server does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Int32,
    Int64,
    DateTime,
    Date,
    Ipv4,
    Ipv6,
    Byte,
    Uuid,
}

impl Format {
    pub(crate) fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "int32" => Self::Int32,
            "int64" => Self::Int64,
            "date-time" => Self::DateTime,
            "date" => Self::Date,
            "ipv4" => Self::Ipv4,
            "ipv6" => Self::Ipv6,
            "byte" => Self::Byte,
            "uuid" => Self::Uuid,
            _ => return None,
        })
    }

    /// What a value must be that is not.
    pub(crate) fn violation(self, value: &Value) -> Option<&'static str> {
        let (valid, want) = match (self, value) {
            (Self::Int32, Value::Number(number)) => (
                number.as_i64().is_some_and(|number| i32::try_from(number).is_ok()),
                "a 32-bit integer (-2147483648 to 2147483647)",
            ),
            (Self::Int64, Value::Number(number)) => (number.as_i64().is_some(), "a 64-bit integer"),
            (Self::DateTime, Value::String(text)) => {
                (is_date_time(text), "a time as in RFC 3339, for example 2026-01-31T12:00:00Z")
            }
            (Self::Date, Value::String(text)) => (is_date(text), "a date as in RFC 3339, for example 2026-01-31"),
            (Self::Ipv4, Value::String(text)) => (text.parse::<Ipv4Addr>().is_ok(), "an IPv4 address"),
            (Self::Ipv6, Value::String(text)) => (text.parse::<Ipv6Addr>().is_ok(), "an IPv6 address"),
            (Self::Byte, Value::String(text)) => (crate::core::secret::decode(text).is_some(), "base64"),
            (Self::Uuid, Value::String(text)) => (is_uuid(text), "a UUID"),
            _ => return None,
        };
        (!valid).then_some(want)
    }
}

/// RFC 3339, section 5.6, `date-time`.
pub(crate) fn is_date_time(text: &str) -> bool {
    let Some((date, time)) = text.split_once(['T', 't', ' ']) else { return false };
    let Some(clock_end) = time.find(['Z', 'z', '+', '-']) else { return false };
    let (clock, zone) = time.split_at(clock_end);
    let (clock, fraction) = match clock.split_once('.') {
        Some((clock, fraction)) => (clock, Some(fraction)),
        None => (clock, None),
    };
    is_date(date)
        && numbers(clock, ':', &[(2, 0, 23), (2, 0, 59), (2, 0, 60)])
        && fraction.is_none_or(|digits| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()))
        && match zone {
            "Z" | "z" => true,
            _ => zone.get(1..).is_some_and(|offset| numbers(offset, ':', &[(2, 0, 23), (2, 0, 59)])),
        }
}

/// RFC 3339, section 5.6, `full-date`.
fn is_date(text: &str) -> bool {
    if !numbers(text, '-', &[(4, 0, 9999), (2, 1, 12), (2, 1, 31)]) {
        return false;
    }
    let mut parts = text.split('-').filter_map(|part| part.parse::<u32>().ok());
    let (Some(year), Some(month), Some(day)) = (parts.next(), parts.next(), parts.next()) else { return false };
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    day <= match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Whether `text` consists of numbers with these widths and ranges.
fn numbers(text: &str, separator: char, expected: &[(usize, u32, u32)]) -> bool {
    let mut parts = text.split(separator);
    expected.iter().all(|(width, low, high)| {
        parts.next().is_some_and(|part| {
            part.len() == *width
                && part.bytes().all(|byte| byte.is_ascii_digit())
                && part.parse::<u32>().is_ok_and(|number| (*low..=*high).contains(&number))
        })
    }) && parts.next().is_none()
}

fn is_uuid(text: &str) -> bool {
    let hex: Vec<usize> = text.split('-').map(str::len).collect();
    let digits = text.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit());
    digits && (hex == [8, 4, 4, 4, 12] || hex == [32])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 3339, section 5.6.
    #[test]
    fn times_are_those_of_rfc_3339() {
        for (text, valid) in [
            ("1970-01-01T00:00:00Z", true),
            ("2026-11-24T23:38:14.123456+08:00", true),
            ("2024-02-29t00:00:00z", true),
            ("2023-02-29T00:00:00Z", false),
            ("2026-13-01T00:00:00Z", false),
            ("2026-01-01T24:00:00Z", false),
            ("2026-01-01", false),
            ("2026-01-01T00:00:00", false),
            ("2026-01-01T00:00:00.Z", false),
            ("2026-01-01T00:00:00+8:00", false),
            ("", false),
            ("é-T", false),
        ] {
            assert_eq!(is_date_time(text), valid, "{text}");
        }
    }
}
