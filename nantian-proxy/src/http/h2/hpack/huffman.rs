//! The Huffman code of RFC 7541 appendix B. It is canonical: the lengths of its codes say all of it.

use bytes::{BufMut as _, BytesMut};

use super::Malformed;

const EOS: usize = 256;
const LONGEST: usize = 30;
/// Codes up to this length are found by one look into a table.
const SHORT: u32 = 8;

#[rustfmt::skip]
const LENGTHS: [u8; 257] = [
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
    6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
    13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
    15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28,
    20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
    22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
    26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
    20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
    30,
];

/// The code in tables, made by the compiler.
struct Tables {
    /// Code and length of each symbol.
    codes: [(u32, u8); 257],
    /// Symbol and length of the short code that eight bits begin with; length 0: they begin a longer one.
    short: [(u8, u8); 256],
    /// Symbols in the order of their codes.
    symbols: [u16; 257],
    /// For each length, the first code, and how many shorter ones there are.
    first: [(u32, u32); LONGEST + 1],
    /// For each length, the first code after all of that length.
    end: [u32; LONGEST + 1],
}

static TABLES: Tables = tables();

#[expect(clippy::indexing_slicing, clippy::cast_possible_truncation, reason = "runs in the compiler")]
const fn tables() -> Tables {
    let mut tables = Tables {
        codes: [(0, 0); 257],
        short: [(0, 0); 256],
        symbols: [0; 257],
        first: [(0, 0); LONGEST + 1],
        end: [0; LONGEST + 1],
    };
    let (mut code, mut place, mut length) = (0_u32, 0_usize, 1_usize);
    while length <= LONGEST {
        tables.first[length] = (code, place as u32);
        let mut symbol = 0;
        while symbol < LENGTHS.len() {
            if LENGTHS[symbol] as usize == length {
                tables.codes[symbol] = (code, length as u8);
                tables.symbols[place] = symbol as u16;
                if length <= SHORT as usize {
                    let spare = SHORT as usize - length;
                    let mut entry = 0;
                    while entry < 1 << spare {
                        tables.short[((code as usize) << spare) + entry] = (symbol as u8, length as u8);
                        entry += 1;
                    }
                }
                code += 1;
                place += 1;
            }
            symbol += 1;
        }
        tables.end[length] = code;
        code <<= 1;
        length += 1;
    }
    tables
}

/// Appends the text of `input` to `text`.
pub(crate) fn decode(input: &[u8], text: &mut Vec<u8>) -> Result<(), Malformed> {
    // No code is shorter than five bits.
    text.reserve(input.len() * 8 / 5);
    let mut input = input.iter();
    let (mut bits, mut count) = (0_u64, 0_u32);
    loop {
        while count <= 32 {
            let Some(&byte) = input.next() else { break };
            bits = bits << 8 | u64::from(byte);
            count += 8;
        }
        if count == 0 {
            return Ok(());
        }
        let window = window(bits, count, SHORT);
        let (symbol, length) = u8::try_from(window).ok().map_or((0, 0), short);
        if length > 0 && length <= count {
            text.push(symbol);
            count -= length;
            continue;
        }
        // RFC 7541 section 5.2: padding is shorter than eight bits, and all ones.
        if count < 8 && bits & ((1 << count) - 1) == (1 << count) - 1 {
            return Ok(());
        }
        let (symbol, length) = if length == 0 { long(bits, count)? } else { (0, length) };
        if length > count {
            return Err(Malformed("a Huffman code is cut off"));
        }
        text.push(symbol);
        count -= length;
    }
}

/// The next `width` bits; ones stand for what is not there.
fn window(bits: u64, count: u32, width: u32) -> u64 {
    let mask = (1 << width) - 1;
    let window = match count.checked_sub(width) {
        Some(behind) => bits >> behind,
        None => bits << (width - count) | ((1 << (width - count)) - 1),
    };
    window & mask
}

fn short(at: u8) -> (u8, u32) {
    TABLES.short.get(usize::from(at)).map_or((0, 0), |&(symbol, length)| (symbol, u32::from(length)))
}

/// The symbol of a code that is longer than [`SHORT`], and its length.
fn long(bits: u64, count: u32) -> Result<(u8, u32), Malformed> {
    for (length, (&(first, place), &end)) in
        (0_u32..).zip(TABLES.first.iter().zip(&TABLES.end)).skip(SHORT as usize + 1)
    {
        let code = u32::try_from(window(bits, count, length)).unwrap_or(u32::MAX);
        if code < end {
            let place = usize::try_from(place + code.saturating_sub(first)).unwrap_or(usize::MAX);
            let symbol = TABLES.symbols.get(place).copied().and_then(|symbol| u8::try_from(symbol).ok());
            return symbol.map(|symbol| (symbol, length)).ok_or(Malformed("the end of a Huffman text inside of it"));
        }
    }
    Err(Malformed("no Huffman code"))
}

/// Bytes of `text` in this code.
pub(crate) fn encoded_len(text: &[u8]) -> usize {
    let bits: usize = text.iter().map(|&byte| usize::from(code(byte).1)).sum();
    bits.div_ceil(8)
}

fn code(byte: u8) -> (u32, u8) {
    TABLES.codes.get(usize::from(byte)).copied().unwrap_or_default()
}

/// Writes `text` in this code.
pub(crate) fn encode(text: &[u8], out: &mut BytesMut) {
    let (mut bits, mut count) = (0_u64, 0_u32);
    for &byte in text {
        let (code, length) = code(byte);
        bits = bits << length | u64::from(code);
        count += u32::from(length);
        if count >= 32 {
            count -= 32;
            out.put_u32(low_word(bits >> count));
        }
    }
    while count >= 8 {
        count -= 8;
        out.put_u8(low_byte(bits >> count));
    }
    if count > 0 {
        // RFC 7541 section 5.2: the most significant bits of EOS, which are all ones, fill the last octet.
        out.put_u8(low_byte(bits << (8 - count) | (0xff >> count)));
    }
}

fn low_word(bits: u64) -> u32 {
    u32::try_from(bits & 0xffff_ffff).unwrap_or_default()
}

fn low_byte(bits: u64) -> u8 {
    u8::try_from(bits & 0xff).unwrap_or_default()
}

const _: () = assert!(LENGTHS[EOS] as usize == LONGEST, "no symbol is longer than the end");

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decoded(input: &[u8]) -> Result<Vec<u8>, Malformed> {
        let mut text = Vec::new();
        decode(input, &mut text).map(|()| text)
    }

    fn encoded(text: &[u8]) -> BytesMut {
        let mut out = BytesMut::new();
        encode(text, &mut out);
        assert_eq!(out.len(), encoded_len(text));
        out
    }

    /// RFC 7541 appendix C.4 and C.6.
    #[test]
    fn the_examples_of_the_rfc() {
        for (text, code) in [
            ("www.example.com", &b"\xf1\xe3\xc2\xe5\xf2\x3a\x6b\xa0\xab\x90\xf4\xff"[..]),
            ("no-cache", b"\xa8\xeb\x10\x64\x9c\xbf"),
            ("302", b"\x64\x02"),
            ("private", b"\xae\xc3\x77\x1a\x4b"),
            (
                "Mon, 21 Oct 2013 20:13:21 GMT",
                b"\xd0\x7a\xbe\x94\x10\x54\xd4\x44\xa8\x20\x05\x95\x04\x0b\x81\x66\xe0\x82\xa6\x2d\x1b\xff",
            ),
        ] {
            assert_eq!(encoded(text.as_bytes()), code, "{text}");
            assert_eq!(decoded(code).unwrap(), text.as_bytes());
        }
    }

    #[test]
    fn padding_is_shorter_than_eight_bits_and_all_ones() {
        // "0" is five zeros.
        assert_eq!(decoded(&[0b0000_0111]).unwrap(), b"0");
        assert!(decoded(&[0b0000_0110]).is_err(), "not all ones");
        assert!(decoded(&[0b0000_0111, 0xff]).is_err(), "more than seven bits");
        assert!(decoded(&[0xff]).is_err() && decoded(&[0xff; 4]).is_err(), "nothing else");
        assert!(decoded(&[0xff, 0xff, 0xff, 0xfc]).is_err(), "the end inside");
        assert_eq!(decoded(&[]).unwrap(), b"");
    }

    #[test]
    fn every_octet_has_a_code() {
        let text: Vec<u8> = (0..=u8::MAX).chain((0..=u8::MAX).rev()).collect();
        assert_eq!(decoded(&encoded(&text)).unwrap(), text);
    }

    proptest! {
        #[test]
        fn what_is_written_is_what_is_read(text in proptest::collection::vec(any::<u8>(), 0..200)) {
            prop_assert_eq!(decoded(&encoded(&text)), Ok(text));
        }

        #[test]
        fn a_code_has_one_spelling(input in proptest::collection::vec(any::<u8>(), 0..60)) {
            if let Ok(text) = decoded(&input) {
                prop_assert_eq!(&encoded(&text)[..], &input[..]);
            }
        }
    }
}
