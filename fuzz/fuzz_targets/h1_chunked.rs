//! A chunked body has one reading, however its bytes arrive, and another reader finds the same chunks in it.

#![no_main]

use httparse::Status;
use libfuzzer_sys::fuzz_target;
use nantian_proxy::http::h1::fuzzing::{Outcome, dechunk};

/// The data of a chunked body and its length, by the letter of RFC 9112 section 7.1 and with `httparse` for what it reads.
fn reference(input: &[u8]) -> Option<(Vec<u8>, usize)> {
    let (mut data, mut at) = (Vec::new(), 0);
    loop {
        let Ok(Status::Complete((line, size))) = httparse::parse_chunk_size(&input[at..]) else { return None };
        at += line;
        if size == 0 {
            break;
        }
        let size = usize::try_from(size).ok()?;
        data.extend_from_slice(input.get(at..at.checked_add(size)?)?);
        at += size;
        (input.get(at..at + 2)? == b"\r\n").then_some(())?;
        at += 2;
    }
    let mut fields = [httparse::EMPTY_HEADER; 256];
    match httparse::parse_headers(&input[at..], &mut fields) {
        Ok(Status::Complete((trailers, _))) => Some((data, at + trailers)),
        _ => None,
    }
}

fuzz_target!(|input: (u8, &[u8])| {
    let (step, bytes) = input;
    let whole = dechunk(bytes, usize::MAX);
    match (&whole, dechunk(bytes, usize::from(step % 16) + 1)) {
        // Nonsense may be noticed sooner.
        (Outcome::Refused(_), Outcome::Refused(_)) => {}
        (whole, parts) => assert_eq!(*whole, parts, "how bytes arrive changed what they mean"),
    }
    if let Outcome::Complete((data, trailers), length) = whole {
        assert_eq!(reference(bytes), Some((data, length)), "another reader finds other chunks");
        for name in trailers.iter().flat_map(|trailers| trailers.keys()) {
            assert!(!["content-length", "transfer-encoding", "host", "connection"].contains(&name.as_str()), "{name}");
        }
    }
});
