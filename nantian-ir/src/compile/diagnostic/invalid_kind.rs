//! A reference names a kind that is not supported there. `ResolvedRefs` is `False` with the reason `InvalidKind`;
//! requests that would need it get 500.
