//! A reference crosses namespaces, and no ReferenceGrant in the target's namespace allows it. `ResolvedRefs` is `False`
//! with the reason `RefNotPermitted`; requests that would need it get 500.
