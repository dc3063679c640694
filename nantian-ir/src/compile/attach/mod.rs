//! Which Gateways are ours, what their listeners are, and which routes are attached to them.

pub(crate) mod bind_ports;
pub(crate) mod class;
pub(crate) mod conflict;
pub(crate) mod gateway;
mod hosts;
pub(crate) mod kind_conflict;
pub(crate) mod listener;
pub(crate) mod listener_set;
mod namespace;
pub(crate) mod rivals;
pub(crate) mod route;
pub(crate) mod stream_precedence;
pub(crate) mod version;

/// Why something is not so: the reason and message of a condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) reason: &'static str,
    pub(crate) message: String,
}

impl Fault {
    pub(crate) fn new(reason: &'static str, message: impl Into<String>) -> Self {
        Self { reason, message: message.into() }
    }
}

/// The messages of several faults as one text.
pub(crate) fn messages<'f>(faults: impl IntoIterator<Item = &'f Fault>) -> String {
    faults.into_iter().map(|fault| fault.message.as_str()).collect::<Vec<_>>().join("; ")
}
