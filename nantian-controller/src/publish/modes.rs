//! Which Gateways have data planes of their own.

use std::collections::{BTreeMap, BTreeSet};

use nantian_ir::compile::{Change, Object};
use nantian_ir::{GatewayKey, ObjectRef, SmolStr};
use serde_json::Value;

/// Namespace and name of a ConfigMap.
type Parameters = (SmolStr, SmolStr);

/// What Gateways and the ConfigMaps of their parameters say.
#[derive(Debug, Default)]
pub(super) struct Modes {
    /// The parameters that each Gateway names.
    named: BTreeMap<GatewayKey, Parameters>,
    /// The ConfigMaps that say `mode: dedicated`.
    dedicated: BTreeSet<Parameters>,
}

impl Modes {
    pub(super) fn take(&mut self, changes: &[Change]) {
        for change in changes {
            let (id, object) = match change {
                Change::Insert(object) => (object.id(), Some(object)),
                Change::Remove(id) => (id, None),
            };
            match (id.group.as_str(), id.kind.as_str()) {
                ("gateway.networking.k8s.io", "Gateway") => self.take_gateway(id, object),
                ("", "ConfigMap") => self.take_parameters(id, object),
                _ => {}
            }
        }
    }

    fn take_gateway(&mut self, id: &ObjectRef, object: Option<&Object>) {
        let gateway = GatewayKey { namespace: id.namespace.clone(), name: id.name.clone() };
        let named = object.and_then(|object| {
            let reference = object.value().pointer("/spec/infrastructure/parametersRef")?;
            let says = |field: &str| reference.get(field).and_then(Value::as_str);
            let is_config_map = says("group") == Some("") && says("kind") == Some("ConfigMap");
            is_config_map.then(|| says("name")).flatten().map(|name| (id.namespace.clone(), name.into()))
        });
        match named {
            Some(parameters) => self.named.insert(gateway, parameters),
            None => self.named.remove(&gateway),
        };
    }

    fn take_parameters(&mut self, id: &ObjectRef, object: Option<&Object>) {
        let parameters = (id.namespace.clone(), id.name.clone());
        let mode = object.and_then(|object| object.value().pointer("/data/mode")?.as_str());
        if mode == Some("dedicated") {
            self.dedicated.insert(parameters);
        } else {
            self.dedicated.remove(&parameters);
        }
    }

    /// The Gateways that have data planes of their own.
    pub(super) fn dedicated(&self) -> BTreeSet<GatewayKey> {
        let is_dedicated = |(_, parameters): &(&GatewayKey, &Parameters)| self.dedicated.contains(*parameters);
        self.named.iter().filter(is_dedicated).map(|(gateway, _)| gateway.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn gateway(reference: &Value) -> Change {
        Change::Insert(
            Object::new(json!({
                "apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway",
                "metadata": {"name": "edge", "namespace": "shop"},
                "spec": {"gatewayClassName": "c", "infrastructure": {"parametersRef": reference}, "listeners": []},
            }))
            .unwrap(),
        )
    }

    fn config_map(namespace: &str, mode: &str) -> Change {
        Change::Insert(
            Object::new(json!({
                "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "own", "namespace": namespace},
                "data": {"mode": mode},
            }))
            .unwrap(),
        )
    }

    /// The names of the Gateways with data planes of their own after these changes.
    fn dedicated(changes: &[Change]) -> Vec<String> {
        let mut modes = Modes::default();
        modes.take(changes);
        modes.dedicated().iter().map(ToString::to_string).collect()
    }

    fn own() -> Change {
        gateway(&json!({"group": "", "kind": "ConfigMap", "name": "own"}))
    }

    #[test]
    fn a_gateway_is_dedicated_while_its_config_map_says_so() {
        assert_eq!(dedicated(&[own(), config_map("shop", "dedicated")]), ["shop/edge"]);
        assert_eq!(dedicated(&[config_map("shop", "dedicated"), own()]), ["shop/edge"], "in any order");
        let nobody: [&str; 0] = [];
        assert_eq!(dedicated(&[own()]), nobody);
        assert_eq!(dedicated(&[own(), config_map("other", "dedicated")]), nobody, "of another namespace");
        for mode in ["shared", "Dedicated", ""] {
            assert_eq!(dedicated(&[own(), config_map("shop", "dedicated"), config_map("shop", mode)]), nobody);
        }
        let other = gateway(&json!({"group": "example.com", "kind": "ConfigMap", "name": "own"}));
        assert_eq!(dedicated(&[own(), config_map("shop", "dedicated"), other]), nobody);
        for gone in [own(), config_map("shop", "")] {
            let Change::Insert(object) = gone else { unreachable!() };
            let gone = Change::Remove(object.id().clone());
            assert_eq!(dedicated(&[own(), config_map("shop", "dedicated"), gone]), nobody);
        }
    }
}
