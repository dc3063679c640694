//! What was compiled, as everybody else in the process sees it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use nantian_ir::compile::{Diagnostic, GatewayService, Object, ObjectStatus};
use nantian_ir::{Keyed, ObjectRef, ResourceMap, Snapshot};
use nantian_xds::{Audience, Catalog};
use tokio::sync::watch;

/// The status that an object is to have. Two maps of them share what did not change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reported(
    /// The status.
    pub Arc<ObjectStatus>,
);

impl Keyed for Reported {
    type Key = ObjectRef;

    fn key(&self) -> &ObjectRef {
        &self.0.object
    }
}

/// All diagnostics of one object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Findings {
    /// The object; `None`: it could not be told which.
    pub object: Option<ObjectRef>,
    /// Sorted, and never empty.
    pub diagnostics: Vec<Diagnostic>,
}

impl Keyed for Findings {
    type Key = Option<ObjectRef>;

    fn key(&self) -> &Option<ObjectRef> {
        &self.object
    }
}

/// An object, as the API server has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Declared(
    /// The object.
    pub Object,
);

impl Keyed for Declared {
    type Key = ObjectRef;

    fn key(&self) -> &ObjectRef {
        self.0.id()
    }
}

/// What one audience gets of a snapshot.
#[derive(Debug, Clone)]
pub struct View {
    /// What its data planes serve.
    pub snapshot: Arc<Snapshot>,
    /// The version by which they name it.
    pub version: String,
}

impl From<&Catalog> for View {
    fn from(catalog: &Catalog) -> Self {
        Self { snapshot: Arc::clone(catalog.snapshot()), version: catalog.version() }
    }
}

/// A snapshot that data planes get, and what came with it. Cheap to clone: versions share what did not change.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Published {
    /// What data planes serve, all of them together.
    pub snapshot: Arc<Snapshot>,
    /// Its version; every control plane names the same content alike.
    pub version: String,
    /// What of it each audience gets.
    pub views: BTreeMap<Audience, View>,
    /// When it was published.
    pub generated_at: SystemTime,
    /// How long compiling and encoding took.
    pub build: Duration,
    /// What each object of ours is to be told. The writer adds what only data planes and load balancers know.
    pub statuses: ResourceMap<Reported>,
    /// The Service that each Gateway is to have.
    pub services: ResourceMap<GatewayService>,
    /// What a person should know, by object.
    pub diagnostics: ResourceMap<Findings>,
    /// The AIServices, of which the snapshot has nothing yet.
    pub ai_services: ResourceMap<Declared>,
}

impl Published {
    /// What some audience gets, if this is its version. The same version is the same content, whoever gets it.
    pub fn view(&self, version: &str) -> Option<&View> {
        self.views.values().find(|view| view.version == version)
    }
}

/// Where publications come from, one after the other; each is the newest then.
pub(crate) type Newest = watch::Receiver<Option<Arc<Published>>>;

/// The next one, once there is one; `None`: there will be none.
pub(crate) async fn next(newest: &mut Newest) -> Option<Arc<Published>> {
    newest.changed().await.ok()?;
    newest.borrow_and_update().clone()
}

/// Versions that are remembered, so that an acknowledgement of one can be understood.
const REMEMBERED: usize = 64;

/// The snapshots as they are published: the newest for everybody, and the last few by version.
#[derive(Debug)]
pub struct Publications {
    newest: watch::Sender<Option<Arc<Published>>>,
    recent: Mutex<VecDeque<Arc<Published>>>,
}

impl Default for Publications {
    fn default() -> Self {
        Self { newest: watch::Sender::new(None), recent: Mutex::default() }
    }
}

impl Publications {
    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes a snapshot the newest.
    pub fn publish(&self, published: Arc<Published>) {
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        if recent.len() == REMEMBERED {
            recent.pop_front();
        }
        recent.push_back(Arc::clone(&published));
        drop(recent);
        self.newest.send_replace(Some(published));
    }

    /// The newest; `None` until everything was read once.
    pub fn newest(&self) -> watch::Receiver<Option<Arc<Published>>> {
        self.newest.subscribe()
    }

    /// What data planes serve that name this version, if it is one of the last.
    pub fn of_version(&self, version: &str) -> Option<Arc<Snapshot>> {
        let recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        recent.iter().rev().find_map(|published| published.view(version)).map(|view| Arc::clone(&view.snapshot))
    }

    /// Since when an audience gets this version, or got it last, if it is one of the last.
    pub fn published_at(&self, version: &str) -> Option<SystemTime> {
        let recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        let has_it = |published: &&Arc<Published>| published.view(version).is_some();
        recent
            .iter()
            .rev()
            .skip_while(|published| !has_it(published))
            .take_while(has_it)
            .last()
            .map(|first| first.generated_at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Published at this second, to shared data planes as this version.
    fn published(second: usize, version: usize) -> Arc<Published> {
        let view = View { snapshot: Arc::default(), version: version.to_string() };
        Arc::new(Published {
            snapshot: Arc::default(),
            version: version.to_string(),
            views: BTreeMap::from([(Audience::Shared, view)]),
            generated_at: SystemTime::UNIX_EPOCH + Duration::from_secs(second as u64),
            build: Duration::ZERO,
            statuses: ResourceMap::new(),
            services: ResourceMap::new(),
            diagnostics: ResourceMap::new(),
            ai_services: ResourceMap::new(),
        })
    }

    #[test]
    fn the_newest_is_for_everybody_and_only_the_last_few_are_remembered() {
        let publications = Publications::new();
        let newest = publications.newest();
        assert!(newest.borrow().is_none());
        for version in 0..=REMEMBERED {
            publications.publish(published(version, version));
        }
        assert_eq!(newest.borrow().as_ref().map(|published| published.version.clone()), Some(REMEMBERED.to_string()));
        assert!(publications.of_version("0").is_none());
        assert!(publications.of_version("1").is_some());
        assert_eq!(publications.recent.lock().unwrap().len(), REMEMBERED);
    }

    #[test]
    fn a_version_is_as_old_as_its_first_publication_in_a_row() {
        let publications = Publications::new();
        for (second, version) in [7, 8, 7, 7, 9].into_iter().enumerate() {
            publications.publish(published(second, version));
        }
        let second = |version: &str| {
            let since = publications.published_at(version)?.duration_since(SystemTime::UNIX_EPOCH);
            Some(since.unwrap().as_secs())
        };
        assert_eq!(["7", "8", "9", "10"].map(second), [Some(2), Some(1), Some(4), None]);
    }
}
