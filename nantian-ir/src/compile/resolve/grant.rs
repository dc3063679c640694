//! `ReferenceGrant`: which references may cross namespaces.

use std::collections::BTreeMap;

use nantian_crds::gateway_api::reference_grant::ReferenceGrantSpec;

use crate::compile::decode::Typed;
use crate::key::ObjectRef;

/// The grants, by the namespace that they are in.
pub(crate) struct Grants<'t> {
    by_namespace: BTreeMap<&'t str, Vec<&'t ReferenceGrantSpec>>,
}

/// The target of a reference.
pub(crate) struct To<'r> {
    pub(crate) group: &'r str,
    pub(crate) kind: &'r str,
    pub(crate) namespace: &'r str,
    pub(crate) name: &'r str,
}

impl<'t> Grants<'t> {
    pub(crate) fn new(typed: &'t Typed<'_>) -> Self {
        let mut by_namespace: BTreeMap<&str, Vec<_>> = BTreeMap::new();
        for ((namespace, _), entry) in &typed.grants {
            by_namespace.entry(namespace).or_default().push(&entry.value.spec);
        }
        Self { by_namespace }
    }

    /// Whether `from` may refer to `to`: always within a namespace, otherwise by a grant in the target's namespace.
    pub(crate) fn allow(&self, from: &ObjectRef, to: &To<'_>) -> bool {
        from.namespace == to.namespace
            || self.by_namespace.get(to.namespace).into_iter().flatten().any(|grant| {
                let from_ok = grant.from.iter().any(|allowed| {
                    allowed.group == from.group && allowed.kind == from.kind && allowed.namespace == from.namespace
                });
                let to_ok = grant.to.iter().any(|allowed| {
                    allowed.group == to.group
                        && allowed.kind == to.kind
                        && allowed.name.as_deref().is_none_or(|name| name.is_empty() || name == to.name)
                });
                from_ok && to_ok
            })
    }
}

/// What to do about a reference that no grant allows.
pub(crate) fn remedy(from: &ObjectRef, to: &To<'_>) -> String {
    format!(
        "create a ReferenceGrant in namespace {} from {} of namespace {} to {} {}",
        to.namespace, from.kind, from.namespace, to.kind, to.name
    )
}
