//! Which Gateways have data planes of their own.

use std::collections::BTreeMap;

use nantian_ir::compile::{Change, Object};
use nantian_ir::{GatewayKey, ObjectRef, SmolStr};
use serde_json::Value;

use crate::dedicated::Own;

/// Namespace and name of a ConfigMap.
type Parameters = (SmolStr, SmolStr);

/// What Gateways, their classes and the ConfigMaps of their parameters say.
#[derive(Debug, Default)]
pub(super) struct Modes {
    gateways: BTreeMap<GatewayKey, Held>,
    /// The classes that name parameters, with those.
    classes: BTreeMap<SmolStr, Parameters>,
    /// The ConfigMaps that say a mode: whether it is `dedicated`.
    are_dedicated: BTreeMap<Parameters, bool>,
}

/// A Gateway.
#[derive(Debug)]
struct Held {
    class: SmolStr,
    parameters: Option<Parameters>,
    own: Own,
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
                ("gateway.networking.k8s.io", "GatewayClass") => self.take_class(id, object),
                ("", "ConfigMap") => self.take_parameters(id, object),
                _ => {}
            }
        }
    }

    fn take_gateway(&mut self, id: &ObjectRef, object: Option<&Object>) {
        let gateway = GatewayKey { namespace: id.namespace.clone(), name: id.name.clone() };
        let Some(object) = object.map(Object::value) else {
            self.gateways.remove(&gateway);
            return;
        };
        let class = object.pointer("/spec/gatewayClassName").and_then(Value::as_str).unwrap_or_default().into();
        let reference = object.pointer("/spec/infrastructure/parametersRef");
        let parameters = reference.and_then(config_map).map(|name| (id.namespace.clone(), name));
        self.gateways.insert(gateway.clone(), Held { class, parameters, own: Own::of(gateway, &object) });
    }

    fn take_class(&mut self, id: &ObjectRef, object: Option<&Object>) {
        let named = object.and_then(|object| {
            let object = object.value();
            let reference = object.pointer("/spec/parametersRef")?;
            Some((SmolStr::from(reference.get("namespace").and_then(Value::as_str)?), config_map(reference)?))
        });
        match named {
            Some(named) => self.classes.insert(id.name.clone(), named),
            None => self.classes.remove(&id.name),
        };
    }

    fn take_parameters(&mut self, id: &ObjectRef, object: Option<&Object>) {
        let parameters = (id.namespace.clone(), id.name.clone());
        // One that is gone by accident must not give what its Gateways have to data planes that others share.
        if object.is_none() && self.is_named(&parameters) {
            return;
        }
        let is_dedicated = |object: &Object| Some(object.value().pointer("/data/mode")?.as_str()? == "dedicated");
        match object.and_then(is_dedicated) {
            Some(is_dedicated) => self.are_dedicated.insert(parameters, is_dedicated),
            None => self.are_dedicated.remove(&parameters),
        };
    }

    fn is_named(&self, parameters: &Parameters) -> bool {
        let by_gateways = self.gateways.values().filter_map(|held| held.parameters.as_ref());
        self.classes.values().chain(by_gateways).any(|named| named == parameters)
    }

    /// Those of our Gateways that have data planes of their own.
    pub(super) fn dedicated(&self, is_ours: impl Fn(&GatewayKey) -> bool) -> Vec<Own> {
        let mode = |parameters: Option<&Parameters>| self.are_dedicated.get(parameters?).copied();
        let is_dedicated = |held: &&Held| {
            let of_class = || mode(self.classes.get(&held.class));
            mode(held.parameters.as_ref()).or_else(of_class) == Some(true) && is_ours(&held.own.gateway)
        };
        self.gateways.values().filter(is_dedicated).map(|held| held.own.clone()).collect()
    }
}

/// The name of the ConfigMap that a `parametersRef` is for.
fn config_map(reference: &Value) -> Option<SmolStr> {
    let says = |field: &str| reference.get(field).and_then(Value::as_str);
    let is_config_map = says("group") == Some("") && says("kind") == Some("ConfigMap");
    is_config_map.then(|| says("name")).flatten().map(SmolStr::from)
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
    fn a_gateway_whose_config_map_says_nothing_has_the_mode_of_its_class() {
        let class = |name: &str| {
            Change::Insert(
                Object::new(json!({
                    "apiVersion": "gateway.networking.k8s.io/v1", "kind": "GatewayClass", "metadata": {"name": name},
                    "spec": {
                        "controllerName": "nantian.dev/gateway-controller",
                        "parametersRef": {"group": "", "kind": "ConfigMap", "name": "own", "namespace": "infra"},
                    },
                }))
                .unwrap(),
            )
        };
        let nobody: [&str; 0] = [];
        let of_class = || [own(), class("c"), config_map("infra", "dedicated")];
        assert_eq!(dedicated(&of_class()), ["shop/edge"]);
        assert_eq!(dedicated(&[own(), class("other"), config_map("infra", "dedicated")]), nobody);
        let with = |change: Change| of_class().into_iter().chain([change]).collect::<Vec<_>>();
        assert_eq!(dedicated(&with(config_map("shop", "shared"))), nobody, "its own wins");
        let Change::Insert(parameters) = config_map("infra", "dedicated") else { unreachable!() };
        assert_eq!(dedicated(&with(Change::Remove(parameters.id().clone()))), ["shop/edge"]);
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
