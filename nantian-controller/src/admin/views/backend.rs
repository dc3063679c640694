use std::collections::BTreeSet;

use nantian_ir::{Backend as Served, BackendKey, BackendProtocol, BackendTls, Endpoint, RouteKey, Snapshot};
use schemars::JsonSchema;
use serde::Serialize;

use crate::admin::observed::Observed;
use crate::admin::page::{Column, Element};
use crate::admin::problem::Problem;
use crate::edges::edges;

/// A port of a Service that rules send to, as one protocol.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::admin) struct Backend {
    /// `Service`.
    kind: String,
    /// Its namespace.
    namespace: String,
    /// Its name.
    name: String,
    /// The port of the Service.
    port: u16,
    /// `http1`, `h2c`, `webSocket`, `tcp` or `udp`.
    protocol: &'static str,
    /// TLS towards it.
    tls: BackendSecurity,
    /// The server name that it must have a certificate for, if it is verified.
    #[serde(skip_serializing_if = "Option::is_none")]
    server_name: Option<String>,
    /// Endpoints that may get requests: `ADDRESS:PORT`.
    endpoints: Vec<String>,
}

/// How connections to a backend are secured.
#[derive(Debug, Serialize, JsonSchema)]
enum BackendSecurity {
    /// They are not.
    None,
    /// By TLS sessions with who proves to be the backend.
    Verify,
    /// There is no way to tell who it is, as its BackendTLSPolicy is not valid: no connection is made.
    Refuse,
}

/// A Service that rules send to.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::admin) struct BackendObject {
    /// `Service`.
    kind: String,
    /// Its namespace.
    namespace: String,
    /// Its name.
    name: String,
    /// Its ports, once for each protocol that they are used with.
    ports: Vec<Backend>,
    /// The routes that send to it: `KIND/NAMESPACE/NAME`.
    routes: Vec<String>,
}

impl Element for Backend {
    const COLUMNS: &'static [Column<Self>] = &[
        Column { name: "port", compare: |a, b| a.port.cmp(&b.port) },
        Column { name: "protocol", compare: |a, b| a.protocol.cmp(b.protocol) },
        Column { name: "endpoints", compare: |a, b| a.endpoints.len().cmp(&b.endpoints.len()) },
    ];
    const HAS_PROTOCOL: bool = true;

    fn all(observed: &Observed<'_>) -> Result<Vec<Self>, Problem> {
        let snapshot = &observed.published()?.snapshot;
        Ok(snapshot.backends.values().map(|backend| Self::new(snapshot, backend)).collect())
    }

    fn namespace(&self) -> &str {
        &self.namespace
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn protocol(&self) -> Option<&str> {
        Some(self.protocol)
    }
}

impl Backend {
    fn new(snapshot: &Snapshot, backend: &Served) -> Self {
        let key = &backend.key;
        let endpoints = snapshot.endpoints.get(key).map(|set| set.endpoints.as_slice()).unwrap_or_default();
        let (tls, server_name) = match &backend.tls {
            None => (BackendSecurity::None, None),
            Some(BackendTls::Verify(identity)) => (BackendSecurity::Verify, Some(identity.server_name.to_string())),
            Some(BackendTls::Refuse) => (BackendSecurity::Refuse, None),
        };
        Self {
            kind: key.kind.to_string(),
            namespace: key.namespace.to_string(),
            name: key.name.to_string(),
            port: key.port,
            protocol: match key.protocol {
                BackendProtocol::Http1 => "http1",
                BackendProtocol::H2c => "h2c",
                BackendProtocol::WebSocket => "webSocket",
                BackendProtocol::Tcp => "tcp",
                BackendProtocol::Udp => "udp",
            },
            tls,
            server_name,
            endpoints: endpoints.iter().map(Endpoint::to_string).collect(),
        }
    }
}

impl BackendObject {
    /// The Service of this name.
    pub(in crate::admin) fn find(observed: &Observed<'_>, namespace: &str, name: &str) -> Result<Self, Problem> {
        let snapshot = &observed.published()?.snapshot;
        let is_wanted = |key: &BackendKey| key.namespace == namespace && key.name == name;
        let held = snapshot.backends.values().filter(|backend| is_wanted(&backend.key));
        let ports: Vec<Backend> = held.map(|backend| Backend::new(snapshot, backend)).collect();
        let Some(kind) = ports.first().map(|port| port.kind.clone()) else {
            let detail =
                format!("no rule sends to a Service {namespace}/{name}: /v1/backends has all that are sent to");
            return Err(Problem::not_found(detail));
        };
        let senders: BTreeSet<&RouteKey> =
            edges(snapshot).filter(|(_, backend)| is_wanted(backend)).map(|(route, _)| route).collect();
        let routes = senders.into_iter().map(ToString::to_string).collect();
        Ok(Self { kind, namespace: namespace.to_owned(), name: name.to_owned(), ports, routes })
    }
}
