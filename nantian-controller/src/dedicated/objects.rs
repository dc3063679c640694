//! The objects that are made for the data planes of one Gateway, as they are to be.

use std::collections::BTreeMap;

use nantian_ir::ContentHash;
use nantian_ir::compile::GatewayService;
use serde_json::{Map, Value, json};

use super::Own;
use super::authority::Issued;
use crate::settings::DedicatedSettings;

const MANAGED_BY: (&str, &str) = ("app.kubernetes.io/managed-by", "nantian-gw");
const COMPONENT: (&str, &str) = ("nantian.dev/component", "dataplane");
/// The label that says which control plane has made it, by the namespace of that.
const CONTROL_PLANE: &str = "nantian.dev/control-plane";

/// The annotation that says what was applied, so that it is seen when something else is wanted.
pub(super) const APPLIED: &str = "nantian.dev/applied";
/// The annotation of Pods that has their settings. Those of a ConfigMap would change under Pods of an earlier build, which do not
/// know what is new in them and could not start again.
const CONFIG: &str = "nantian.dev/config";
/// The annotation of the Secret that says when its certificate is to be renewed.
pub(super) const RENEW_AT: &str = "nantian.dev/renew-at";

/// What selects all that the control plane of this namespace has made.
pub(super) fn made_by(home: &str) -> String {
    let (managed_by, component) = (MANAGED_BY, COMPONENT);
    format!("{}={},{}={},{CONTROL_PLANE}={home}", managed_by.0, managed_by.1, component.0, component.1)
}

/// The labels that select the data planes of a Gateway.
fn selector(own: &Own) -> BTreeMap<String, String> {
    let label = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
    [label(COMPONENT), (GatewayService::GATEWAY_NAME.to_owned(), own.label())].into()
}

fn labels(own: &Own, home: &str) -> BTreeMap<String, String> {
    let mut labels = own.labels.clone();
    labels.insert(MANAGED_BY.0.to_owned(), MANAGED_BY.1.to_owned());
    labels.insert(CONTROL_PLANE.to_owned(), home.to_owned());
    labels.extend(selector(own));
    labels
}

/// An object with what all of them have in common; `fields` are its own.
fn object(
    own: &Own,
    home: &str,
    api_version: &str,
    kind: &str,
    annotations: &BTreeMap<String, String>,
    fields: Value,
) -> Value {
    let owner = json!({
        "apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway",
        "name": own.gateway.name.as_str(), "uid": own.uid,
    });
    let mut object = json!({
        "apiVersion": api_version, "kind": kind,
        "metadata": {
            "name": own.name.as_str(), "namespace": own.gateway.namespace.as_str(), "labels": labels(own, home),
            "annotations": annotations, "ownerReferences": [owner],
        },
    });
    if let (Some(object), Value::Object(fields)) = (object.as_object_mut(), fields) {
        object.extend(fields);
    }
    object
}

/// The object with the annotation that says what it is.
fn marked(mut object: Value) -> Value {
    let hash = ContentHash::of(&object);
    if let Some(annotations) = object.pointer_mut("/metadata/annotations").and_then(Value::as_object_mut) {
        annotations.insert(APPLIED.to_owned(), hash.as_str().into());
    }
    object
}

/// What an object is marked with.
pub(super) fn mark(object: &Value) -> Option<&str> {
    object.pointer("/metadata/annotations")?.get(APPLIED)?.as_str()
}

/// The account of the Pods: no rights, and no token.
pub(super) fn service_account(own: &Own, home: &str) -> Value {
    marked(object(own, home, "v1", "ServiceAccount", &own.annotations, json!({"automountServiceAccountToken": false})))
}

/// The settings of shared data planes, of a cluster of their own. YAML has JSON in it.
fn configuration(own: &Own, settings: &DedicatedSettings) -> String {
    let mut configuration = settings.configuration.as_object().cloned().unwrap_or_default();
    let node = configuration.entry("node").or_insert_with(|| Value::Object(Map::new()));
    if let Some(node) = node.as_object_mut() {
        node.insert("cluster".to_owned(), own.name.as_str().into());
    }
    Value::Object(configuration).to_string()
}

/// What they prove to be themselves with. `fingerprint` tells certificates apart that are for others, or of another authority.
pub(super) fn secret(own: &Own, home: &str, authority: &str, issued: &Issued, fingerprint: &str) -> Value {
    let mut annotations = own.annotations.clone();
    annotations.insert(APPLIED.to_owned(), fingerprint.to_owned());
    annotations.insert(RENEW_AT.to_owned(), issued.renew_at.to_string());
    let data = json!({"tls.crt": issued.chain, "tls.key": issued.key, "ca.crt": authority});
    object(own, home, "v1", "Secret", &annotations, json!({"type": "kubernetes.io/tls", "stringData": data}))
}

/// The data planes: Pods as the shared ones are, with this Gateway's settings and certificate.
pub(super) fn deployment(own: &Own, home: &str, settings: &DedicatedSettings) -> Value {
    let mut pod = settings.pod.as_object().cloned().unwrap_or_default();
    let name = own.name.as_str();
    pod.insert("serviceAccountName".to_owned(), name.into());
    pod.insert("automountServiceAccountToken".to_owned(), false.into());
    let settings_file =
        json!({"path": "config.yaml", "fieldRef": {"fieldPath": format!("metadata.annotations['{CONFIG}']")}});
    let volumes = json!([
        {"name": "config", "downwardAPI": {"items": [settings_file]}},
        {"name": "tls", "secret": {"secretName": name, "defaultMode": 0o440}},
    ]);
    pod.insert("volumes".to_owned(), volumes);
    let mut annotations = own.annotations.clone();
    annotations.insert(CONFIG.to_owned(), configuration(own, settings));
    let spec = json!({
        "replicas": settings.replicas,
        "selector": {"matchLabels": selector(own)},
        "strategy": {"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
        "template": {"metadata": {"labels": labels(own, home), "annotations": annotations}, "spec": pod},
    });
    marked(object(own, home, "apps/v1", "Deployment", &own.annotations, json!({"spec": spec})))
}

#[cfg(test)]
mod tests {
    use nantian_ir::GatewayKey;

    use super::*;

    const HOME: &str = "nantian-gw";

    fn own() -> Own {
        let gateway = json!({
            "metadata": {"uid": "u-1"},
            "spec": {
                "gatewayClassName": "nantian-gw",
                "infrastructure": {"labels": {"team": "edge"}, "annotations": {"note": "x"}},
            },
        });
        Own::of(GatewayKey { namespace: "shop".into(), name: "own".into() }, &gateway)
    }

    fn settings() -> DedicatedSettings {
        DedicatedSettings {
            pod: json!({"containers": [{"name": "dataplane", "image": "i"}], "securityContext": {"runAsNonRoot": true}}),
            configuration: json!({"node": {"cluster": "shared"}, "engine": {"admin": {"address": "0.0.0.0:19080"}}}),
            replicas: 3,
            ..DedicatedSettings::default()
        }
    }

    #[test]
    fn all_of_it_is_in_the_gateways_namespace_and_goes_with_the_gateway() {
        let (own, settings) = (own(), settings());
        for object in [service_account(&own, HOME), deployment(&own, HOME, &settings)] {
            let metadata = &object["metadata"];
            assert_eq!((&metadata["name"], &metadata["namespace"]), (&json!("own-nantian-gw"), &json!("shop")));
            let owner = json!([{
                "apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway", "name": "own", "uid": "u-1",
            }]);
            assert_eq!(metadata["ownerReferences"], owner);
            assert_eq!((&metadata["labels"]["team"], &metadata["annotations"]["note"]), (&json!("edge"), &json!("x")));
            let is_ours = made_by(HOME).split(',').all(|pair| {
                let (label, value) = pair.split_once('=').unwrap();
                metadata["labels"][label] == value
            });
            assert!(is_ours, "{object}");
            assert!(mark(&object).is_some());
        }
    }

    #[test]
    fn its_pods_are_as_the_shared_ones_with_its_own_settings_and_certificate() {
        let (own, settings) = (own(), settings());
        let deployment = deployment(&own, HOME, &settings);
        let spec = &deployment["spec"];
        assert_eq!(spec["replicas"], 3);
        let template = &spec["template"];
        assert_eq!(template["spec"]["containers"][0]["image"], "i");
        assert_eq!(template["spec"]["securityContext"], json!({"runAsNonRoot": true}));
        let settings_file = json!({
            "path": "config.yaml", "fieldRef": {"fieldPath": "metadata.annotations['nantian.dev/config']"},
        });
        assert_eq!(template["spec"]["volumes"][0]["downwardAPI"]["items"], json!([settings_file]));
        assert_eq!(template["spec"]["volumes"][1]["secret"]["secretName"], "own-nantian-gw");
        // What selects them does not select shared data planes, nor what selects those select them.
        let selector = spec["selector"]["matchLabels"].as_object().unwrap();
        assert!(selector.iter().all(|(label, value)| template["metadata"]["labels"][label] == *value));
        assert!(template["metadata"]["labels"].get("app").is_none());

        let text = template["metadata"]["annotations"]["nantian.dev/config"].as_str().unwrap();
        let configuration: Value = serde_json::from_str(text).unwrap();
        assert_eq!(configuration["node"]["cluster"], "own-nantian-gw");
        assert_eq!(configuration["engine"]["admin"]["address"], "0.0.0.0:19080");
    }

    #[test]
    fn other_settings_are_another_mark() {
        let (own, settings) = (own(), settings());
        let more = DedicatedSettings { replicas: 4, ..settings.clone() };
        assert_eq!(mark(&deployment(&own, HOME, &settings)), mark(&deployment(&own, HOME, &settings)));
        assert_ne!(mark(&deployment(&own, HOME, &settings)), mark(&deployment(&own, HOME, &more)));
    }
}
