//! The payloads. A table's text is one byte for each character up to U+00FF, with these shorthands:
//! `↵` CR LF, `{P}` a path of this payload, `{S}` a whole request to `/smuggled-...`, `{N}` and `{X}` its length, decimal
//! and hexadecimal, `{Z}` sixteen thousand letters.

pub(crate) mod answers;
pub(crate) mod backends;
pub(crate) mod chunks;
pub(crate) mod connections;
pub(crate) mod frames;
pub(crate) mod framing;
pub(crate) mod hosts;
pub(crate) mod lines;
pub(crate) mod requests;
pub(crate) mod wire;

/// Raw bytes of a client.
#[derive(Debug, Clone)]
pub(crate) struct Payload {
    pub(crate) name: String,
    pub(crate) bytes: Vec<u8>,
}

/// A line of a table.
pub(crate) type Line = (&'static str, &'static str);

pub(crate) fn table(prefix: &str, lines: &[Line]) -> Vec<Payload> {
    lines.iter().map(|(name, text)| payload(&format!("{prefix}/{name}"), text)).collect()
}

pub(crate) fn payload(name: &str, text: &str) -> Payload {
    let id = name.replace(['/', ' '], "-");
    let smuggled = format!("GET /smuggled-{id} HTTP/1.1↵Host: a.test↵↵");
    let length = latin(&smuggled).len();
    let text = text
        .replace("{P}", &format!("/p-{id}"))
        .replace("{N}", &length.to_string())
        .replace("{X}", &format!("{length:x}"))
        .replace("{S}", &smuggled)
        .replace("{Z}", &"z".repeat(16_000));
    Payload { name: name.to_owned(), bytes: latin(&text) }
}

fn latin(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '↵' => bytes.extend_from_slice(b"\r\n"),
            _ => bytes.push(u8::try_from(u32::from(letter)).expect("a table has characters up to U+00FF")),
        }
    }
    bytes
}

/// What no name or value should have around it: controls, space, DEL, and bytes beyond ASCII that some take for space.
pub(crate) const ODD_BYTES: [u8; 39] = [
    0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f, 0x10, 0x11, 0x12,
    0x13, 0x14, 0x15, 0x16, 0x17, 0x18, 0x19, 0x1a, 0x1b, 0x1c, 0x1d, 0x1e, 0x1f, 0x20, 0x22, 0x7f, 0x80, 0x85, 0xa0,
    0xff,
];

/// One payload for each odd byte: `◦` in `text` stands for it.
pub(crate) fn each_odd_byte(name: &str, text: &str) -> Vec<Payload> {
    ODD_BYTES
        .iter()
        .map(|&byte| payload(&format!("{name}/{byte:02x}"), &text.replace('◦', &char::from(byte).to_string())))
        .collect()
}
