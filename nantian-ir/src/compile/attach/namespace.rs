//! From which namespaces something may attach (`FromNamespaces`).

use std::collections::BTreeMap;

use nantian_crds::gateway_api::gateway::FromNamespaces;
use nantian_crds::meta::LabelSelector;

use crate::compile::decode::Typed;

/// Whether something of `namespace` may attach to an object of namespace `own`.
pub(crate) fn is_selected(
    from: &FromNamespaces,
    selector: Option<&LabelSelector>,
    namespace: &str,
    own: &str,
    typed: &Typed<'_>,
) -> bool {
    match from {
        FromNamespaces::All => true,
        FromNamespaces::Same => namespace == own,
        FromNamespaces::Selector => selector.is_some_and(|selector| selector.matches(&labels(typed, namespace))),
        FromNamespaces::None | FromNamespaces::Unknown(_) => false,
    }
}

/// Labels of a namespace. The API server gives each the label `kubernetes.io/metadata.name`.
fn labels(typed: &Typed<'_>, namespace: &str) -> BTreeMap<String, String> {
    let mut labels =
        typed.namespaces.get(namespace).map(|entry| entry.value.metadata.labels.clone()).unwrap_or_default();
    labels.insert("kubernetes.io/metadata.name".to_owned(), namespace.to_owned());
    labels
}
