//! `SecurityPolicy`: who may ask for what.
//!
//! ```yaml
//! apiVersion: nantian.dev/v1alpha1
//! kind: SecurityPolicy
//! metadata:
//!   name: staff
//! spec:
//!   targetRefs:
//!   - {group: gateway.networking.k8s.io, kind: HTTPRoute, name: admin}
//!   authn:
//!     jwt:
//!       issuers:
//!       - issuer: https://login.example.com
//!         audiences: [admin]
//!         jwksUrl: https://login.example.com/keys
//!   authz:
//!     rules:
//!     - claims: [{name: group, values: [staff]}]
//! ```

mod authn;
mod authz;
mod oidc;

use kube::{CustomResource, KubeSchema};
use schemars::{Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::gateway_api::fragment;
use crate::gateway_api::http_route::HttpCorsFilter;
use crate::meta::{CustomObject, resource};
use crate::policy_status::PolicyStatus;
use crate::target_ref::{self, TargetKind, TargetRef};

pub use authn::{ApiKeyAuth, Authn, BasicAuth, ClaimToHeader, Issuer, Jwt};
pub use authz::{
    Authz, AuthzRule, ClaimMatch, ExternalAuth, ExternalProtocol, FailureMode, Method, PathMatch, PathMatchType,
};
pub use oidc::{Oidc, OidcEndpoints};

/// Who may ask for what (`nantian.dev/v1alpha1`).
pub type SecurityPolicy = CustomObject<SecurityPolicySpec, PolicyStatus>;

resource!(SecurityPolicy, "nantian.dev", "v1alpha1", "SecurityPolicy", "securitypolicies");

/// What a `SecurityPolicy` may apply to.
pub const TARGETS: [TargetKind; 7] = [
    target_ref::GATEWAY,
    target_ref::HTTP_ROUTE,
    target_ref::GRPC_ROUTE,
    target_ref::TLS_ROUTE,
    target_ref::TCP_ROUTE,
    target_ref::UDP_ROUTE,
    target_ref::SERVICE,
];

/// Who clients are, what they may ask for, where they may come from.
#[derive(CustomResource, KubeSchema, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[kube(
    group = "nantian.dev",
    version = "v1alpha1",
    kind = "SecurityPolicy",
    root = "SecurityPolicyResource",
    plural = "securitypolicies",
    doc = "Who may ask for what: authentication, authorization, addresses and origins of clients.",
    namespaced,
    status = "PolicyStatus",
    derive = "PartialEq",
    category = "nantian",
    label("gateway.networking.k8s.io/policy", "inherited"),
    printcolumn(name = "Target", type_ = "string", json_path = ".spec.targetRefs[0].name"),
    printcolumn(
        name = "Accepted",
        type_ = "string",
        json_path = r#".status.ancestors[0].conditions[?(@.type=="Accepted")].status"#
    ),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[x_kube(
    validation = Rule::new("has(self.authn) || has(self.authz) || has(self.ip) || has(self.cors)")
        .message("give at least one of authn, authz, ip and cors"),
    validation = Rule::new("!self.targetRefs.exists(t, t.kind in ['TLSRoute', 'TCPRoute', 'UDPRoute']) || !(has(self.authn) || has(self.authz) || has(self.cors))")
        .message("a TLSRoute, TCPRoute or UDPRoute has no requests: only ip is for them"),
    validation = Rule::new("!has(self.authz) || !has(self.authz.rules) || !self.authz.rules.exists(r, has(r.claims)) || (has(self.authn) && (has(self.authn.jwt) || has(self.authn.oidc)))")
        .message("rules with claims need authn.jwt or authn.oidc: without a token there are no claims")
)]
#[serde(rename_all = "camelCase")]
pub struct SecurityPolicySpec {
    /// What this is for: Gateways or listeners of them, HTTPRoutes and GRPCRoutes or rules of them, TLSRoutes, TCPRoutes,
    /// UDPRoutes, Services or ports of them.
    #[schemars(schema_with = "target_refs")]
    pub target_refs: Vec<TargetRef>,
    /// Who a client is. Where several ways are given, one of them suffices.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authn: Option<Authn>,
    /// What a client may ask for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authz: Option<Authz>,
    /// Where a client may come from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ip: Option<IpRules>,
    /// Which origins may read answers, for rules without a filter of the type CORS; its fields are those of that filter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "fragment::cors")]
    pub cors: Option<HttpCorsFilter>,
}

fn target_refs(_: &mut SchemaGenerator) -> Schema {
    target_ref::schema(&TARGETS, 1)
}

/// Where a client may come from: not from what is denied, and only from what is allowed where that is given.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[x_kube(
    validation = Rule::new("has(self.allowCIDRs) || has(self.denyCIDRs)").message("give allowCIDRs or denyCIDRs, or both")
)]
#[serde(rename_all = "camelCase")]
pub struct IpRules {
    /// Networks that clients may come from.
    #[serde(default, skip_serializing_if = "Vec::is_empty", rename = "allowCIDRs")]
    #[schemars(schema_with = "networks")]
    pub allow_cidrs: Vec<String>,
    /// Networks that clients may not come from.
    #[serde(default, skip_serializing_if = "Vec::is_empty", rename = "denyCIDRs")]
    #[schemars(schema_with = "networks")]
    pub deny_cidrs: Vec<String>,
}

fn networks(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "array",
        "minItems": 1,
        "maxItems": 256,
        "x-kubernetes-list-type": "set",
        "items": {
            "type": "string",
            "maxLength": 43,
            "x-kubernetes-validations": [{
                "rule": "isCIDR(self)",
                "message": "must be a network, for example 192.0.2.0/24 or 2001:db8::/32",
            }],
        },
    })
}
