//! A door for the fuzz targets in `fuzz/`: what happens to the fields of a request, without a connection around it. Only
//! `cargo fuzz` sets `cfg(fuzzing)`.

use std::net::IpAddr;

use http::{HeaderMap, HeaderValue};

use super::asked::Asked;
use super::forwarded::{self, Seen};
use super::names::{self, Present};
use super::{Settings, via};
use crate::http::{ConnectionInfo, Request, address_value};

/// The request that a backend gets for one of a client at `peer`, as stages 1 to 3 and 10 make it; `None` if it is
/// refused.
pub fn forward(request: Request<()>, peer: IpAddr, settings: &Settings) -> Option<Request<()>> {
    let (mut head, ()) = request.into_parts();
    let present = Present::of(&head.headers);
    let version = head.version;
    names::screen_head(&mut head.headers, settings.underscore_headers).ok()?;
    via::check_loop(&head.headers).ok()?;
    let connection = ConnectionInfo::new((peer, 1).into(), (peer, 80).into());
    let mut asked = Asked::read(head, present, settings.paths, &connection).ok()?;
    let seen = Seen {
        peer,
        peer_value: &address_value(peer),
        scheme: "http",
        host: asked.authority.as_ref(),
        port: Some(&HeaderValue::from_static("80")),
        random: [1, 2],
    };
    forwarded::write(&mut asked.headers, asked.present, &settings.forwarded, &seen);
    via::append(&mut asked.headers, version);
    asked.into_outgoing(None).take_head()
}

/// What is left of a trailer section; `None` if it is refused.
pub fn trailers(mut trailers: HeaderMap, settings: &Settings) -> Option<HeaderMap> {
    names::screen_trailers(&mut trailers, settings.underscore_headers).ok()?;
    Some(trailers)
}
