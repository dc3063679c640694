//! What a cluster holds while a test of the suite runs, and what the compiler makes of it.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::OnceLock;

use nantian_ir::ObjectRef;
use nantian_ir::compile::{Compiled, Object, Objects, Options, Severity, Status, compile, yaml};
use serde_json::{Value, json};

use crate::{echo, folder};

const CLASS: &str = "gateway-conformance";
const INFRA: &str = "gateway-conformance-infra";

/// A certificate of the suite's setup, with its key.
pub(crate) struct Pair {
    pub(crate) certificate: Vec<u8>,
    pem: String,
    key: String,
}

/// The certificate that the suite's HTTPS Gateways show.
pub(crate) fn certificate() -> &'static Pair {
    static PAIR: OnceLock<Pair> = OnceLock::new();
    PAIR.get_or_init(|| {
        let names = ["*", "*.org", "*.wildcard.org"].map(str::to_owned);
        let made = rcgen::generate_simple_self_signed(names).unwrap();
        let (pem, key) = (made.cert.pem(), made.signing_key.serialize_pem());
        Pair { certificate: made.cert.der().to_vec(), pem, key }
    })
}

fn secret(namespace: &str, name: &str) -> Value {
    let pair = certificate();
    json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": namespace},
        "type": "kubernetes.io/tls", "stringData": {"tls.crt": pair.pem, "tls.key": pair.key},
    })
}

/// Objects of a test.
pub(crate) struct Cluster {
    objects: BTreeMap<ObjectRef, Value>,
    pub(crate) options: Options,
    pub(crate) compiled: Compiled,
}

impl Cluster {
    /// The base of the suite with the manifests of a test.
    pub(crate) fn new(manifests: &[String]) -> Self {
        let mut options = Options::default();
        options.addresses = vec![IpAddr::V4(Ipv4Addr::new(10, 0, 255, 1))];
        let mut cluster = Self { objects: BTreeMap::new(), compiled: compile(&Objects::new(), &options), options };
        let class = json!({
            "apiVersion": "gateway.networking.k8s.io/v1", "kind": "GatewayClass", "metadata": {"name": CLASS},
            "spec": {"controllerName": cluster.options.controller_name},
        });
        for value in [
            class,
            secret(INFRA, "tls-validity-checks-certificate"),
            secret("gateway-conformance-web-backend", "certificate"),
        ] {
            cluster.put(value);
        }
        for file in std::iter::once("base.yaml").chain(manifests.iter().map(String::as_str)) {
            let text = std::fs::read_to_string(folder().join("manifests").join(file)).unwrap();
            let text = text
                .replace("{GATEWAY_CLASS_NAME}", CLASS)
                .replace("PLACEHOLDER_UNUSABLE_ADDRS", "224.0.0.1")
                .replace("PLACEHOLDER_USABLE_ADDRS", "10.0.1.1")
                .replace("{GATEWAY_CONTROLLER_NAME}", &cluster.options.controller_name);
            let parsed = yaml::parse(file, &text);
            let refused: Vec<_> = parsed.diagnostics.iter().filter(|found| found.severity == Severity::Error).collect();
            assert!(refused.is_empty(), "admission refuses {refused:#?}");
            for object in parsed.objects {
                cluster.prepare(object.value());
            }
        }
        cluster.compile();
        cluster
    }

    /// Puts an object with what the suite and the cluster's controllers would give it.
    fn prepare(&mut self, mut value: Value) {
        match value["kind"].as_str().unwrap_or_default() {
            "Gateway" => {
                let gateways = self.objects.keys().filter(|id| id.kind == "Gateway").count();
                let address = json!([{"value": format!("10.0.0.{}", gateways + 1)}]);
                if value["spec"].get("addresses").is_none() {
                    value["spec"]["addresses"] = address;
                }
            }
            "Service" => self.put_endpoints(&value),
            // The suite fills these with the addresses of infra-backend-v1.
            "EndpointSlice" if value["addressType"] == "IPv4" => {
                let port = echo::address(INFRA, "infra-backend-v1", false).port();
                value["endpoints"] = json!([{"addresses": ["127.0.0.1"], "conditions": {"ready": true}}]);
                value["ports"][0]["port"] = json!(port);
            }
            "EndpointSlice" => value["endpoints"] = json!([]),
            _ => {}
        }
        self.put(value);
    }

    fn put_endpoints(&mut self, service: &Value) {
        let (name, namespace) = (&service["metadata"]["name"], &service["metadata"]["namespace"]);
        let Some(app) = service["spec"]["selector"]["app"].as_str() else { return };
        let ports = service["spec"]["ports"].as_array().unwrap().iter().map(|port| {
            let h2c = port["appProtocol"] == "kubernetes.io/h2c";
            let address = echo::address(namespace.as_str().unwrap(), app, h2c);
            let name = port.get("name").cloned().unwrap_or(json!(""));
            json!({"name": name, "port": address.port(), "protocol": "TCP"})
        });
        let slice = json!({
            "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
            "metadata": {"name": format!("{}-1", name.as_str().unwrap()), "namespace": namespace,
                "labels": {"kubernetes.io/service-name": name}},
            "endpoints": [{"addresses": ["127.0.0.1"], "conditions": {"ready": true}}],
            "ports": ports.collect::<Vec<_>>(),
        });
        self.put(slice);
    }

    /// Through admission, as a cluster would take it; a changed object has a new generation.
    fn put(&mut self, mut value: Value) {
        if value["metadata"].get("generation").is_none() {
            value["metadata"]["generation"] = json!(1);
        }
        let parsed = yaml::parse("prepared", &value.to_string());
        let refused: Vec<_> = parsed.diagnostics.iter().filter(|found| found.severity == Severity::Error).collect();
        assert!(refused.is_empty(), "admission refuses {refused:#?}");
        for object in parsed.objects {
            self.objects.insert(object.id().clone(), object.value());
        }
    }

    fn compile(&mut self) {
        let objects = self.objects.values().map(|value| Object::new(value.clone()).unwrap());
        self.compiled = compile(&objects.collect(), &self.options);
    }

    fn find(&self, kind: &str, name: &str) -> Option<&ObjectRef> {
        let (namespace, name) = name.split_once('/').unwrap_or(("", name));
        self.objects.keys().find(|id| id.kind == kind && id.namespace == namespace && id.name == name)
    }

    /// Applies a JSON merge patch (RFC 7386).
    pub(crate) fn patch(&mut self, kind: &str, name: &str, patch: &Value) {
        let id = self.find(kind, name).unwrap_or_else(|| panic!("no {kind} {name}")).clone();
        let mut value = self.objects[&id].clone();
        merge(&mut value, patch);
        let generation = value["metadata"]["generation"].as_i64().unwrap() + 1;
        value["metadata"]["generation"] = json!(generation);
        self.put(value);
        self.compile();
    }

    pub(crate) fn delete(&mut self, kind: &str, name: &str) {
        let id = self.find(kind, name).unwrap_or_else(|| panic!("no {kind} {name}")).clone();
        self.objects.remove(&id);
        self.compile();
    }

    /// An object and its status.
    pub(crate) fn status(&self, kind: &str, name: &str) -> Option<(&Value, &Status)> {
        let id = self.find(kind, name)?;
        let status = self.compiled.statuses.iter().find(|status| status.object == *id)?;
        Some((&self.objects[id], &status.status))
    }

    /// Names of the Gateways of a namespace.
    pub(crate) fn gateways<'c>(&'c self, namespace: &'c str) -> impl Iterator<Item = (String, &'c Value)> {
        let of_namespace = move |id: &&ObjectRef| id.kind == "Gateway" && id.namespace == namespace;
        let ids = self.objects.keys().filter(of_namespace);
        ids.map(move |id| (format!("{namespace}/{}", id.name), &self.objects[id]))
    }

    /// Address and port of `NAME:PORT` or `NAME:LISTENER`. Where the Gateway has no such port, it is that of its first
    /// listener.
    pub(crate) fn address(&self, at: &str) -> (IpAddr, u16) {
        let (name, listener) = at.split_once(':').unwrap();
        let id = self.find("Gateway", &format!("{INFRA}/{name}")).unwrap();
        let spec = &self.objects[id]["spec"];
        let listeners = spec["listeners"].as_array().unwrap();
        let asked: Option<u64> = listener.parse().ok();
        let is_asked = |found: &&Value| found["name"] == listener || asked.is_some_and(|port| found["port"] == port);
        let found = listeners.iter().find(is_asked);
        let port = found.unwrap_or(&listeners[0])["port"].as_u64().unwrap();
        let address = spec["addresses"][0]["value"].as_str().unwrap().parse().unwrap();
        (address, u16::try_from(port).unwrap())
    }
}

fn merge(value: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *value = patch.clone();
        return;
    };
    if !value.is_object() {
        *value = json!({});
    }
    for (key, patch) in patch {
        if patch.is_null() {
            value.as_object_mut().unwrap().remove(key);
        } else {
            merge(&mut value[key], patch);
        }
    }
}
