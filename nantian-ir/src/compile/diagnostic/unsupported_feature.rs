//! A policy or an AIService asks for something that the data plane has no part for. Where it has a part for nothing that is
//! asked for, the `Accepted` condition is `False` with the reason `UnsupportedFeature`; otherwise the policy is accepted, and
//! the condition `PartiallyInvalid` names the fields that have no effect. Where a SecurityPolicy asks for a check that the
//! data plane cannot make, nothing passes: requests get 500, connections are rejected.
