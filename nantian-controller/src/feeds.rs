//! What each audience gets, as the streams of its data planes follow it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use nantian_xds::{Audience, Catalog, Views};
use tokio::sync::watch;

/// The newest catalog of an audience; none until something was compiled.
pub(crate) type Feed = watch::Receiver<Option<Arc<Catalog>>>;

#[derive(Debug, Default)]
struct Channels {
    is_published: bool,
    by_audience: BTreeMap<Audience, watch::Sender<Option<Arc<Catalog>>>>,
}

/// The channels of all audiences.
#[derive(Debug, Default)]
pub(crate) struct Feeds(Mutex<Channels>);

impl Feeds {
    /// What an audience gets. `None`: there is none such. Before the first snapshot nobody knows which there are, and all
    /// wait for it.
    pub(crate) fn follow(&self, audience: &Audience) -> Option<Feed> {
        let mut channels = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if channels.is_published {
            return channels.by_audience.get(audience).map(watch::Sender::subscribe);
        }
        let channel = channels.by_audience.entry(audience.clone()).or_insert_with(|| watch::Sender::new(None));
        Some(channel.subscribe())
    }

    /// Gives each audience what is new for it. The feeds of those that are none any more end.
    pub(crate) fn publish(&self, views: &Views) {
        let mut channels = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        channels.is_published = true;
        channels.by_audience.retain(|audience, _| views.catalog(audience).is_some());
        for (audience, catalog) in views.catalogs() {
            let channel = channels.by_audience.entry(audience.clone()).or_insert_with(|| watch::Sender::new(None));
            channel.send_if_modified(|held| {
                let is_new = held.as_ref().is_none_or(|held| held.version() != catalog.version());
                if is_new {
                    *held = Some(Arc::clone(catalog));
                }
                is_new
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use nantian_ir::{GatewayKey, Snapshot};

    use super::*;

    #[test]
    fn everybody_waits_for_the_first_snapshot_and_then_only_those_there_are_go_on() {
        let gateway = |name: &str| GatewayKey { namespace: "n".into(), name: name.into() };
        let [kept, lost] = ["kept", "lost"].map(|name| Audience::Gateway(gateway(name)));
        let feeds = Feeds::default();
        let [mut shared, mut of_kept, mut of_lost] =
            [&Audience::Shared, &kept, &lost].map(|audience| feeds.follow(audience).unwrap());
        assert!(of_kept.borrow().is_none());

        let mut views = Views::new();
        views.advance(Arc::new(Snapshot::default()), &BTreeSet::from([gateway("kept")]));
        feeds.publish(&views);
        assert!(of_kept.borrow_and_update().is_some() && shared.borrow_and_update().is_some());
        assert!(of_lost.has_changed().is_err() && of_lost.borrow_and_update().is_none(), "it ends, empty");
        assert!(feeds.follow(&lost).is_none());

        feeds.publish(&views);
        assert!(!of_kept.has_changed().unwrap(), "nothing is new");
        views.advance(Arc::new(Snapshot::default()), &BTreeSet::new());
        feeds.publish(&views);
        assert!(of_kept.has_changed().is_err());
        assert!(!shared.has_changed().unwrap());
    }
}
