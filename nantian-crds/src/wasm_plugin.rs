//! `WasmPlugin`: a proxy-wasm module that sees requests and answers.
//!
//! ```yaml
//! apiVersion: nantian.dev/v1alpha1
//! kind: WasmPlugin
//! metadata:
//!   name: add-header
//! spec:
//!   targetRefs:
//!   - group: gateway.networking.k8s.io
//!     kind: Gateway
//!     name: public
//!   wasm:
//!     configMap: {name: plugins, key: add-header.wasm}
//!   config: {header: x-seen-by, value: nantian}
//! ```

use kube::{CustomResource, KubeSchema};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::meta::{CustomObject, resource};
use crate::policy_status::PolicyStatus;
use crate::reference::ConfigMapKeyReference;
use crate::syntax::URL;
use crate::target_ref::{self, TargetKind, TargetRef};

/// A Wasm module, and what it applies to (`nantian.dev/v1alpha1`).
pub type WasmPlugin = CustomObject<WasmPluginSpec, PolicyStatus>;

resource!(WasmPlugin, "nantian.dev", "v1alpha1", "WasmPlugin", "wasmplugins");

/// What a `WasmPlugin` may apply to.
pub const TARGETS: [TargetKind; 3] = [target_ref::GATEWAY, target_ref::HTTP_ROUTE, target_ref::GRPC_ROUTE];

/// The module, when it runs, and what it may use.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "nantian.dev",
    version = "v1alpha1",
    kind = "WasmPlugin",
    root = "WasmPluginResource",
    plural = "wasmplugins",
    doc = "A proxy-wasm module that sees requests and answers of a Gateway or a route.",
    namespaced,
    status = "PolicyStatus",
    derive = "PartialEq",
    category = "nantian",
    label("gateway.networking.k8s.io/policy", "inherited"),
    printcolumn(name = "Target", type_ = "string", json_path = ".spec.targetRefs[0].name"),
    printcolumn(name = "Priority", type_ = "integer", json_path = ".spec.priority"),
    printcolumn(
        name = "Accepted",
        type_ = "string",
        json_path = r#".status.ancestors[0].conditions[?(@.type=="Accepted")].status"#
    ),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase")]
pub struct WasmPluginSpec {
    /// What the module applies to: Gateways or listeners of them, HTTPRoutes and GRPCRoutes or rules of them.
    #[schemars(schema_with = "target_refs")]
    pub target_refs: Vec<TargetRef>,
    /// The module.
    pub wasm: WasmSource,
    /// When the module is called.
    #[serde(default = "both_heads")]
    #[schemars(length(min = 1, max = 3), extend("x-kubernetes-list-type" = "set"))]
    pub hooks: Vec<Hook>,
    /// What the module gets as its configuration, as JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "config")]
    pub config: Option<Map<String, Value>>,
    /// Modules with a higher priority see requests earlier and answers later; those with the same one by age, then name.
    #[serde(default)]
    #[schemars(range(min = -1000, max = 1000))]
    pub priority: i32,
    /// What happens to a request whose module fails: it passes without it (open), or gets 500 (closed).
    #[serde(default)]
    pub failure_policy: FailurePolicy,
    /// What the module may use.
    #[serde(default)]
    pub sandbox: Sandbox,
}

fn target_refs(_: &mut SchemaGenerator) -> Schema {
    target_ref::schema(&TARGETS, 1)
}

fn both_heads() -> Vec<Hook> {
    vec![Hook::OnRequest, Hook::OnResponse]
}

fn config(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "object", "x-kubernetes-preserve-unknown-fields": true})
}

/// Where the module is: at most 32 MiB, and what fits into an object where it is in one.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[x_kube(
    validation = Rule::new("(has(self.url) ? 1 : 0) + (has(self.configMap) ? 1 : 0) + (has(self.inline) ? 1 : 0) == 1")
        .message("give one of url, configMap and inline"),
    validation = Rule::new("!has(self.url) || self.url.startsWith('https://') || has(self.sha256)")
        .message("a module that is fetched without TLS needs sha256")
)]
#[serde(rename_all = "camelCase")]
pub struct WasmSource {
    /// A URL with the scheme `http` or `https` that the control plane fetches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 2048), regex(pattern = URL))]
    pub url: Option<String>,
    /// An entry of a ConfigMap (`binaryData`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_map: Option<ConfigMapKeyReference>,
    /// The module itself, in base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 4, max = 1_398_104), extend("format" = "byte"))]
    pub inline: Option<String>,
    /// SHA-256 of the module, in hexadecimal. A module that has another one is not used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64), regex(pattern = "^[0-9a-f]{64}$"))]
    pub sha256: Option<String>,
}

/// When a module is called.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Hook {
    /// With the request, before it is forwarded.
    OnRequest,
    /// With the answer, before it is passed on.
    OnResponse,
    /// With each event of a streamed answer.
    OnStreamChunk,
    /// A hook that this version does not know.
    #[serde(untagged)]
    #[schemars(skip)]
    Unknown(String),
}

/// What happens to a request whose module fails.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum FailurePolicy {
    /// It gets 500.
    #[default]
    Closed,
    /// It passes without the module.
    Open,
    /// A policy that this version does not know; treat as closed.
    #[serde(untagged)]
    #[schemars(skip)]
    Unknown(String),
}

/// What a module may use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Sandbox {
    /// Memory of one instance, in bytes.
    #[schemars(range(min = 65_536, max = 1_073_741_824))]
    pub max_memory_bytes: u32,
    /// Time of one call, in milliseconds.
    #[schemars(range(min = 1, max = 10_000))]
    pub max_execution_time_ms: u32,
    /// Whether the module may call other servers.
    pub allow_network: bool,
    /// Whether the module may read and write files.
    pub allow_file_system: bool,
}

impl Default for Sandbox {
    fn default() -> Self {
        Self {
            max_memory_bytes: 16 * 1024 * 1024,
            max_execution_time_ms: 10,
            allow_network: false,
            allow_file_system: false,
        }
    }
}
