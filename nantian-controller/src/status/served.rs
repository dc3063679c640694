//! What only data planes and load balancers know: whether a listener is served, and at which addresses.
//!
//! The compiler says whether a Gateway could be served. It is said to be `Programmed` once a data plane does.

use nantian_ir::compile::status::{GatewayAddress, ListenerStatus};
use nantian_ir::compile::{Condition, ConditionStatus, Status};
use nantian_ir::{ListenerKey, ObjectRef, SmolStr, Snapshot};

use crate::nodes::NodeStatus;
use crate::publication::{Publications, Published};

/// A data plane with the snapshot that it serves.
struct Server<'n> {
    node: &'n NodeStatus,
    snapshot: Option<std::sync::Arc<Published>>,
}

/// Who serves what, at one moment.
pub(crate) struct Servers<'n>(Vec<Server<'n>>);

/// How it stands with a listener.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Serving {
    /// A data plane serves it as it is.
    Served,
    /// One cannot, and no other does.
    Refused(String),
    /// None does yet.
    Waiting,
}

impl<'n> Servers<'n> {
    pub(crate) fn of(nodes: &'n [NodeStatus], publications: &Publications) -> Self {
        let connected = nodes.iter().filter(|node| node.connected);
        let server = |node: &'n NodeStatus| {
            let version = node.acknowledged_version.as_deref();
            Server { node, snapshot: version.and_then(|version| publications.of_version(version)) }
        };
        Self(connected.map(server).collect())
    }

    fn serving(&self, key: &ListenerKey, snapshot: &Snapshot) -> Serving {
        let wanted = snapshot.listeners.get(key);
        let name = format!("Listener {key}");
        let mut refusal = None;
        for Server { node, snapshot } in &self.0 {
            if let Some(refused) = node.refused.iter().find(|refused| refused.resource == name) {
                refusal = refusal.or_else(|| Some(format!("{} refuses it: {}", node.id, refused.message)));
            } else if snapshot.as_ref().is_some_and(|served| served.snapshot.listeners.get(key) == wanted) {
                return Serving::Served;
            }
        }
        refusal.map_or(Serving::Waiting, Serving::Refused)
    }

    /// Whether there is anybody who could serve.
    pub(crate) fn are_there(&self) -> bool {
        !self.0.is_empty()
    }

    fn waiting(&self) -> &'static str {
        if self.0.is_empty() { "no data plane is connected" } else { "no data plane serves it yet" }
    }
}

/// What is to be written.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Verdict {
    /// The status.
    pub(crate) status: Status,
    /// Whether data planes are waited for: soon there may be something better to say.
    pub(crate) is_waiting: bool,
}

/// The status of a Gateway or ListenerSet with what data planes and its load balancer say. `addresses`: `None`: it gets none
/// from us; empty: it has none yet.
pub(crate) fn judge(
    id: &ObjectRef,
    compiled: &Status,
    snapshot: &Snapshot,
    servers: &Servers<'_>,
    addresses: Option<&[GatewayAddress]>,
) -> Verdict {
    let mut status = compiled.clone();
    let mut is_waiting = false;
    match &mut status {
        Status::Gateway(gateway) => {
            let (namespace, name) = (&id.namespace, &id.name);
            let is_its = |key: &ListenerKey| key.set.is_none() && (&key.namespace, &key.gateway) == (namespace, name);
            let served = judge_listeners(&mut gateway.listeners, snapshot, servers, &is_its, &mut is_waiting);
            let fault = (!served).then(|| ("Pending", servers.waiting().into()));
            let fault = fault.or_else(|| {
                let none = addresses.is_some_and(<[_]>::is_empty) && gateway.addresses.is_empty();
                none.then(|| ("AddressNotAssigned", "its Service has no address yet".into()))
            });
            unless_programmed(&mut gateway.conditions, fault);
            if gateway.addresses.is_empty() && is_accepted(&gateway.conditions) {
                gateway.addresses = addresses.unwrap_or_default().to_vec();
            }
        }
        Status::ListenerSet(set) => {
            let is_its = |key: &ListenerKey| {
                key.set.as_ref().is_some_and(|set| set.namespace == id.namespace && set.name == id.name)
            };
            let served = judge_listeners(&mut set.listeners, snapshot, servers, &is_its, &mut is_waiting);
            unless_programmed(&mut set.conditions, (!served).then(|| ("Pending", servers.waiting().into())));
        }
        _ => {}
    }
    Verdict { status, is_waiting }
}

/// Judges each listener that the compiler has for served; says whether one is.
fn judge_listeners(
    listeners: &mut [ListenerStatus],
    snapshot: &Snapshot,
    servers: &Servers<'_>,
    is_its: &dyn Fn(&ListenerKey) -> bool,
    is_waiting: &mut bool,
) -> bool {
    let keys: Vec<&ListenerKey> = snapshot.listeners.keys().filter(|key| is_its(key)).collect();
    let mut any = false;
    for listener in listeners {
        let Some(key) = keys.iter().find(|key| key.listener == listener.name) else { continue };
        let fault = match servers.serving(key, snapshot) {
            Serving::Served => {
                any = true;
                None
            }
            Serving::Refused(message) => Some(("Invalid", message.into())),
            Serving::Waiting => {
                *is_waiting = true;
                Some(("Pending", servers.waiting().into()))
            }
        };
        unless_programmed(&mut listener.conditions, fault);
    }
    any
}

fn is_accepted(conditions: &[Condition]) -> bool {
    conditions.iter().any(|condition| condition.kind == "Accepted" && condition.status == ConditionStatus::True)
}

/// Takes `Programmed` back, if it was said to be so.
fn unless_programmed(conditions: &mut [Condition], fault: Option<(&'static str, SmolStr)>) {
    let programmed = conditions.iter_mut().find(|condition| condition.kind == "Programmed");
    let Some((programmed, (reason, message))) = programmed.zip(fault) else { return };
    if programmed.status == ConditionStatus::True {
        (programmed.status, programmed.reason, programmed.message) = (ConditionStatus::False, reason, message);
    }
}
