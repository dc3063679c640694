//! `BackendTLSPolicy`: which of several applies to a Service port, and what it comes to (GEP-1897).

use std::collections::BTreeMap;
use std::collections::btree_map::Entry as MapEntry;
use std::sync::Arc;

use nantian_crds::core::Service;
use nantian_crds::gateway_api::BackendTlsPolicy;
use nantian_crds::gateway_api::backend_tls_policy::{BackendTlsPolicyValidation, SubjectAltNameType};
use smol_str::SmolStr;

use super::ca_bundle::{self, BadBundle};
use crate::compile::attach::{Fault, listener, messages};
use crate::compile::decode::{Entry, Name, age, name_of};
use crate::compile::diagnostic::{self, Code, Diagnostic};
use crate::compile::memo::Reader;
use crate::compile::objects::Object;
use crate::compile::policy::{self, Asked, Holder, PolicyPrecedence, Statement};
use crate::key::{CaBundleKey, ObjectRef};
use crate::model::{BackendIdentity, BackendTls, SubjectAltName, Trust};
use crate::name::{Hostname, HostnameMatch};
use crate::precedence::Age;

/// A policy with what became of it.
#[derive(Clone, PartialEq)]
pub(crate) struct PolicyView {
    pub(crate) entry: Arc<Entry<BackendTlsPolicy>>,
    /// Its targets, by position in `spec.targetRefs`.
    pub(crate) targets: Vec<TargetView>,
    /// Why it is not valid, whatever the target.
    pub(crate) refused: Option<Fault>,
    /// References that cannot be resolved.
    pub(crate) unresolved: Vec<Fault>,
    tls: BackendTls,
}

/// One target of a policy.
#[derive(Clone, PartialEq)]
pub(crate) struct TargetView {
    pub(crate) service: Name,
    /// Name of the port; `None`: all ports.
    pub(crate) port: Option<SmolStr>,
    /// The field that names it.
    field: String,
    /// Why the policy does not apply to it.
    pub(crate) refused: Option<Fault>,
}

/// What applies to a Service that a policy names.
#[derive(Clone, Default, PartialEq)]
pub(crate) struct ServicePolicies {
    /// By name of the port; `None`: all ports. With the policy that says so.
    by_port: BTreeMap<Option<SmolStr>, (ObjectRef, BackendTls)>,
}

impl ServicePolicies {
    /// TLS towards a port: of the policy for the port, else of that for the whole Service.
    pub(crate) fn tls(&self, port_name: Option<&str>) -> Option<&BackendTls> {
        let of_port = port_name.filter(|name| !name.is_empty()).and_then(|name| self.by_port.get(&Some(name.into())));
        of_port.or_else(|| self.by_port.get(&None)).map(|(_, tls)| tls)
    }
}

/// The policies of a namespace, which are for its Services.
#[derive(Default)]
pub(crate) struct Policies {
    pub(crate) views: BTreeMap<Name, PolicyView>,
    pub(crate) services: BTreeMap<Name, ServicePolicies>,
}

/// Judges the policies of a namespace. Of several for one target the older one applies, then the first by name.
pub(crate) fn policies(namespace: &str, reader: &Reader<'_>, diagnostics: &mut Vec<Diagnostic>) -> Policies {
    let mut order: Vec<(Age, &Arc<Entry<BackendTlsPolicy>>)> =
        reader.all_in::<BackendTlsPolicy>(namespace).map(|entry| (age(&entry.value.metadata), entry)).collect();
    order.sort_by_key(|(age, entry)| (*age, &entry.object.id().name));
    let mut policies = Policies::default();
    for (_, entry) in order {
        let mut view = judge(entry, reader, diagnostics);
        view.targets = targets(&view, &mut policies.services, reader, diagnostics);
        let id = entry.object.id();
        policies.views.insert((id.namespace.clone(), id.name.clone()), view);
    }
    policies
}

fn targets(
    view: &PolicyView,
    services: &mut BTreeMap<Name, ServicePolicies>,
    reader: &Reader<'_>,
    diagnostics: &mut Vec<Diagnostic>,
) -> Vec<TargetView> {
    let object = &view.entry.object;
    let mut targets = Vec::new();
    for (index, reference) in view.entry.value.spec.target_refs.iter().enumerate() {
        let service = name_of(&object.id().namespace, &reference.name);
        let port = reference.section_name.clone().filter(|name| !name.is_empty());
        let is_service = reference.group.is_empty() && reference.kind == "Service";
        let found = if is_service {
            take(view, &service, port.as_ref(), services.entry(service.clone()).or_default(), reader)
        } else {
            let kind = &reference.kind;
            let message = format!("targets of kind {kind} are not supported: use a Service");
            Err((&diagnostic::INVALID_KIND, Fault::new("TargetNotFound", message)))
        };
        let field = format!("spec.targetRefs[{index}]");
        let refused = found.err().map(|(code, fault)| {
            diagnostics.push(Diagnostic::of(code, object, &field, &fault.message));
            fault
        });
        // What is no Service has no routes either, so that no ancestor could be told.
        if is_service {
            targets.push(TargetView { service, port, field, refused });
        }
    }
    targets
}

/// Gives a target to the policy, unless an older one has it.
fn take(
    policy: &PolicyView,
    service: &Name,
    port: Option<&SmolStr>,
    taken: &mut ServicePolicies,
    reader: &Reader<'_>,
) -> Result<(), (&'static Code, Fault)> {
    let missing = |what: String| {
        Err((
            &diagnostic::TARGET_NOT_FOUND,
            Fault::new("TargetNotFound", format!("{what}, so the policy does not apply")),
        ))
    };
    let whole = format!("Service {}/{}", service.0, service.1);
    let Some(held) = reader.get::<Service>(service) else { return missing(format!("{whole} does not exist")) };
    let ports = &held.value.spec.ports;
    if let Some(name) = port
        && !ports.iter().any(|port| port.name.as_ref() == Some(name))
    {
        return missing(format!("{whole} has no port named {name}"));
    }
    match taken.by_port.entry(port.cloned()) {
        MapEntry::Vacant(place) => {
            place.insert((policy.entry.object.id().clone(), policy.tls.clone()));
            Ok(())
        }
        MapEntry::Occupied(held) => {
            let (other, which) = (&held.get().0, port.map_or_else(String::new, |name| format!("port {name} of ")));
            let message = format!("the older {other} applies to {which}{whole}");
            Err((&diagnostic::POLICY_CONFLICT, Fault::new("Conflicted", message)))
        }
    }
}

/// The kind.
pub(crate) const KIND: &str = "BackendTLSPolicy";
/// Its fields that say how a session is made.
const SETTINGS: [&str; 4] = [
    "spec.validation.caCertificateRefs",
    "spec.validation.wellKnownCACertificates",
    "spec.validation.hostname",
    "spec.validation.subjectAltNames",
];

/// What policies say about a port of a Service, for questions: those for the port by its name, then those for the Service,
/// of one target the older first.
pub(crate) fn statements(reader: &Reader<'_>, service: &Name, port: Option<&str>) -> Vec<(policy::Target, Statement)> {
    let names = reader.all_in::<BackendTlsPolicy>(&service.0).map(|entry| entry.object.id());
    let views = names.filter_map(|id| reader.policy(&(id.namespace.clone(), id.name.clone())));
    let mut found = Vec::new();
    for view in views {
        for target in view.targets.iter().filter(|target| target.service == *service) {
            let is_meant = target.port.as_deref().is_none_or(|name| Some(name) == port);
            let is_missing = target.refused.as_ref().is_some_and(|fault| fault.reason == "TargetNotFound");
            if is_meant && !is_missing {
                let held = reader.policies_of(service).and_then(|policies| policies.by_port.get(&target.port));
                found.push((view, target, held.map(|(holder, _)| holder)));
            }
        }
    }
    let order = |view: &PolicyView| (age(&view.entry.value.metadata), view.entry.object.id().name.clone());
    found.sort_by_cached_key(|(view, target, _)| (target.port.is_none(), order(view)));
    let told = found.into_iter().map(|(view, target, holder)| {
        let whole = policy::Target::whole::<Service>(&service.1);
        let place = target.port.iter().fold(whole, |whole, name| whole.section(name));
        (place, statement(view, target, holder, reader))
    });
    told.collect()
}

fn statement(view: &PolicyView, target: &TargetView, holder: Option<&ObjectRef>, reader: &Reader<'_>) -> Statement {
    let object = &view.entry.object;
    let value = object.value();
    let is_set = |field: &&str| policy::value(&value, field).is_some();
    let holder = holder.filter(|holder| *holder != object.id()).map(|holder| {
        let held = reader.get::<BackendTlsPolicy>(&(holder.namespace.clone(), holder.name.clone()));
        let own = age(&view.entry.value.metadata);
        let precedence = PolicyPrecedence::by_age(held.map_or(own, |held| age(&held.value.metadata)), own);
        Holder { policy: holder.clone(), precedence }
    });
    Statement {
        policy: object.clone(),
        field: target.field.clone(),
        asked: Asked {
            served: SETTINGS.into_iter().filter(is_set).collect(),
            unserved: ["spec.options"].into_iter().filter(is_set).collect(),
        },
        refused: target.refused.clone().or_else(|| view.refused.clone()),
        holder,
        denies: false,
    }
}

/// What a policy comes to, apart from its targets.
fn judge(entry: &Arc<Entry<BackendTlsPolicy>>, reader: &Reader<'_>, diagnostics: &mut Vec<Diagnostic>) -> PolicyView {
    let validation = &entry.value.spec.validation;
    let (trust, unresolved, mut refused) = trust(&entry.object, validation, reader, diagnostics);
    let mut invalid = |field: &str, message: String| {
        let field = format!("spec.validation.{field}");
        diagnostics.push(Diagnostic::of(&diagnostic::INVALID_POLICY, &entry.object, field, &message));
        refused.get_or_insert(Fault::new("Invalid", message));
    };
    let server_name = Hostname::new(&validation.hostname).map_err(|error| invalid("hostname", error.to_string())).ok();
    let subject_alt_names = subject_alt_names(validation, &mut invalid);
    for option in entry.value.spec.options.keys() {
        let message = format!("the TLS option {option} is not supported and has no effect");
        diagnostics.push(Diagnostic::of(&diagnostic::UNSUPPORTED_FIELD, &entry.object, "spec.options", message));
    }
    let tls = match (server_name, trust) {
        (Some(server_name), Some(trust)) if refused.is_none() => {
            BackendTls::Verify(BackendIdentity { server_name, subject_alt_names, trust })
        }
        _ => BackendTls::Refuse,
    };
    PolicyView { entry: Arc::clone(entry), targets: Vec::new(), refused, unresolved, tls }
}

/// Whom the policy trusts; references that cannot be resolved; why it is not accepted.
fn trust(
    object: &Object,
    validation: &BackendTlsPolicyValidation,
    reader: &Reader<'_>,
    diagnostics: &mut Vec<Diagnostic>,
) -> (Option<Trust>, Vec<Fault>, Option<Fault>) {
    let well_known = validation.well_known_ca_certificates.as_deref().filter(|name| !name.is_empty());
    let invalid = |field: &str, message: String, diagnostics: &mut Vec<Diagnostic>| {
        let field = format!("spec.validation.{field}");
        diagnostics.push(Diagnostic::of(&diagnostic::INVALID_POLICY, object, field, &message));
        (None, Vec::new(), Some(Fault::new("Invalid", message)))
    };
    match (validation.ca_certificate_refs.is_empty(), well_known) {
        (true, Some("System")) => return (Some(Trust::System), Vec::new(), None),
        (true, Some(other)) => {
            let message = format!("the set of certificates {other} is not known: use System or caCertificateRefs");
            return invalid("wellKnownCACertificates", message, diagnostics);
        }
        (true, None) => {
            let message = "neither caCertificateRefs nor wellKnownCACertificates is given: no backend could be trusted";
            return invalid("caCertificateRefs", message.to_owned(), diagnostics);
        }
        (false, Some(_)) => {
            let message = "caCertificateRefs and wellKnownCACertificates are both given: remove one of them";
            return invalid("wellKnownCACertificates", message.to_owned(), diagnostics);
        }
        (false, None) => {}
    }
    let (mut found, mut faults): (Vec<CaBundleKey>, _) = (Vec::new(), Vec::new());
    for (index, reference) in validation.ca_certificate_refs.iter().enumerate() {
        let (group, kind) = (&reference.group, &reference.kind);
        let (reason, message) = match ca_bundle::resolve(reader, group, kind, &object.id().namespace, &reference.name) {
            Ok(key) if found.contains(&key) => continue,
            Ok(key) => {
                found.push(key);
                continue;
            }
            Err(BadBundle::Kind(message)) => ("InvalidKind", message),
            Err(BadBundle::Content(message)) => ("InvalidCACertificateRef", message),
        };
        let field = format!("spec.validation.caCertificateRefs[{index}]");
        diagnostics.push(Diagnostic::of(&diagnostic::INVALID_CA_CERTIFICATE, object, field, &message));
        faults.push(Fault::new(reason, message));
    }
    // "If ALL CACertificateRefs are invalid, the implementation MUST also ensure the `Accepted` Condition ... is set to
    // `status: False`, with a Reason `NoValidCACertificate`."
    let refused = found.is_empty().then(|| {
        let message = format!("there is no valid CA certificate, so no connection is made: {}", messages(&faults));
        Fault::new("NoValidCACertificate", message)
    });
    ((!found.is_empty()).then_some(Trust::CaBundles(found)), faults, refused)
}

fn subject_alt_names(
    validation: &BackendTlsPolicyValidation,
    invalid: &mut impl FnMut(&str, String),
) -> Vec<SubjectAltName> {
    let mut found = Vec::new();
    for (index, name) in validation.subject_alt_names.iter().enumerate() {
        let field = format!("subjectAltNames[{index}]");
        match &name.r#type {
            SubjectAltNameType::Hostname => match listener::route_hostname(&name.hostname) {
                Ok(hostname @ (HostnameMatch::Exact(_) | HostnameMatch::Wildcard(_))) => {
                    found.push(SubjectAltName::Hostname(hostname));
                }
                Ok(HostnameMatch::Any) => {}
                Err(message) => invalid(&field, message),
            },
            SubjectAltNameType::Uri if name.uri.is_empty() => invalid(&field, "the URI is empty".to_owned()),
            SubjectAltNameType::Uri => found.push(SubjectAltName::Uri(name.uri.as_str().to_owned())),
            SubjectAltNameType::Unknown(other) => {
                invalid(&field, format!("the type {other} is not supported: use Hostname or URI"));
            }
        }
    }
    found
}
