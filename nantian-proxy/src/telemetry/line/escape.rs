//! Strings of strangers, harmless.

use std::array;

/// Writes what stands between the quotes of a JSON string (RFC 8259, section 7), `\u{fffd}` for what is not UTF-8.
pub(super) fn json(out: &mut Vec<u8>, text: &[u8]) {
    if is_plain(text) {
        return out.extend_from_slice(text);
    }
    for chunk in text.utf8_chunks() {
        runs(out, chunk.valid().as_bytes(), json_needs_escape, json_escape);
        if !chunk.invalid().is_empty() {
            out.extend_from_slice("\u{fffd}".as_bytes());
        }
    }
}

/// Writes printable ASCII as it is but for quotes and backslashes, everything else as `\xNN`.
pub(super) fn text(out: &mut Vec<u8>, text: &[u8]) {
    if is_plain(text) {
        return out.extend_from_slice(text);
    }
    runs(out, text, text_needs_escape, |out, byte| {
        out.extend_from_slice(b"\\x");
        hexadecimal(out, byte);
    });
}

/// Copies what needs no escape in runs, and writes what does by `escape`.
fn runs(out: &mut Vec<u8>, text: &[u8], needs_escape: fn(u8) -> bool, escape: impl Fn(&mut Vec<u8>, u8)) {
    for run in text.split_inclusive(|byte| needs_escape(*byte)) {
        match run.split_last() {
            Some((last, plain)) if needs_escape(*last) => {
                out.extend_from_slice(plain);
                escape(out, *last);
            }
            _ => out.extend_from_slice(run),
        }
    }
}

/// Whether every byte is printable ASCII, and neither a quote nor a backslash. Looks at eight bytes at once: nearly all that is
/// logged is plain.
fn is_plain(text: &[u8]) -> bool {
    let (words, _) = text.as_chunks::<8>();
    // The last eight, some of them a second time; of fewer, the first and the last four, or what there is and blanks.
    let last = match (text.last_chunk::<8>(), text.first_chunk::<4>(), text.last_chunk::<4>()) {
        (Some(last), ..) => u64::from_le_bytes(*last),
        (None, Some(first), Some(last)) => {
            u64::from(u32::from_le_bytes(*first)) << 32 | u64::from(u32::from_le_bytes(*last))
        }
        _ => u64::from_le_bytes(array::from_fn(|at| text.get(at).copied().unwrap_or(b' '))),
    };
    let found = words.iter().fold(0, |found, word| found | not_plain(u64::from_le_bytes(*word)));
    found | not_plain(last) == 0
}

/// Not 0 if one of eight bytes is a control character, a quote, a backslash or not ASCII: then the high bit of a byte is set, in
/// itself or in what is left of it. A byte takes a carry or a borrow only from one that was found.
fn not_plain(word: u64) -> u64 {
    const EACH: u64 = u64::from_le_bytes([1; 8]);
    const HIGH: u64 = EACH << 7;
    let below = |word: u64, limit: u8| word.wrapping_sub(EACH * u64::from(limit));
    let is = |byte: u8| below(word ^ (EACH * u64::from(byte)), 1);
    (word | word.wrapping_add(EACH) | below(word, b' ') | is(b'"') | is(b'\\')) & HIGH
}

fn json_needs_escape(byte: u8) -> bool {
    matches!(byte, ..b' ' | b'"' | b'\\')
}

fn text_needs_escape(byte: u8) -> bool {
    !matches!(byte, b' '..=b'~') || matches!(byte, b'"' | b'\\')
}

fn json_escape(out: &mut Vec<u8>, byte: u8) {
    let short = match byte {
        b'"' => b'"',
        b'\\' => b'\\',
        0x08 => b'b',
        b'\t' => b't',
        b'\n' => b'n',
        0x0c => b'f',
        b'\r' => b'r',
        _ => {
            out.extend_from_slice(b"\\u00");
            return hexadecimal(out, byte);
        }
    };
    out.extend_from_slice(&[b'\\', short]);
}

fn hexadecimal(out: &mut Vec<u8>, byte: u8) {
    out.extend_from_slice(&[byte >> 4, byte & 15].map(digit));
}

/// A hexadecimal digit.
pub(super) fn digit(value: u8) -> u8 {
    if value < 10 { b'0' + value } else { b'a' + value - 10 }
}
