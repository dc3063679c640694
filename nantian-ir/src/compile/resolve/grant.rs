//! `ReferenceGrant`: which references may cross namespaces.

use crate::compile::memo::Reader;
use crate::key::ObjectRef;

/// The target of a reference.
pub(crate) struct To<'r> {
    pub(crate) group: &'r str,
    pub(crate) kind: &'r str,
    pub(crate) namespace: &'r str,
    pub(crate) name: &'r str,
}

/// Whether `from` may refer to `to`: always within a namespace, otherwise by a grant in the target's namespace.
pub(crate) fn allow(reader: &Reader<'_>, from: &ObjectRef, to: &To<'_>) -> bool {
    from.namespace == to.namespace
        || reader.grants(to.namespace).any(|grant| {
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

/// What to do about a reference that no grant allows.
pub(crate) fn remedy(from: &ObjectRef, to: &To<'_>) -> String {
    format!(
        "create a ReferenceGrant in namespace {} from {} of namespace {} to {} {}",
        to.namespace, from.kind, from.namespace, to.kind, to.name
    )
}
