//! Which kinds there are, and where their schemas come from.

use std::sync::OnceLock;

use serde_json::{Map, Value, json};

use super::prepare::ROOT_FIELDS;
use super::tree::{Reader, Schema};
use super::{Reason, SchemaError, SchemaWarning};

/// One embedded schema.
macro_rules! embedded {
    ($group:literal, $kind:literal, $path:literal) => {
        Entry::new($group, $kind, Source::Embedded(include_str!(concat!("../../", $path))))
    };
}

/// All kinds; few enough to search one by one.
#[derive(Debug)]
pub(crate) struct Kinds {
    entries: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    group: String,
    kind: String,
    source: Source,
    loaded: OnceLock<Loaded>,
}

#[derive(Debug)]
enum Source {
    /// A CRD, or something of that form, as JSON.
    Embedded(&'static str),
    /// A CRD that is generated from Rust types.
    Generated(Value),
}

/// A kind with its schemas.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) kind: String,
    pub(crate) namespaced: bool,
    versions: Vec<Version>,
}

/// One version of a kind.
#[derive(Debug)]
pub(crate) struct Version {
    name: String,
    served: bool,
    deprecated: Option<String>,
    /// Whether status is a subresource: writes of the object ignore it.
    pub(crate) has_status: bool,
    pub(crate) schema: Schema,
}

impl Kinds {
    pub(crate) fn builtin() -> Self {
        let mut entries = vec![
            embedded!("gateway.networking.k8s.io", "GatewayClass", "upstream/gateway-api-v1.5.1/gatewayclasses.json"),
            embedded!("gateway.networking.k8s.io", "Gateway", "upstream/gateway-api-v1.5.1/gateways.json"),
            embedded!("gateway.networking.k8s.io", "HTTPRoute", "upstream/gateway-api-v1.5.1/httproutes.json"),
            embedded!("gateway.networking.k8s.io", "GRPCRoute", "upstream/gateway-api-v1.5.1/grpcroutes.json"),
            embedded!("gateway.networking.k8s.io", "TCPRoute", "upstream/gateway-api-v1.5.1/tcproutes.json"),
            embedded!("gateway.networking.k8s.io", "UDPRoute", "upstream/gateway-api-v1.5.1/udproutes.json"),
            embedded!("gateway.networking.k8s.io", "TLSRoute", "upstream/gateway-api-v1.5.1/tlsroutes.json"),
            embedded!(
                "gateway.networking.k8s.io",
                "ReferenceGrant",
                "upstream/gateway-api-v1.5.1/referencegrants.json"
            ),
            embedded!(
                "gateway.networking.k8s.io",
                "BackendTLSPolicy",
                "upstream/gateway-api-v1.5.1/backendtlspolicies.json"
            ),
            embedded!("gateway.networking.k8s.io", "ListenerSet", "upstream/gateway-api-v1.5.1/listenersets.json"),
            embedded!("", "Service", "core-schemas/services.json"),
            embedded!("discovery.k8s.io", "EndpointSlice", "core-schemas/endpointslices.json"),
            embedded!("", "Secret", "core-schemas/secrets.json"),
            embedded!("", "ConfigMap", "core-schemas/configmaps.json"),
            embedded!("", "Namespace", "core-schemas/namespaces.json"),
        ];
        for crd in crate::all_crds() {
            let (group, kind) = (crd.spec.group.clone(), crd.spec.names.kind.clone());
            let json = serde_json::to_value(crd).unwrap_or_default();
            entries.push(Entry::new(&group, &kind, Source::Generated(json)));
        }
        Self { entries }
    }

    /// The kind, whatever its versions.
    pub(crate) fn find(&self, group: &str, kind: &str) -> Option<&Loaded> {
        self.entries.iter().find(|entry| entry.group == group && entry.kind == kind).map(Entry::load)
    }

    /// The kind and version that the object names.
    pub(crate) fn resolve(
        &self,
        object: &Map<String, Value>,
        warnings: &mut Vec<SchemaWarning>,
    ) -> Result<(&Loaded, &Version), SchemaError> {
        let api_version = text(object, "apiVersion", "gateway.networking.k8s.io/v1")?;
        let kind_name = text(object, "kind", "HTTPRoute")?;
        let (group, version_name) = api_version.split_once('/').unwrap_or(("", api_version));
        let kind = self.find(group, kind_name).ok_or_else(|| self.unknown(group, kind_name, api_version))?;
        let served = || {
            let served = kind.versions.iter().filter(|version| version.served);
            served.map(|version| join(group, &version.name)).collect::<Vec<_>>().join(" or ")
        };
        let Some(version) = kind.versions.iter().find(|version| version.name == version_name) else {
            return Err(error(
                Reason::UnknownVersion,
                "apiVersion",
                format!("{kind_name} has no version {version_name}: use {}", served()),
            ));
        };
        if !version.served {
            return Err(error(
                Reason::VersionNotServed,
                "apiVersion",
                format!("version {version_name} of {kind_name} is not served any more: use {}", served()),
            ));
        }
        warnings.extend(
            version
                .deprecated
                .as_ref()
                .map(|message| SchemaWarning { field: "apiVersion".to_owned(), message: message.clone() }),
        );
        Ok((kind, version))
    }

    fn unknown(&self, group: &str, kind: &str, api_version: &str) -> SchemaError {
        let same_kind = self.entries.iter().find(|entry| entry.kind.eq_ignore_ascii_case(kind));
        let of_group: Vec<&str> =
            self.entries.iter().filter(|entry| entry.group == group).map(|entry| entry.kind.as_str()).collect();
        let remedy = match same_kind {
            Some(entry) => format!("did you mean {} of {}?", entry.kind, entry.versions_text()),
            None if of_group.is_empty() => "no kind of this group is known: remove the object".to_owned(),
            None => format!("this group has {}", of_group.join(", ")),
        };
        error(Reason::UnknownKind, "kind", format!("there is no kind {kind} in {api_version}: {remedy}"))
    }

    /// The kind of one CRD.
    #[cfg(test)]
    pub(crate) fn of_crd(group: &str, kind: &str, crd: Value) -> Self {
        Self { entries: vec![Entry::new(group, kind, Source::Generated(crd))] }
    }

    /// All schemas, for tests that look at each.
    #[cfg(test)]
    pub(crate) fn all(&self) -> impl Iterator<Item = (&str, &str, &Schema)> {
        self.entries.iter().flat_map(|entry| {
            let versions = entry.load().versions.iter();
            versions.map(|version| (entry.kind.as_str(), version.name.as_str(), &version.schema))
        })
    }
}

impl Entry {
    fn new(group: &str, kind: &str, source: Source) -> Self {
        Self { group: group.to_owned(), kind: kind.to_owned(), source, loaded: OnceLock::new() }
    }

    fn versions_text(&self) -> String {
        let versions = self.load().versions.iter();
        versions.map(|version| join(&self.group, &version.name)).collect::<Vec<_>>().join(" or ")
    }

    fn load(&self) -> &Loaded {
        self.loaded.get_or_init(|| match &self.source {
            Source::Embedded(text) => read(&self.kind, &serde_json::from_str(text).unwrap_or_default()),
            Source::Generated(crd) => read(&self.kind, crd),
        })
    }
}

fn read(kind: &str, crd: &Value) -> Loaded {
    let spec = crd.get("spec").unwrap_or(&Value::Null);
    let mut reader = Reader::default();
    let versions = spec.get("versions").and_then(Value::as_array).into_iter().flatten();
    let versions = versions
        .map(|version| {
            let flag = |name: &str| version.get(name).and_then(Value::as_bool).unwrap_or_default();
            let name = version.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
            let mut schema = reader.read(version.pointer("/schema/openAPIV3Schema").unwrap_or(&Value::Null));
            // These have checks of their own.
            schema.properties.retain(|name, _| !ROOT_FIELDS.contains(&name.as_str()));
            let warning = version.get("deprecationWarning").and_then(Value::as_str).map(str::to_owned);
            Version {
                served: flag("served"),
                deprecated: flag("deprecated")
                    .then(|| warning.unwrap_or_else(|| format!("version {name} of {kind} is deprecated"))),
                has_status: version.pointer("/subresources/status").is_some(),
                schema,
                name,
            }
        })
        .collect();
    let namespaced = spec.get("scope").and_then(Value::as_str) == Some("Namespaced");
    Loaded { kind: kind.to_owned(), namespaced, versions }
}

/// Defaults that depend on other fields, which schemas cannot state.
pub(crate) fn complete(kind: &Loaded, object: &mut Map<String, Value>) {
    match kind.kind.as_str() {
        "Service" => {
            let ports = object.get_mut("spec").and_then(|spec| spec.get_mut("ports")).and_then(Value::as_array_mut);
            for port in ports.into_iter().flatten().filter_map(Value::as_object_mut) {
                if let Some(number) = port.get("port").cloned() {
                    port.entry("targetPort").or_insert(number);
                }
            }
        }
        "Namespace" => {
            let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) else { return };
            if let (Some(name), Some(labels)) =
                (metadata.get("name").cloned(), metadata.entry("labels").or_insert(json!({})).as_object_mut())
            {
                labels.insert("kubernetes.io/metadata.name".to_owned(), name);
            }
        }
        _ => {}
    }
}

fn text<'a>(object: &'a Map<String, Value>, field: &str, example: &str) -> Result<&'a str, SchemaError> {
    match object.get(field) {
        Some(Value::String(text)) if !text.is_empty() => Ok(text),
        Some(_) => Err(error(Reason::NotAnObject, field, format!("must be a string, for example {example}"))),
        None => Err(error(Reason::NotAnObject, field, format!("is required, for example {example}"))),
    }
}

fn join(group: &str, version: &str) -> String {
    if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") }
}

fn error(reason: Reason, field: &str, message: String) -> SchemaError {
    SchemaError { field: field.to_owned(), message, reason }
}
