//! What the names of a request's fields say, before anything reads their values.

use http::header::{HeaderMap, HeaderName};
use smallvec::SmallVec;

use super::UnderscoreHeaders;
use crate::http::{Headers, hop_by_hop};
use crate::telemetry::{Recorder, UnderscoreAction};

/// Which fields may be there that a stage acts on. One look at every name is cheaper than a lookup of each that might
/// be there, and nearly every request has none of them.
#[expect(clippy::struct_excessive_bools, reason = "a set of facts, not of states")]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Present {
    /// Fields of one connection, see [`hop_by_hop`].
    pub(super) of_one_hop: bool,
    /// `X-Forwarded-*`, `Forwarded` or `X-Real-IP`.
    pub(super) forwarded: bool,
    /// `X-Request-Id`.
    pub(super) request_id: bool,
    /// `Via`.
    pub(super) via: bool,
    /// `Max-Forwards`.
    pub(super) max_forwards: bool,
    /// `Host`.
    pub(super) host: bool,
    /// A name with an underscore.
    pub(super) underscore: bool,
}

impl Present {
    pub(super) fn of(headers: &Headers) -> Self {
        let mut present = Self::default();
        for name in headers.keys().map(HeaderName::as_str) {
            present.of_one_hop |= hop_by_hop::is_of_one_hop(name);
            present.underscore |= name.as_bytes().contains(&b'_');
            match name {
                "host" => present.host = true,
                "via" => present.via = true,
                "max-forwards" => present.max_forwards = true,
                "x-request-id" => present.request_id = true,
                _ => present.forwarded |= tells_of_the_client(name),
            }
        }
        present
    }
}

/// Whether a backend may take what a field says for what a proxy knows of the client: `X-Forwarded-Prefix`,
/// `-Client-Cert`, `-User` and whatever else backends may believe.
pub(super) fn tells_of_the_client(name: &str) -> bool {
    name.starts_with("x-forwarded-") || matches!(name, "forwarded" | "x-real-ip")
}

/// A field name with an underscore that the settings refuse.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refused;

/// Takes fields with an underscore in their name out of a header section. Returns how many that were.
pub(super) fn screen_head(headers: &mut Headers, underscores: UnderscoreHeaders) -> Result<u64, Refused> {
    if underscores == UnderscoreHeaders::Refuse && headers.keys().any(|name| goes(name, underscores)) {
        return Err(Refused);
    }
    let before = headers.len();
    headers.retain(|name| !goes(name, underscores));
    Ok(u64::try_from(before - headers.len()).unwrap_or(u64::MAX))
}

/// The same for a trailer section, which may tell nothing of the client at all: there are backends that merge trailers
/// into the header section.
pub(super) fn screen_trailers(trailers: &mut HeaderMap, underscores: UnderscoreHeaders) -> Result<u64, Refused> {
    take_out(trailers, |name| is_ours(name.as_str()));
    match take_out(trailers, |name| goes(name, underscores)) {
        1.. if underscores == UnderscoreHeaders::Refuse => Err(Refused),
        taken => Ok(taken),
    }
}

/// Counts what became of names with underscores.
pub(super) fn count(recorder: &Recorder, screened: &Result<u64, Refused>) {
    match screened {
        Ok(0) => {}
        Ok(names) => recorder.underscores(UnderscoreAction::Dropped, *names),
        Err(Refused) => recorder.underscores(UnderscoreAction::Refused, 1),
    }
}

fn take_out(trailers: &mut HeaderMap, goes: impl Fn(&HeaderName) -> bool) -> u64 {
    let going: SmallVec<[HeaderName; 4]> = trailers.keys().filter(|name| goes(name)).cloned().collect();
    for name in &going {
        trailers.remove(name);
    }
    u64::try_from(going.len()).unwrap_or(u64::MAX)
}

fn goes(name: &HeaderName, underscores: UnderscoreHeaders) -> bool {
    name.as_str().contains('_') && !is_kept(name.as_str(), underscores)
}

fn is_kept(name: &str, underscores: UnderscoreHeaders) -> bool {
    underscores == UnderscoreHeaders::Keep && {
        let folded = name.replace('_', "-");
        !is_ours(&folded)
            && !hop_by_hop::is_of_one_hop(&folded)
            && !matches!(folded.as_str(), "content-length" | "max-forwards")
    }
}

/// Whether a field is one that we write, or drop, on behalf of the client.
fn is_ours(name: &str) -> bool {
    tells_of_the_client(name) || matches!(name, "x-request-id" | "via")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(names: &[&'static str]) -> Headers {
        names.iter().map(|name| (HeaderName::from_static(name), "1".parse().unwrap())).collect()
    }

    fn left(headers: &Headers) -> Vec<&str> {
        headers.keys().map(HeaderName::as_str).collect()
    }

    #[test]
    fn every_field_that_a_stage_acts_on_is_seen() {
        let of = |name: &'static str| Present::of(&map(&["accept", name]));
        let none = Present::default();
        assert_eq!(of("user-agent"), none);
        assert_eq!(of("host"), Present { host: true, ..none });
        assert_eq!(of("via"), Present { via: true, ..none });
        assert_eq!(of("max-forwards"), Present { max_forwards: true, ..none });
        assert_eq!(of("x-request-id"), Present { request_id: true, ..none });
        for name in ["forwarded", "x-real-ip", "x-forwarded-for", "x-forwarded-anything"] {
            assert_eq!(of(name), Present { forwarded: true, ..none }, "{name}");
        }
        for name in ["connection", "te", "upgrade", "proxy-authorization", "keep-alive"] {
            assert_eq!(of(name), Present { of_one_hop: true, ..none }, "{name}");
        }
        for name in ["x_a", "_", "a_"] {
            assert_eq!(of(name), Present { underscore: true, ..none }, "{name}");
        }
    }

    #[test]
    fn names_with_underscores_are_kept_dropped_or_refused() {
        let sent = || map(&["accept", "x_user", "x-user", "a_b-c"]);
        let mut headers = sent();
        assert_eq!(screen_head(&mut headers, UnderscoreHeaders::Keep), Ok(0));
        assert_eq!(headers, sent());
        assert_eq!(screen_head(&mut headers, UnderscoreHeaders::Drop), Ok(2));
        assert_eq!(left(&headers), ["accept", "x-user"]);
        assert_eq!(screen_head(&mut sent(), UnderscoreHeaders::Refuse), Err(Refused));
        assert_eq!(screen_head(&mut map(&["accept", "x-user"]), UnderscoreHeaders::Refuse), Ok(0));
    }

    #[test]
    fn no_setting_keeps_a_name_that_folds_to_one_of_framing_connection_or_ours() {
        for name in [
            "content_length",
            "transfer_encoding",
            "proxy_connection",
            "keep_alive",
            "proxy_authorization",
            "http2_settings",
            "max_forwards",
            "x_forwarded_for",
            "x-forwarded_proto",
            "x_forwarded-user",
            "x_real_ip",
            "x_request_id",
        ] {
            let mut headers = map(&[name, "x_mine"]);
            assert_eq!(screen_head(&mut headers, UnderscoreHeaders::Keep), Ok(1), "{name}");
            assert_eq!(left(&headers), ["x_mine"]);
        }
    }

    #[test]
    fn trailers_tell_nothing_of_the_client() {
        let sent = || -> HeaderMap {
            map(&["x-checksum", "x-forwarded-for", "forwarded", "x-real-ip", "x-request-id", "via", "x_mine"]).into()
        };
        let left = |trailers: &HeaderMap| trailers.keys().map(ToString::to_string).collect::<Vec<_>>();
        let mut trailers = sent();
        assert_eq!(screen_trailers(&mut trailers, UnderscoreHeaders::Keep), Ok(0));
        assert_eq!(left(&trailers).len(), 2);
        assert_eq!(screen_trailers(&mut trailers, UnderscoreHeaders::Drop), Ok(1));
        assert_eq!(left(&trailers), ["x-checksum"]);
        assert_eq!(screen_trailers(&mut sent(), UnderscoreHeaders::Refuse), Err(Refused));
    }
}
