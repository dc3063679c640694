//! No route of a Gateway of ours sends to a target of the policy, so that it has no effect and no status at present.
