//! `DirectResponse`: an `ExtensionRef` filter of `HTTPRoute` and `GRPCRoute` rules that answers by itself.
//!
//! ```yaml
//! apiVersion: nantian.dev/v1alpha1
//! kind: DirectResponse
//! metadata:
//!   name: maintenance
//! spec:
//!   statusCode: 503
//!   headers:
//!   - name: Retry-After
//!     value: "600"
//!   body: Back in ten minutes.
//! ```

use kube::{CustomResource, KubeSchema};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::meta::{ObjectMeta, resource};
use crate::policy_status::PolicyStatus;
pub use crate::reference::ConfigMapKeyReference;

/// An answer without a backend (`nantian.dev/v1alpha1`), as the compiler reads it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DirectResponse {
    /// Metadata.
    pub metadata: ObjectMeta,
    /// What is wanted.
    #[serde(default)]
    pub spec: DirectResponseSpec,
    /// What controllers say.
    #[serde(default)]
    pub status: PolicyStatus,
}

resource!(DirectResponse, "nantian.dev", "v1alpha1", "DirectResponse", "directresponses");

/// The answer that is given.
#[derive(CustomResource, KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[kube(
    group = "nantian.dev",
    version = "v1alpha1",
    kind = "DirectResponse",
    root = "DirectResponseResource",
    plural = "directresponses",
    doc = "An answer without a backend: name it as the ExtensionRef filter of an HTTPRoute or GRPCRoute rule.",
    namespaced,
    status = "PolicyStatus",
    derive = "PartialEq",
    category = "nantian",
    printcolumn(name = "Code", type_ = "integer", json_path = ".spec.statusCode"),
    printcolumn(
        name = "Accepted",
        type_ = "string",
        json_path = r#".status.ancestors[0].conditions[?(@.type=="Accepted")].status"#
    ),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[x_kube(
    validation = Rule::new("!(has(self.body) && has(self.bodyConfigMapRef))")
        .message("give the body either as body or by bodyConfigMapRef, not both"),
    validation = Rule::new("!(self.statusCode in [204, 205, 304]) || !(has(self.body) || has(self.bodyConfigMapRef))")
        .message("answers with the status code 204, 205 or 304 have no body"),
    validation = Rule::new("!has(self.contentType) || !has(self.headers) || self.headers.all(h, h.name.lowerAscii() != 'content-type')")
        .message("give the content type either as contentType or among headers, not both")
)]
#[serde(rename_all = "camelCase")]
pub struct DirectResponseSpec {
    /// Status code, 200 to 599.
    #[serde(default = "ok")]
    #[schemars(schema_with = "status_code_schema")]
    pub status_code: u16,
    /// Headers of the answer; a name may occur more than once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "headers_schema")]
    pub headers: Vec<DirectResponseHeader>,
    /// The body, at most 65,536 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 65536))]
    pub body: Option<String>,
    /// A ConfigMap of the same namespace that has the body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body_config_map_ref: Option<ConfigMapKeyReference>,
    /// Media type of the body; `text/plain; charset=utf-8` if there is a body and no other type is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256), regex(pattern = r"^[!-~]+([\t ]?[!-~]+)*$"))]
    pub content_type: Option<String>,
}

impl Default for DirectResponseSpec {
    fn default() -> Self {
        Self { status_code: ok(), headers: Vec::new(), body: None, body_config_map_ref: None, content_type: None }
    }
}

fn ok() -> u16 {
    200
}

fn status_code_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "integer", "format": "int32", "minimum": 200, "maximum": 599})
}

/// A header of the answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DirectResponseHeader {
    /// Name.
    pub name: String,
    /// Value.
    pub value: String,
}

/// The fields that frame a message and those of one connection are the engine's (RFC 9110, section 7.6.1, and RFC 9112,
/// section 6).
fn headers_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array",
        "maxItems": 16,
        "x-kubernetes-list-type": "atomic",
        "items": {
            "type": "object",
            "required": ["name", "value"],
            "properties": {
                "name": {
                    "description": "Name.",
                    "type": "string",
                    "minLength": 1,
                    "maxLength": 256,
                    "pattern": r"^[A-Za-z0-9!#$%&'*+\-.^_\x60|~]+$",
                    "x-kubernetes-validations": [{
                        "rule": "!(self.lowerAscii() in ['connection', 'content-length', 'keep-alive', \
                                 'proxy-connection', 'te', 'trailer', 'transfer-encoding', 'upgrade'])",
                        "message": "this header is set by the gateway itself",
                    }],
                },
                "value": {
                    "description": "Value.",
                    "type": "string",
                    "minLength": 1,
                    "maxLength": 4096,
                    "pattern": r"^[!-~]+([\t ]?[!-~]+)*$",
                },
            },
        },
    })
}
