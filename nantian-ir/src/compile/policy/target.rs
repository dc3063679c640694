//! What a policy is for, and whether that is there.

use nantian_crds::ai_service::AiService;
use nantian_crds::core::{Namespace, Service};
use nantian_crds::gateway_api::{Gateway, GrpcRoute, HttpRoute, TcpRoute, TlsRoute, UdpRoute};
use nantian_crds::target_ref::TargetRef;
use smol_str::SmolStr;

use super::view::PolicyView;
use crate::compile::decode::{Kind, Name};
use crate::compile::memo::Reader;
use crate::compile::status::AncestorRef;
use crate::key::{RouteKey, RouteKind};

/// What a policy is for, in its namespace.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Target {
    pub(crate) group: SmolStr,
    pub(crate) kind: SmolStr,
    pub(crate) name: SmolStr,
    pub(crate) section: Option<SmolStr>,
}

impl Target {
    pub(super) fn new(reference: &TargetRef) -> Self {
        Self {
            group: reference.group.as_str().into(),
            kind: reference.kind.as_str().into(),
            name: reference.name.as_str().into(),
            section: reference.section_name.as_deref().filter(|name| !name.is_empty()).map(SmolStr::from),
        }
    }

    /// A whole object.
    pub(crate) fn whole<T: Kind>(name: &str) -> Self {
        let (group, kind) = (SmolStr::new_static(T::GROUP), SmolStr::new_static(T::KIND));
        Self { group, kind, name: name.into(), section: None }
    }

    /// The same for a part of it.
    pub(crate) fn section(self, name: &str) -> Self {
        Self { section: Some(name.into()), ..self }
    }

    /// It as statuses name it, for a policy of this namespace.
    pub(crate) fn reference(&self, namespace: &SmolStr) -> AncestorRef {
        let is_namespace = *self == Self::whole::<Namespace>(&self.name);
        AncestorRef {
            group: self.group.clone(),
            kind: self.kind.clone(),
            namespace: if is_namespace { SmolStr::default() } else { namespace.clone() },
            name: self.name.clone(),
            section_name: self.section.clone(),
        }
    }

    /// A whole route.
    pub(crate) fn route(route: &RouteKey) -> Self {
        match route.kind {
            RouteKind::Http => Self::whole::<HttpRoute>(&route.name),
            RouteKind::Grpc => Self::whole::<GrpcRoute>(&route.name),
            RouteKind::Tls => Self::whole::<TlsRoute>(&route.name),
            RouteKind::Tcp => Self::whole::<TcpRoute>(&route.name),
            RouteKind::Udp => Self::whole::<UdpRoute>(&route.name),
        }
    }
}

/// Whether a target is there.
pub(super) enum Found {
    Here,
    /// It is not ours to tell of.
    Foreign(String),
    Missing(String),
    /// Policies of this kind are not for such objects.
    WrongKind(String),
}

/// Looks for a target of a policy.
pub(super) fn find(policy: &PolicyView<'_>, reference: &TargetRef, reader: &Reader<'_>) -> Found {
    let Target { kind, name, section, .. } = Target::new(reference);
    if !policy.allowed.iter().any(|allowed| allowed.is_of(reference)) {
        let kinds = policy.allowed.iter().map(|allowed| allowed.kind).collect::<Vec<_>>().join(", ");
        return Found::WrongKind(format!("a {} is not for targets of kind {kind}: use one of {kinds}", policy.kind));
    }
    let name = (policy.object.id().namespace.clone(), name);
    let whole = format!("{kind} {}/{}", name.0, name.1);
    let sections = match kind.as_str() {
        "Gateway" => match gateway(&name, &whole, reader) {
            Ok(listeners) => Some(listeners),
            Err(found) => return found,
        },
        "Service" => reader.get::<Service>(&name).map(|entry| {
            entry.value.spec.ports.iter().filter_map(|port| port.name.as_deref()).map(SmolStr::from).collect()
        }),
        "AIService" => reader.get::<AiService>(&name).map(|_| Vec::new()),
        _ => match route(&kind, &name, &whole, reader) {
            Ok(rules) => rules,
            Err(found) => return found,
        },
    };
    match (sections, section) {
        (None, _) => Found::Missing(format!("{whole} does not exist")),
        (Some(sections), Some(section)) if !sections.contains(&section) => {
            Found::Missing(format!("{whole} has no listener, rule or port named {section}"))
        }
        _ => Found::Here,
    }
}

/// The names of the listeners of a Gateway of ours.
fn gateway(name: &Name, whole: &str, reader: &Reader<'_>) -> Result<Vec<SmolStr>, Found> {
    match reader.gateway(name) {
        Some(gateway) => {
            let own = gateway.listeners.iter().filter(|listener| listener.key.set.is_none());
            Ok(own.map(|listener| listener.key.listener.clone()).collect())
        }
        None if reader.exists::<Gateway>(name) => {
            Err(Found::Foreign(format!("{whole} is of a class that is not ours, so this target is left alone")))
        }
        None => Err(Found::Missing(format!("{whole} does not exist"))),
    }
}

/// The names of the rules of a route, if it is there.
fn route(kind: &str, name: &Name, whole: &str, reader: &Reader<'_>) -> Result<Option<Vec<SmolStr>>, Found> {
    let (kind, rules) = match kind {
        "HTTPRoute" => (
            RouteKind::Http,
            rules_of::<HttpRoute>(name, reader, |route| {
                route.spec.rules.iter().filter_map(|rule| rule.name.as_deref()).map(SmolStr::from).collect()
            }),
        ),
        "GRPCRoute" => (
            RouteKind::Grpc,
            rules_of::<GrpcRoute>(name, reader, |route| {
                route.spec.rules.iter().filter_map(|rule| rule.name.as_deref()).map(SmolStr::from).collect()
            }),
        ),
        "TLSRoute" => (RouteKind::Tls, rules_of::<TlsRoute>(name, reader, |_| Vec::new())),
        "TCPRoute" => (RouteKind::Tcp, rules_of::<TcpRoute>(name, reader, |_| Vec::new())),
        _ => (RouteKind::Udp, rules_of::<UdpRoute>(name, reader, |_| Vec::new())),
    };
    let key = RouteKey { kind, namespace: name.0.clone(), name: name.1.clone() };
    let is_ours = reader.attachment(&key).is_some_and(|view| !view.parents.is_empty());
    if rules.is_some() && !is_ours {
        return Err(Found::Foreign(format!(
            "no Gateway of ours is a parent of {whole}, so the policy has no effect there"
        )));
    }
    Ok(rules)
}

fn rules_of<T: Kind>(name: &Name, reader: &Reader<'_>, rules: fn(&T) -> Vec<SmolStr>) -> Option<Vec<SmolStr>> {
    reader.get::<T>(name).map(|entry| rules(&entry.value))
}
