//! The parts of a status that have conditions, whatever the kind.

use std::fmt;

use serde_json::Value;

use super::{AncestorRef, Condition, ListenerStatus, Status, WrittenReference};

/// What a list of conditions is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum StatusPart<'s> {
    /// The object itself.
    Itself,
    /// The listener of this name.
    Listener(&'s str),
    /// A parent, by the reference that the route has.
    Parent(&'s WrittenReference),
    /// An ancestor of a policy.
    Ancestor(&'s AncestorRef),
}

impl Status {
    /// Every list of conditions, with what it is about.
    #[must_use]
    pub fn parts(&self) -> Vec<(StatusPart<'_>, &[Condition])> {
        match self {
            Self::GatewayClass(class) => with_listeners(&class.conditions, &[]),
            Self::AiService(service) => with_listeners(&service.conditions, &[]),
            Self::Gateway(gateway) => with_listeners(&gateway.conditions, &gateway.listeners),
            Self::ListenerSet(set) => with_listeners(&set.conditions, &set.listeners),
            Self::Route(route) => {
                let parents = route.parents.iter();
                parents.map(|parent| (StatusPart::Parent(&parent.parent_ref), &*parent.conditions)).collect()
            }
            Self::Policy(policy) => {
                let ancestors = policy.ancestors.iter();
                ancestors.map(|one| (StatusPart::Ancestor(&one.ancestor_ref), &*one.conditions)).collect()
            }
        }
    }
}

/// The conditions of an object itself, then those of its listeners.
fn with_listeners<'s>(
    conditions: &'s [Condition],
    listeners: &'s [ListenerStatus],
) -> Vec<(StatusPart<'s>, &'s [Condition])> {
    let listeners = listeners.iter().map(|one| (StatusPart::Listener(&one.name), &*one.conditions));
    std::iter::once((StatusPart::Itself, conditions)).chain(listeners).collect()
}

/// In short, for people; empty for the object itself.
impl fmt::Display for StatusPart<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Itself => Ok(()),
            Self::Listener(name) => write!(f, "listener {name}"),
            Self::Parent(reference) => {
                let reference = reference.value();
                let text = |field: &str| reference.get(field).and_then(Value::as_str);
                write!(f, "parent {}/", text("kind").unwrap_or("Gateway"))?;
                if let Some(namespace) = text("namespace") {
                    write!(f, "{namespace}/")?;
                }
                f.write_str(text("name").unwrap_or_default())?;
                if let Some(port) = reference.get("port") {
                    write!(f, " {port}")?;
                }
                text("sectionName").map_or(Ok(()), |section| write!(f, " {section}"))
            }
            Self::Ancestor(AncestorRef { kind, namespace, name, section_name, .. }) => {
                write!(f, "ancestor {kind}/{namespace}/{name}")?;
                section_name.as_ref().map_or(Ok(()), |section| write!(f, " {section}"))
            }
        }
    }
}
