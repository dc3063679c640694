//! What policies and `AIService`s refer to, and whether that is there and may be referred to.

use nantian_crds::ai_service::{AiService, AiServiceSpec, AuthType};
use nantian_crds::core::{ConfigMap, Secret, Service};
use nantian_crds::reference::{ConfigMapKeyReference, Endpoint, SecretKeyReference, SecretReference};
use nantian_crds::security_policy::SecurityPolicySpec;

use super::view::Spec;
use crate::compile::attach::Fault;
use crate::compile::decode::{Name, name_of};
use crate::compile::diagnostic::{self, Diagnostic};
use crate::compile::memo::Reader;
use crate::compile::objects::Object;
use crate::compile::resolve::grant::{self, To, remedy};

/// A reference, with the field that has it.
pub(super) struct Reference<'s> {
    field: String,
    namespace: Option<&'s str>,
    name: &'s str,
    part: Part<'s>,
}

/// What of an object is wanted.
enum Part<'s> {
    Secret,
    SecretKey(&'s str),
    ConfigMapKey(&'s str),
    ServicePort(u16),
    AiService,
}

impl<'s> Reference<'s> {
    fn new(field: impl Into<String>, namespace: Option<&'s str>, name: &'s str, part: Part<'s>) -> Self {
        Self { field: field.into(), namespace: namespace.filter(|namespace| !namespace.is_empty()), name, part }
    }

    fn secret(field: impl Into<String>, reference: &'s SecretReference) -> Self {
        Self::new(field, reference.namespace.as_deref(), &reference.name, Part::Secret)
    }

    fn key(field: impl Into<String>, reference: &'s SecretKeyReference) -> Self {
        Self::new(field, reference.namespace.as_deref(), &reference.name, Part::SecretKey(&reference.key))
    }

    fn entry(field: &str, map: &'s ConfigMapKeyReference) -> Self {
        Self::new(field, None, &map.name, Part::ConfigMapKey(&map.key))
    }

    fn endpoint(field: &str, endpoint: &'s Endpoint) -> Option<Self> {
        let service = endpoint.service.as_ref()?;
        let (namespace, port) = (service.namespace.as_deref(), Part::ServicePort(service.port));
        Some(Self::new(format!("{field}.service"), namespace, &service.name, port))
    }

    fn ai_service(field: impl Into<String>, name: &'s str) -> Self {
        Self::new(field, None, name, Part::AiService)
    }
}

/// The references of a policy.
pub(super) fn of_policy(spec: Spec<'_>) -> Vec<Reference<'_>> {
    match spec {
        Spec::BackendLb | Spec::Route(_) => Vec::new(),
        Spec::Security(spec) => of_security(spec),
        Spec::Token(spec) => {
            let fallback = spec.fallback.as_ref();
            fallback.map(|fallback| Reference::ai_service("spec.fallback", &fallback.name)).into_iter().collect()
        }
        Spec::Wasm(spec) => {
            let map = spec.wasm.config_map.as_ref();
            map.map(|map| Reference::entry("spec.wasm.configMap", map)).into_iter().collect()
        }
    }
}

fn of_security(spec: &SecurityPolicySpec) -> Vec<Reference<'_>> {
    let mut found = Vec::new();
    if let Some(authn) = &spec.authn {
        if let Some(oidc) = &authn.oidc {
            found.push(Reference::key("spec.authn.oidc.clientSecretRef", &oidc.client_secret_ref));
            found.push(Reference::key("spec.authn.oidc.sessionSigningKeyRef", &oidc.session_signing_key_ref));
        }
        let basic = authn.basic_auth.as_ref();
        found.extend(basic.map(|basic| Reference::key("spec.authn.basicAuth.htpasswdRef", &basic.htpasswd_ref)));
        let key = authn.api_key.as_ref();
        found.extend(key.map(|key| Reference::secret("spec.authn.apiKey.secretRef", &key.secret_ref)));
    }
    if let Some(external) = spec.authz.as_ref().and_then(|authz| authz.external.as_ref()) {
        let backend = &external.backend_ref;
        let port = Part::ServicePort(backend.port.unwrap_or_default());
        let field = "spec.authz.external.backendRef";
        found.push(Reference::new(field, backend.namespace.as_deref(), &backend.name, port));
    }
    found
}

/// The references of an `AIService`.
pub(super) fn of_ai_service(spec: &AiServiceSpec) -> Vec<Reference<'_>> {
    let mut found = Vec::new();
    found.extend(spec.endpoint.as_ref().and_then(|endpoint| Reference::endpoint("spec.endpoint", endpoint)));
    if let Some(auth) = &spec.auth {
        let (namespace, name) = (auth.secret.namespace.as_deref(), &auth.secret.name);
        let keys = if auth.r#type == AuthType::Basic { vec!["username", "password"] } else { vec![auth.key.as_str()] };
        let parts = keys.into_iter().map(Part::SecretKey);
        found.extend(parts.map(|part| Reference::new("spec.auth.secret", namespace, name, part)));
    }
    for (chain, of_chain) in spec.fallback.iter().flat_map(|fallback| &fallback.chains).enumerate() {
        for (index, target) in of_chain.fallbacks.iter().enumerate() {
            let field = format!("spec.fallback.chains[{chain}].fallbacks[{index}].service");
            found.extend(target.service.as_deref().map(|name| Reference::ai_service(field, name)));
        }
    }
    let embedding = spec.semantic_cache.as_ref().and_then(|cache| cache.embedding.as_ref()?.service.as_deref());
    found.extend(embedding.map(|name| Reference::ai_service("spec.semanticCache.embedding.service", name)));
    for (index, tenant) in spec.tenants.iter().enumerate() {
        let field = format!("spec.tenants[{index}].apiKeys.secretRef");
        found.push(Reference::secret(field, &tenant.api_keys.secret_ref));
    }
    if let Some(otel) = spec.observability.as_ref().and_then(|observability| observability.otel.as_ref()) {
        found.extend(Reference::endpoint("spec.observability.otel.endpoint", &otel.endpoint));
        let headers = otel.headers_secret_ref.as_ref();
        found.extend(headers.map(|secret| Reference::secret("spec.observability.otel.headersSecretRef", secret)));
    }
    if let Some(langfuse) = spec.observability.as_ref().and_then(|observability| observability.langfuse.as_ref()) {
        found.extend(Reference::endpoint("spec.observability.langfuse.endpoint", &langfuse.endpoint));
        found.push(Reference::key("spec.observability.langfuse.publicKeyRef", &langfuse.public_key_ref));
        found.push(Reference::key("spec.observability.langfuse.secretKeyRef", &langfuse.secret_key_ref));
    }
    found
}

/// Which of the references of an object cannot be resolved.
pub(super) fn unresolved(
    object: &Object,
    references: &[Reference<'_>],
    reader: &Reader<'_>,
    diagnostics: &mut Vec<Diagnostic>,
) -> Vec<Fault> {
    let mut faults = Vec::new();
    for reference in references {
        let namespace = reference.namespace.unwrap_or(&object.id().namespace);
        let (group, kind) = match reference.part {
            Part::Secret | Part::SecretKey(_) => ("", "Secret"),
            Part::ConfigMapKey(_) => ("", "ConfigMap"),
            Part::ServicePort(_) => ("", "Service"),
            Part::AiService => (nantian_crds::GROUP, "AIService"),
        };
        let to = To { group, kind, namespace, name: reference.name };
        let (reason, found) = if grant::allow(reader, object.id(), &to) {
            let Some(message) = missing(reference, &name_of(namespace, reference.name), reader) else {
                continue;
            };
            let is_service = matches!(reference.part, Part::ServicePort(_));
            let (reason, code) = if is_service {
                ("BackendNotFound", &diagnostic::BACKEND_NOT_FOUND)
            } else {
                ("RefNotFound", &diagnostic::REF_NOT_FOUND)
            };
            (reason, Diagnostic::of(code, object, &reference.field, message))
        } else {
            let message = format!("{kind} {namespace}/{} may not be referred to from here", reference.name);
            let found = Diagnostic::of(&diagnostic::REF_NOT_PERMITTED, object, &reference.field, message);
            ("RefNotPermitted", found.remedy(remedy(object.id(), &to)))
        };
        faults.push(Fault::new(reason, format!("{}: {}", reference.field, found.message)));
        diagnostics.push(found);
    }
    faults
}

/// What is not there, if so.
fn missing(reference: &Reference<'_>, name: &Name, reader: &Reader<'_>) -> Option<String> {
    let absent = |kind: &str| Some(format!("{kind} {}/{} does not exist", name.0, name.1));
    let without = |kind: &str, key: &str| Some(format!("{kind} {}/{} has no key {key}", name.0, name.1));
    match reference.part {
        Part::Secret => reader.get::<Secret>(name).is_none().then(|| absent("Secret"))?,
        Part::SecretKey(key) => match reader.get::<Secret>(name) {
            None => absent("Secret"),
            Some(secret) if !secret.value.data.contains_key(key) => without("Secret", key),
            Some(_) => None,
        },
        Part::ConfigMapKey(key) => match reader.get::<ConfigMap>(name) {
            None => absent("ConfigMap"),
            Some(map) if map.value.get(key).is_none() => without("ConfigMap", key),
            Some(_) => None,
        },
        Part::ServicePort(port) => match reader.get::<Service>(name) {
            None => absent("Service"),
            Some(service) if !service.value.spec.ports.iter().any(|held| held.port == port) => {
                Some(format!("Service {}/{} has no port {port}", name.0, name.1))
            }
            Some(_) => None,
        },
        Part::AiService => reader.get::<AiService>(name).is_none().then(|| absent("AIService"))?,
    }
}
