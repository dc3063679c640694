//! Sets of objects that refer to each other, right and wrong.

#![allow(clippy::indexing_slicing, reason = "JSON values take new keys by index")]

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
    prop::sample::select(&["a", "a", "b"][..])
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
    let protocol = prop::sample::select(&["HTTP", "HTTP", "HTTP", "HTTPS", "TCP"][..]);
    let from = prop::sample::select(&["Same", "Same", "All", "All", "Selector", "None"][..]);
    let kinds = rarely(prop::sample::select(&["HTTPRoute", "GRPCRoute", "TCPRoute"][..]));
    (name(), 80_u16..83, protocol, rarely(hostname()), from, kinds).prop_map(
        |(name, port, protocol, hostname, from, kind)| {
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
            listener
        },
    )
}

fn gateway() -> impl Strategy<Value = Value> {
    let addresses = rarely(prop::sample::select(&["127.0.0.1", "gw.example.com", ""][..]));
    (namespace(), name(), any::<Option<u8>>(), prop::collection::vec(listener(), 2..5), addresses).prop_map(
        |(namespace, name, created, listeners, address)| {
            let mut gateway = json!({
                "apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway",
                "metadata": meta(namespace, name, created),
                "spec": {"gatewayClassName": if name == "c" { "other" } else { "nantian-gw" }, "listeners": listeners},
            });
            if let Some(address) = address {
                gateway["spec"]["addresses"] = json!([{"type": "IPAddress", "value": address}]);
            }
            gateway
        },
    )
}

fn backend() -> impl Strategy<Value = Value> {
    let kind = prop::sample::select(&["Service", "Service", "Service", "Pod"][..]);
    (name(), rarely(name()), prop::option::weighted(0.9, 80_u16..82), kind, 0_u32..3).prop_map(
        |(name, namespace, port, kind, weight)| {
            let mut reference = json!({"name": name, "kind": kind, "weight": weight});
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
    (rarely(paths), prop::collection::vec(filter(), 0..3), prop::collection::vec(backend(), 0..3)).prop_map(
        move |(path, filters, backends)| {
            let mut rule = json!({"filters": filters, "backendRefs": backends});
            if let Some((kind, value)) = path {
                rule["matches"] = if grpc {
                    let kind = if kind == "PathPrefix" { "Exact" } else { kind };
                    json!([{"method": {"type": kind, "service": value}}])
                } else {
                    json!([{"path": {"type": kind, "value": value}}])
                };
            }
            rule
        },
    )
}

fn route(grpc: bool) -> impl Strategy<Value = Value> {
    let parent = (namespace(), rarely(name()), rarely(80_u16..83), prop::sample::select(&["a", "a", "b", "c"][..]));
    let parents = prop::collection::vec(parent, 1..3);
    let rules = prop::collection::vec(rule(grpc), 1..4);
    let hostnames = prop::collection::vec(hostname(), 0..2);
    (namespace(), name(), any::<Option<u8>>(), parents, hostnames, rules).prop_map(
        move |(namespace, name, created, parents, hostnames, rules)| {
            let parents: Vec<Value> = parents
                .into_iter()
                .map(|(namespace, section, port, name)| {
                    let mut parent = json!({"namespace": namespace, "name": name});
                    if let Some(section) = section {
                        parent["sectionName"] = json!(section);
                    }
                    if let Some(port) = port {
                        parent["port"] = json!(port);
                    }
                    parent
                })
                .collect();
            json!({
                "apiVersion": "gateway.networking.k8s.io/v1",
                "kind": if grpc { "GRPCRoute" } else { "HTTPRoute" },
                "metadata": meta(namespace, name, created),
                "spec": {"parentRefs": parents, "hostnames": hostnames, "rules": rules},
            })
        },
    )
}

fn service() -> impl Strategy<Value = Value> {
    let protocol = rarely(prop::sample::select(&["kubernetes.io/h2c", "kubernetes.io/ws", "https"][..]));
    (namespace(), name(), 80_u16..82, protocol).prop_map(|(namespace, name, port, protocol)| {
        let mut service = json!({
            "apiVersion": "v1", "kind": "Service", "metadata": meta(namespace, name, None),
            "spec": {"ports": [{"port": port}]},
        });
        if let Some(protocol) = protocol {
            service["spec"]["ports"][0]["appProtocol"] = json!(protocol);
        }
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

fn other() -> impl Strategy<Value = Value> {
    prop_oneof![
        (name(), name()).prop_map(|(namespace, from)| json!({
            "apiVersion": "gateway.networking.k8s.io/v1", "kind": "ReferenceGrant",
            "metadata": meta(namespace, "g", None),
            "spec": {"from": [{"group": "gateway.networking.k8s.io", "kind": "HTTPRoute", "namespace": from}],
                "to": [{"group": "", "kind": "Service"}]},
        })),
        name().prop_map(|name| json!({
            "apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": {"team": "x"}},
        })),
        name().prop_map(|namespace| json!({
            "apiVersion": "nantian.dev/v1alpha1", "kind": "DirectResponse", "metadata": meta(namespace, "a", None),
            "spec": {"statusCode": 200, "body": "ok"},
        })),
    ]
}

/// Objects with distinct names.
pub(crate) fn objects() -> impl Strategy<Value = Vec<Value>> {
    let parts = (
        prop::collection::vec(gateway(), 3..6),
        prop::collection::vec(route(false), 2..6),
        prop::collection::vec(route(true), 0..3),
        prop::collection::vec(service(), 0..5),
        prop::collection::vec(slice(), 0..5),
        prop::collection::vec(other(), 0..4),
    );
    parts.prop_map(|(gateways, http, grpc, services, slices, others)| {
        let mut seen = std::collections::BTreeSet::new();
        let all = gateways.into_iter().chain(http).chain(grpc).chain(services).chain(slices).chain(others);
        let id = |value: &Value| {
            format!("{} {} {}", value["kind"], value["metadata"]["namespace"], value["metadata"]["name"])
        };
        all.filter(|value| seen.insert(id(value))).collect()
    })
}
