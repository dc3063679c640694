//! The fields of a head: lines in, a map out, and beside it what was seen on the way, so that nobody has to look up
//! what is not there. No I/O.

use bytes::Bytes;
use http::header::{self, HeaderName, HeaderValue};

use super::head::{Refusal, trim_end, trim_start};
use crate::http::Headers;

/// The fields of a head.
#[derive(Debug, Default)]
pub(crate) struct Fields {
    /// Without `Connection`, where it says no more than `close` or `keep-alive`: that is in `seen`.
    pub(crate) headers: Headers,
    pub(crate) seen: Seen,
}

/// Which of the fields that concern the framing or the connection a head has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Seen(u16);

impl Seen {
    pub(crate) const HOST: Self = Self(1);
    pub(crate) const HOST_AGAIN: Self = Self(1 << 1);
    pub(crate) const CONTENT_LENGTH: Self = Self(1 << 2);
    pub(crate) const TRANSFER_ENCODING: Self = Self(1 << 3);
    /// A `Connection` that says more than the two below.
    pub(crate) const CONNECTION: Self = Self(1 << 4);
    pub(crate) const CLOSE: Self = Self(1 << 5);
    pub(crate) const KEEP_ALIVE: Self = Self(1 << 6);
    /// Either of them.
    pub(crate) const OPTION: Self = Self(Self::CLOSE.0 | Self::KEEP_ALIVE.0);
    pub(crate) const TE: Self = Self(1 << 7);
    pub(crate) const EXPECT: Self = Self(1 << 8);

    /// Whether any of `those` was seen.
    pub(crate) fn any(self, those: Self) -> bool {
        self.0 & those.0 != 0
    }

    fn add(&mut self, name: &HeaderName) {
        let seen = match name.as_str() {
            "host" if self.any(Self::HOST) => Self::HOST_AGAIN,
            "host" => Self::HOST,
            "content-length" => Self::CONTENT_LENGTH,
            "transfer-encoding" => Self::TRANSFER_ENCODING,
            "connection" => Self::CONNECTION,
            "te" => Self::TE,
            "expect" => Self::EXPECT,
            _ => return,
        };
        self.0 |= seen.0;
    }

    /// Notes a whole `Connection` field that has nothing but one of these two options; says whether it was one.
    fn add_option(&mut self, value: &[u8]) -> bool {
        let seen = match value {
            b"keep-alive" | b"Keep-Alive" => Self::KEEP_ALIVE,
            b"close" => Self::CLOSE,
            _ => return false,
        };
        self.0 |= seen.0;
        true
    }
}

/// RFC 9112 section 5: `field-name ":" OWS field-value OWS`, no white space before the colon.
///
/// `room`: for so many more fields, the map does not grow.
pub(crate) fn read(head: &Bytes, lines: &[(usize, usize)], room: usize) -> Result<Fields, Refusal> {
    let mut headers = Headers::with_capacity(lines.len().saturating_add(room));
    let mut seen = Seen::default();
    for &(start, end) in lines {
        let line = head.get(start..end).unwrap_or_default();
        // Names are short: a loop finds their end sooner than a search that prepares itself first.
        let Some(colon) = line.iter().position(|&byte| byte == b':') else {
            return Err(Refusal::bad("a field line has no colon"));
        };
        let (name, value) = line.split_at(colon);
        let value = trim_start(value.get(1..).unwrap_or_default());
        let from = end - value.len();
        let value = trim_end(value);
        let name = name_of(name)?;
        if name == header::CONNECTION && seen.add_option(value) {
            continue;
        }
        seen.add(&name);
        // `HeaderValue` takes HTAB, SP, VCHAR and obs-text, so no CR, no NUL and no other control character.
        let value = HeaderValue::from_maybe_shared(head.slice(from..from + value.len()))
            .map_err(|_| Refusal::bad("a field value has an invalid character"))?;
        headers.append(name, value);
    }
    Ok(Fields { headers, seen })
}

fn name_of(name: &[u8]) -> Result<HeaderName, Refusal> {
    match usual(name) {
        Some(known) => Ok(known),
        None => {
            HeaderName::from_bytes(name).map_err(|_| Refusal::bad("a field name is empty or has an invalid character"))
        }
    }
}

/// The names that nearly every message has, as they are nearly always written: known without a look at each character.
fn usual(name: &[u8]) -> Option<HeaderName> {
    Some(match name.len() {
        4 => match name {
            b"Host" | b"host" => header::HOST,
            b"Date" | b"date" => header::DATE,
            b"ETag" | b"etag" => header::ETAG,
            b"Vary" | b"vary" => header::VARY,
            _ => return None,
        },
        6 => match name {
            b"Accept" | b"accept" => header::ACCEPT,
            b"Cookie" | b"cookie" => header::COOKIE,
            b"Server" | b"server" => header::SERVER,
            _ => return None,
        },
        7 if matches!(name, b"Referer" | b"referer") => header::REFERER,
        10 => match name {
            b"Connection" | b"connection" => header::CONNECTION,
            b"User-Agent" | b"user-agent" => header::USER_AGENT,
            b"Set-Cookie" | b"set-cookie" => header::SET_COOKIE,
            _ => return None,
        },
        12 if matches!(name, b"Content-Type" | b"content-type") => header::CONTENT_TYPE,
        13 => match name {
            b"Cache-Control" | b"cache-control" => header::CACHE_CONTROL,
            b"Authorization" | b"authorization" => header::AUTHORIZATION,
            b"Last-Modified" | b"last-modified" => header::LAST_MODIFIED,
            _ => return None,
        },
        14 if matches!(name, b"Content-Length" | b"content-length") => header::CONTENT_LENGTH,
        15 => match name {
            b"Accept-Encoding" | b"accept-encoding" => header::ACCEPT_ENCODING,
            b"Accept-Language" | b"accept-language" => header::ACCEPT_LANGUAGE,
            _ => return None,
        },
        16 if matches!(name, b"Content-Encoding" | b"content-encoding") => header::CONTENT_ENCODING,
        17 if matches!(name, b"Transfer-Encoding" | b"transfer-encoding") => header::TRANSFER_ENCODING,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_lines(text: &'static str) -> Fields {
        let mut at = 0;
        let lines: Vec<_> = text
            .split_terminator("\r\n")
            .map(|line| {
                let start = at;
                at += line.len() + 2;
                (start, start + line.len())
            })
            .collect();
        read(&Bytes::from_static(text.as_bytes()), &lines, 0).unwrap()
    }

    #[test]
    fn a_usual_name_is_the_one_that_http_reads() {
        let names = "Host Date ETag Vary Accept Cookie Server Referer Connection User-Agent Set-Cookie Content-Type \
            Cache-Control Authorization Last-Modified Content-Length Accept-Encoding Accept-Language Content-Encoding \
            Transfer-Encoding";
        for name in names.split_whitespace() {
            let lower = name.to_ascii_lowercase();
            for spelling in [name, &lower] {
                let known = usual(spelling.as_bytes());
                assert_eq!(known, HeaderName::from_bytes(spelling.as_bytes()).ok(), "{spelling}");
                // A name of the same length is another name, wherever it differs.
                for at in 0..spelling.len() {
                    for byte in [b'~', b'x', b' ', 0] {
                        let mut other = spelling.as_bytes().to_vec();
                        other[at] = byte;
                        assert_eq!(usual(&other), None, "{}", other.escape_ascii());
                        assert_eq!(name_of(&other).ok(), HeaderName::from_bytes(&other).ok());
                    }
                }
            }
        }
        for other in ["HOST", "hosT", "x-a", "Content-Lengt", "Content\rLength", ""] {
            assert_eq!(usual(other.as_bytes()), None, "{other:?}");
        }
    }

    #[test]
    fn a_connection_that_only_closes_or_stays_is_noted_and_left_out() {
        for (text, close, keep_alive, more) in [
            ("Connection: close\r\n", true, false, false),
            ("Connection: keep-alive\r\n", false, true, false),
            ("connection:Keep-Alive \r\nConnection: close\r\n", true, true, false),
            ("Connection: close, x\r\n", false, false, true),
            ("CONNECTION: keep-alive\r\nConnection: x\r\n", false, true, true),
        ] {
            let Fields { headers, seen } = read_lines(text);
            assert_eq!((seen.any(Seen::CLOSE), seen.any(Seen::KEEP_ALIVE)), (close, keep_alive), "{text:?}");
            assert_eq!((seen.any(Seen::CONNECTION), headers.contains_key("connection")), (more, more), "{text:?}");
        }
    }

    #[test]
    fn what_concerns_the_framing_is_seen_however_it_is_spelt() {
        let seen =
            read_lines("HOST: a\r\nhOsT: b\r\nTE: x\r\nexpect: y\r\ncontent-LENGTH: 1\r\ntransfer-Encoding: z\r\n")
                .seen;
        for one in [Seen::HOST_AGAIN, Seen::TE, Seen::EXPECT, Seen::CONTENT_LENGTH, Seen::TRANSFER_ENCODING] {
            assert!(seen.any(one), "{one:?}");
        }
        assert_eq!(read_lines("Host: a\r\nX: Host: b\r\n").seen, Seen::HOST);
    }
}
