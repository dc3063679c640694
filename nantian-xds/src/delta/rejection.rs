//! Resources that a client does not take, as the `error_detail` of a NACK names them.

use std::fmt;

use prost::Message;

use crate::wire::{Any, Status, ir};

const REJECTIONS_URL: &str = "type.googleapis.com/nantian.ir.v1.Rejections";

/// `google.rpc.Code.INVALID_ARGUMENT`.
const INVALID_ARGUMENT: i32 = 3;

/// A list names no more than this many.
const MAX_REJECTIONS: usize = 1_000;

/// A message has no more bytes than this.
const MAX_MESSAGE: usize = 1_024;

/// A resource that a client does not take: the one that it had before goes on, or none.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rejection {
    /// The URL of the resource's type.
    pub type_url: String,
    /// The resource's name.
    pub name: String,
    /// The version that is not taken.
    pub version: String,
    /// Why, for people.
    pub message: String,
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { type_url, name, version, message } = self;
        let kind = type_url.rsplit('.').next().unwrap_or(type_url);
        write!(f, "{kind} {name} (version {version}): {message}")
    }
}

/// As many bytes of a text as are allowed, whole characters only.
fn shortened(text: &str) -> &str {
    let mut end = text.len().min(MAX_MESSAGE);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}

/// The error of a NACK that refuses all that the response has.
pub(super) fn of_everything(message: &str) -> Status {
    Status { code: INVALID_ARGUMENT, message: shortened(message).to_owned(), details: Vec::new() }
}

/// The error of a NACK that refuses these and no others.
pub(super) fn of_some(rejections: &[Rejection]) -> Status {
    let listed = rejections.iter().take(MAX_REJECTIONS).map(|rejection| ir::Rejection {
        type_url: rejection.type_url.clone(),
        name: rejection.name.clone(),
        version: rejection.version.clone(),
        message: shortened(&rejection.message).to_owned(),
    });
    let omitted = rejections.len().saturating_sub(MAX_REJECTIONS) as u64;
    let value = ir::Rejections { rejections: listed.collect(), omitted }.encode_to_vec().into();
    let first = rejections.first().map(ToString::to_string).unwrap_or_default();
    let message = match rejections.len() {
        0 | 1 => first,
        count => format!("{count} resources are refused, the first of them: {first}"),
    };
    Status { details: vec![Any { type_url: REJECTIONS_URL.to_owned(), value }], ..of_everything(&message) }
}

/// The list that an error carries; `None` where it has none, and then refuses everything.
pub(super) fn listed(error: &Status) -> Option<Vec<Rejection>> {
    let detail = error.details.iter().find(|detail| detail.type_url == REJECTIONS_URL)?;
    let ir::Rejections { rejections, .. } = ir::Rejections::decode(&*detail.value).ok()?;
    let rejections = rejections.into_iter().take(MAX_REJECTIONS).map(|rejection| {
        let ir::Rejection { type_url, name, version, message } = rejection;
        Rejection { type_url, name, version, message: shortened(&message).to_owned() }
    });
    Some(rejections.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rejection(name: &str, message: &str) -> Rejection {
        let text = |text: &str| text.to_owned();
        Rejection { type_url: text("a.b/c.Listener"), name: text(name), version: text("v"), message: text(message) }
    }

    #[test]
    fn the_list_of_an_error_comes_back_as_it_was() {
        let rejections = vec![rejection("a", "no"), rejection("b", "no, neither")];
        let error = of_some(&rejections);
        assert_eq!(error.message, "2 resources are refused, the first of them: Listener a (version v): no");
        assert_eq!(listed(&error), Some(rejections));
    }

    #[test]
    fn an_error_of_everything_has_no_list() {
        assert_eq!(listed(&of_everything("broken")), None);
    }

    #[test]
    fn lists_and_messages_have_bounds() {
        let many: Vec<_> = (0..MAX_REJECTIONS + 5).map(|index| rejection(&index.to_string(), "no")).collect();
        let error = of_some(&many);
        assert_eq!(listed(&error).map(|list| list.len()), Some(MAX_REJECTIONS));
        assert_eq!(ir::Rejections::decode(&*error.details[0].value).unwrap().omitted, 5);
        let long = of_some(&[rejection("a", &"é".repeat(MAX_MESSAGE))]);
        assert!(long.message.len() <= MAX_MESSAGE);
        assert_eq!(listed(&long).unwrap()[0].message.len(), MAX_MESSAGE);
    }
}
