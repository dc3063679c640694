//! Integers (RFC 7541 section 5.1).

use bytes::{BufMut as _, BytesMut};

use super::Malformed;

/// Octets after the prefix that are looked at. No length and no index here needs more than 28 bits.
const MOST_OCTETS: u32 = 4;

/// Reads an integer whose first octet is `first`, of which `prefix` bits belong to it.
pub(crate) fn decode(first: u8, prefix: u32, rest: &mut &[u8]) -> Result<usize, Malformed> {
    let mask = u8::MAX >> (8 - prefix);
    let start = first & mask;
    if start < mask {
        return Ok(usize::from(start));
    }
    let mut value = usize::from(mask);
    for octet in 0..MOST_OCTETS {
        let Some((&byte, after)) = rest.split_first() else { return Err(Malformed("an integer is cut off")) };
        *rest = after;
        value += usize::from(byte & 0x7f) << (7 * octet);
        if byte & 0x80 == 0 {
            return Ok(value);
        }
    }
    Err(Malformed("an integer is too large"))
}

/// Writes an integer behind the bits of `pattern`.
pub(crate) fn encode(out: &mut BytesMut, pattern: u8, prefix: u32, value: usize) {
    let mask = u8::MAX >> (8 - prefix);
    match u8::try_from(value) {
        Ok(small) if small < mask => out.put_u8(pattern | small),
        _ => {
            out.put_u8(pattern | mask);
            let mut rest = value - usize::from(mask);
            while rest >= 0x80 {
                out.put_u8(low_bits(rest) | 0x80);
                rest >>= 7;
            }
            out.put_u8(low_bits(rest));
        }
    }
}

fn low_bits(value: usize) -> u8 {
    u8::try_from(value & 0x7f).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn encoded(pattern: u8, prefix: u32, value: usize) -> BytesMut {
        let mut out = BytesMut::new();
        encode(&mut out, pattern, prefix, value);
        out
    }

    /// RFC 7541 appendix C.1.
    #[test]
    fn the_examples_of_the_rfc() {
        for (prefix, value, bytes) in
            [(5, 10, &[0b01010][..]), (5, 1_337, &[0b11111, 0b1001_1010, 0b1010]), (8, 42, &[0b0010_1010])]
        {
            assert_eq!(encoded(0, prefix, value), bytes);
            let (first, mut rest) = (bytes[0], &bytes[1..]);
            assert_eq!(decode(first, prefix, &mut rest), Ok(value));
            assert!(rest.is_empty());
        }
    }

    #[test]
    fn an_integer_has_a_bound_and_an_end() {
        assert_eq!(decode(0x7f, 7, &mut &[0x80, 0x80][..]), Err(Malformed("an integer is cut off")));
        assert_eq!(decode(0x7f, 7, &mut &[0x80; 20][..]), Err(Malformed("an integer is too large")));
        assert_eq!(decode(0x7f, 7, &mut &[0xff, 0xff, 0xff, 0x7f][..]), Ok(127 + 0x0fff_ffff));
    }

    proptest! {
        #[test]
        fn what_is_written_is_what_is_read(value in 0_usize..0x0fff_ffff, prefix in 1_u32..=8) {
            let bytes = encoded(0, prefix, value);
            let mut rest = &bytes[1..];
            prop_assert_eq!(decode(bytes[0], prefix, &mut rest), Ok(value));
            prop_assert!(rest.is_empty());
        }
    }
}
