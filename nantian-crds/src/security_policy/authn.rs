//! Who a client is.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::oidc::Oidc;
use crate::duration::Duration;
use crate::reference::{SecretKeyReference, SecretReference};
use crate::syntax::{FIELD_NAME, URL};

/// Ways to tell who a client is. A request that none of them takes gets 401.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[x_kube(
    validation = Rule::new("has(self.jwt) || has(self.oidc) || has(self.basicAuth) || has(self.apiKey)")
        .message("give at least one of jwt, oidc, basicAuth and apiKey")
)]
#[serde(rename_all = "camelCase")]
pub struct Authn {
    /// By a signed token (RFC 7519).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jwt: Option<Jwt>,
    /// By a session that begins at an OpenID provider.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oidc: Option<Oidc>,
    /// By name and password (RFC 7617).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub basic_auth: Option<BasicAuth>,
    /// By a key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_key: Option<ApiKeyAuth>,
}

/// Signed tokens.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Jwt {
    /// Who may have signed a token.
    #[schemars(
        length(min = 1, max = 16),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["issuer"])
    )]
    pub issuers: Vec<Issuer>,
}

/// Who may have signed a token.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[x_kube(validation = Rule::new("has(self.jwksUrl) != has(self.jwksInline)").message("give either jwksUrl or jwksInline"))]
#[serde(rename_all = "camelCase")]
pub struct Issuer {
    /// What the claim `iss` of a token must be.
    #[schemars(length(min = 1, max = 2048))]
    pub issuer: String,
    /// Of which the claim `aud` of a token must have one; any will do when empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), inner(length(min = 1, max = 256)), extend("x-kubernetes-list-type" = "set"))]
    pub audiences: Vec<String>,
    /// Where the public keys are (RFC 7517): a URL with the scheme `https`, or `http` within the cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 2048), regex(pattern = URL))]
    pub jwks_url: Option<String>,
    /// The public keys themselves (RFC 7517), as JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 2, max = 65_536))]
    pub jwks_inline: Option<String>,
    /// The header that has the token.
    #[serde(default = "authorization")]
    #[schemars(length(min = 1, max = 256), regex(pattern = FIELD_NAME))]
    pub header_name: String,
    /// What comes before the token in the header.
    #[serde(default = "bearer")]
    #[schemars(length(max = 64))]
    pub token_prefix: String,
    /// Claims that backends get as headers. What a client sends under these names is removed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        length(max = 32),
        extend("x-kubernetes-list-type" = "map", "x-kubernetes-list-map-keys" = ["header"])
    )]
    pub claims_to_headers: Vec<ClaimToHeader>,
    /// How long keys from jwksUrl are used until they are fetched again.
    #[serde(default = "five_minutes")]
    pub cache_ttl: Duration,
}

fn authorization() -> String {
    "Authorization".to_owned()
}

fn bearer() -> String {
    "Bearer ".to_owned()
}

fn five_minutes() -> Duration {
    Duration::new("5m")
}

/// A claim that backends get as a header.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClaimToHeader {
    /// Name of the claim; with dots between the names of nested ones.
    #[schemars(length(min = 1, max = 256))]
    pub claim: String,
    /// Name of the header.
    #[schemars(length(min = 1, max = 256), regex(pattern = FIELD_NAME))]
    pub header: String,
}

/// Name and password.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BasicAuth {
    /// Names with hashes of passwords, as htpasswd writes them (bcrypt, SHA-256 or SHA-512 crypt).
    pub htpasswd_ref: SecretKeyReference,
    /// What clients are told that the password is for.
    #[serde(default = "restricted")]
    #[schemars(length(min = 1, max = 128), regex(pattern = r"^[ !#-\[\]-~]+$"))]
    pub realm: String,
}

fn restricted() -> String {
    "restricted".to_owned()
}

/// Keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ApiKeyAuth {
    /// A Secret of which each entry is a key; the name of the entry is the name of the client.
    pub secret_ref: SecretReference,
    /// The header that has the key.
    #[serde(default = "api_key_header")]
    #[schemars(length(min = 1, max = 256), regex(pattern = FIELD_NAME))]
    pub header: String,
}

fn api_key_header() -> String {
    "X-API-Key".to_owned()
}
