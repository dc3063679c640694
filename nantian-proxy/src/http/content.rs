//! What a message says about its content before there is any.

use http::StatusCode;
use http::header::EXPECT;

use crate::http::Headers;

/// Whether an answer with that status has no content, whatever its fields say (RFC 9110 section 6.4.1).
pub(crate) fn is_bodyless(status: StatusCode) -> bool {
    matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED) || status.is_informational()
}

/// Whether who sends a request waits for 100 before it sends the content (RFC 9110 section 10.1.1).
pub(crate) fn expects_continue(headers: &Headers) -> bool {
    headers.get(EXPECT).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"100-continue"))
}
