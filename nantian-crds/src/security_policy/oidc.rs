//! Sessions that begin at an OpenID provider.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::duration::Duration;
use crate::reference::SecretKeyReference;
use crate::syntax::{BASE_URL, URL};

/// Sessions that begin at an OpenID provider (OpenID Connect Core 1.0, authorization code flow with PKCE).
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[x_kube(
    validation = Rule::new("has(self.issuer) != has(self.endpoints)").message("give either issuer or endpoints"),
    validation = Rule::new("'openid' in self.scopes").message("scopes must have openid")
)]
#[serde(rename_all = "camelCase")]
pub struct Oidc {
    /// The provider, which tells its endpoints itself (OpenID Connect Discovery 1.0).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 2048), regex(pattern = BASE_URL))]
    pub issuer: Option<String>,
    /// The endpoints of a provider that does not tell them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoints: Option<OidcEndpoints>,
    /// The name that the gateway has at the provider.
    #[schemars(length(min = 1, max = 256))]
    pub client_id: String,
    /// The secret that the gateway has at the provider.
    pub client_secret_ref: SecretKeyReference,
    /// The path to which the provider sends clients back.
    #[serde(default = "callback_path")]
    #[schemars(length(min = 2, max = 1024), regex(pattern = r"^/[A-Za-z0-9/\-._~]+$"))]
    pub callback_path: String,
    /// What is asked for.
    #[serde(default = "openid")]
    #[schemars(
        length(min = 1, max = 16),
        inner(length(min = 1, max = 128), regex(pattern = r"^[!#-\[\]-~]+$")),
        extend("x-kubernetes-list-type" = "set")
    )]
    pub scopes: Vec<String>,
    /// The key that sessions are signed and encrypted with: at least 32 bytes. Without it nobody gets in.
    pub session_signing_key_ref: SecretKeyReference,
    /// How long a session lasts.
    #[serde(default = "an_hour")]
    pub session_ttl: Duration,
}

fn callback_path() -> String {
    "/oauth2/callback".to_owned()
}

fn openid() -> Vec<String> {
    vec!["openid".to_owned()]
}

fn an_hour() -> Duration {
    Duration::new("1h")
}

/// The endpoints of an OpenID provider.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OidcEndpoints {
    /// What the claim `iss` of a token must be.
    #[schemars(length(min = 1, max = 2048))]
    pub issuer: String,
    /// Where clients are sent.
    #[schemars(length(max = 2048), regex(pattern = URL))]
    pub authorization: String,
    /// Where tokens are fetched.
    #[schemars(length(max = 2048), regex(pattern = URL))]
    pub token: String,
    /// Where the public keys are.
    #[schemars(length(max = 2048), regex(pattern = URL))]
    pub jwks: String,
    /// Where clients end the session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 2048), regex(pattern = URL))]
    pub end_session: Option<String>,
}
