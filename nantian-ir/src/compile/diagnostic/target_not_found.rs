//! A target of a policy does not exist, or has no port of the name in `sectionName`. `Accepted` is `False` with the
//! reason `TargetNotFound` for every Gateway that would send to it.
