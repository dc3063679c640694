//! The units of work.

use smol_str::SmolStr;

use super::store::Store;
use crate::compile::decode::Name;
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
    /// Judges the policies of a namespace.
    Policies(SmolStr),
    /// Judges our own policies of a namespace.
    Effects(SmolStr),
    /// Finds routes of a Gateway that want the same hosts.
    Contest(Name),
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

/// The first stage that looks at all routes of a Gateway together.
pub(super) const CONTESTS: usize = 9;

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
            Self::Policies(_) => 7,
            Self::Effects(_) => 8,
            Self::Contest(_) => CONTESTS,
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
                typed.gateways.has(name)
            }
            Self::ListenerSet(name) => typed.listener_sets.has(name),
            Self::Attachment(route) | Self::Route(route) => {
                let name = (route.namespace.clone(), route.name.clone());
                match route.kind {
                    RouteKind::Http => typed.http_routes.has(&name),
                    RouteKind::Grpc => typed.grpc_routes.has(&name),
                    RouteKind::Tls => typed.tls_routes.has(&name),
                    RouteKind::Tcp => typed.tcp_routes.has(&name),
                    RouteKind::Udp => typed.udp_routes.has(&name),
                }
            }
            Self::Policies(namespace) => typed.backend_tls_policies.within(namespace).next().is_some(),
            Self::Effects(namespace) => typed.has_own_policies(namespace),
            Self::AiService(name) => typed.ai_services.has(name),
            Self::Policy(name) => typed.backend_tls_policies.has(name),
            Self::Backend(key) => store.backend_uses.has(key),
            Self::Certificate(key) => store.certificate_uses.has(key),
            Self::CaBundle(key) => store.ca_bundle_uses.has(key),
        }
    }
}
