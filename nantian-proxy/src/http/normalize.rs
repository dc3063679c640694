//! One spelling of paths and hosts, made once, before anything is matched: what is matched is what is forwarded.
//!
//! Pure functions; RFC 3986 sections 5.2.4 and 6.2.2.

use std::borrow::Cow;
use std::net::Ipv6Addr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// What happens to a path that readers disagree about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Ambiguous {
    /// It is forwarded as it is.
    Keep,
    /// It is answered with 400.
    #[default]
    Refuse,
}

/// What happens to an encoded slash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum EncodedSlash {
    /// It is a letter of its segment, and forwarded as it is.
    #[default]
    Keep,
    /// It is answered with 400.
    Refuse,
    /// It becomes a slash before anything is matched or forwarded.
    Decode,
}

/// How paths are normalised. Dot segments (`%2e` included) are always removed, escapes of unreserved characters always
/// decoded, other escapes written in upper case, and invalid escapes refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
#[non_exhaustive]
pub struct PathOptions {
    /// Whether `//` becomes `/`, before dot segments are removed. Default true.
    pub merge_slashes: bool,
    /// `%2F`: a separator for some backends, a letter for others. Default keep.
    pub encoded_slash: EncodedSlash,
    /// `\` and `%5C`: a separator for some backends. Default refuse.
    pub backslash: Ambiguous,
    /// `%00`: the end of the path for some backends. Default refuse.
    pub encoded_nul: Ambiguous,
    /// `%25` and two hexadecimal digits, as in `%252e`: another escape for a backend that decodes twice. Default keep,
    /// never decoded twice.
    pub double_encoding: Ambiguous,
    /// `;`: the begin of a parameter for some backends, which leave it out. Default keep.
    pub parameters: Ambiguous,
    /// A segment that is `.` or `..` only for a reader that takes a kept `%2F`, `%5C` or `\` for a separator, or cuts it
    /// at `;`, `%3B` or `%00`, as in `/..;/` and `/..%2F`. Default refuse.
    pub hidden_dots: Ambiguous,
}

impl Default for PathOptions {
    fn default() -> Self {
        Self {
            merge_slashes: true,
            encoded_slash: EncodedSlash::Keep,
            backslash: Ambiguous::Refuse,
            encoded_nul: Ambiguous::Refuse,
            double_encoding: Ambiguous::Keep,
            parameters: Ambiguous::Keep,
            hidden_dots: Ambiguous::Refuse,
        }
    }
}

/// Why a path is refused; answered with 400.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PathError {
    /// A `%` without two hexadecimal digits.
    #[error("the path has a % that is not followed by two hexadecimal digits")]
    Escape,
    /// See [`PathOptions::encoded_slash`].
    #[error("the path has an encoded slash (%2F), which the listener refuses")]
    EncodedSlash,
    /// See [`PathOptions::backslash`].
    #[error("the path has a backslash, which the listener refuses")]
    Backslash,
    /// See [`PathOptions::encoded_nul`].
    #[error("the path has an encoded NUL (%00), which the listener refuses")]
    EncodedNul,
    /// See [`PathOptions::double_encoding`].
    #[error("the path has an escape that is escaped again (%25 and two digits), which the listener refuses")]
    DoubleEncoding,
    /// See [`PathOptions::parameters`].
    #[error("the path has a parameter (;), which the listener refuses")]
    Parameter,
    /// See [`PathOptions::hidden_dots`].
    #[error("the path has a dot segment that only some readers see, which the listener refuses")]
    HiddenDots,
}

/// The one spelling of an absolute path (without its query). Normalising twice changes nothing.
pub fn path(path: &str, options: PathOptions) -> Result<Cow<'_, str>, PathError> {
    let bytes = path.as_bytes();
    if options.parameters == Ambiguous::Refuse && bytes.contains(&b';') {
        return Err(PathError::Parameter);
    }
    let plain = !bytes.iter().any(|byte| matches!(byte, b'%' | b'\\'))
        && !bytes.windows(2).any(|pair| matches!(pair, b"/." | b"//"));
    if plain {
        return Ok(Cow::Borrowed(path));
    }
    let decoded = escapes(path, options)?;
    if options.double_encoding == Ambiguous::Refuse && is_escaped_twice(&decoded) {
        return Err(PathError::DoubleEncoding);
    }
    if options.hidden_dots == Ambiguous::Refuse && decoded.split('/').any(hides_dots) {
        return Err(PathError::HiddenDots);
    }
    let normal = segments(&decoded, options.merge_slashes);
    Ok(if normal == path { Cow::Borrowed(path) } else { Cow::Owned(normal) })
}

fn escapes(path: &str, options: PathOptions) -> Result<String, PathError> {
    let refuse = |what: Ambiguous, error| if what == Ambiguous::Refuse { Err(error) } else { Ok(()) };
    let mut out = String::with_capacity(path.len());
    let mut rest = path;
    while let Some(at) = rest.find(['%', '\\']) {
        let (before, escape) = rest.split_at(at);
        out.push_str(before);
        if let Some(after) = escape.strip_prefix('\\') {
            refuse(options.backslash, PathError::Backslash)?;
            out.push('\\');
            rest = after;
            continue;
        }
        let code = escape.get(1..3).and_then(|digits| hex(digits.as_bytes())).ok_or(PathError::Escape)?;
        rest = escape.get(3..).unwrap_or_default();
        match code {
            b'/' => match options.encoded_slash {
                EncodedSlash::Keep => {}
                EncodedSlash::Refuse => return Err(PathError::EncodedSlash),
                EncodedSlash::Decode => {
                    out.push('/');
                    continue;
                }
            },
            b'\\' => refuse(options.backslash, PathError::Backslash)?,
            0 => refuse(options.encoded_nul, PathError::EncodedNul)?,
            _ => {}
        }
        if code.is_ascii_alphanumeric() || matches!(code, b'-' | b'.' | b'_' | b'~') {
            out.push(char::from(code));
        } else {
            out.push('%');
            for digit in escape.get(1..3).unwrap_or_default().chars() {
                out.push(digit.to_ascii_uppercase());
            }
        }
    }
    out.push_str(rest);
    Ok(out)
}

/// Judged after one decoding, which makes `%252e` of `%25%32e`.
fn is_escaped_twice(decoded: &str) -> bool {
    let escape = |at: usize| decoded.get(at + 3..at + 5).and_then(|digits| hex(digits.as_bytes()));
    decoded.match_indices("%25").any(|(at, _)| escape(at).is_some())
}

/// Whether a segment that is no dot segment is, or has, one for another reader.
fn hides_dots(segment: &str) -> bool {
    let is_dots = |part: &str| matches!(part, "." | "..");
    let name = |part: &str| {
        let end = [";", "%3B", "%00"].into_iter().filter_map(|cut| part.find(cut)).min().unwrap_or(part.len());
        is_dots(part.get(..end).unwrap_or_default())
    };
    !is_dots(segment)
        && segment.split("%2F").flat_map(|part| part.split("%5C")).flat_map(|part| part.split('\\')).any(name)
}

fn hex(digits: &[u8]) -> Option<u8> {
    let value = |digit: u8| char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok());
    match digits {
        &[high, low] => Some((value(high)? << 4) | value(low)?),
        _ => None,
    }
}

/// RFC 3986 section 5.2.4, on a path that starts with a slash.
fn segments(path: &str, merge_slashes: bool) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let mut segments = path.strip_prefix('/').unwrap_or(path).split('/').peekable();
    while let Some(segment) = segments.next() {
        let last = segments.peek().is_none();
        match segment {
            "." => {}
            ".." => {
                kept.pop();
            }
            "" if merge_slashes && !last => continue,
            _ => {
                kept.push(segment);
                continue;
            }
        }
        // A dot segment at the end leaves its slash.
        if last {
            kept.push("");
        }
    }
    let mut out = String::with_capacity(path.len());
    for segment in &kept {
        out.push('/');
        out.push_str(segment);
    }
    if out.is_empty() {
        out.push('/');
    }
    if merge_slashes && out.starts_with("//") {
        return "/".to_owned();
    }
    out
}

/// A valid `uri-host [":" port]`, as it was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Host<'a> {
    /// Name or address; an IPv6 address in brackets.
    pub name: &'a str,
    /// Port.
    pub port: Option<u16>,
}

impl<'a> Host<'a> {
    /// The name in lower case and without a final dot, as hostnames are compared.
    pub fn normal_name(&self) -> Cow<'a, str> {
        let name = self.name.strip_suffix('.').unwrap_or(self.name);
        if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
            Cow::Owned(name.to_ascii_lowercase())
        } else {
            Cow::Borrowed(name)
        }
    }
}

/// Why a host is refused; answered with 400.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the host is not a name or address with an optional port")]
pub struct HostError;

/// Reads the value of `Host` or `:authority`. User information, percent escapes, an empty name and an empty port are
/// refused (RFC 9110 sections 4.2.1 and 4.2.4).
pub fn host(value: &str) -> Result<Host<'_>, HostError> {
    if value.len() > 255 + 6 {
        return Err(HostError);
    }
    let (name, port) = if value.starts_with('[') {
        let end = value.find(']').ok_or(HostError)?;
        let (name, port) = value.split_at(end + 1);
        let address = name.get(1..end).unwrap_or_default();
        address.parse::<Ipv6Addr>().map_err(|_| HostError)?;
        (name, if port.is_empty() { None } else { Some(port.strip_prefix(':').ok_or(HostError)?) })
    } else {
        // Every host passes here, so by bytes, once: no label is empty but a last one.
        let (mut in_label, mut end) = (false, value.len());
        for (at, byte) in value.bytes().enumerate() {
            match byte {
                b'.' if in_label => in_label = false,
                b'-' | b'_' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' => in_label = true,
                b':' => {
                    end = at;
                    break;
                }
                _ => return Err(HostError),
            }
        }
        let (name, port) = value.split_at(end);
        let port = port.strip_prefix(':');
        if name.is_empty() {
            return Err(HostError);
        }
        (name, port)
    };
    let port = match port {
        None => None,
        Some(port) if port.bytes().all(|byte| byte.is_ascii_digit()) && port.len() <= 5 => {
            Some(port.parse().map_err(|_| HostError)?)
        }
        Some(_) => return Err(HostError),
    };
    Ok(Host { name, port })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const KEEP: PathOptions = PathOptions {
        merge_slashes: true,
        encoded_slash: EncodedSlash::Keep,
        backslash: Ambiguous::Keep,
        encoded_nul: Ambiguous::Keep,
        double_encoding: Ambiguous::Keep,
        parameters: Ambiguous::Keep,
        hidden_dots: Ambiguous::Keep,
    };

    #[test]
    fn equivalent_paths_get_one_spelling() {
        // RFC 3986 sections 5.2.4, 6.2.2.1 to 6.2.2.3.
        for (given, expected) in [
            ("/", "/"),
            ("/a/b", "/a/b"),
            ("/a/./b", "/a/b"),
            ("/a/../b", "/b"),
            ("/a/b/..", "/a/"),
            ("/a/b/.", "/a/b/"),
            ("/..", "/"),
            ("/../../etc/passwd", "/etc/passwd"),
            ("/a/%2e%2e/b", "/b"),
            ("/a/%2E./b", "/b"),
            ("/a/.%2e", "/"),
            ("/%61%7e%5F", "/a~_"),
            ("/a%2fb", "/a%2Fb"),
            ("/%252e%252e/a", "/%252e%252e/a"),
            ("/a%3a%c3%a9", "/a%3A%C3%A9"),
            ("//a///b//", "/a/b/"),
            ("/a//../b", "/b"),
            ("/...", "/..."),
            ("/.a/..b/c.", "/.a/..b/c."),
            ("/a;x=1/../b", "/b"),
            ("/a/..;/b", "/a/..;/b"),
            ("/a\\..\\b", "/a\\..\\b"),
            ("/a%00b", "/a%00b"),
            ("/a//", "/a/"),
            ("//", "/"),
            ("/.", "/"),
            ("/./", "/"),
            ("/.//", "/"),
            ("/a/../", "/"),
            ("/a/..//", "/"),
        ] {
            assert_eq!(path(given, KEEP).as_deref(), Ok(expected), "{given}");
        }
    }

    #[test]
    fn slashes_stay_where_merging_is_off() {
        let options = PathOptions { merge_slashes: false, ..KEEP };
        for (given, expected) in
            [("//a//b", "//a//b"), ("/a//../b", "/a/b"), ("/a/b//", "/a/b//"), ("/a//..", "/a/"), ("/./b", "/b")]
        {
            assert_eq!(path(given, options).as_deref(), Ok(expected), "{given}");
        }
    }

    #[test]
    fn ambiguous_paths_are_refused_where_the_setting_says_so() {
        let refuse = PathOptions {
            encoded_slash: EncodedSlash::Refuse,
            double_encoding: Ambiguous::Refuse,
            parameters: Ambiguous::Refuse,
            ..PathOptions::default()
        };
        for (given, expected) in [
            ("/a%2Fb", PathError::EncodedSlash),
            ("/a\\b", PathError::Backslash),
            ("/a%5cb", PathError::Backslash),
            ("/a%00", PathError::EncodedNul),
            ("/a%", PathError::Escape),
            ("/a%2", PathError::Escape),
            ("/a%zz", PathError::Escape),
            ("/a%+1", PathError::Escape),
            ("/%252e", PathError::DoubleEncoding),
            ("/%252E%252e/a", PathError::DoubleEncoding),
            ("/%252fa", PathError::DoubleEncoding),
            ("/%25%32%65", PathError::DoubleEncoding),
            ("/%25C%44", PathError::DoubleEncoding),
            ("/a;", PathError::Parameter),
            ("/a;x=1/b", PathError::Parameter),
        ] {
            assert_eq!(path(given, refuse), Err(expected), "{given}");
        }
        for kept in ["/100%25", "/100%25x", "/100%25%20", "/a%3Bb"] {
            assert_eq!(path(kept, refuse).as_deref(), Ok(kept));
        }
        assert_eq!(path("/a%2fb", PathOptions::default()).as_deref(), Ok("/a%2Fb"));
        assert_eq!(path("/a;x=1/%252e", PathOptions::default()).as_deref(), Ok("/a;x=1/%252e"));
    }

    #[test]
    fn an_encoded_slash_that_is_decoded_is_a_slash_for_dots_and_merging() {
        let decode = PathOptions { encoded_slash: EncodedSlash::Decode, ..PathOptions::default() };
        for (given, expected) in [
            ("/a%2fb", "/a/b"),
            ("/a%2F..%2f..%2Fb", "/b"),
            ("/a/..%2f..%2fb", "/b"),
            ("/%2f%2Fa", "/a"),
            ("/a%252fb", "/a%252fb"),
            ("/a%2F", "/a/"),
        ] {
            assert_eq!(path(given, decode).as_deref(), Ok(expected), "{given}");
        }
        assert_eq!(path("/a%2F..;x/b", decode), Err(PathError::HiddenDots));
    }

    #[test]
    fn dots_that_only_another_reader_sees_are_refused_unless_kept() {
        let keep = PathOptions { hidden_dots: Ambiguous::Refuse, ..KEEP };
        for given in [
            "/a/..;/b",
            "/a/.;x=1/b",
            "/a/..;",
            "/a/..%3bx/b",
            "/a/..%3B",
            "/a/..%00/b",
            "/a/..%00.txt",
            "/a/..%2fb",
            "/a%2f..%2fb",
            "/a%2F..",
            "/a%2f%2e%2e/b",
            "/a/%2e%2e%2fb",
            "/a\\..\\b",
            "/a%5c..",
            "/a/..%5Cb",
            "/a%2f..;x%2fb",
        ] {
            assert_eq!(path(given, keep), Err(PathError::HiddenDots), "{given}");
        }
        for given in
            ["/a/...;/b", "/a;../b", "/a%2F..b", "/a%2Fb..", "/..a;b", "/a%2F...%2Fb", "/a%3B../b", "/%252e%252e"]
        {
            assert_eq!(path(given, keep).as_deref(), Ok(given));
        }
    }

    #[test]
    fn hosts_are_names_or_addresses_with_an_optional_port() {
        for (given, name, port) in [
            ("example.com", "example.com", None),
            ("Example.COM.", "example.com", None),
            ("example.com:8080", "example.com", Some(8080)),
            ("127.0.0.1:1", "127.0.0.1", Some(1)),
            ("[::1]", "[::1]", None),
            ("[FE80::1]:443", "[fe80::1]", Some(443)),
            ("a_b.c-d", "a_b.c-d", None),
        ] {
            let host = host(given).unwrap();
            assert_eq!((host.normal_name().as_ref(), host.port), (name, port), "{given}");
        }
        for given in [
            "", ".", "a..b", ":80", "a:", "a:x", "a:80:80", "a:65536", "a:+80", "a b", "a/b", "user@a", "a,b", "[::1",
            "::1", "[::1]80", "[::g]", "[]", "%61", "a\\b", "é",
        ] {
            assert_eq!(host(given), Err(HostError), "{given}");
        }
    }

    #[test]
    fn a_host_has_up_to_a_name_and_a_port_of_bytes() {
        assert!(host(&"a".repeat(261)).is_ok());
        assert_eq!(host(&"a".repeat(262)), Err(HostError));
    }

    proptest! {
        #[test]
        fn normalising_twice_changes_nothing(tail in "[/.a%2eEfF5cC\\\\;0]{0,40}") {
            let given = format!("/{tail}");
            let decode = PathOptions { encoded_slash: EncodedSlash::Decode, ..KEEP };
            for options in [KEEP, PathOptions { merge_slashes: false, ..KEEP }, PathOptions::default(), decode] {
                if let Ok(once) = path(&given, options) {
                    let twice = path(&once, options);
                    prop_assert_eq!(twice.as_deref(), Ok(once.as_ref()));
                    prop_assert!(!once.split('/').any(|segment| matches!(segment, "." | "..")));
                    prop_assert!(once.starts_with('/'));
                }
            }
        }

        #[test]
        fn no_text_makes_it_panic(text in any::<String>()) {
            let _ = path(&text, PathOptions::default());
            let _ = host(&text);
        }
    }
}
