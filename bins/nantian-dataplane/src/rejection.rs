//! What the engine refuses, as the control plane knows it: by type, name and version.

use nantian_ir::{ContentHash, ResourceMap, Snapshot};
use nantian_proxy::engine::{Part, Refused};
use nantian_xds::delta::Rejection;
use nantian_xds::{MANIFEST_NAME, MANIFEST_URL, Resource};

/// The rejections of a snapshot of this version.
pub(crate) fn rejections(refused: &[Refused], snapshot: &Snapshot, version: &str) -> Vec<Rejection> {
    refused.iter().map(|refused| rejection(refused, snapshot, version)).collect()
}

fn rejection(refused: &Refused, snapshot: &Snapshot, version: &str) -> Rejection {
    let message = message(refused);
    let named = match &refused.part {
        Part::Backend(key) => named(&snapshot.backends, key),
        Part::Certificate(key) => named(&snapshot.certificates, key),
        Part::Listener(key) => named(&snapshot.listeners, key),
        Part::Rule(key) => named(&snapshot.rules, key),
        // A fault of the whole.
        _ => None,
    };
    let (type_url, name, version) = named.unwrap_or((MANIFEST_URL, MANIFEST_NAME.to_owned(), version.to_owned()));
    Rejection { type_url: type_url.to_owned(), name, version, message }
}

/// Type, name and version of a resource, if it is there.
fn named<T: Resource>(resources: &ResourceMap<T>, key: &T::Key) -> Option<(&'static str, String, String)> {
    let version = ContentHash::of(&**resources.get(key)?).as_str().to_owned();
    Some((T::TYPE.url(), key.to_string(), version))
}

/// What is wrong, and what to do.
pub(crate) fn message(refused: &Refused) -> String {
    if refused.remedy.is_empty() { refused.message.clone() } else { format!("{}; {}", refused.message, refused.remedy) }
}
