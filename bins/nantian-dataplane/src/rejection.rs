//! What the engine refuses, as the control plane knows it: by type, name and version.

use nantian_ir::{ContentHash, Keyed, ResourceMap, Snapshot};
use nantian_proxy::engine::Refused;
use nantian_xds::delta::Rejection;
use nantian_xds::{MANIFEST_NAME, MANIFEST_URL, Resource, ResourceType};

/// The rejections of a snapshot of this version.
pub(crate) fn rejections(refused: &[Refused], snapshot: &Snapshot, version: &str) -> Vec<Rejection> {
    refused.iter().map(|refused| rejection(refused, snapshot, version)).collect()
}

fn rejection(refused: &Refused, snapshot: &Snapshot, version: &str) -> Rejection {
    let (kind, name) = refused.resource.split_once(' ').unwrap_or((&refused.resource, ""));
    let resource = match kind {
        "listener" => found(&snapshot.listeners, name),
        "certificate" => found(&snapshot.certificates, name),
        "backend" => found(&snapshot.backends, name),
        "rule" => found(&snapshot.rules, name).or_else(|| found(&snapshot.stream_rules, name)),
        _ => None,
    };
    let message = message(refused);
    match resource {
        Some((resource_type, version)) => {
            Rejection { type_url: resource_type.url().to_owned(), name: name.to_owned(), version, message }
        }
        // Of no resource: a fault of the whole.
        None => Rejection {
            type_url: MANIFEST_URL.to_owned(),
            name: MANIFEST_NAME.to_owned(),
            version: version.to_owned(),
            message: format!("{}: {message}", refused.resource),
        },
    }
}

/// What is wrong, and what to do.
pub(crate) fn message(refused: &Refused) -> String {
    if refused.remedy.is_empty() { refused.message.clone() } else { format!("{}; {}", refused.message, refused.remedy) }
}

/// The type and the version of the resource with this name.
fn found<T: Resource>(resources: &ResourceMap<T>, name: &str) -> Option<(ResourceType, String)> {
    let resource = resources.values().find(|resource| Keyed::key(&***resource).to_string() == name)?;
    Some((T::TYPE, ContentHash::of(&**resource).as_str().to_owned()))
}
