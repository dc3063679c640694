//! The units of work.

use super::reader::within;
use super::store::Store;
use crate::compile::decode::{Kind, Name, Table};
use crate::key::{BackendKey, CaBundleKey, CertificateKey, RouteKey, RouteKind};

/// A unit of work: the smallest thing that is computed again as a whole. Its place in the list is its stage, and a unit
/// reads only what those of earlier stages wrote.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Unit {
    /// Tells of objects that others of their name displaced.
    Displaced,
    /// Finds the classes that are ours.
    Classes,
    /// Looks at a Gateway alone, with its ListenerSets.
    Gateway(Name),
    /// Tells of a ListenerSet whose parent is not ours.
    ListenerSet(Name),
    /// Finds Gateways that want the same of a socket.
    Sockets,
    /// Resolves what a Gateway refers to.
    Served(Name),
    /// Attaches a route to listeners.
    Attachment(RouteKey),
    /// Finds routes of a Gateway that want the same hosts.
    Contest(Name),
    /// Judges the policies of a namespace.
    Policies(String),
    /// Judges our own policies of a namespace.
    Effects(String),
    /// Judges an AIService.
    AiService(Name),
    /// Makes rules of a route.
    Route(RouteKey),
    /// Makes a backend of a Service port.
    Backend(BackendKey),
    /// Finds the Gateways that a policy matters for.
    Policy(Name),
    /// Makes the status and the listeners of a Gateway and its ListenerSets.
    Report(Name),
    /// Takes a certificate that is used.
    Certificate(CertificateKey),
    /// Takes certificates of authorities that are used.
    CaBundle(CaBundleKey),
}

/// How many stages there are.
pub(super) const STAGES: usize = 17;

impl Unit {
    /// Its place in the order of computation.
    pub(super) fn stage(&self) -> usize {
        match self {
            Self::Displaced => 0,
            Self::Classes => 1,
            Self::Gateway(_) => 2,
            Self::ListenerSet(_) => 3,
            Self::Sockets => 4,
            Self::Served(_) => 5,
            Self::Attachment(_) => 6,
            Self::Contest(_) => 7,
            Self::Policies(_) => 8,
            Self::Effects(_) => 9,
            Self::AiService(_) => 10,
            Self::Route(_) => 11,
            Self::Backend(_) => 12,
            Self::Policy(_) => 13,
            Self::Report(_) => 14,
            Self::Certificate(_) => 15,
            Self::CaBundle(_) => 16,
        }
    }

    /// Whether there is something to do for it.
    pub(super) fn has_subject(&self, store: &Store) -> bool {
        let typed = &store.typed;
        match self {
            Self::Displaced | Self::Classes | Self::Sockets => true,
            Self::Gateway(name) | Self::Served(name) | Self::Contest(name) | Self::Report(name) => {
                typed.gateways.contains_key(name)
            }
            Self::ListenerSet(name) => typed.listener_sets.contains_key(name),
            Self::Attachment(route) | Self::Route(route) => {
                let name = (route.namespace.clone(), route.name.clone());
                match route.kind {
                    RouteKind::Http => typed.http_routes.contains_key(&name),
                    RouteKind::Grpc => typed.grpc_routes.contains_key(&name),
                    RouteKind::Tls => typed.tls_routes.contains_key(&name),
                    RouteKind::Tcp => typed.tcp_routes.contains_key(&name),
                    RouteKind::Udp => typed.udp_routes.contains_key(&name),
                }
            }
            Self::Policies(namespace) => is_in(&typed.backend_tls_policies, namespace),
            Self::Effects(namespace) => {
                is_in(&typed.backend_lb_policies, namespace)
                    || is_in(&typed.route_policies, namespace)
                    || is_in(&typed.security_policies, namespace)
                    || is_in(&typed.token_policies, namespace)
                    || is_in(&typed.wasm_plugins, namespace)
            }
            Self::AiService(name) => typed.ai_services.contains_key(name),
            Self::Policy(name) => typed.backend_tls_policies.contains_key(name),
            Self::Backend(key) => store.backend_uses.has(key),
            Self::Certificate(key) => store.certificate_uses.has(key),
            Self::CaBundle(key) => store.ca_bundle_uses.has(key),
        }
    }
}

fn is_in<T: Kind>(table: &Table<T>, namespace: &str) -> bool {
    within(table, namespace).next().is_some()
}
