//! Objects as the API server sends them, taken apart: what the compiler reads, and what is compared with what we say.

use std::borrow::Cow;
use std::fmt;

use kube::api::ObjectMeta;
use kube::core::{ApiResource, DynamicResourceScope};
use kube::{Api, Client};
use nantian_ir::compile::objects::ObjectError;
use nantian_ir::compile::{JsonText, Object};
use nantian_ir::{ObjectRef, SmolStr};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::kinds::Kind;

/// An object as it came. Of its metadata, only what a watch needs is looked at.
#[derive(Clone)]
pub(crate) struct Received {
    metadata: ObjectMeta,
    value: Value,
}

/// Its name, never its content: it may be a Secret.
impl fmt::Debug for Received {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Received({:?}/{:?})", self.metadata.namespace, self.metadata.name)
    }
}

impl<'de> Deserialize<'de> for Received {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut value = Value::deserialize(deserializer)?;
        if let Some(metadata) = value.get_mut("metadata").and_then(Value::as_object_mut) {
            // As large as the object itself, and of no use here.
            metadata.remove("managedFields");
        }
        let text = |pointer: &str| value.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
        let metadata = ObjectMeta {
            name: text("/metadata/name"),
            namespace: text("/metadata/namespace"),
            resource_version: text("/metadata/resourceVersion"),
            uid: text("/metadata/uid"),
            ..ObjectMeta::default()
        };
        Ok(Self { metadata, value })
    }
}

impl kube::Resource for Received {
    type DynamicType = ApiResource;
    type Scope = DynamicResourceScope;

    fn kind(of: &ApiResource) -> Cow<'_, str> {
        of.kind.as_str().into()
    }

    fn group(of: &ApiResource) -> Cow<'_, str> {
        of.group.as_str().into()
    }

    fn version(of: &ApiResource) -> Cow<'_, str> {
        of.version.as_str().into()
    }

    fn api_version(of: &ApiResource) -> Cow<'_, str> {
        of.api_version.as_str().into()
    }

    fn plural(of: &ApiResource) -> Cow<'_, str> {
        of.plural.as_str().into()
    }

    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}

/// What was last seen of the status of an object.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ObservedStatus {
    /// The `status`; null: there is none.
    pub(crate) status: JsonText,
    /// Which object of its name it is.
    pub(crate) uid: SmolStr,
    pub(crate) resource_version: SmolStr,
    /// In which version of its group it was read, and so is written.
    pub(crate) version: SmolStr,
}

impl ObservedStatus {
    /// `apiVersion` of the object, which is of this name.
    pub(crate) fn api_version(&self, id: &ObjectRef) -> String {
        api_version(&id.group, &self.version)
    }
}

fn api_version(group: &str, version: &str) -> String {
    if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") }
}

/// An object, taken apart.
pub(crate) struct Seen {
    /// Without its status and its version: a change of those alone is none for the compiler.
    pub(crate) object: Object,
    pub(crate) status: Option<ObservedStatus>,
}

/// The annotation in which `kubectl apply` keeps the whole object once more.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

impl Received {
    /// Where the objects of a kind are asked for. `None`: in all namespaces.
    pub(crate) fn api(client: &Client, kind: &Kind, version: &str, namespace: Option<&str>) -> Api<Self> {
        let resource = kind.resource(version);
        match namespace {
            Some(namespace) => Api::namespaced_with(client.clone(), namespace, &resource),
            None => Api::all_with(client.clone(), &resource),
        }
    }

    /// Takes it apart. Objects of a list do not say what they are, so `version` does.
    pub(crate) fn into_seen(self, kind: &Kind, version: &str) -> Result<Seen, ObjectError> {
        let Self { metadata, mut value } = self;
        let Some(fields) = value.as_object_mut() else { return Err(ObjectError::NotAMapping("no mapping")) };
        fields.insert("apiVersion".to_owned(), Value::String(api_version(kind.group, version)));
        fields.insert("kind".to_owned(), Value::String(kind.name.to_owned()));
        // A list without elements may come as null, as `endpoints` of an EndpointSlice does.
        fields.retain(|_, value| !value.is_null());
        let status = fields.remove("status").unwrap_or_default();
        if let Some(metadata) = fields.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.remove("resourceVersion");
            if let Some(annotations) = metadata.get_mut("annotations").and_then(Value::as_object_mut) {
                annotations.remove(LAST_APPLIED);
            }
        }
        let observed = ObservedStatus {
            status: JsonText::of(&status),
            uid: metadata.uid.unwrap_or_default().into(),
            resource_version: metadata.resource_version.unwrap_or_default().into(),
            version: version.into(),
        };
        let object = Object::new(value)?;
        Ok(Seen { object, status: kind.has_status().then_some(observed) })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::kinds::KINDS;
    use super::*;

    fn seen(kind: &str, value: Value) -> Seen {
        let kind = KINDS.iter().find(|known| known.name == kind).unwrap();
        let received: Received = serde_json::from_value(value).unwrap();
        received.into_seen(kind, kind.versions[0]).unwrap()
    }

    fn route(version: &str, status: &Value) -> Value {
        json!({
            "metadata": {
                "name": "r", "namespace": "n", "uid": "u", "resourceVersion": version,
                "managedFields": [{"manager": "x"}],
                "annotations": {LAST_APPLIED: "{}", "kept": "yes"},
            },
            "spec": {"rules": []},
            "status": status,
        })
    }

    #[test]
    fn a_status_that_is_written_is_no_change_of_the_object() {
        let before = seen("HTTPRoute", route("1", &json!({"parents": []})));
        let after = seen("HTTPRoute", route("2", &json!({"parents": [{}]})));
        assert!(before.object == after.object);
        let observed = after.status.unwrap();
        assert_eq!(observed.status.value(), json!({"parents": [{}]}));
        assert_eq!((observed.resource_version.as_str(), observed.uid.as_str()), ("2", "u"));
        assert_eq!(observed.api_version(after.object.id()), "gateway.networking.k8s.io/v1");
    }

    #[test]
    fn an_object_of_a_list_is_told_what_it_is_and_keeps_what_is_read() {
        let object = seen("HTTPRoute", route("1", &Value::Null)).object;
        assert_eq!(object.id().to_string(), "HTTPRoute/n/r");
        assert_eq!(
            object.value(),
            json!({
                "apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute",
                "metadata": {"name": "r", "namespace": "n", "uid": "u", "annotations": {"kept": "yes"}},
                "spec": {"rules": []},
            })
        );
        let secret = seen("Secret", json!({"metadata": {"name": "s", "namespace": "n"}, "data": {"a": "Yg=="}}));
        assert!(secret.status.is_none());
        assert_eq!(secret.object.value()["apiVersion"], "v1");
    }

    #[test]
    fn a_list_that_is_null_is_as_good_as_absent() {
        let slice = json!({"metadata": {"name": "s", "namespace": "n"}, "addressType": "IPv4", "endpoints": null});
        assert_eq!(seen("EndpointSlice", slice).object.value().get("endpoints"), None);
    }

    #[test]
    fn what_has_no_name_is_refused() {
        let received: Received = serde_json::from_value(json!({"metadata": {}})).unwrap();
        assert!(received.into_seen(&KINDS[0], "v1").is_err());
    }
}
