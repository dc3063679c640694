//! `Via`: who has passed a message on (RFC 9110 section 7.6.3).
//!
//! It tells of protocols and loops, not of the client, so that nobody's entries are dropped: a loop through us would
//! never be seen if the hops of others were strangers.

use http::header::{HeaderValue, VIA};
use http::{HeaderName, Version};

use super::answer::Failure;
use crate::http::Headers;

/// What we call ourselves: RFC 9110 section 7.6.3 allows a pseudonym in place of a host, which is nobody's business.
const PSEUDONYM: &[u8] = b"nantian";
/// How often a request may pass gateways of ours: several in a row are sound, this many are a loop.
const MAX_PASSES: usize = 8;

/// Refuses a request that has passed us too often.
pub(super) fn check_loop(headers: &Headers) -> Result<(), Failure> {
    let entries = headers.get_all(VIA).flat_map(|value| value.as_bytes().split(|&byte| byte == b','));
    let passes = entries.filter(|entry| received_by(entry) == Some(PSEUDONYM)).count();
    if passes < MAX_PASSES { Ok(()) } else { Err(Failure::Loop) }
}

/// `received-protocol RWS received-by`, and maybe a comment.
fn received_by(entry: &[u8]) -> Option<&[u8]> {
    entry.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()).nth(1)
}

/// Appends us. `version`: in which the message came.
pub(super) fn append(headers: &mut Headers, version: Version) {
    const NAME: HeaderName = VIA;
    let entry = match version {
        Version::HTTP_10 => "1.0 nantian",
        Version::HTTP_2 => "2.0 nantian",
        _ => "1.1 nantian",
    };
    headers.append(NAME, HeaderValue::from_static(entry));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn we_are_appended_with_the_version_in_which_the_message_came() {
        let mut headers = Headers::new();
        headers.append(VIA, HeaderValue::from_static("1.0 fred, 1.1 p.example.net (Apache, 1.1)"));
        for version in [Version::HTTP_10, Version::HTTP_11, Version::HTTP_2] {
            append(&mut headers, version);
        }
        let entries: Vec<_> = headers.get_all(VIA).skip(1).collect();
        assert_eq!(entries, ["1.0 nantian", "1.1 nantian", "2.0 nantian"]);
    }

    #[test]
    fn a_request_that_passed_us_too_often_is_a_loop() {
        let via = |entries: &str| [(VIA, HeaderValue::from_str(entries).unwrap())].into_iter().collect::<Headers>();
        let mut headers = via(&["1.1 nantian"; MAX_PASSES - 1].join(", "));
        headers.append(VIA, HeaderValue::from_static("1.1 other (nantian nantian), 1.1 nantian.example, nantian"));
        assert_eq!(check_loop(&headers), Ok(()));
        headers.append(VIA, HeaderValue::from_static("HTTP/2.0\tnantian (by Nantian)"));
        assert_eq!(check_loop(&headers), Err(Failure::Loop));
        assert_eq!(check_loop(&Headers::new()), Ok(()));
    }
}
