//! `parametersRef`: a ConfigMap that says how the Service of a Gateway is, for one Gateway or for all of a GatewayClass.

use std::collections::BTreeMap;

use nantian_crds::core::ConfigMap;
use serde_json::{Value, json};

use super::ServiceFields;
use crate::compile::decode::name_of;
use crate::compile::memo::Reader;

/// What parameters say of the objects that are made for a Gateway.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Parameters {
    /// Whether the Gateway has data planes of its own, in its namespace.
    pub(crate) is_dedicated: bool,
    /// Fields of its Service.
    pub(crate) service: ServiceFields,
}

impl Default for Parameters {
    /// Those of a Gateway without parameters.
    fn default() -> Self {
        Self { is_dedicated: false, service: ServiceFields::from([("type", json!("LoadBalancer"))]) }
    }
}

/// What a `parametersRef` names.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Referent<'r> {
    pub(crate) group: &'r str,
    pub(crate) kind: &'r str,
    /// Absent where a GatewayClass gives none.
    pub(crate) namespace: Option<&'r str>,
    pub(crate) name: &'r str,
}

impl Parameters {
    /// These as defaults of a Gateway whose Service is of the type `kind`: without fields that only others have.
    fn for_type(&self, kind: &str) -> Self {
        let has = |name: &str| KEYS.iter().any(|key| key.name == name && key.types.contains(&kind));
        let fields = self.service.iter().filter(|(name, _)| has(name));
        Self { is_dedicated: self.is_dedicated, service: fields.map(|(name, value)| (*name, value.clone())).collect() }
    }

    /// The type of its Service.
    pub(crate) fn service_type(&self) -> &str {
        self.service.get("type").and_then(Value::as_str).unwrap_or_default()
    }
}

/// A key of the ConfigMap.
struct Key {
    /// Its name, which is that of the field of `Service.spec`, except for the mode.
    name: &'static str,
    values: Values,
    /// The types of Service that have the field.
    types: &'static [&'static str],
}

/// What a key may say.
enum Values {
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// Any text, which is not empty.
    Text,
    /// `true` or `false`.
    Switch,
    /// Blocks of addresses, with commas between them.
    Blocks,
}

/// The key that says whose data planes serve the Gateway.
const MODE: &str = "mode";
const DEDICATED: &str = "dedicated";

const TYPES: &[&str] = &["LoadBalancer", "NodePort", "ClusterIP"];
const BALANCED: &[&str] = &["LoadBalancer"];
const EXPOSED: &[&str] = &["LoadBalancer", "NodePort"];
const FAMILIES: &[&str] = &["SingleStack", "PreferDualStack", "RequireDualStack"];

/// The keys. `docs/gateway-infrastructure.md` has what each of them means.
const KEYS: &[Key] = &[
    Key { name: "allocateLoadBalancerNodePorts", values: Values::Switch, types: BALANCED },
    Key { name: "externalTrafficPolicy", values: Values::OneOf(&["Cluster", "Local"]), types: EXPOSED },
    Key { name: "ipFamilyPolicy", values: Values::OneOf(FAMILIES), types: TYPES },
    Key { name: "loadBalancerClass", values: Values::Text, types: BALANCED },
    Key { name: "loadBalancerSourceRanges", values: Values::Blocks, types: BALANCED },
    Key { name: MODE, values: Values::OneOf(&["shared", DEDICATED]), types: TYPES },
    Key { name: "type", values: Values::OneOf(TYPES), types: TYPES },
];

impl Values {
    fn read(&self, text: &str) -> Result<Value, String> {
        match self {
            Self::OneOf(words) if words.contains(&text) => Ok(json!(text)),
            Self::OneOf(words) => Err(format!("is {text:?}: use one of {}", words.join(", "))),
            Self::Text if text.is_empty() => Err("is empty: give a value, or remove the key".to_owned()),
            Self::Text => Ok(json!(text)),
            Self::Switch => text.parse().map(Value::Bool).map_err(|_| format!("is {text:?}: use true or false")),
            Self::Blocks => {
                let blocks: Vec<&str> = text.split(',').map(str::trim).filter(|block| !block.is_empty()).collect();
                match blocks.iter().find(|block| !is_block(block)) {
                    Some(wrong) => Err(format!("has {wrong:?}: use blocks such as 192.0.2.0/24")),
                    None if blocks.is_empty() => Err("has no block: give one, or remove the key".to_owned()),
                    None => Ok(json!(blocks)),
                }
            }
        }
    }
}

fn is_block(text: &str) -> bool {
    let Some((address, length)) = text.split_once('/') else { return false };
    let most = match address.parse::<std::net::IpAddr>() {
        Ok(address) if address.is_ipv4() => 32,
        Ok(_) => 128,
        Err(_) => return false,
    };
    length.parse::<u8>().is_ok_and(|length| length <= most)
}

/// What the ConfigMap says, and `defaults` where it says nothing; or everything that is wrong with it.
pub(crate) fn read(referent: Referent<'_>, defaults: &Parameters, reader: &Reader<'_>) -> Result<Parameters, String> {
    let Referent { group, kind, namespace, name } = referent;
    if (group, kind) != ("", "ConfigMap") {
        return Err(format!("names a {kind} of the group {group:?}: parameters are a ConfigMap, whose group is empty"));
    }
    let Some(namespace) = namespace else {
        return Err(format!("names the ConfigMap {name} without a namespace: give the one that it is in"));
    };
    let Some(held) = reader.get::<ConfigMap>(&name_of(namespace, name)) else {
        return Err(format!("names the ConfigMap {namespace}/{name}, which does not exist"));
    };
    let (data, binary) = (&held.value.data, &held.value.binary_data);
    parameters(data, binary.keys(), defaults)
        .map_err(|wrong| format!("names the ConfigMap {namespace}/{name}: {wrong}"))
}

fn parameters<'k>(
    data: &BTreeMap<String, String>,
    others: impl Iterator<Item = &'k String>,
    defaults: &Parameters,
) -> Result<Parameters, String> {
    let mut wrong: Vec<String> = others.map(|name| format!("binaryData.{name} is no text")).collect();
    let kind = data.get("type").map_or(defaults.service_type(), String::as_str);
    let mut parameters = defaults.for_type(kind);
    for (name, text) in data {
        let Some(key) = KEYS.iter().find(|key| key.name == name) else {
            let known = KEYS.iter().map(|key| key.name).collect::<Vec<_>>().join(", ");
            wrong.push(format!("data.{name} is no parameter; these are: {known}"));
            continue;
        };
        match key.values.read(text) {
            Err(why) => wrong.push(format!("data.{name} {why}")),
            Ok(_) if TYPES.contains(&kind) && !key.types.contains(&kind) => {
                let types = key.types.join(" or ");
                wrong.push(format!("data.{name} is for Services of type {types}, and this one is of type {kind}"));
            }
            Ok(value) if name == MODE => parameters.is_dedicated = value == DEDICATED,
            Ok(value) => _ = parameters.service.insert(key.name, value),
        }
    }
    if wrong.is_empty() { Ok(parameters) } else { Err(wrong.join("; ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<ServiceFields, String> {
        parameters(&data(pairs), std::iter::empty(), &Parameters::default()).map(|parameters| parameters.service)
    }

    fn data(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn a_gateway_has_the_parameters_of_its_class_except_for_its_own_and_those_that_its_service_cannot_have() {
        let of = |pairs: &[(&str, &str)], defaults: &Parameters| parameters(&data(pairs), std::iter::empty(), defaults);
        let class = [("externalTrafficPolicy", "Local"), ("ipFamilyPolicy", "SingleStack"), ("mode", "dedicated")];
        let class = of(&class, &Parameters::default()).unwrap();
        assert_eq!(of(&[], &class).unwrap(), class);
        let own = of(&[("externalTrafficPolicy", "Cluster"), ("mode", "shared")], &class).unwrap();
        assert_eq!((own.is_dedicated, &own.service["externalTrafficPolicy"]), (false, &json!("Cluster")));
        assert_eq!(own.service["ipFamilyPolicy"], json!("SingleStack"));
        let own = of(&[("type", "ClusterIP")], &class).unwrap();
        let fields = ServiceFields::from([("ipFamilyPolicy", json!("SingleStack")), ("type", json!("ClusterIP"))]);
        assert_eq!((own.is_dedicated, own.service), (true, fields));
        let inner = of(&[("type", "ClusterIP")], &Parameters::default()).unwrap();
        let error = of(&[("externalTrafficPolicy", "Local")], &inner).unwrap_err();
        assert!(error.contains("is of type ClusterIP"), "{error}");
    }

    #[test]
    fn each_key_is_read_as_the_field_of_a_service() {
        assert_eq!(read(&[]).unwrap(), ServiceFields::from([("type", json!("LoadBalancer"))]));
        let fields = read(&[
            ("allocateLoadBalancerNodePorts", "false"),
            ("externalTrafficPolicy", "Local"),
            ("ipFamilyPolicy", "PreferDualStack"),
            ("loadBalancerClass", "example.com/inner"),
            ("loadBalancerSourceRanges", "192.0.2.0/24, 2001:db8::/32"),
            ("mode", "shared"),
            ("type", "LoadBalancer"),
        ]);
        let fields = fields.unwrap();
        assert_eq!(fields.len(), KEYS.len() - 1, "all but the mode");
        assert_eq!(fields["allocateLoadBalancerNodePorts"], json!(false));
        assert_eq!(fields["loadBalancerSourceRanges"], json!(["192.0.2.0/24", "2001:db8::/32"]));
    }

    #[test]
    fn what_is_no_parameter_or_no_value_of_one_is_named() {
        for (pairs, named) in [
            (&[("typ", "ClusterIP")][..], "data.typ is no parameter"),
            (&[("type", "ExternalName")], "data.type is \"ExternalName\""),
            (&[("externalTrafficPolicy", "local")], "use one of Cluster, Local"),
            (&[("allocateLoadBalancerNodePorts", "no")], "use true or false"),
            (&[("loadBalancerSourceRanges", "192.0.2.0/33")], "192.0.2.0/33"),
            (&[("loadBalancerSourceRanges", ",")], "has no block"),
            (&[("loadBalancerClass", "")], "is empty"),
            (&[("type", "ClusterIP"), ("externalTrafficPolicy", "Local")], "is of type ClusterIP"),
        ] {
            let error = read(pairs).unwrap_err();
            assert!(error.contains(named), "{error}");
        }
        let both = read(&[("a", ""), ("b", "")]).unwrap_err();
        assert!(both.contains("data.a") && both.contains("data.b"), "{both}");
    }
}
