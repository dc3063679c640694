//! Sets of objects that refer to each other, right and wrong.

#![allow(clippy::indexing_slicing, reason = "JSON values take new keys by index")]
#![allow(clippy::expect_used, reason = "tests panic when they fail")]

mod ours;

use std::sync::LazyLock;

use proptest::prelude::*;
use serde_json::{Value, json};

const NAMES: [&str; 3] = ["a", "b", "c"];

/// Rarely something, mostly nothing: most objects have to fit for anything to be served.
fn rarely<S: Strategy>(strategy: S) -> impl Strategy<Value = Option<S::Value>>
where
    S::Value: Clone,
{
    prop::option::weighted(0.2, strategy)
}

fn namespace() -> impl Strategy<Value = &'static str> {
    prop::sample::select(&["a", "a", "a", "b"][..])
}

fn name() -> impl Strategy<Value = &'static str> {
    prop::sample::select(&NAMES[..])
}

fn hostname() -> impl Strategy<Value = &'static str> {
    prop::sample::select(
        &["a.example.com", "b.example.com", "*.example.com", "*.a.example.com", "example.org", "10.0.0.1"][..],
    )
}

fn meta(namespace: &str, name: &str, created: Option<u8>) -> Value {
    let mut meta = json!({"namespace": namespace, "name": name, "generation": 1});
    if let Some(created) = created {
        meta["creationTimestamp"] = json!(format!("2024-01-01T00:00:{:02}Z", created % 3));
    }
    meta
}

fn listener() -> impl Strategy<Value = Value> {
    let protocols = ["HTTP", "HTTP", "HTTP", "HTTP", "HTTP", "HTTPS", "TLS", "TLS", "TCP", "TCP", "UDP", "Later"];
    let protocol = prop::sample::select(protocols.to_vec());
    let from = prop::sample::select(&["Same", "Same", "All", "All", "Selector", "None"][..]);
    let kinds = rarely(prop::sample::select(&["HTTPRoute", "GRPCRoute", "TCPRoute", "TLSRoute"][..]));
    let mode = prop::sample::select(&["Terminate", "Passthrough", "Passthrough", "Later"][..]);
    (name(), 80_u16..83, protocol, rarely(hostname()), from, kinds, mode).prop_map(
        |(name, port, protocol, hostname, from, kind, mode)| {
            let mut listener = json!({"name": name, "port": port, "protocol": protocol});
            listener["allowedRoutes"] = json!({"namespaces": {"from": from}});
            if from == "Selector" {
                listener["allowedRoutes"]["namespaces"]["selector"] = json!({"matchLabels": {"team": "x"}});
            }
            if let Some(kind) = kind {
                listener["allowedRoutes"]["kinds"] = json!([{"kind": kind}]);
            }
            if let Some(hostname) = hostname {
                listener["hostname"] = json!(hostname);
            }
            if protocol == "HTTPS" {
                listener["tls"] = json!({"certificateRefs": [{"name": name}]});
            }
            if protocol == "TLS" {
                listener["tls"] = json!({"mode": mode, "certificateRefs": [{"name": name}]});
            }
            listener
        },
    )
}

fn gateway() -> impl Strategy<Value = Value> {
    let addresses = rarely(prop::sample::select(&["127.0.0.1", "gw.example.com", ""][..]));
    let sets = prop::sample::select(&["All", "All", "Same", "None"][..]);
    let scope = rarely(prop::sample::select(&["All", "None", "Later"][..]));
    let extra = (sets, scope, prop::option::of(validation()), rarely(name()));
    (namespace(), name(), any::<Option<u8>>(), prop::collection::vec(listener(), 2..5), addresses, extra).prop_map(
        |(namespace, name, created, listeners, address, (sets, scope, validation, client))| {
            let mut gateway = json!({
                "apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway",
                "metadata": meta(namespace, name, created),
                "spec": {"gatewayClassName": if name == "c" { "other" } else { "nantian-gw" }, "listeners": listeners},
            });
            gateway["spec"]["allowedListeners"] = json!({"namespaces": {"from": sets}});
            if let Some(scope) = scope {
                gateway["spec"]["defaultScope"] = json!(scope);
            }
            if let Some(validation) = validation {
                gateway["spec"]["tls"]["frontend"] = json!({
                    "default": {"validation": validation}, "perPort": [{"port": 81, "tls": {}}],
                });
            }
            if let Some(client) = client {
                gateway["spec"]["tls"]["backend"] = json!({"clientCertificateRef": {"name": client}});
            }
            if let Some(address) = address {
                gateway["spec"]["addresses"] = json!([{"type": "IPAddress", "value": address}]);
            }
            gateway
        },
    )
}

/// `FrontendTLSValidation`.
fn validation() -> impl Strategy<Value = Value> {
    let kind = prop::sample::select(&["ConfigMap", "ConfigMap", "ConfigMap", "Secret"][..]);
    let mode = prop::sample::select(&["AllowValidOnly", "AllowInsecureFallback", "Later"][..]);
    (prop::collection::vec((name(), kind), 0..3), mode).prop_map(|(references, mode)| {
        let references = references.iter().map(|(name, kind)| json!({"group": "", "kind": kind, "name": name}));
        json!({"caCertificateRefs": references.collect::<Vec<_>>(), "mode": mode})
    })
}

fn listener_set() -> impl Strategy<Value = Value> {
    let parent = prop::sample::select(&["a", "a", "b", "c", "none"][..]);
    let parts =
        (namespace(), name(), any::<Option<u8>>(), prop::collection::vec(listener(), 1..4), namespace(), parent);
    parts.prop_map(|(namespace, name, created, listeners, of, parent)| {
        json!({
            "apiVersion": "gateway.networking.k8s.io/v1", "kind": "ListenerSet",
            "metadata": meta(namespace, name, created),
            "spec": {"parentRef": {"namespace": of, "name": parent}, "listeners": listeners},
        })
    })
}

fn policy() -> impl Strategy<Value = Value> {
    let target = (prop::sample::select(&["Service", "Service", "Service", "Pod"][..]), name(), rarely(name()));
    let authority = (prop::sample::select(&["ConfigMap", "ConfigMap", "ConfigMap", "Secret"][..]), name());
    let hostname = prop::sample::select(&["app.internal", "app.internal", "app.internal", "*.internal", ""][..]);
    let well_known = rarely(prop::sample::select(&["System", "example.com/later"][..]));
    let parts = (
        (namespace(), name(), any::<Option<u8>>()),
        prop::collection::vec(target, 1..3),
        prop::collection::vec(authority, 0..3),
        hostname,
        well_known,
        rarely(prop::sample::select(&["other.internal", "10.0.0.1"][..])),
    );
    parts.prop_map(|((namespace, name, created), targets, authorities, hostname, well_known, san)| {
        let targets = targets.iter().map(|(kind, name, section)| {
            let mut target = json!({"group": "", "kind": kind, "name": name});
            if let Some(section) = section {
                target["sectionName"] = json!(section);
            }
            target
        });
        let authorities = authorities.iter().map(|(kind, name)| json!({"group": "", "kind": kind, "name": name}));
        let mut validation = json!({"hostname": hostname});
        match well_known {
            Some(set) => validation["wellKnownCACertificates"] = json!(set),
            None => validation["caCertificateRefs"] = json!(authorities.collect::<Vec<_>>()),
        }
        if let Some(san) = san {
            validation["subjectAltNames"] = json!([{"type": "Hostname", "hostname": san}]);
        }
        json!({
            "apiVersion": "gateway.networking.k8s.io/v1", "kind": "BackendTLSPolicy",
            "metadata": meta(namespace, name, created),
            "spec": {"targetRefs": targets.collect::<Vec<_>>(), "validation": validation},
        })
    })
}

/// A certificate, which is its own authority, and its key.
static CERTIFICATE: LazyLock<(String, String)> = LazyLock::new(|| {
    let made = rcgen::generate_simple_self_signed(["app.internal".to_owned()]).expect("a certificate");
    (made.cert.pem(), made.signing_key.serialize_pem())
});

fn certificates() -> impl Strategy<Value = Vec<Value>> {
    prop::collection::vec((namespace(), name(), prop::bool::weighted(0.8)), 0..6).prop_map(|places| {
        let (chain, key) = &*CERTIFICATE;
        let both = places.into_iter().map(|(namespace, name, good)| {
            let authorities = if good { chain } else { "none" };
            [
                json!({
                    "apiVersion": "v1", "kind": "Secret", "metadata": meta(namespace, name, None),
                    "type": "kubernetes.io/tls", "stringData": {"tls.crt": chain, "tls.key": key},
                }),
                json!({
                    "apiVersion": "v1", "kind": "ConfigMap", "metadata": meta(namespace, name, None),
                    "data": {"ca.crt": authorities},
                }),
            ]
        });
        both.flatten().collect()
    })
}

fn backend() -> impl Strategy<Value = Value> {
    let kind = prop::sample::select(&["Service", "Service", "Service", "Service", "Pod", "AIService"][..]);
    (name(), rarely(name()), prop::option::weighted(0.9, 80_u16..82), kind, 0_u32..3).prop_map(
        |(name, namespace, port, kind, weight)| {
            let mut reference = json!({"name": name, "kind": kind, "weight": weight});
            if kind == "AIService" {
                reference["group"] = json!("nantian.dev");
            }
            if let Some(namespace) = namespace {
                reference["namespace"] = json!(namespace);
            }
            if let Some(port) = port {
                reference["port"] = json!(port);
            }
            reference
        },
    )
}

fn filter() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(json!({"type": "RequestHeaderModifier", "requestHeaderModifier": {"set": [{"name": "x", "value": "y"}]}})),
        Just(json!({"type": "RequestRedirect", "requestRedirect": {"scheme": "https"}})),
        Just(
            json!({"type": "URLRewrite", "urlRewrite": {"path": {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/"}}})
        ),
        Just(
            json!({"type": "ExtensionRef", "extensionRef": {"group": "nantian.dev", "kind": "DirectResponse", "name": "a"}})
        ),
        Just(json!({"type": "Later"})),
        backend().prop_map(|mut reference| {
            reference.as_object_mut().map(|fields| fields.remove("weight"));
            json!({"type": "RequestMirror", "requestMirror": {"backendRef": reference, "percent": 50}})
        }),
    ]
}

fn rule(grpc: bool) -> impl Strategy<Value = Value> {
    let paths = prop::sample::select(
        &[
            ("Exact", "/a"),
            ("PathPrefix", "/"),
            ("RegularExpression", "/(a|b)"),
            ("RegularExpression", "(?=x)"),
            ("Exact", "bad"),
            ("Later", "/"),
        ][..],
    );
    let parts =
        (rarely(name()), rarely(paths), prop::collection::vec(filter(), 0..3), prop::collection::vec(backend(), 0..3));
    parts.prop_map(move |(name, path, filters, backends)| {
        let mut rule = json!({"filters": filters, "backendRefs": backends});
        if let Some(name) = name {
            rule["name"] = json!(name);
        }
        if let Some((kind, value)) = path {
            rule["matches"] = if grpc {
                let kind = if kind == "PathPrefix" { "Exact" } else { kind };
                json!([{"method": {"type": kind, "service": value}}])
            } else {
                json!([{"path": {"type": kind, "value": value}}])
            };
        }
        rule
    })
}

fn parent() -> impl Strategy<Value = Value> {
    let kind = prop::sample::select(&["Gateway", "Gateway", "Gateway", "ListenerSet"][..]);
    let names = prop::sample::select(&["a", "a", "b", "c"][..]);
    (namespace(), rarely(name()), rarely(80_u16..83), names, kind).prop_map(|(namespace, section, port, name, kind)| {
        let mut parent = json!({"kind": kind, "namespace": namespace, "name": name});
        if let Some(section) = section {
            parent["sectionName"] = json!(section);
        }
        if let Some(port) = port {
            parent["port"] = json!(port);
        }
        parent
    })
}

fn route_of(kind: &'static str, rules: impl Strategy<Value = Vec<Value>>) -> impl Strategy<Value = Value> {
    let parents = prop::collection::vec(parent(), 1..3);
    let hostnames = prop::collection::vec(hostname(), 0..2);
    let default = rarely(prop::sample::select(&["All", "None", "Later"][..]));
    (namespace(), name(), any::<Option<u8>>(), parents, hostnames, rules, default).prop_map(
        move |(namespace, name, created, parents, hostnames, rules, default)| {
            let mut route = json!({
                "apiVersion": "gateway.networking.k8s.io/v1", "kind": kind, "metadata": meta(namespace, name, created),
                "spec": {"parentRefs": parents, "hostnames": hostnames, "rules": rules},
            });
            if let Some(scope) = default {
                route["spec"]["useDefaultGateways"] = json!(scope);
            }
            route
        },
    )
}

fn route(grpc: bool) -> impl Strategy<Value = Value> {
    route_of(if grpc { "GRPCRoute" } else { "HTTPRoute" }, prop::collection::vec(rule(grpc), 1..4))
}

fn stream_route() -> impl Strategy<Value = Value> {
    let rules = || {
        let rule = prop::collection::vec(backend(), 0..3).prop_map(|backends| json!({"backendRefs": backends}));
        prop::collection::vec(rule, 1..3)
    };
    prop_oneof![route_of("TLSRoute", rules()), route_of("TCPRoute", rules()), route_of("UDPRoute", rules())]
}

fn service() -> impl Strategy<Value = Value> {
    let protocol = rarely(prop::sample::select(&["kubernetes.io/h2c", "kubernetes.io/ws", "HTTPS"][..]));
    (namespace(), name(), 80_u16..82, protocol, rarely(name())).prop_map(
        |(namespace, name, port, protocol, port_name)| {
            let mut service = json!({
                "apiVersion": "v1", "kind": "Service", "metadata": meta(namespace, name, None),
                "spec": {"ports": [{"port": port}, {"port": port, "protocol": "UDP", "name": "datagrams"}]},
            });
            if let Some(name) = port_name {
                service["spec"]["ports"][0]["name"] = json!(name);
            }
            if let Some(protocol) = protocol {
                service["spec"]["ports"][0]["appProtocol"] = json!(protocol);
            }
            service
        },
    )
}

/// A Service as one is made for a Gateway: its own, one with a bind port of another, or somebody else's.
fn gateway_service() -> impl Strategy<Value = Value> {
    let bind = prop::sample::select(&[10_000_u16, 10_000, 10_001, 29_999, 80][..]);
    let manager = prop::sample::select(&["nantian-gw", "nantian-gw", "Helm"][..]);
    (namespace(), name(), 80_u16..83, bind, manager).prop_map(|(namespace, gateway, port, bind, manager)| {
        let mut service = json!({
            "apiVersion": "v1", "kind": "Service", "metadata": meta(namespace, &format!("{gateway}-nantian-gw"), None),
            "spec": {"ports": [{"port": port, "targetPort": bind}]},
        });
        service["metadata"]["labels"] =
            json!({"app.kubernetes.io/managed-by": manager, "gateway.networking.k8s.io/gateway-name": gateway});
        service
    })
}

fn slice() -> impl Strategy<Value = Value> {
    let addresses = prop::collection::vec((0_u8..4, any::<Option<bool>>()), 0..3);
    (namespace(), name(), name(), addresses).prop_map(|(namespace, name, service, addresses)| {
        let endpoints: Vec<Value> = addresses
            .into_iter()
            .map(|(last, ready)| json!({"addresses": [format!("10.0.0.{last}")], "conditions": {"ready": ready}}))
            .collect();
        let mut slice = json!({
            "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "metadata": meta(namespace, name, None),
            "addressType": "IPv4", "ports": [{"port": 8080}], "endpoints": endpoints,
        });
        slice["metadata"]["labels"] = json!({"kubernetes.io/service-name": service});
        slice
    })
}

fn grant() -> impl Strategy<Value = Value> {
    let from = prop::sample::select(&["HTTPRoute", "HTTPRoute", "GRPCRoute", "TCPRoute", "Gateway"][..]);
    let to = prop::sample::select(&["Service", "Service", "Service", "Secret", "ConfigMap"][..]);
    let name = prop::sample::select(&["g", "h"][..]);
    (name, namespace(), namespace(), prop::collection::vec(from, 1..3), to).prop_map(
        |(name, namespace, of, kinds, to)| {
            let group = "gateway.networking.k8s.io";
            let from = kinds.iter().map(|kind| json!({"group": group, "kind": kind, "namespace": of}));
            json!({
                "apiVersion": "gateway.networking.k8s.io/v1", "kind": "ReferenceGrant",
                "metadata": meta(namespace, name, None),
                "spec": {"from": from.collect::<Vec<_>>(), "to": [{"group": "", "kind": to}]},
            })
        },
    )
}

fn class() -> impl Strategy<Value = Value> {
    let name = prop::sample::select(&["nantian-gw", "other", "other"][..]);
    let controller = prop::sample::select(&["nantian.dev/gateway-controller", "example.com/other"][..]);
    (name, controller, rarely(Just("none"))).prop_map(|(name, controller, parameters)| {
        let mut class = json!({
            "apiVersion": "gateway.networking.k8s.io/v1", "kind": "GatewayClass", "metadata": {"name": name},
            "spec": {"controllerName": controller},
        });
        if let Some(parameters) = parameters {
            class["spec"]["parametersRef"] = json!({"group": "example.com", "kind": "Later", "name": parameters});
        }
        class
    })
}

fn other() -> impl Strategy<Value = Value> {
    let team = prop::sample::select(&["x", "x", "y"][..]);
    prop_oneof![
        4 => grant(),
        4 => (name(), team).prop_map(|(name, team)| json!({
            "apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": {"team": team}},
        })),
        3 => (name(), any::<bool>()).prop_map(|(namespace, inline)| {
            let body = if inline { json!("ok") } else { Value::Null };
            let reference = if inline { Value::Null } else { json!({"name": "a", "key": "ca.crt"}) };
            json!({
                "apiVersion": "nantian.dev/v1alpha1", "kind": "DirectResponse", "metadata": meta(namespace, "a", None),
                "spec": {"statusCode": 200, "body": body, "bodyConfigMapRef": reference},
            })
        }),
        1 => class(),
        1 => misfit(),
    ]
}

/// Objects that do not fit their kind.
fn misfit() -> impl Strategy<Value = Value> {
    let kind = prop::sample::select(
        &[
            ("gateway.networking.k8s.io/v1", "HTTPRoute"),
            ("gateway.networking.k8s.io/v1", "Gateway"),
            ("v1", "Service"),
        ][..],
    );
    (kind, namespace(), name()).prop_map(|((api_version, kind), namespace, name)| {
        json!({"apiVersion": api_version, "kind": kind, "metadata": meta(namespace, name, None), "spec": "none"})
    })
}

/// One object of any kind.
fn any_object() -> impl Strategy<Value = Value> {
    prop_oneof![
        4 => gateway(), 6 => route(false), 3 => route(true), 4 => stream_route(), 3 => listener_set(), 2 => policy(),
        4 => service(), 3 => slice(), 4 => other(), 2 => gateway_service(),
        2 => certificates().prop_flat_map(|held| {
            let others: Vec<Value> = if held.is_empty() { vec![json!(null)] } else { held };
            prop::sample::select(others)
        }),
    ]
}

/// A change of a set of objects.
#[derive(Debug, Clone)]
pub(crate) enum Edit {
    /// Puts an object in, or in the place of one of its name.
    Insert(Value),
    /// Takes out one of those that are there.
    Remove(prop::sample::Index),
}

/// Edits, in small groups that are made at once.
pub(crate) fn edits() -> impl Strategy<Value = Vec<Vec<Edit>>> {
    let edit = prop_oneof![
        3 => any_object().prop_filter("an object", |value| !value.is_null()).prop_map(Edit::Insert),
        1 => any::<prop::sample::Index>().prop_map(Edit::Remove),
    ];
    prop::collection::vec(prop::collection::vec(edit, 1..4), 1..6)
}

/// Objects with distinct names.
pub(crate) fn objects() -> impl Strategy<Value = Vec<Value>> {
    let parts = (
        prop::collection::vec(gateway(), 3..6),
        prop::collection::vec(route(false), 2..6),
        prop::collection::vec(route(true), 0..3),
        prop::collection::vec(stream_route(), 1..7),
        prop::collection::vec(listener_set(), 1..6),
        prop::collection::vec(policy(), 1..6),
        certificates(),
        (prop::collection::vec(service(), 3..9), prop::collection::vec(gateway_service(), 0..4)),
        prop::collection::vec(slice(), 0..5),
        prop::collection::vec(other(), 0..4),
        prop::collection::vec(ours::object(), 1..10),
    );
    parts.prop_map(|(gateways, http, grpc, streams, sets, policies, certificates, services, slices, others, ours)| {
        let mut seen = std::collections::BTreeSet::new();
        let routes = http.into_iter().chain(grpc).chain(streams);
        let (services, made) = services;
        let rest = services
            .into_iter()
            .chain(made)
            .chain(slices)
            .chain(others)
            .chain(policies)
            .chain(certificates)
            .chain(ours);
        let all = gateways.into_iter().chain(sets).chain(routes).chain(rest);
        let id = |value: &Value| {
            format!("{} {} {}", value["kind"], value["metadata"]["namespace"], value["metadata"]["name"])
        };
        all.filter(|value| seen.insert(id(value))).collect()
    })
}

/// Objects that nothing of [`objects`] refers to and that refer to nothing of it.
pub(crate) fn unrelated() -> impl Strategy<Value = Value> {
    let kinds = prop_oneof![
        gateway(),
        listener_set(),
        policy(),
        stream_route(),
        route(false),
        service(),
        slice(),
        ours::object()
    ];
    kinds.prop_map(|mut object| {
        object["metadata"]["namespace"] = json!("elsewhere");
        object["metadata"]["name"] = json!("unrelated");
        let spec = &mut object["spec"];
        // Its ports are in nobody's way where they are bound as they are, and no route is attached to it by default.
        for listener in spec["listeners"].as_array_mut().into_iter().flatten() {
            listener["port"] = json!(listener["port"].as_u64().unwrap_or_default() + 1000);
        }
        if !spec["gatewayClassName"].is_null() {
            spec["defaultScope"] = json!("None");
        }
        if !spec["parentRef"].is_null() {
            spec["parentRef"]["namespace"] = json!("elsewhere");
        }
        if !spec["parentRefs"].is_null() {
            spec["parentRefs"] = json!([{"name": "unrelated"}]);
            spec["useDefaultGateways"] = json!("None");
        }
        object
    })
}
