//! The validity period of an X.509 certificate (RFC 5280 section 4.1.2.5), without the rest of it.

/// `notBefore` and `notAfter` in seconds since 1970, or `None` for what does not look like a certificate.
pub(super) fn of(certificate: &[u8]) -> Option<(i64, i64)> {
    let (_, outer, _) = element(certificate)?;
    let (_, mut fields, _) = element(outer)?;
    // An explicit version ([0]) may come first; then serial number, signature algorithm, issuer, validity.
    let (tag, _, rest) = element(fields)?;
    if tag == 0xa0 {
        fields = rest;
    }
    for _ in 0..3 {
        (_, _, fields) = element(fields)?;
    }
    let (_, validity, _) = element(fields)?;
    let (from_tag, from, rest) = element(validity)?;
    let (to_tag, to, _) = element(rest)?;
    Some((time(from_tag, from)?, time(to_tag, to)?))
}

/// Tag, content and what follows a DER element.
fn element(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (tag, rest) = bytes.split_first()?;
    let (first, rest) = rest.split_first()?;
    let (length, rest) = if first & 0x80 == 0 {
        (usize::from(*first), rest)
    } else {
        let count = usize::from(first & 0x7f);
        let (digits, rest) = rest.split_at_checked(count)?;
        (digits.iter().try_fold(0usize, |sum, digit| sum.checked_mul(256)?.checked_add(usize::from(*digit)))?, rest)
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((*tag, content, rest))
}

/// `UTCTime` (`YYMMDDhhmmssZ`, years from 1950) or `GeneralizedTime` (`YYYYMMDDhhmmssZ`).
fn time(tag: u8, content: &[u8]) -> Option<i64> {
    let text = str::from_utf8(content).ok()?.strip_suffix('Z')?;
    let text = match tag {
        0x17 => {
            let century = if text.get(..2)?.parse::<u8>().ok()? < 50 { "20" } else { "19" };
            format!("{century}{text}")
        }
        0x18 => text.to_owned(),
        _ => return None,
    };
    let part = |range: std::ops::Range<usize>| text.get(range);
    let (date, clock) = (
        format!("{}-{}-{}", part(0..4)?, part(4..6)?, part(6..8)?),
        format!("{}:{}:{}", part(8..10)?, part(10..12)?, part(12..14)?),
    );
    format!("{date}T{clock}Z").parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_second)
}
