//! Collects the fields of one section, within its bounds.

use http::header::{CONTENT_LENGTH, TE};
use http::{HeaderMap, HeaderValue, StatusCode};

use super::{Limits, Unfit, is_connection_specific, malformed, refused};
use crate::http::Headers;
use crate::http::h1::digits;
use crate::http::h2::hpack::{Field, Name};

/// A section of so many times the bound ends its connection.
const BOMB: usize = 4;

const TOO_LARGE: StatusCode = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;

/// Pseudo-header fields (RFC 9113 section 8.3).
#[derive(Debug, Default)]
pub(super) struct Pseudo {
    pub(super) method: Option<HeaderValue>,
    pub(super) scheme: Option<HeaderValue>,
    pub(super) authority: Option<HeaderValue>,
    pub(super) path: Option<HeaderValue>,
    pub(super) protocol: Option<HeaderValue>,
    pub(super) status: Option<HeaderValue>,
}

/// The fields of a section as they are decoded. What is beyond the bounds is counted and dropped, so that the rest of the
/// connection can still be decoded.
#[derive(Debug)]
pub(crate) struct Fields {
    pub(super) pseudo: Pseudo,
    pub(super) headers: Headers,
    limits: Limits,
    pub(super) size: usize,
    any_pseudo: bool,
    unfit: Option<Unfit>,
}

impl Fields {
    /// `room`: so many fields the map holds without growing.
    pub(crate) fn new(limits: Limits, room: usize) -> Self {
        Self {
            pseudo: Pseudo::default(),
            headers: Headers::with_capacity(room),
            limits,
            size: 0,
            any_pseudo: false,
            unfit: None,
        }
    }

    pub(crate) fn add(&mut self, field: Field) {
        self.size = self.size.saturating_add(field.size);
        if self.unfit.is_some() {
            return;
        }
        if self.size > self.limits.bytes {
            self.unfit = Some(refused(TOO_LARGE, "the header section has too many bytes"));
            return;
        }
        if let Err(unfit) = self.take(field) {
            self.unfit = Some(unfit);
        }
    }

    fn take(&mut self, field: Field) -> Result<(), Unfit> {
        let Some(value) = field.value else {
            return Err(malformed("a field value has an invalid character"));
        };
        // RFC 9113 section 8.2.1. Whoever sends it means no harm, and gets to know what is wrong.
        if let [b' ' | b'\t', ..] | [.., b' ' | b'\t'] = value.as_bytes() {
            return Err(refused(StatusCode::BAD_REQUEST, "a field value has white space around it"));
        }
        let place = match field.name {
            Name::Field(name) => {
                if is_connection_specific(&name) {
                    return Err(malformed("a field of the connection"));
                }
                if name == TE && value != "trailers" {
                    return Err(malformed("te with another value than trailers"));
                }
                // Crumbs of cookies count too: they are one field only afterwards.
                if self.headers.len() >= self.limits.fields {
                    return Err(refused(TOO_LARGE, "the header section has too many fields"));
                }
                self.headers.append(name, value);
                return Ok(());
            }
            Name::Method => &mut self.pseudo.method,
            Name::Scheme => &mut self.pseudo.scheme,
            Name::Authority => &mut self.pseudo.authority,
            Name::Path => &mut self.pseudo.path,
            Name::Protocol => &mut self.pseudo.protocol,
            Name::Status => &mut self.pseudo.status,
            Name::Invalid => return Err(malformed("a field name that no message may have")),
        };
        if !self.headers.is_empty() {
            return Err(malformed("a pseudo-header field after others"));
        }
        if place.replace(value).is_some() {
            return Err(malformed("a pseudo-header field twice"));
        }
        self.any_pseudo = true;
        Ok(())
    }

    pub(super) fn limits(&self) -> Limits {
        self.limits
    }

    /// RFC 9113 section 10.5.1: whether it unpacks to so much that no honest mistake explains it.
    pub(crate) fn is_bomb(&self) -> bool {
        self.size > self.limits.bytes.saturating_mul(BOMB)
    }

    /// What was found wrong so far.
    pub(super) fn check(&mut self) -> Result<(), Unfit> {
        self.unfit.take().map_or(Ok(()), Err)
    }

    /// RFC 9113 section 8.1: trailers have no pseudo-header fields.
    pub(super) fn into_trailers(mut self) -> Result<HeaderMap, Unfit> {
        self.check()?;
        if self.any_pseudo {
            Err(malformed("a pseudo-header field in a trailer section"))
        } else {
            Ok(self.headers.into())
        }
    }

    /// The length that `content-length` promises. One number, as in HTTP/1.1.
    pub(super) fn content_length(&self) -> Result<Option<u64>, Unfit> {
        let mut values = self.headers.get_all(CONTENT_LENGTH);
        let Some(value) = values.next() else { return Ok(None) };
        if values.next().is_some() {
            return Err(refused(StatusCode::BAD_REQUEST, "more than one content-length field"));
        }
        digits(value.as_bytes()).map(Some).ok_or(malformed("content-length is not a number"))
    }
}
