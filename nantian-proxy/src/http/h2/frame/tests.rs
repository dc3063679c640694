//! Each type of frame: its sizes, its padding, its place, and that what is written is what is read.

use bytes::{BufMut as _, BytesMut};
use proptest::prelude::*;

use super::*;
use crate::http::h2::reason::Reason;

fn head(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Head {
    Head { length: payload.len(), kind, flags, stream }
}

fn read(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Result<Frame<'_>, FrameError> {
    decode(head(kind, flags, stream, payload), payload)
}

fn fails(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> (Reason, bool) {
    let error = read(kind, flags, stream, payload).unwrap_err();
    (error.reason, error.of_stream)
}

const OF_CONNECTION: bool = false;
const OF_STREAM: bool = true;

#[test]
fn a_head_has_nine_octets_and_a_reserved_bit_that_means_nothing() {
    assert_eq!(Head::read(&[0; 8]), None);
    let bytes = [1, 2, 3, 4, 5, 0x80, 0, 0, 9, 77];
    assert_eq!(Head::read(&bytes), Some(Head { length: 0x01_02_03, kind: 4, flags: 5, stream: 9 }));
}

#[test]
fn frames_of_streams_have_one_and_frames_of_the_connection_have_none() {
    for kind in [kind::DATA, kind::HEADERS, kind::PRIORITY, kind::RST_STREAM, kind::PUSH_PROMISE, kind::CONTINUATION] {
        assert_eq!(fails(kind, 0, 0, &[0; 5]), (Reason::PROTOCOL_ERROR, OF_CONNECTION), "{kind}");
    }
    for kind in [kind::SETTINGS, kind::PING, kind::GOAWAY] {
        assert_eq!(fails(kind, 0, 1, &[0; 8]), (Reason::PROTOCOL_ERROR, OF_CONNECTION), "{kind}");
    }
}

#[test]
fn padding_is_no_data_and_may_not_be_longer_than_its_frame() {
    assert_eq!(read(kind::DATA, flag::END_STREAM, 1, b"hello"), Ok(Frame::Data { data: 0..5, end: true }));
    assert_eq!(read(kind::DATA, flag::PADDED, 1, b"\x02hi\0\0"), Ok(Frame::Data { data: 1..3, end: false }));
    assert_eq!(read(kind::DATA, flag::PADDED, 1, b"\x02\0\0"), Ok(Frame::Data { data: 1..1, end: false }));
    assert_eq!(fails(kind::DATA, flag::PADDED, 1, b"\x03\0\0"), (Reason::PROTOCOL_ERROR, OF_CONNECTION));
    assert_eq!(fails(kind::DATA, flag::PADDED, 1, b""), (Reason::FRAME_SIZE_ERROR, OF_CONNECTION));
    let padded = [1, 0x80, 0, 0, 3, 9, b'x', 0];
    let flags = flag::PADDED | flag::PRIORITY | flag::END_HEADERS;
    let expected = Frame::Headers { block: b"x", end_stream: false, end_headers: true, depends_on: Some(3) };
    assert_eq!(read(kind::HEADERS, flags, 1, &padded), Ok(expected));
    assert_eq!(fails(kind::HEADERS, flag::PRIORITY, 1, &[0; 4]), (Reason::FRAME_SIZE_ERROR, OF_CONNECTION));
}

#[test]
fn frames_of_a_fixed_size_have_that_size() {
    assert_eq!(read(kind::RST_STREAM, 0, 1, &[0, 0, 0, 8]), Ok(Frame::Reset(Reason::CANCEL)));
    assert_eq!(fails(kind::RST_STREAM, 0, 1, &[0; 5]), (Reason::FRAME_SIZE_ERROR, OF_CONNECTION));
    assert_eq!(read(kind::PRIORITY, 0, 1, &[0, 0, 0, 3, 1]), Ok(Frame::Priority { depends_on: 3 }));
    assert_eq!(fails(kind::PRIORITY, 0, 1, &[0; 4]), (Reason::FRAME_SIZE_ERROR, OF_STREAM));
    assert_eq!(read(kind::PING, 0, 0, b"12345678"), Ok(Frame::Ping(*b"12345678")));
    assert_eq!(read(kind::PING, flag::ACK, 0, b"12345678"), Ok(Frame::Pong(*b"12345678")));
    assert_eq!(fails(kind::PING, 0, 0, &[0; 7]), (Reason::FRAME_SIZE_ERROR, OF_CONNECTION));
    assert_eq!(fails(kind::GOAWAY, 0, 0, &[0; 7]), (Reason::FRAME_SIZE_ERROR, OF_CONNECTION));
    assert_eq!(fails(kind::WINDOW_UPDATE, 0, 1, &[0; 3]), (Reason::FRAME_SIZE_ERROR, OF_CONNECTION));
    assert_eq!(fails(kind::WINDOW_UPDATE, 0, 1, &[0x80, 0, 0, 0]), (Reason::PROTOCOL_ERROR, OF_STREAM));
    assert_eq!(fails(kind::WINDOW_UPDATE, 0, 0, &[0; 4]), (Reason::PROTOCOL_ERROR, OF_CONNECTION));
}

#[test]
fn unknown_types_are_no_error_wherever_they_stand() {
    for stream in [0, 1] {
        assert_eq!(read(0xfa, 0xff, stream, b"whatever"), Ok(Frame::Unknown));
    }
}

#[test]
fn settings_have_bounds_and_unknown_ones_are_ignored() {
    let setting = |id: u16, value: u32| [&id.to_be_bytes()[..], &value.to_be_bytes()].concat();
    let fails = |payload: &[u8]| fails(kind::SETTINGS, 0, 0, payload).0;
    assert_eq!(fails(&[0; 5]), Reason::FRAME_SIZE_ERROR);
    assert_eq!(fails(&setting(2, 2)), Reason::PROTOCOL_ERROR);
    assert_eq!(fails(&setting(8, 2)), Reason::PROTOCOL_ERROR);
    assert_eq!(fails(&setting(4, 0x8000_0000)), Reason::FLOW_CONTROL_ERROR);
    assert_eq!(fails(&setting(5, 16_383)), Reason::PROTOCOL_ERROR);
    assert_eq!(fails(&setting(5, 0x0100_0000)), Reason::PROTOCOL_ERROR);
    assert_eq!(read(kind::SETTINGS, 0, 0, &setting(0xabc, 7)), Ok(Frame::Settings(Settings::default())));
    let twice = [setting(3, 1), setting(3, 5)].concat();
    let last = Settings { max_concurrent_streams: Some(5), ..Settings::default() };
    assert_eq!(read(kind::SETTINGS, 0, 0, &twice), Ok(Frame::Settings(last)));
    let error = read(kind::SETTINGS, flag::ACK, 0, &twice).unwrap_err();
    assert_eq!(error.reason, Reason::FRAME_SIZE_ERROR);
}

/// All frames in `bytes`, with the payload of DATA.
fn all(mut bytes: &[u8]) -> Vec<(u32, Frame<'_>)> {
    let mut frames = Vec::new();
    while let Some(head) = Head::read(bytes) {
        let (frame, rest) = bytes.split_at(HEAD + head.length);
        frames.push((head.stream, decode(head, &frame[HEAD..]).unwrap()));
        bytes = rest;
    }
    assert!(bytes.is_empty());
    frames
}

#[test]
fn a_long_field_block_is_continued() {
    let block: Vec<u8> = (0..40_000_u32).map(|byte| byte.to_be_bytes()[3]).collect();
    let mut out = BytesMut::new();
    put_headers(&mut out, 5, &block, true);
    let mut together = Vec::new();
    for (index, (stream, frame)) in all(&out).into_iter().enumerate() {
        assert_eq!(stream, 5);
        match frame {
            Frame::Headers { block, end_stream: true, end_headers: false, depends_on: None } if index == 0 => {
                together.extend_from_slice(block);
            }
            Frame::Continuation { block, end_headers } => {
                assert_eq!(end_headers, index == 2);
                together.extend_from_slice(block);
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(together, block);
}

proptest! {
    #[test]
    fn what_is_written_is_what_is_read(
        stream in 1_u32..=MAX_STREAM, number in 1_u32..=MAX_WINDOW, code in any::<u32>(), payload in any::<[u8; 8]>(),
        data in proptest::collection::vec(any::<u8>(), 0..100), end in any::<bool>(),
        size in 16_384_u32..0x0100_0000, table in any::<Option<u32>>(), push in any::<Option<bool>>(),
    ) {
        let settings = Settings {
            header_table_size: table, enable_push: push, max_frame_size: Some(size), ..Settings::default()
        };
        let mut out = BytesMut::new();
        put_settings(&mut out, &settings);
        put_settings_ack(&mut out);
        put_ping(&mut out, payload, false);
        put_ping(&mut out, payload, true);
        put_headers(&mut out, stream, &data, end);
        put_data_head(&mut out, stream, data.len(), end);
        out.put_slice(&data);
        put_window_update(&mut out, stream, number);
        put_reset(&mut out, stream, code.into());
        put_go_away(&mut out, stream, code.into());
        let expected = vec![
            (0, Frame::Settings(settings)),
            (0, Frame::SettingsAck),
            (0, Frame::Ping(payload)),
            (0, Frame::Pong(payload)),
            (stream, Frame::Headers { block: &data, end_stream: end, end_headers: true, depends_on: None }),
            (stream, Frame::Data { data: 0..data.len(), end }),
            (stream, Frame::WindowUpdate(number)),
            (stream, Frame::Reset(code.into())),
            (0, Frame::GoAway { last: stream, reason: code.into() }),
        ];
        prop_assert_eq!(all(&out), expected);
    }

    #[test]
    fn no_payload_makes_it_panic(kind in any::<u8>(), flags in any::<u8>(), stream in 0_u32..3,
                                 payload in proptest::collection::vec(any::<u8>(), 0..40)) {
        let head = Head { length: payload.len(), kind, flags, stream };
        if let Ok(Frame::Data { data, .. }) = decode(head, &payload) {
            prop_assert!(payload.get(data).is_some());
        }
    }
}
