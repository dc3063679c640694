//! Which label sets exist: bounded, so that no configuration can make metrics grow without end.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use nantian_ir::{ListenerKey, RouteKey};

use super::cells::SharedCount;

/// Labels of the request metrics.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum SeriesKey {
    /// No listener serves the host.
    NoListener,
    /// No route of the listener matched.
    NoRoute(ListenerKey),
    /// A route.
    Route(ListenerKey, RouteKey),
    /// All that came after the bound was reached.
    Other,
}

impl SeriesKey {
    pub(crate) fn new(listener: Option<&ListenerKey>, route: Option<&RouteKey>) -> Self {
        match (listener, route) {
            (None, _) => Self::NoListener,
            (Some(listener), None) => Self::NoRoute(listener.clone()),
            (Some(listener), Some(route)) => Self::Route(listener.clone(), route.clone()),
        }
    }

    pub(crate) fn labels(&self) -> (String, String) {
        match self {
            Self::NoListener => ("none".to_owned(), "none".to_owned()),
            Self::NoRoute(listener) => (listener.to_string(), "none".to_owned()),
            Self::Route(listener, route) => (listener.to_string(), route.to_string()),
            Self::Other => ("other".to_owned(), "other".to_owned()),
        }
    }
}

/// Admits label sets up to a bound, the same for all shards.
#[derive(Debug)]
pub(crate) struct Admission {
    admitted: Mutex<BTreeSet<SeriesKey>>,
    bound: usize,
    pub(crate) overflow: SharedCount,
}

impl Admission {
    pub(crate) fn new(bound: usize) -> Self {
        Self { admitted: Mutex::default(), bound, overflow: SharedCount::default() }
    }

    /// `key`, or [`SeriesKey::Other`] if there are too many.
    pub(crate) fn admit(&self, key: SeriesKey) -> SeriesKey {
        let mut admitted = self.admitted.lock().unwrap_or_else(PoisonError::into_inner);
        if admitted.contains(&key) {
            key
        } else if admitted.len() < self.bound {
            admitted.insert(key.clone());
            key
        } else {
            self.overflow.add(1);
            SeriesKey::Other
        }
    }

    /// Makes room: keeps only what `alive` says.
    pub(crate) fn retain(&self, alive: impl Fn(&SeriesKey) -> bool) {
        self.admitted.lock().unwrap_or_else(PoisonError::into_inner).retain(|key| alive(key));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str) -> SeriesKey {
        SeriesKey::NoRoute(ListenerKey {
            namespace: "ns".into(),
            gateway: "gw".into(),
            set: None,
            listener: name.into(),
        })
    }

    #[test]
    fn label_sets_beyond_the_bound_fold_into_other() {
        let admission = Admission::new(2);
        assert_eq!(admission.admit(key("a")), key("a"));
        assert_eq!(admission.admit(key("b")), key("b"));
        assert_eq!(admission.admit(key("c")), SeriesKey::Other);
        assert_eq!(admission.admit(key("a")), key("a"));
        assert_eq!(admission.overflow.get(), 1);
        admission.retain(|k| *k == key("a"));
        assert_eq!(admission.admit(key("c")), key("c"));
    }
}
