//! From which namespaces something may attach (`FromNamespaces`).

use std::collections::BTreeMap;

use nantian_crds::core::Namespace;
use nantian_crds::gateway_api::gateway::FromNamespaces;
use nantian_crds::meta::LabelSelector;

use crate::compile::decode::name_of;
use crate::compile::memo::Reader;

/// Whether something of `namespace` may attach to an object of namespace `own`.
pub(crate) fn is_selected(
    from: &FromNamespaces,
    selector: Option<&LabelSelector>,
    namespace: &str,
    own: &str,
    reader: &Reader<'_>,
) -> bool {
    match from {
        FromNamespaces::All => true,
        FromNamespaces::Same => namespace == own,
        FromNamespaces::Selector => selector.is_some_and(|selector| selector.matches(&labels(reader, namespace))),
        FromNamespaces::None | FromNamespaces::Unknown(_) => false,
    }
}

/// Labels of a namespace. The API server gives each the label `kubernetes.io/metadata.name`.
fn labels(reader: &Reader<'_>, namespace: &str) -> BTreeMap<String, String> {
    let held = reader.get::<Namespace>(&name_of("", namespace));
    let mut labels = held.map(|entry| entry.value.metadata.labels.clone()).unwrap_or_default();
    labels.insert("kubernetes.io/metadata.name".to_owned(), namespace.to_owned());
    labels
}
