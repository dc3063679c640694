//! What single fields, targets and lines may be.

use std::collections::BTreeMap;

use super::{Side, text};

/// Fields in their order: lower-case name, value without white space around it.
pub(crate) type Fields = Vec<(String, Vec<u8>)>;

/// How a body ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Framing {
    None,
    Length(usize),
    Chunked,
    UntilClose,
}

/// Values by name, joined with `, ` where there are several.
pub(crate) type Joined = BTreeMap<String, String>;

/// Fields by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seen(pub(crate) Joined);

impl Seen {
    pub(crate) fn of(fields: &Fields) -> Self {
        let mut joined = Joined::new();
        for (name, value) in fields {
            let value = text(value);
            joined.entry(name.clone()).and_modify(|all| all.extend([", ", &value])).or_insert(value);
        }
        Self(joined)
    }
}

/// RFC 9110 section 5.6.2.
pub(crate) fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// All values of a field.
fn values<'a>(fields: &'a Fields, name: &str) -> Vec<&'a [u8]> {
    fields.iter().filter(|(found, _)| found == name).map(|(_, value)| value.as_slice()).collect()
}

/// The first value of a field, as text.
pub(crate) fn value_of(fields: &Fields, name: &str) -> Option<String> {
    values(fields, name).first().map(|value| text(value))
}

/// The members of a list field, lower case.
pub(crate) fn list(fields: &Fields, name: &str) -> Vec<String> {
    let all = values(fields, name);
    all.iter()
        .flat_map(|value| value.split(|&byte| byte == b','))
        .map(|member| text(member.trim_ascii()).to_ascii_lowercase())
        .filter(|member| !member.is_empty())
        .collect()
}

/// RFC 9112 section 6: one Content-Length of digits, or one Transfer-Encoding of exactly `chunked`, or neither.
fn framing(fields: &Fields, side: Side) -> Result<Option<Framing>, &'static str> {
    let (lengths, codings) = (values(fields, "content-length"), values(fields, "transfer-encoding"));
    match (lengths.as_slice(), codings.as_slice()) {
        ([], []) => Ok(None),
        ([length], []) => Ok(Some(Framing::Length(number(length, side)?))),
        ([], [coding]) if coding.eq_ignore_ascii_case(b"chunked") => Ok(Some(Framing::Chunked)),
        ([], [_]) => Err("a Transfer-Encoding other than chunked"),
        ([], _) => Err("more than one Transfer-Encoding"),
        (_, []) => Err("more than one Content-Length"),
        _ => Err("both Content-Length and Transfer-Encoding"),
    }
}

fn number(digits: &[u8], side: Side) -> Result<usize, &'static str> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Err("Content-Length is not a number");
    }
    if side == Side::Origin && digits.len() > 1 && digits[0] == b'0' {
        return Err("Content-Length has leading zeros");
    }
    let number: i64 = text(digits).parse().map_err(|_| "Content-Length does not fit 63 bits")?;
    usize::try_from(number).map_err(|_| "Content-Length does not fit")
}

pub(crate) fn framing_of_request(
    fields: &Fields,
    method: &str,
    minor: u8,
    side: Side,
) -> Result<Framing, &'static str> {
    let framing = framing(fields, side)?;
    if framing == Some(Framing::Chunked) && minor == 0 {
        return Err("Transfer-Encoding in HTTP/1.0");
    }
    if method == "CONNECT" && framing.is_some() {
        return Err("CONNECT with a body");
    }
    Ok(framing.unwrap_or(Framing::None))
}

/// RFC 9110 sections 6.4.1 and 8.6, RFC 9112 sections 6.1 and 6.3.
pub(crate) fn framing_of_answer(fields: &Fields, method: &str, status: u16) -> Result<Framing, &'static str> {
    let framing = framing(fields, Side::Origin)?;
    let tunnel = method == "CONNECT" && status / 100 == 2;
    if status < 200 || status == 204 || tunnel {
        return if framing.is_none() { Ok(Framing::None) } else { Err("framing in an answer that has no body") };
    }
    if method == "HEAD" || status == 304 {
        return Ok(Framing::None);
    }
    Ok(framing.unwrap_or(Framing::UntilClose))
}

/// RFC 9110 section 6.5.1.
pub(crate) fn is_forbidden_in_trailers(name: &str) -> bool {
    const NAMES: [&str; 12] = [
        "transfer-encoding",
        "content-length",
        "host",
        "connection",
        "trailer",
        "te",
        "upgrade",
        "expect",
        "keep-alive",
        "authorization",
        "cookie",
        "content-type",
    ];
    NAMES.contains(&name)
}

/// RFC 9112 section 3.2: the form of a target, and the host in it.
pub(crate) fn authority_of_target(method: &str, target: &str, side: Side) -> Result<Option<String>, &'static str> {
    let is_uri = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:/?[]@!$&'()*+,;=%{}|\\^`".contains(&byte);
    if target.is_empty() || !target.bytes().all(is_uri) {
        return Err("the target has an invalid character");
    }
    let path = target.split('?').next().unwrap_or_default();
    let mut escapes = path.split('%').skip(1);
    if !escapes.all(|escape| escape.len() >= 2 && escape.bytes().take(2).all(|byte| byte.is_ascii_hexdigit())) {
        return Err("the target has an invalid escape");
    }
    if method == "CONNECT" {
        let valid = target.rsplit_once(':').is_some_and(|(_, port)| !port.is_empty()) && is_host(target);
        return if valid && side == Side::Client { Ok(Some(target.to_owned())) } else { Err("an odd CONNECT") };
    }
    if target.starts_with('/') || (target == "*" && method == "OPTIONS") {
        return Ok(None);
    }
    let rest = ["http://", "https://"].into_iter().find_map(|scheme| {
        target.get(..scheme.len()).filter(|start| start.eq_ignore_ascii_case(scheme))?;
        target.get(scheme.len()..)
    });
    match rest {
        Some(rest) if side == Side::Client => {
            let authority = rest.split(['/', '?']).next().unwrap_or_default();
            if is_host(authority) { Ok(Some(authority.to_owned())) } else { Err("the target's host is invalid") }
        }
        Some(_) => Err("the target is not in origin form"),
        None => Err("the target has no valid form"),
    }
}

/// RFC 9112 section 3.2: exactly one valid Host.
pub(crate) fn host_of_request(
    fields: &Fields,
    minor: u8,
    authority: Option<&str>,
    side: Side,
) -> Result<(), &'static str> {
    match values(fields, "host").as_slice() {
        [] if minor == 0 && side == Side::Client => Ok(()),
        [] => Err("no Host"),
        [host] if is_host(&text(host)) => Ok(()),
        [host] if host.is_empty() && authority.is_some() && side == Side::Client => Ok(()),
        [_] => Err("an invalid Host"),
        _ => Err("more than one Host"),
    }
}

/// RFC 3986 section 3.2.2: a name, an IPv4 or a bracketed IPv6 address, and perhaps a port.
pub(crate) fn is_host(host: &str) -> bool {
    let is_port = |port: &str| port.parse::<u16>().is_ok() && port.bytes().all(|byte| byte.is_ascii_digit());
    if let Some(rest) = host.strip_prefix('[') {
        let Some((address, after)) = rest.split_once(']') else { return false };
        let port = after.strip_prefix(':').map_or(after.is_empty(), is_port);
        return address.parse::<std::net::Ipv6Addr>().is_ok() && port;
    }
    let (name, port) = host.split_once(':').map_or((host, None), |(name, port)| (name, Some(port)));
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    !name.is_empty() && name.bytes().all(is_name) && port.is_none_or(is_port)
}

/// RFC 9110 sections 7.6.1, 7.8 and 10.1.4: nothing that the client's connection was told.
pub(crate) fn nothing_of_another_connection(fields: &Fields) -> Result<(), &'static str> {
    let options = list(fields, "connection");
    let has = |name: &str| fields.iter().any(|(found, _)| found == name);
    for option in &options {
        match option.as_str() {
            "upgrade" | "te" if has(option) => {}
            "close" | "keep-alive" => {}
            _ if has(option) => return Err("a field that Connection names"),
            _ => return Err("Connection names a field that is not there"),
        }
    }
    for name in ["keep-alive", "proxy-connection", "proxy-authorization", "http2-settings"] {
        if has(name) {
            return Err("a field of another connection");
        }
    }
    for name in ["upgrade", "te"] {
        if has(name) && !options.iter().any(|option| option == name) {
            return Err("Upgrade or TE that Connection does not name");
        }
    }
    Ok(())
}

/// RFC 9112 section 7.1: `1*HEXDIG`, and extensions of a client. An origin gets none of ours.
pub(crate) fn chunk_size(line: &[u8], side: Side) -> Result<usize, &'static str> {
    let count = line.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
    let (digits, extensions) = line.split_at(count);
    if digits.is_empty() || digits.len() > 16 {
        return Err("a chunk has no size, or one with too many digits");
    }
    if !extensions.is_empty() && (side == Side::Origin || !are_extensions(extensions)) {
        return Err("a chunk has an invalid extension");
    }
    let length = i64::from_str_radix(&text(digits), 16).map_err(|_| "a chunk size does not fit 63 bits")?;
    usize::try_from(length).map_err(|_| "a chunk size does not fit")
}

/// RFC 9112 section 7.1.1, without the "bad" white space: `*( ";" name [ "=" ( token / quoted-string ) ] )`.
fn are_extensions(mut rest: &[u8]) -> bool {
    let token = |bytes: &[u8]| bytes.iter().take_while(|&&byte| is_token(byte)).count();
    while let [b';', after @ ..] = rest {
        let name = token(after);
        rest = &after[name..];
        if name == 0 {
            return false;
        }
        let [b'=', value @ ..] = rest else { continue };
        rest = match value {
            [b'"', quoted @ ..] => {
                let Some(end) = quoted_end(quoted) else { return false };
                &quoted[end..]
            }
            _ if token(value) > 0 => &value[token(value)..],
            _ => return false,
        };
    }
    rest.is_empty()
}

/// Where a quoted string ends, its quote included.
fn quoted_end(quoted: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        match quoted.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}
