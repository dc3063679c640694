//! What a person should know: one [`Diagnostic`] for each thing that is wrong or worth a look.
//!
//! Each code has a file here; the file's documentation is the manual's entry for the code, and [`Code::manual`] gives
//! it at run time.

use std::cmp::Ordering;
use std::fmt;

use serde::{Serialize, Serializer};

use super::objects::{Object, Source};
use crate::key::ObjectRef;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Something that was asked for is not served.
    Error,
    /// Everything that was asked for is served, but probably not as meant.
    Warning,
    /// Nothing to do.
    Info,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Info => "info",
        })
    }
}

/// The stable name of a kind of diagnostic, with what is the same for all diagnostics of the kind.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
pub struct Code {
    name: &'static str,
    severity: Severity,
    remedy: &'static str,
    text: &'static str,
}

impl Code {
    /// The name, for example `backend-not-found`. It never changes.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Severity of its diagnostics.
    pub const fn severity(&self) -> Severity {
        self.severity
    }

    /// The manual's entry, in Markdown.
    pub fn manual(&self) -> String {
        let lines = self.text.lines().map_while(|line| line.strip_prefix("//!"));
        lines.map(|line| line.strip_prefix(' ').unwrap_or(line)).collect::<Vec<_>>().join("\n")
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl Serialize for &'static Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name)
    }
}

macro_rules! codes {
    ($($module:ident $constant:ident $severity:ident $name:literal $remedy:literal)*) => {
        $(
            mod $module;
            pub(crate) static $constant: Code = Code {
                name: $name,
                severity: Severity::$severity,
                remedy: $remedy,
                text: include_str!(concat!(stringify!($module), ".rs")),
            };
        )*

        /// Every code, sorted by name.
        pub static CODES: &[&Code] = &[$(&$constant),*];
    };
}

codes! {
    address_not_usable ADDRESS_NOT_USABLE Error "address-not-usable" "use an IPAddress of this machine, or remove the address"
    backend_not_found BACKEND_NOT_FOUND Error "backend-not-found" "create the Service with this port, or correct the reference"
    certificate_date CERTIFICATE_DATE Warning "certificate-date" "renew the certificate"
    class_adopted CLASS_ADOPTED Info "class-adopted" "nothing to do; a GatewayClass object with another controllerName makes the Gateway another controller's"
    class_not_found CLASS_NOT_FOUND Warning "class-not-found" "use a class of this gateway, or create the GatewayClass"
    duplicate_object DUPLICATE_OBJECT Error "duplicate-object" "rename or remove one of them"
    endpoints_unusable ENDPOINTS_UNUSABLE Warning "endpoints-unusable" "correct the EndpointSlice or Service"
    extension_not_found EXTENSION_NOT_FOUND Error "extension-not-found" "create the object in the route's namespace"
    foreign_class FOREIGN_CLASS Info "foreign-class" "nothing to do if another controller serves the Gateway"
    ignored_kind IGNORED_KIND Info "ignored-kind" "nothing to do"
    incompatible_filters INCOMPATIBLE_FILTERS Error "incompatible-filters" "remove one of the filters, or put them into separate rules"
    invalid_ca_certificate INVALID_CA_CERTIFICATE Error "invalid-ca-certificate" "put PEM certificates of authorities into the key ca.crt of a ConfigMap"
    invalid_certificate INVALID_CERTIFICATE Error "invalid-certificate" "put a certificate chain and its key into a Secret of type kubernetes.io/tls"
    invalid_kind INVALID_KIND Error "invalid-kind" "refer to a supported kind"
    invalid_listener INVALID_LISTENER Error "invalid-listener" "correct the field"
    invalid_object INVALID_OBJECT Error "invalid-object" "correct the field; kubectl apply would refuse it too"
    invalid_parameters INVALID_PARAMETERS Error "invalid-parameters" "correct the ConfigMap or the reference, or remove parametersRef"
    invalid_policy INVALID_POLICY Error "invalid-policy" "correct the field"
    invalid_route INVALID_ROUTE Error "invalid-route" "correct the field"
    invalid_route_kinds INVALID_ROUTE_KINDS Error "invalid-route-kinds" "remove the kind from allowedRoutes.kinds"
    kind_conflict KIND_CONFLICT Error "kind-conflict" "give the routes different hostnames, or other listeners"
    listener_conflict LISTENER_CONFLICT Error "listener-conflict" "give the listeners different ports or hostnames"
    listener_set_not_allowed LISTENER_SET_NOT_ALLOWED Error "listener-set-not-allowed" "allow it in spec.allowedListeners of the Gateway, or remove the ListenerSet"
    no_backends NO_BACKENDS Warning "no-backends" "add backendRefs, or a filter that answers"
    no_endpoints NO_ENDPOINTS Warning "no-endpoints" "start the workload, or add an EndpointSlice with the Service's port name"
    not_an_object NOT_AN_OBJECT Error "not-an-object" "give it apiVersion, kind and metadata.name, or remove the document"
    not_attached NOT_ATTACHED Error "not-attached" "correct parentRefs or hostnames, or allow the route at the listener"
    not_served NOT_SERVED Warning "not-served" "see what is reported about the listener"
    parent_not_found PARENT_NOT_FOUND Warning "parent-not-found" "create the Gateway, or correct parentRefs"
    policy_conflict POLICY_CONFLICT Error "policy-conflict" "remove one of the policies, or give them different targets"
    policy_unused POLICY_UNUSED Info "policy-unused" "nothing to do; a route that sends to the target makes the policy matter"
    port_unavailable PORT_UNAVAILABLE Error "port-unavailable" "use another port, hostname or address"
    ref_not_found REF_NOT_FOUND Error "ref-not-found" "create the object with this key, or correct the reference"
    ref_not_permitted REF_NOT_PERMITTED Error "ref-not-permitted" "create a ReferenceGrant in the namespace of the target"
    route_shadowed ROUTE_SHADOWED Warning "route-shadowed" "remove one of the routes, or attach them to different listeners"
    service_not_ours SERVICE_NOT_OURS Error "service-not-ours" "rename or remove the Service, or rename the Gateway"
    target_not_found TARGET_NOT_FOUND Error "target-not-found" "create the Service with this port, or correct targetRefs"
    too_many_ancestors TOO_MANY_ANCESTORS Warning "too-many-ancestors" "give some of the Gateways Services of their own"
    unknown_field UNKNOWN_FIELD Warning "unknown-field" "correct the name, or remove the field"
    unsupported_address UNSUPPORTED_ADDRESS Error "unsupported-address" "use the address type IPAddress"
    unsupported_backend_protocol UNSUPPORTED_BACKEND_PROTOCOL Error "unsupported-backend-protocol" "set appProtocol to kubernetes.io/h2c, kubernetes.io/ws or http, or remove it"
    unsupported_feature UNSUPPORTED_FEATURE Error "unsupported-feature" "remove the field, or wait for a version that has a part for it"
    unsupported_field UNSUPPORTED_FIELD Warning "unsupported-field" "remove the field, or do not rely on it"
    unsupported_kind UNSUPPORTED_KIND Warning "unsupported-kind" "remove the object, or see the list of supported kinds"
    unsupported_protocol UNSUPPORTED_PROTOCOL Error "unsupported-protocol" "use a protocol that is served"
    unsupported_version UNSUPPORTED_VERSION Warning "unsupported-version" "install the CRDs of Gateway API v1.5 or v1.6"
    yaml_syntax YAML_SYNTAX Error "yaml-syntax" "correct the YAML at this place; the other documents of the file are used"
}

/// One thing that a person should know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// What kind of thing it is.
    pub code: &'static Code,
    /// The object that it is about, if it could be told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub object: Option<ObjectRef>,
    /// Path of the field in the object (`spec.rules[0].backendRefs[1]`); empty: the object as a whole.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub field: String,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub remedy: String,
    /// Where it was read, if it came from a text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<Source>,
}

impl Diagnostic {
    pub(crate) fn at(code: &'static Code, source: Source, message: impl Into<String>) -> Self {
        Self {
            severity: code.severity,
            code,
            object: None,
            field: String::new(),
            message: message.into(),
            remedy: code.remedy.to_owned(),
            source: Some(source),
        }
    }

    pub(crate) fn of(
        code: &'static Code,
        object: &Object,
        field: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        let field = field.into();
        Self {
            severity: code.severity,
            code,
            object: Some(object.id().clone()),
            message: message.into(),
            remedy: code.remedy.to_owned(),
            source: object.source(&field),
            field,
        }
    }

    pub(crate) fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = remedy.into();
        self
    }
}

/// By object, field and code.
impl Ord for Diagnostic {
    fn cmp(&self, other: &Self) -> Ordering {
        let Self { severity, code, object, field, message, remedy, source } = self;
        let mine = (object, field, code, message, source, remedy, severity);
        let Self { severity, code, object, field, message, remedy, source } = other;
        mine.cmp(&(object, field, code, message, source, remedy, severity))
    }
}

impl PartialOrd for Diagnostic {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// One line without the remedy: `error[code] file:line:column: Kind/namespace/name: field: message`.
impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}[{}]", self.severity, self.code)?;
        if let Some(source) = &self.source {
            write!(f, " {source}")?;
        }
        if let Some(object) = &self.object {
            write!(f, ": {object}")?;
        }
        if !self.field.is_empty() {
            write!(f, ": {}", self.field)?;
        }
        write!(f, ": {}", self.message)
    }
}
