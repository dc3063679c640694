//! What an unquoted word means: the rules of go-yaml v2 (`resolve.go`), which Kubernetes reads YAML with.

use serde_json::{Number, Value};

/// Meaning of a plain scalar without a tag. The error names a value that JSON cannot hold.
pub(super) fn resolve(text: &str) -> Result<Value, &'static str> {
    match text {
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => Ok(Value::Bool(true)),
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => Ok(Value::Bool(false)),
        "" | "~" | "null" | "Null" | "NULL" => Ok(Value::Null),
        ".nan" | ".NaN" | ".NAN" => Err("not a number (.nan)"),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" | "-.inf" | "-.Inf" | "-.INF" => Err("infinity (.inf)"),
        _ => Ok(number(text).unwrap_or_else(|| Value::from(text))),
    }
}

fn number(text: &str) -> Option<Value> {
    if !text.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c)) || is_date(text) {
        return None;
    }
    let plain = text.replace('_', "");
    if !text.starts_with('.')
        && let Some(integer) = integer(&plain)
    {
        return Some(integer);
    }
    let float = if is_float(&plain) { plain.parse::<f64>().ok().filter(|float| float.is_finite()) } else { None };
    // JSON that came through Go has whole floats as integers.
    float
        .and_then(
            |float| if float.fract() == 0.0 && float.abs() < 1e15 { whole(float) } else { Number::from_f64(float) },
        )
        .map(Value::Number)
}

fn whole(float: f64) -> Option<Number> {
    format!("{float:.0}").parse::<i64>().ok().map(Number::from)
}

/// `strconv.ParseInt` with base 0: `0x`, `0o`, `0b`, and a leading zero is octal.
fn integer(text: &str) -> Option<Value> {
    let (negative, digits) = match text.as_bytes() {
        [b'-', ..] => (true, text.get(1..)?),
        [b'+', ..] => (false, text.get(1..)?),
        _ => (false, text),
    };
    let lower = digits.to_ascii_lowercase();
    let (radix, digits) = match lower.as_bytes() {
        [b'0', b'x', ..] => (16, lower.get(2..)?),
        [b'0', b'b', ..] => (2, lower.get(2..)?),
        [b'0', b'o', ..] => (8, lower.get(2..)?),
        [b'0', _, ..] => (8, lower.get(1..)?),
        _ => (10, lower.as_str()),
    };
    if digits.is_empty() || !digits.chars().all(|c| c.is_digit(radix)) {
        return None;
    }
    if negative {
        i64::from_str_radix(&format!("-{digits}"), radix).ok().map(Value::from)
    } else {
        u64::from_str_radix(digits, radix).ok().map(Value::from)
    }
}

/// `^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$`
fn is_float(text: &str) -> bool {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent.strip_prefix(['-', '+']).unwrap_or(exponent))),
        None => (unsigned, None),
    };
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let mantissa_ok = digits(whole) && digits(fraction) && !(whole.is_empty() && fraction.is_empty());
    mantissa_ok && exponent.is_none_or(|exponent| !exponent.is_empty() && digits(exponent))
}

/// Dates and times stay text.
fn is_date(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() >= 8 && bytes.iter().take(4).all(u8::is_ascii_digit) && bytes.get(4) == Some(&b'-')
}
