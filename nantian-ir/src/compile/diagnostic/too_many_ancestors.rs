//! A policy has more ancestors than its status may list (16): Gateways that send to its targets, or targets. The status tells
//! of the first. `PolicyStatus` asks that the policy be taken for unimplementable for the others; it applies for them all the
//! same, since without a BackendTLSPolicy they would send what is meant for a trusted backend to any.
