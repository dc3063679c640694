//! Raw frames of HTTP/2, by a frame writer and an HPACK writer of our own: every field is a literal that is not indexed.

pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const PRIORITY: u8 = 2;
pub(crate) const RST: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const PUSH_PROMISE: u8 = 5;
pub(crate) const PING: u8 = 6;
pub(crate) const GOAWAY: u8 = 7;
pub(crate) const WINDOW_UPDATE: u8 = 8;
pub(crate) const CONTINUATION: u8 = 9;

pub(crate) const END_STREAM: u8 = 1;
pub(crate) const END_HEADERS: u8 = 4;
pub(crate) const PADDED: u8 = 8;
pub(crate) const PRIORITY_FLAG: u8 = 0x20;
pub(crate) const WHOLE: u8 = END_STREAM | END_HEADERS;

pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("a small frame");
    let mut bytes = length.to_be_bytes()[1..].to_vec();
    bytes.extend([kind, flags]);
    bytes.extend(stream.to_be_bytes());
    bytes.extend(payload);
    bytes
}

pub(crate) type Fields<'a> = &'a [(&'a str, &'a str)];

/// RFC 7541 section 6.2.2, names and values as Latin-1.
pub(crate) fn block(fields: Fields<'_>) -> Vec<u8> {
    let latin = |text: &str| -> Vec<u8> {
        text.chars().map(|letter| u8::try_from(u32::from(letter)).expect("Latin-1")).collect()
    };
    let mut bytes = Vec::new();
    for (name, value) in fields {
        bytes.push(0);
        for text in [latin(name), latin(value)] {
            match text.len() {
                short @ 0..127 => bytes.push(u8::try_from(short).expect("short")),
                long => {
                    bytes.push(127);
                    let mut rest = long - 127;
                    while rest >= 128 {
                        bytes.push(u8::try_from(rest % 128 + 128).expect("seven bits"));
                        rest /= 128;
                    }
                    bytes.push(u8::try_from(rest).expect("seven bits"));
                }
            }
            bytes.extend(text);
        }
    }
    bytes
}
