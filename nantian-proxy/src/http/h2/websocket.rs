//! WebSocket over HTTP/2 (RFC 8441) as what handlers know: an upgrade of HTTP/1.1.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};

use http::header::{CONNECTION, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, UPGRADE};
use http::{Method, StatusCode};

use crate::http::{Headers, Request};

/// What an extended CONNECT asks for (`:protocol`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    WebSocket,
}

/// Makes a GET with `Upgrade` of an extended CONNECT. False if the request is none.
pub(crate) fn to_upgrade<B>(request: &mut Request<B>) -> bool {
    if request.extensions.remove::<Protocol>().is_none() {
        return false;
    }
    request.method = Method::GET;
    let headers = &mut request.headers;
    headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    // RFC 8441 section 5: HTTP/2 has no key; a backend of HTTP/1.1 needs one.
    if let Ok(key) = HeaderValue::from_str(&key()) {
        headers.insert(SEC_WEBSOCKET_KEY, key);
    }
    true
}

/// Makes the answer to an extended CONNECT of the answer to the upgrade.
pub(crate) fn from_switching(status: &mut StatusCode, headers: &mut Headers) {
    *status = StatusCode::OK;
    headers.remove(SEC_WEBSOCKET_ACCEPT);
}

/// 16 random bytes in base64 (RFC 6455 section 4.1). They guard against caches, not against people.
fn key() -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let random = || RandomState::new().build_hasher().finish();
    let bits = (u128::from(random()) << 64) | u128::from(random());
    let letter = |shift: u32| {
        let index = usize::try_from((bits >> shift) & 63).unwrap_or_default();
        char::from(LETTERS.get(index).copied().unwrap_or(b'A'))
    };
    let mut key: String = (0..21).map(|place| letter(122 - 6 * place)).collect();
    let last = usize::try_from((bits & 3) << 4).unwrap_or_default();
    key.push(char::from(LETTERS.get(last).copied().unwrap_or(b'A')));
    key.push_str("==");
    key
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_key_is_sixteen_bytes_in_base64() {
        let key = super::key();
        assert_eq!(key.len(), 24);
        assert!(key.ends_with("=="));
        assert_ne!(key, super::key());
    }
}
