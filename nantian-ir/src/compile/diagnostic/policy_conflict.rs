//! Several policies have the same target. The older one applies, then the first by `namespace/name`; the `Accepted`
//! condition of the others is `False` with the reason `Conflicted`. A policy for a port by name is no conflict with
//! one for the whole Service: it applies to that port.
