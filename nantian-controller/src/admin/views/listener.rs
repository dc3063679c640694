use std::collections::BTreeMap;

use nantian_ir::compile::Status;
use nantian_ir::compile::status::ListenerStatus;
use nantian_ir::{ClientValidationMode, Listener as Served, ListenerKey, ListenerProtocol, ListenerSetKey, ObjectRef};
use schemars::JsonSchema;
use serde::Serialize;

use super::{Condition, ObjectName, conditions};
use crate::Published;
use crate::admin::observed::Observed;
use crate::admin::page::{Column, Element};
use crate::admin::problem::Problem;

/// A listener of a Gateway of ours, or of a ListenerSet that adds to one. What is in the snapshot is absent where it is not
/// served.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::admin) struct Listener {
    /// Its name among all: `NAMESPACE/GATEWAY/LISTENER` or `NAMESPACE/GATEWAY/NAMESPACE/SET/LISTENER`; of a ListenerSet that is
    /// not served `NAMESPACE/SET/LISTENER`.
    id: String,
    /// Namespace of the object that has it: the Gateway, or the ListenerSet.
    namespace: String,
    /// Its name there.
    name: String,
    /// The Gateway; of a ListenerSet that is not served it is not told here.
    #[serde(skip_serializing_if = "Option::is_none")]
    gateway: Option<ObjectName>,
    /// The ListenerSet that has it, if one has.
    #[serde(skip_serializing_if = "Option::is_none")]
    listener_set: Option<ObjectName>,
    /// Whether it is in the snapshot, so that data planes serve it. The conditions tell why it is not.
    served: bool,
    /// `HTTP`, `HTTPS`, `TLS`, `TCP` or `UDP`.
    #[serde(skip_serializing_if = "Option::is_none")]
    protocol: Option<&'static str>,
    /// The hosts that it serves: one, `*.` and a suffix, or `*`.
    hostnames: Vec<String>,
    /// The port that clients use.
    #[serde(skip_serializing_if = "Option::is_none")]
    port: Option<u16>,
    /// The address and port that data planes bind; `*` is every address.
    #[serde(skip_serializing_if = "Option::is_none")]
    bind: Option<String>,
    /// Who ends TLS sessions, of the protocols HTTPS and TLS.
    #[serde(skip_serializing_if = "Option::is_none")]
    tls: Option<ListenerTls>,
    /// Routes that are attached.
    attached_routes: u32,
    /// Rules of those routes that data planes have.
    rule_count: usize,
    /// Conditions, as the status of the Gateway or ListenerSet has them.
    conditions: Vec<Condition>,
}

/// TLS of a listener.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct ListenerTls {
    /// Who ends sessions.
    mode: TlsMode,
    /// The Secrets of its certificates; the first is the default.
    certificates: Vec<ObjectName>,
    /// What happens to clients without a valid certificate, if they are asked for one.
    #[serde(skip_serializing_if = "Option::is_none")]
    client_validation: Option<ClientMode>,
}

/// Who ends TLS sessions.
#[derive(Debug, Serialize, JsonSchema)]
enum TlsMode {
    /// The data plane.
    Terminate,
    /// The backend: data planes read the server name alone.
    Passthrough,
}

/// What happens to clients without a valid certificate.
#[derive(Debug, Serialize, JsonSchema)]
enum ClientMode {
    /// The handshake fails.
    AllowValidOnly,
    /// They are served.
    AllowInsecureFallback,
}

impl ListenerTls {
    fn of(listener: &Served) -> Option<Self> {
        match &listener.tls {
            None if listener.protocol == ListenerProtocol::Tls => {
                Some(Self { mode: TlsMode::Passthrough, certificates: Vec::new(), client_validation: None })
            }
            None => None,
            Some(tls) => {
                let mode = tls.client_validation.as_ref().map(|validation| match validation.mode {
                    ClientValidationMode::AllowValidOnly => ClientMode::AllowValidOnly,
                    ClientValidationMode::AllowInsecureFallback => ClientMode::AllowInsecureFallback,
                });
                let certificates = tls.certificates.iter().map(|key| ObjectName::new(&*key.namespace, &*key.name));
                Some(Self { mode: TlsMode::Terminate, certificates: certificates.collect(), client_validation: mode })
            }
        }
    }
}

impl Element for Listener {
    const COLUMNS: &'static [Column<Self>] = &[
        Column { name: "port", compare: |a, b| a.port.cmp(&b.port) },
        Column { name: "protocol", compare: |a, b| a.protocol.cmp(&b.protocol) },
        Column { name: "attachedRoutes", compare: |a, b| a.attached_routes.cmp(&b.attached_routes) },
    ];
    const HAS_HOSTNAMES: bool = true;
    const HAS_PROTOCOL: bool = true;

    fn all(observed: &Observed<'_>) -> Result<Vec<Self>, Problem> {
        let published = observed.published()?;
        let reading = Reading::of(published);
        let listeners = published.reported().flat_map(|(object, status)| {
            let listeners = match status {
                Status::Gateway(gateway) => gateway.listeners.as_slice(),
                Status::ListenerSet(set) => set.listeners.as_slice(),
                _ => &[],
            };
            listeners.iter().map(|listener| reading.listener(object, listener)).collect::<Vec<_>>()
        });
        Ok(listeners.collect())
    }

    fn namespace(&self) -> &str {
        &self.namespace
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn hostnames(&self) -> &[String] {
        &self.hostnames
    }

    fn protocol(&self) -> Option<&str> {
        self.protocol
    }
}

impl Listener {
    /// The listener of this id; or of this name, if it is the name of one only.
    pub(in crate::admin) fn find(observed: &Observed<'_>, wanted: &str) -> Result<Self, Problem> {
        let mut found = Self::all(observed)?;
        if let Some(place) = found.iter().position(|listener| listener.id == wanted) {
            return Ok(found.swap_remove(place));
        }
        found.retain(|listener| listener.name == wanted);
        match (found.pop(), found.len()) {
            (None, _) => {
                Err(Problem::not_found(format!("there is no listener {wanted}: /v1/listeners has all of them")))
            }
            (Some(listener), 0) => Ok(listener),
            (Some(_), others) => Err(Problem::ambiguous(format!(
                "{} listeners have the name {wanted}: give the id of one instead, with %2F for each slash",
                others + 1
            ))),
        }
    }
}

/// The snapshot by what a status knows of a listener.
struct Reading<'p> {
    published: &'p Published,
    of_sets: BTreeMap<(&'p ListenerSetKey, &'p str), &'p Served>,
    rules: BTreeMap<&'p ListenerKey, usize>,
}

impl<'p> Reading<'p> {
    fn of(published: &'p Published) -> Self {
        let snapshot = &published.snapshot;
        let of_sets = snapshot.listeners.values().filter_map(|listener| {
            let set = listener.key.set.as_ref()?;
            Some(((set, listener.key.listener.as_str()), &**listener))
        });
        let mut rules = BTreeMap::new();
        let attachments = snapshot.rules.values().flat_map(|rule| &rule.attachments);
        for attachment in attachments.chain(snapshot.stream_rules.values().flat_map(|rule| &rule.attachments)) {
            *rules.entry(&attachment.listener).or_default() += 1;
        }
        Self { published, of_sets: of_sets.collect(), rules }
    }

    fn listener(&self, object: &ObjectRef, status: &ListenerStatus) -> Listener {
        let owner = ObjectName::new(&*object.namespace, &*object.name);
        let of_set = object.kind == "ListenerSet";
        let served = if of_set {
            let set = ListenerSetKey { namespace: object.namespace.clone(), name: object.name.clone() };
            self.of_sets.get(&(&set, status.name.as_str())).copied()
        } else {
            let (namespace, gateway) = (object.namespace.clone(), object.name.clone());
            let key = ListenerKey { namespace, gateway, set: None, listener: status.name.clone() };
            self.published.snapshot.listeners.get(&key).map(|listener| &**listener)
        };
        let gateway = served.map(|served| ObjectName::new(&*served.key.namespace, &*served.key.gateway));
        Listener {
            id: served.map_or_else(
                || format!("{}/{}/{}", object.namespace, object.name, status.name),
                |served| served.key.to_string(),
            ),
            namespace: owner.namespace.clone(),
            name: status.name.to_string(),
            gateway: if of_set { gateway } else { Some(owner.clone()) },
            listener_set: of_set.then_some(owner),
            served: served.is_some(),
            protocol: served.map(|served| served.protocol.as_str()),
            hostnames: served.map(|served| served.hostname.to_string()).into_iter().collect(),
            port: served.map(|served| served.public_port),
            bind: served.map(|served| served.bind.to_string()),
            tls: served.and_then(ListenerTls::of),
            attached_routes: status.attached_routes,
            rule_count: served.and_then(|served| self.rules.get(&served.key)).copied().unwrap_or_default(),
            conditions: conditions(&status.conditions),
        }
    }
}
