//! Which Gateways have data planes of their own.

use std::collections::{BTreeMap, BTreeSet};

use nantian_ir::compile::{Change, Object};
use nantian_ir::{GatewayKey, ObjectRef, SmolStr};
use serde_json::Value;

use crate::dedicated::Own;

/// Namespace and name of a ConfigMap.
type Parameters = (SmolStr, SmolStr);

/// What Gateways and the ConfigMaps of their parameters say.
#[derive(Debug, Default)]
pub(super) struct Modes {
    /// The Gateways that name parameters, with those.
    named: BTreeMap<GatewayKey, (Parameters, Own)>,
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
            let name = is_config_map.then(|| says("name")).flatten()?;
            Some(((id.namespace.clone(), name.into()), Own::of(gateway.clone(), object.value())))
        });
        match named {
            Some(named) => self.named.insert(gateway, named),
            None => self.named.remove(&gateway),
        };
    }

    fn take_parameters(&mut self, id: &ObjectRef, object: Option<&Object>) {
        let parameters = (id.namespace.clone(), id.name.clone());
        // One that is gone by accident must not give what its Gateway has to data planes that others share.
        if object.is_none() && self.named.values().any(|(named, _)| *named == parameters) {
            return;
        }
        let mode = object.and_then(|object| object.value().pointer("/data/mode")?.as_str());
        if mode == Some("dedicated") {
            self.dedicated.insert(parameters);
        } else {
            self.dedicated.remove(&parameters);
        }
    }

    /// Those of our Gateways that have data planes of their own.
    pub(super) fn dedicated(&self, is_ours: impl Fn(&GatewayKey) -> bool) -> Vec<Own> {
        let named = self
            .named
            .values()
            .filter(|(parameters, own)| self.dedicated.contains(parameters) && is_ours(&own.gateway));
        named.map(|(_, own)| own.clone()).collect()
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
        let dedicated = modes.dedicated(|_| true);
        assert_eq!(modes.dedicated(|_| false), [], "of another controller");
        dedicated.iter().map(|own| own.gateway.to_string()).collect()
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
        let Change::Insert(gateway) = own() else { unreachable!() };
        let gone = Change::Remove(gateway.id().clone());
        assert_eq!(dedicated(&[own(), config_map("shop", "dedicated"), gone]), nobody);
    }

    #[test]
    fn a_config_map_that_is_gone_while_its_gateway_names_it_changes_nothing() {
        let Change::Insert(parameters) = config_map("shop", "dedicated") else { unreachable!() };
        let gone = || Change::Remove(parameters.id().clone());
        assert_eq!(dedicated(&[own(), config_map("shop", "dedicated"), gone()]), ["shop/edge"]);
        let nobody: [&str; 0] = [];
        assert_eq!(dedicated(&[config_map("shop", "dedicated"), gone(), own()]), nobody);
    }
}
