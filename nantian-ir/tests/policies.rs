//! `docs/policies.md` is what the table of features says.

use std::fmt::Write as _;
use std::path::Path;

use nantian_ir::compile::POLICY_FIELDS;

const HEAD: &str = "# Policies

AIService, BackendLBPolicy, RoutePolicy, SecurityPolicy, TokenPolicy and WasmPlugin ([fields](kinds.md)): what they apply to, which
of several applies, and what their status says. The table below is generated from `nantian-ir/src/compile/policy/features.rs`; a test
compares the two.

## What a policy is for

`targetRefs` name objects of the policy's own namespace, or with `sectionName` a part of one: a listener of a Gateway, a rule of
a route, a port of a Service. A RoutePolicy without `targetRefs` is for all routes of its namespace.

For a rule at a listener, policies of one kind are laid over each other, field by field, the more specific first: those for the
rule, its route, the listener, the Gateway, the namespace of the route. A policy for a Gateway is also for listeners that
ListenerSets add; one for a listener by name is for the Gateway's own. What a rule says itself stands, and so do its own time
limits and CORS filter.

CORS is for rules of HTTPRoutes and GRPCRoutes. A rule of a GRPCRoute then also takes the preflights of its calls, which browsers
send before those of gRPC-Web: `OPTIONS` for the path of the call, with `Origin` and `Access-Control-Request-Method: POST`.

Of several policies of one kind for the same target the oldest applies, then the first by name. WasmPlugins follow each other by
priority instead. `nantian explain` ([its page](explain.md)) tells for a request which policies are for it, which setting of which
one decides, and why the others lose.

## What the status says

The status of a policy has an entry for each target, at most 16. GEP-713 leaves what an ancestor is to the implementation; here it
is the target. Targets of Gateways of other controllers are left alone.

| condition | status | reason | when |
| --- | --- | --- | --- |
| `Accepted` | True | `Accepted` | the policy applies to the target |
| `Accepted` | False | `TargetNotFound` | the target, or the part of it, is not in the namespace, or policies of this kind are not for it |
| `Accepted` | False | `Conflicted` | an older policy of the kind has the target |
| `Accepted` | False | `Invalid` | a value means nothing |
| `Accepted` | False | `UnsupportedFeature` | the data plane has nothing of what the policy asks for |
| `PartiallyInvalid` | True | `UnsupportedFeature` | the policy applies, but the data plane has no part for the fields that the message names; absent otherwise |
| `ResolvedRefs` | True | `ResolvedRefs` | all references are resolved |
| `ResolvedRefs` | False | `RefNotFound` | a Secret, ConfigMap or AIService does not exist, or has no such key |
| `ResolvedRefs` | False | `BackendNotFound` | a Service, or its port, does not exist |
| `ResolvedRefs` | False | `RefNotPermitted` | another namespace, and no ReferenceGrant allows it |

An AIService has `Accepted` and `ResolvedRefs` with the same reasons. An HTTPRoute that names one that the data plane has no part
for has `ResolvedRefs` `False` with the reason `InvalidKind`, and that share of its requests gets 500.

Where a SecurityPolicy asks for a check that the data plane cannot make, nothing passes: requests get 500, connections are
rejected. Such a check of a Service keeps everybody out of that Service.

## What the data plane serves today

| kind | field | value | served |
| --- | --- | --- | --- |
";

fn page() -> String {
    let mut page = HEAD.to_owned();
    for field in POLICY_FIELDS {
        let value = field.value.map_or_else(String::new, |value| format!("`{value}`"));
        let served = if field.feature.is_some() { "yes" } else { "no, and named in the status" };
        // Writing to a String cannot fail.
        let _ = writeln!(page, "| {} | `{}` | {value} | {served} |", field.kind, field.path);
    }
    page
}

#[test]
fn docs_policies_md_is_what_the_table_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/policies.md");
    if std::env::var_os("NANTIAN_WRITE_DOCS").is_some() {
        std::fs::write(&path, page()).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap();
    assert_eq!(written, page(), "docs/policies.md is out of date: cargo xtask reference");
}
