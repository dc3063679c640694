//! The examples of RFC 7541 appendix C, bounds, and the other implementation that we know.

use bytes::BytesMut;
use http::header::{AUTHORIZATION, HeaderName, HeaderValue};
use proptest::prelude::*;

use super::*;

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
    digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

/// Fields as text; `None` where name or value is invalid.
fn decoded(decoder: &mut Decoder, block: &[u8]) -> Result<Vec<(String, Option<String>)>, Malformed> {
    let mut fields = Vec::new();
    decoder.decode(block, |field| {
        let value = field.value.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
        fields.push((field.name.as_str().to_owned(), value));
    })?;
    Ok(fields)
}

fn pairs(fields: &[(&str, &str)]) -> Vec<(String, Option<String>)> {
    fields.iter().map(|(name, value)| ((*name).to_owned(), Some((*value).to_owned()))).collect()
}

const FIRST: &[(&str, &str)] =
    &[(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "www.example.com")];
const SECOND: &[(&str, &str)] = &[
    (":method", "GET"),
    (":scheme", "http"),
    (":path", "/"),
    (":authority", "www.example.com"),
    ("cache-control", "no-cache"),
];
const THIRD: &[(&str, &str)] = &[
    (":method", "GET"),
    (":scheme", "https"),
    (":path", "/index.html"),
    (":authority", "www.example.com"),
    ("custom-key", "custom-value"),
];

/// RFC 7541 appendix C.2.
#[test]
fn each_representation_is_decoded() {
    for (hex, name, value) in [
        ("400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572", "custom-key", "custom-header"),
        ("040c 2f73 616d 706c 652f 7061 7468", ":path", "/sample/path"),
        ("1008 7061 7373 776f 7264 0673 6563 7265 74", "password", "secret"),
        ("82", ":method", "GET"),
    ] {
        let mut decoder = Decoder::new(4_096);
        assert_eq!(decoded(&mut decoder, &bytes(hex)), Ok(pairs(&[(name, value)])));
    }
}

/// RFC 7541 appendix C.3 and C.4.
#[test]
fn requests_refer_to_what_came_before_them() {
    for blocks in [
        [
            "8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
            "8286 84be 5808 6e6f 2d63 6163 6865",
            "8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65",
        ],
        [
            "8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff",
            "8286 84be 5886 a8eb 1064 9cbf",
            "8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf",
        ],
    ] {
        let mut decoder = Decoder::new(4_096);
        for (block, fields) in blocks.iter().zip([FIRST, SECOND, THIRD]) {
            assert_eq!(decoded(&mut decoder, &bytes(block)), Ok(pairs(fields)));
        }
    }
}

/// RFC 7541 appendix C.5 and C.6: a table of 256 bytes, from which entries fall.
#[test]
fn answers_push_old_entries_out() {
    let first = &[
        (":status", "302"),
        ("cache-control", "private"),
        ("date", "Mon, 21 Oct 2013 20:13:21 GMT"),
        ("location", "https://www.example.com"),
    ];
    let second = &[
        (":status", "307"),
        ("cache-control", "private"),
        ("date", "Mon, 21 Oct 2013 20:13:21 GMT"),
        ("location", "https://www.example.com"),
    ];
    let third = &[
        (":status", "200"),
        ("cache-control", "private"),
        ("date", "Mon, 21 Oct 2013 20:13:22 GMT"),
        ("location", "https://www.example.com"),
        ("content-encoding", "gzip"),
        ("set-cookie", "foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1"),
    ];
    for blocks in [
        [
            "4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3120 \
             474d 546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
            "4803 3330 37c1 c0bf",
            "88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d 54c0 5a04 677a 6970 7738 \
             666f 6f3d 4153 444a 4b48 514b 425a 584f 5157 454f 5049 5541 5851 5745 4f49 553b 206d 6178 2d61 6765 3d33 \
             3630 303b 2076 6572 7369 6f6e 3d31",
        ],
        [
            "4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d 29ad 1718 \
             63c7 8f0b 97c8 e9ae 82ae 43d3",
            "4883 640e ffc1 c0bf",
            "88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7 821d d7f2 e6c7 \
             b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106 3d50 07",
        ],
    ] {
        let mut decoder = Decoder::new(256);
        for (block, fields) in blocks.iter().zip([&first[..], second, third]) {
            assert_eq!(decoded(&mut decoder, &bytes(block)), Ok(pairs(fields)));
        }
    }
}

#[test]
fn a_table_changes_its_size_at_the_beginning_of_a_block_and_within_our_bound() {
    let mut decoder = Decoder::new(4_096);
    assert_eq!(decoded(&mut decoder, &bytes("4001 6101 62")).unwrap().len(), 1);
    assert_eq!(decoded(&mut decoder, &bytes("be")), Ok(pairs(&[("a", "b")])));
    assert!(decoded(&mut decoder, &bytes("82 20")).is_err(), "inside of a block");
    assert!(decoded(&mut decoder, &bytes("3fe2 1f")).is_err(), "4,097 bytes");
    assert_eq!(decoded(&mut decoder, &bytes("20 3fe1 1f 82")), Ok(pairs(&[(":method", "GET")])));
    assert!(decoded(&mut decoder, &bytes("be")).is_err(), "a table of no bytes forgets");
}

#[test]
fn what_no_message_may_have_is_told_and_keeps_its_place() {
    let mut decoder = Decoder::new(4_096);
    // "A: b", then "a: \r", then the value of the second name in the table again.
    let fields = decoded(&mut decoder, &bytes("4001 4101 62 4001 6101 0d 7e01 63 bf")).unwrap();
    let expected = [("", Some("b")), ("a", None), ("a", Some("c")), ("a", None)];
    let expected: Vec<_> = expected.map(|(name, value)| (name.to_owned(), value.map(str::to_owned))).into();
    assert_eq!(fields, expected);
    for name in ["", ":x", "a:b", "a b", "\"", "\u{e9}"] {
        assert_eq!(Name::read(name.as_bytes()), Name::Invalid, "{name}");
    }
    for value in ["", "b", " b c\t", "\u{e9}"] {
        assert!(entry::value(value.as_bytes()).is_some(), "{value}");
    }
    for value in ["b\nc", "\0", "\x7f"] {
        assert!(entry::value(value.as_bytes()).is_none(), "{value}");
    }
}

#[test]
fn a_bomb_of_references_costs_references_only() {
    let mut decoder = Decoder::new(4_096);
    let mut block = vec![0x40, 1, b'a', 0x7f, 0xa1, 0x1e];
    block.extend([b'x'; 4_000]);
    let (mut count, mut size) = (0, 0);
    decoder.decode(&block, |field| size = field.size).unwrap();
    assert_eq!(size, 4_033);
    let mut first = None;
    decoder
        .decode(&[0xbe; 10_000], |field| {
            count += 1;
            let value = field.value.unwrap();
            let at = first.get_or_insert_with(|| value.clone()).as_bytes().as_ptr();
            assert_eq!(value.as_bytes().as_ptr(), at, "the value was copied");
        })
        .unwrap();
    assert_eq!(count, 10_000);
}

fn encoded(encoder: &mut Encoder, fields: &[(&str, &str)]) -> BytesMut {
    let mut out = BytesMut::new();
    encoder.begin(&mut out);
    for (name, value) in fields {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        encoder.field(&name, &HeaderValue::from_str(value).unwrap(), &mut out);
    }
    out
}

#[test]
fn a_field_that_comes_again_costs_one_octet() {
    let (mut encoder, mut decoder) = (Encoder::default(), Decoder::new(4_096));
    let fields = [("server", "backend"), ("content-type", "text/plain"), ("x-custom", "value")];
    let mut sizes = Vec::new();
    for _ in 0..4 {
        let block = encoded(&mut encoder, &fields);
        assert_eq!(decoded(&mut decoder, &block), Ok(pairs(&fields)));
        sizes.push(block.len());
    }
    assert_eq!((sizes[2], sizes[3]), (3, 3), "{sizes:?}");
}

#[test]
fn values_that_come_once_push_nothing_out() {
    let (mut encoder, mut decoder) = (Encoder::default(), Decoder::new(4_096));
    for number in 0..10_000 {
        let id = format!("{number:032x}");
        let fields = [("server", "backend"), ("x-request-id", id.as_str())];
        let block = encoded(&mut encoder, &fields);
        assert_eq!(decoded(&mut decoder, &block), Ok(pairs(&fields)));
        assert!(number < 2 || block[0] & 0x80 != 0, "{number}: {block:?}");
    }
}

#[test]
fn a_plain_encoder_writes_texts_as_they_are() {
    let fields = [("x-custom", "a value without capitals")];
    let (plain, packed) = (encoded(&mut Encoder::plain(), &fields), encoded(&mut Encoder::default(), &fields));
    assert!(plain.len() > packed.len() && plain.ends_with(b"a value without capitals"), "{plain:?} {packed:?}");
    for block in [plain, packed] {
        assert_eq!(decoded(&mut Decoder::new(4_096), &block), Ok(pairs(&fields)));
    }
}

#[test]
fn what_authenticates_is_never_indexed() {
    let mut sensitive = HeaderValue::from_static("secret");
    sensitive.set_sensitive(true);
    let (plain, custom) = (HeaderValue::from_static("Basic x"), HeaderName::from_static("x-key"));
    let mut encoder = Encoder::default();
    for _ in 0..3 {
        for (name, value) in [(&AUTHORIZATION, &plain), (&custom, &sensitive)] {
            let mut out = BytesMut::new();
            encoder.field(name, value, &mut out);
            assert_eq!(out[0] & 0xf0, 0x10, "{name}");
            let mut decoder = Decoder::new(4_096);
            decoder.decode(&out, |field| assert!(field.value.unwrap().is_sensitive())).unwrap();
        }
    }
}

#[test]
fn a_smaller_table_is_told_before_the_next_block_and_kept_to() {
    let (mut encoder, mut decoder) = (Encoder::default(), Decoder::new(4_096));
    let fields = [("server", "backend")];
    for _ in 0..3 {
        decoded(&mut decoder, &encoded(&mut encoder, &fields)).unwrap();
    }
    encoder.resize(0);
    encoder.resize(100_000);
    let block = encoded(&mut encoder, &fields);
    // RFC 7541 section 4.2: the smallest size, then the last.
    assert_eq!(&block[..4], bytes("20 3fe1 1f"));
    assert_eq!(decoded(&mut decoder, &block), Ok(pairs(&fields)));
    encoder.resize(0);
    for _ in 0..3 {
        assert_eq!(decoded(&mut decoder, &encoded(&mut encoder, &fields)), Ok(pairs(&fields)));
    }
}

proptest! {
    #[test]
    fn what_is_written_is_what_is_read(
        blocks in proptest::collection::vec(
            proptest::collection::vec(("[a-e]{1,2}|server|date|cookie", "[ -~]{0,40}|[a-c]"), 0..12), 1..12),
        sizes in proptest::collection::vec(0_usize..5_000, 12),
    ) {
        let (mut encoder, mut decoder) = (Encoder::default(), Decoder::new(4_096));
        for (fields, size) in blocks.iter().zip(sizes) {
            let fields: Vec<_> = fields.iter().map(|(name, value)| (name.as_str(), value.trim())).collect();
            let block = encoded(&mut encoder, &fields);
            prop_assert_eq!(decoded(&mut decoder, &block), Ok(pairs(&fields)));
            if size < 2_000 {
                encoder.resize(size);
            }
        }
    }

    #[test]
    fn no_block_makes_it_panic(blocks in proptest::collection::vec(
        proptest::collection::vec(any::<u8>(), 0..60), 1..6)) {
        let mut decoder = Decoder::new(4_096);
        for block in blocks {
            let _ = decoded(&mut decoder, &block);
        }
    }
}
