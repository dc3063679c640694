//! HPACK as RFC 7541 has it, read strictly: static and dynamic table, Huffman code, changes of the table's size.

use std::collections::{HashMap, VecDeque};
use std::sync::LazyLock;

use super::fields::Fields;

/// `SETTINGS_HEADER_TABLE_SIZE` where nobody says otherwise.
const TABLE_BYTES: usize = 4_096;
/// RFC 7541 section 4.1.
const ENTRY_BYTES: usize = 32;

/// One direction of a connection.
#[derive(Debug)]
pub(crate) struct Decoder {
    entries: VecDeque<(Vec<u8>, Vec<u8>)>,
    bytes: usize,
    limit: usize,
}

impl Default for Decoder {
    fn default() -> Self {
        Self { entries: VecDeque::new(), bytes: 0, limit: TABLE_BYTES }
    }
}

impl Decoder {
    /// The fields of one block, names as they were sent.
    pub(crate) fn decode(&mut self, mut block: &[u8]) -> Result<Fields, &'static str> {
        let mut fields = Vec::new();
        while let Some(&first) = block.first() {
            let field = match first {
                0x80.. => self.entry(integer(&mut block, 7)?)?,
                0x40.. => {
                    let field = self.literal(&mut block, 6)?;
                    self.insert(field.clone());
                    field
                }
                0x20.. => {
                    let limit = integer(&mut block, 5)?;
                    if !fields.is_empty() {
                        return Err("a change of the table's size after a field");
                    }
                    if limit > TABLE_BYTES {
                        return Err("a table larger than the setting");
                    }
                    self.limit = limit;
                    self.evict();
                    continue;
                }
                _ => self.literal(&mut block, 4)?,
            };
            fields.push(field);
        }
        let named = fields.into_iter().map(|(name, value)| {
            String::from_utf8(name).map(|name| (name, value)).map_err(|_| "a field name is no token")
        });
        named.collect()
    }

    fn entry(&self, index: usize) -> Result<(Vec<u8>, Vec<u8>), &'static str> {
        let index = index.checked_sub(1).ok_or("index zero")?;
        if let Some((name, value)) = STATIC.get(index) {
            return Ok((name.as_bytes().to_vec(), value.as_bytes().to_vec()));
        }
        self.entries.get(index - STATIC.len()).cloned().ok_or("an index beyond the tables")
    }

    fn literal(&self, block: &mut &[u8], prefix: u32) -> Result<(Vec<u8>, Vec<u8>), &'static str> {
        let name = match integer(block, prefix)? {
            0 => string(block)?,
            index => self.entry(index)?.0,
        };
        Ok((name, string(block)?))
    }

    fn insert(&mut self, field: (Vec<u8>, Vec<u8>)) {
        self.bytes += cost(&field);
        self.entries.push_front(field);
        self.evict();
    }

    fn evict(&mut self) {
        while self.bytes > self.limit {
            let Some(field) = self.entries.pop_back() else { return };
            self.bytes -= cost(&field);
        }
    }
}

fn cost(field: &(Vec<u8>, Vec<u8>)) -> usize {
    field.0.len() + field.1.len() + ENTRY_BYTES
}

/// RFC 7541 section 5.1.
fn integer(block: &mut &[u8], prefix: u32) -> Result<usize, &'static str> {
    let mut next = || {
        let (&byte, rest) = block.split_first().ok_or("a block ends inside a field")?;
        *block = rest;
        Ok::<_, &'static str>(usize::from(byte))
    };
    let most = (1_usize << prefix) - 1;
    let first = next()? & most;
    if first < most {
        return Ok(first);
    }
    let mut value = most;
    for shift in [0, 7, 14, 21] {
        let byte = next()?;
        value += (byte & 0x7f) << shift;
        if byte < 0x80 {
            return Ok(value);
        }
    }
    Err("an integer is too large")
}

/// RFC 7541 section 5.2.
fn string(block: &mut &[u8]) -> Result<Vec<u8>, &'static str> {
    let coded = block.first().is_some_and(|byte| byte & 0x80 != 0);
    let length = integer(block, 7)?;
    let (text, rest) = block.split_at_checked(length).ok_or("a block ends inside a string")?;
    *block = rest;
    if coded { huffman(text) } else { Ok(text.to_vec()) }
}

/// RFC 7541 section 5.2: padding is less than eight bits, all ones.
fn huffman(coded: &[u8]) -> Result<Vec<u8>, &'static str> {
    let (mut text, mut code, mut length) = (Vec::new(), 0_u32, 0_u8);
    for bit in coded.iter().flat_map(|byte| (0..8).rev().map(move |place| byte >> place & 1)) {
        code = code << 1 | u32::from(bit);
        length += 1;
        if let Some(&letter) = LETTERS.get(&(length, code)) {
            text.push(letter);
            (code, length) = (0, 0);
        } else if length >= 30 {
            return Err("a string has no valid Huffman code");
        }
    }
    if length < 8 && code == (1 << length) - 1 { Ok(text) } else { Err("a string has a wrong padding") }
}

/// RFC 7541 appendix B. The code is canonical: the lengths say it all.
static LETTERS: LazyLock<HashMap<(u8, u32), u8>> = LazyLock::new(|| {
    let mut order: Vec<usize> = (0..LENGTHS.len()).collect();
    order.sort_by_key(|&letter| (LENGTHS[letter], letter));
    let (mut codes, mut code, mut length) = (HashMap::new(), 0_u32, 0);
    for letter in order {
        code <<= LENGTHS[letter] - length;
        length = LENGTHS[letter];
        codes.insert((length, code), u8::try_from(letter).expect("256 letters"));
        code += 1;
    }
    codes
});

#[rustfmt::skip]
const LENGTHS: [u8; 256] = [
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
    6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
    13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
    15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28,
    20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
    22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
    26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
    20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
];

/// RFC 7541 appendix A.
#[rustfmt::skip]
const STATIC: [(&str, &str); 61] = [
    (":authority", ""),
    (":method", "GET"),
    (":method", "POST"),
    (":path", "/"),
    (":path", "/index.html"),
    (":scheme", "http"),
    (":scheme", "https"),
    (":status", "200"),
    (":status", "204"),
    (":status", "206"),
    (":status", "304"),
    (":status", "400"),
    (":status", "404"),
    (":status", "500"),
    ("accept-charset", ""),
    ("accept-encoding", "gzip, deflate"),
    ("accept-language", ""),
    ("accept-ranges", ""),
    ("accept", ""),
    ("access-control-allow-origin", ""),
    ("age", ""),
    ("allow", ""),
    ("authorization", ""),
    ("cache-control", ""),
    ("content-disposition", ""),
    ("content-encoding", ""),
    ("content-language", ""),
    ("content-length", ""),
    ("content-location", ""),
    ("content-range", ""),
    ("content-type", ""),
    ("cookie", ""),
    ("date", ""),
    ("etag", ""),
    ("expect", ""),
    ("expires", ""),
    ("from", ""),
    ("host", ""),
    ("if-match", ""),
    ("if-modified-since", ""),
    ("if-none-match", ""),
    ("if-range", ""),
    ("if-unmodified-since", ""),
    ("last-modified", ""),
    ("link", ""),
    ("location", ""),
    ("max-forwards", ""),
    ("proxy-authenticate", ""),
    ("proxy-authorization", ""),
    ("range", ""),
    ("referer", ""),
    ("refresh", ""),
    ("retry-after", ""),
    ("server", ""),
    ("set-cookie", ""),
    ("strict-transport-security", ""),
    ("transfer-encoding", ""),
    ("user-agent", ""),
    ("vary", ""),
    ("via", ""),
    ("www-authenticate", ""),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(hexadecimal: &str) -> Vec<u8> {
        let digits: Vec<u8> = hexadecimal.bytes().filter(u8::is_ascii_hexdigit).collect();
        digits.chunks(2).map(|pair| u8::from_str_radix(&super::super::text(pair), 16).expect("digits")).collect()
    }

    /// RFC 7541 appendix C.4 and C.6: requests, and answers in a table that evicts.
    #[test]
    fn the_examples_of_the_rfc_are_read() {
        let mut decoder = Decoder::default();
        let read = |decoder: &mut Decoder, block: &str| -> Vec<String> {
            let fields = decoder.decode(&bytes(block)).expect("a valid block");
            fields.into_iter().map(|(name, value)| format!("{name}={}", super::super::text(&value))).collect()
        };
        let first = read(&mut decoder, "8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff");
        assert_eq!(first, [":method=GET", ":scheme=http", ":path=/", ":authority=www.example.com"]);
        let second = read(&mut decoder, "8286 84be 5886 a8eb 1064 9cbf");
        assert_eq!(second[3..], [":authority=www.example.com", "cache-control=no-cache"]);
        let third = read(&mut decoder, "8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf");
        assert_eq!(third[2..], [":path=/index.html", ":authority=www.example.com", "custom-key=custom-value"]);
        assert_eq!(decoder.bytes, 164);
        let mut decoder = Decoder { limit: 256, ..Decoder::default() };
        let first = read(
            &mut decoder,
            "4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d 29ad 1718 \
             63c7 8f0b 97c8 e9ae 82ae 43d3",
        );
        assert_eq!(first[..2], [":status=302", "cache-control=private"]);
        assert_eq!(first[2..], ["date=Mon, 21 Oct 2013 20:13:21 GMT", "location=https://www.example.com"]);
        assert_eq!(read(&mut decoder, "4883 640e ffc1 c0bf")[0], ":status=307");
        assert_eq!((decoder.bytes, decoder.entries.len()), (222, 4));
    }

    #[test]
    fn what_no_encoder_may_write_is_refused() {
        for (block, reason) in [
            ("80", "index zero"),
            ("be", "an index beyond the tables"),
            ("82 3f e1 1f", "a change of the table's size after a field"),
            ("3f e2 1f", "a table larger than the setting"),
            ("ff ff ff ff ff 7f", "an integer is too large"),
            ("00 05 61", "a block ends inside a string"),
            ("00", "a block ends inside a field"),
            ("00 84 ff ff ff ff 00", "a string has no valid Huffman code"),
            // A whole byte of padding, and padding of zeros.
            ("00 82 1f ff 00", "a string has a wrong padding"),
            ("00 81 18 00", "a string has a wrong padding"),
        ] {
            assert_eq!(Decoder::default().decode(&bytes(block)), Err(reason), "{block}");
        }
    }
}
