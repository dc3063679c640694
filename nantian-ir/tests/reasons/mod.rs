//! Every condition reason that the Gateway API names is that of a status in a golden directory, or never ours to give.

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;

/// Whose status a reason is for: a type of `apis/v1` in Go, where `SCOPEConditionReason` is its name.
type Scope = &'static str;

/// The constants of `apis/v1` of v1.5.1, by type.
const NAMED: &[(Scope, &[&str])] = &[
    (
        "GatewayClass",
        &[
            "Accepted",
            "InvalidParameters",
            "Pending",
            "SupportedVersion",
            "Unsupported",
            "UnsupportedVersion",
            "Waiting",
        ],
    ),
    (
        "Gateway",
        &[
            "Accepted",
            "AddressNotAssigned",
            "AddressNotUsable",
            "ConfigurationChanged",
            "Invalid",
            "InvalidClientCertificateRef",
            "InvalidParameters",
            "ListenersNotReady",
            "ListenersNotResolved",
            "ListenersNotValid",
            "NoResources",
            "NotReconciled",
            "Pending",
            "Programmed",
            "Ready",
            "RefNotPermitted",
            "ResolvedRefs",
            "Scheduled",
            "UnsupportedAddress",
        ],
    ),
    (
        "Listener",
        &[
            "Accepted",
            "Attached",
            "HostnameConflict",
            "Invalid",
            "InvalidCACertificateKind",
            "InvalidCACertificateRef",
            "InvalidCertificateRef",
            "InvalidRouteKinds",
            "NoConflicts",
            "NoValidCACertificate",
            "OverlappingCertificates",
            "OverlappingHostnames",
            "Pending",
            "PortUnavailable",
            "Programmed",
            "ProtocolConflict",
            "Ready",
            "RefNotPermitted",
            "ResolvedRefs",
            "UnsupportedProtocol",
            "UnsupportedValue",
        ],
    ),
    (
        "ListenerEntry",
        &[
            "Accepted",
            "HostnameConflict",
            "Invalid",
            "InvalidCertificateRef",
            "InvalidRouteKinds",
            "ListenerConflict",
            "Pending",
            "PortUnavailable",
            "Programmed",
            "ProtocolConflict",
            "Ready",
            "RefNotPermitted",
            "ResolvedRefs",
            "TooManyListeners",
            "UnsupportedProtocol",
        ],
    ),
    (
        "ListenerSet",
        &["Accepted", "Invalid", "ListenersNotValid", "NotAllowed", "ParentNotAccepted", "Pending", "Programmed"],
    ),
    (
        "Policy",
        &[
            "Accepted",
            "Conflicted",
            "Invalid",
            "InvalidCACertificateRef",
            "InvalidKind",
            "NoValidCACertificate",
            "ResolvedRefs",
            "TargetNotFound",
        ],
    ),
    (
        "Route",
        &[
            "Accepted",
            "BackendNotFound",
            "IncompatibleFilters",
            "InvalidKind",
            "NoMatchingListenerHostname",
            "NoMatchingParent",
            "NotAllowedByListeners",
            "Pending",
            "RefNotPermitted",
            "ResolvedRefs",
            "UnsupportedProtocol",
            "UnsupportedValue",
        ],
    ),
];

/// Reasons that the compiler has no cause to give, and why.
const NEVER: &[(Scope, &str, &str)] = &[
    ("GatewayClass", "Pending", "a class is decided on when it is seen"),
    ("GatewayClass", "Unsupported", "users may define classes of their own"),
    ("GatewayClass", "Waiting", "it is the old name of Pending"),
    ("Gateway", "ListenersNotReady", "the condition Ready is reserved"),
    ("Gateway", "NoResources", "no infrastructure is made for a Gateway"),
    ("Gateway", "NotReconciled", "it is the old name of Pending"),
    ("Gateway", "Ready", "the condition Ready is reserved"),
    ("Gateway", "Scheduled", "it is of a condition that Accepted replaced"),
    ("Listener", "Attached", "it is of a condition that Accepted replaced"),
    (
        "Listener",
        "OverlappingCertificates",
        "certificates may overlap: they are chosen by the name that a client asks for",
    ),
    ("Listener", "Ready", "the condition Ready is reserved"),
    ("ListenerEntry", "Ready", "the condition Ready is reserved"),
    ("ListenerEntry", "TooManyListeners", "a Gateway takes any number of listeners"),
    ("ListenerSet", "Invalid", "what is invalid is so in a listener: the reason is ListenersNotValid"),
    ("Route", "Pending", "a route is decided on when it is seen"),
];

/// The reasons in the status of an object, each with the scope that it is for.
fn given(object: &Value, status: &Value, found: &mut BTreeSet<(String, String)>) {
    let mut add = |scope: &str, holder: &Value| {
        for condition in holder["conditions"].as_array().into_iter().flatten() {
            found.insert((scope.to_owned(), condition["reason"].as_str().unwrap().to_owned()));
        }
    };
    let kind = object["kind"].as_str().unwrap();
    add(kind, status);
    let entry = if kind == "ListenerSet" { "ListenerEntry" } else { "Listener" };
    let parts = [("listeners", entry), ("parents", "Route"), ("ancestors", "Policy")];
    for (part, scope) in parts {
        status[part].as_array().into_iter().flatten().for_each(|holder| add(scope, holder));
    }
}

#[test]
fn every_reason_that_the_specification_names_is_in_a_golden_directory_or_never_given() {
    let mut found = BTreeSet::new();
    for directory in crate::directories() {
        let text = fs::read_to_string(directory.join("status.yaml")).unwrap();
        let statuses = nantian_ir::yaml::value(&text).unwrap();
        for entry in statuses.as_array().unwrap() {
            given(&entry["object"], &entry["status"], &mut found);
        }
    }
    let mut wrong = Vec::new();
    for (scope, reason) in NAMED.iter().flat_map(|(scope, reasons)| reasons.iter().map(move |reason| (*scope, *reason)))
    {
        let is_given = found.contains(&(scope.to_owned(), reason.to_owned()));
        let never = NEVER.iter().find(|(of, named, _)| (*of, *named) == (scope, reason));
        match (is_given, never) {
            (false, None) => wrong.push(format!("no golden directory has the reason {reason} of {scope}")),
            (true, Some((_, _, why))) => wrong.push(format!("{reason} of {scope} is given, although {why}")),
            _ => {}
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
