//! Numbers, addresses and names, as `fmt` would write them.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use nantian_ir::{BackendKey, BackendKind, BackendProtocol, ListenerKey, RouteKey, RuleKey, SmolStr};

use super::escape;
use crate::telemetry::flags::ResponseFlags;

/// Writes what needs no escapes.
#[inline]
pub(super) fn literal(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(text.as_bytes());
}

pub(super) fn number(out: &mut Vec<u8>, number: impl itoa::Integer) {
    literal(out, itoa::Buffer::new().format(number));
}

/// The last three digits of a number.
pub(super) fn three_digits(out: &mut Vec<u8>, number: u32) {
    let digits = [number / 100, number / 10, number].map(|digit| {
        let [low, ..] = (digit % 10).to_le_bytes();
        b'0' + low
    });
    out.extend_from_slice(&digits);
}

/// Milliseconds, with microseconds behind the point.
pub(super) fn millis(out: &mut Vec<u8>, duration: Duration) {
    match u64::try_from(duration.as_millis()) {
        Ok(millis) => number(out, millis),
        Err(_) => number(out, duration.as_millis()),
    }
    out.push(b'.');
    three_digits(out, duration.subsec_micros());
}

/// The codes, comma-separated; `-` for none.
pub(super) fn flags(out: &mut Vec<u8>, flags: ResponseFlags) {
    if flags.is_empty() {
        return out.push(b'-');
    }
    for (index, flag) in flags.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        literal(out, flag.code());
    }
}

pub(super) fn address(out: &mut Vec<u8>, address: SocketAddr) {
    match address {
        SocketAddr::V4(v4) => ipv4(out, *v4.ip()),
        SocketAddr::V6(v6) => {
            out.push(b'[');
            ipv6(out, *v6.ip());
            if v6.scope_id() != 0 {
                out.push(b'%');
                number(out, v6.scope_id());
            }
            out.push(b']');
        }
    }
    out.push(b':');
    number(out, address.port());
}

fn ipv4(out: &mut Vec<u8>, ip: Ipv4Addr) {
    for (index, octet) in ip.octets().into_iter().enumerate() {
        if index > 0 {
            out.push(b'.');
        }
        number(out, octet);
    }
}

/// The one text of an address that RFC 5952 recommends.
fn ipv6(out: &mut Vec<u8>, ip: Ipv6Addr) {
    if let Some(ip) = ip.to_ipv4_mapped() {
        literal(out, "::ffff:");
        return ipv4(out, ip);
    }
    let segments = ip.segments();
    let (start, length) = zeros(segments);
    if length < 2 {
        return groups(out, &segments);
    }
    let (before, rest) = segments.split_at_checked(start).unwrap_or_default();
    groups(out, before);
    literal(out, "::");
    groups(out, rest.get(length..).unwrap_or_default());
}

/// Where the longest run of zeros starts, the first of several, and how long it is.
fn zeros(segments: [u16; 8]) -> (usize, usize) {
    let (mut longest, mut run) = ((0, 0), (0, 0));
    for (index, segment) in segments.into_iter().enumerate() {
        run = if segment == 0 { (run.0, run.1 + 1) } else { (index + 1, 0) };
        if run.1 > longest.1 {
            longest = run;
        }
    }
    longest
}

fn groups(out: &mut Vec<u8>, segments: &[u16]) {
    for (index, segment) in segments.iter().enumerate() {
        if index > 0 {
            out.push(b':');
        }
        let [high, low] = segment.to_be_bytes();
        let digits = [high >> 4, high & 15, low >> 4, low & 15].map(escape::digit);
        let zeros = usize::try_from(segment.leading_zeros() / 4).unwrap_or_default().min(3);
        out.extend_from_slice(digits.get(zeros..).unwrap_or_default());
    }
}

/// Writes strings that may need escapes.
pub(super) trait Escape: Fn(&mut Vec<u8>, &[u8]) + Copy {}

impl<F: Fn(&mut Vec<u8>, &[u8]) + Copy> Escape for F {}

/// Names, with a slash between each two.
fn names<'n>(out: &mut Vec<u8>, names: impl IntoIterator<Item = &'n SmolStr>, escape: impl Escape) {
    for (index, name) in names.into_iter().enumerate() {
        if index > 0 {
            out.push(b'/');
        }
        escape(out, name.as_bytes());
    }
}

pub(super) fn listener(out: &mut Vec<u8>, key: &ListenerKey, escape: impl Escape) {
    let set = key.set.iter().flat_map(|set| [&set.namespace, &set.name]);
    names(out, [&key.namespace, &key.gateway].into_iter().chain(set).chain([&key.listener]), escape);
}

pub(super) fn route(out: &mut Vec<u8>, key: &RouteKey, escape: impl Escape) {
    literal(out, key.kind.as_str());
    out.push(b'/');
    names(out, [&key.namespace, &key.name], escape);
}

pub(super) fn rule(out: &mut Vec<u8>, key: &RuleKey, escape: impl Escape) {
    route(out, &key.route, escape);
    out.push(b'/');
    number(out, key.rule);
    if key.variant > 0 {
        out.push(b'#');
        number(out, key.variant);
    }
}

pub(super) fn backend(out: &mut Vec<u8>, key: &BackendKey, escape: impl Escape) {
    literal(
        out,
        match key.kind {
            BackendKind::Service => "Service/",
        },
    );
    names(out, [&key.namespace, &key.name], escape);
    out.push(b':');
    number(out, key.port);
    literal(
        out,
        match key.protocol {
            BackendProtocol::Http1 => "",
            BackendProtocol::H2c => "/h2c",
            BackendProtocol::WebSocket => "/ws",
            BackendProtocol::Tcp => "/tcp",
            BackendProtocol::Udp => "/udp",
        },
    );
}
