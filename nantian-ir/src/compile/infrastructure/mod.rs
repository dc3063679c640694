//! What is made for a Gateway whose data planes serve many: a Service in its namespace (GEP-1762), which leads its ports to
//! the ports that its listeners are bound to.

pub(crate) mod parameters;
pub(crate) mod record;

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::{Value, json};
use smol_str::SmolStr;

use super::BindPorts;
use super::attach::Fault;
use super::attach::gateway::{Bind, GatewayView};
use super::decode::Name;
use super::diagnostic::{self, Diagnostic};
use super::memo::Reader;
use crate::key::ObjectRef;
use crate::model::Keyed;
use record::{GATEWAY_NAME, MANAGED_BY, Record};

/// Fields of `Service.spec`.
pub(crate) type ServiceFields = BTreeMap<&'static str, Value>;

/// The Service that a Gateway is to have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GatewayService {
    /// The Gateway, in whose namespace it is.
    pub gateway: ObjectRef,
    /// Its name.
    pub name: SmolStr,
    /// Its labels; [`GatewayService::OURS`] selects by them.
    pub labels: BTreeMap<String, String>,
    /// Its annotations.
    pub annotations: BTreeMap<String, String>,
    /// Whether it leads to data planes of the Gateway's own: Pods in its namespace with the label
    /// [`GatewayService::GATEWAY_NAME`] of the Service. Otherwise to those that Gateways share.
    pub is_dedicated: bool,
    /// Fields of its `spec`, without the ports.
    pub fields: BTreeMap<&'static str, Value>,
    /// Its ports, sorted.
    pub ports: Vec<GatewayPort>,
}

/// A port of a Gateway's Service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GatewayPort {
    /// The port that clients use.
    pub port: u16,
    /// The protocol, as a Service spells it.
    pub protocol: &'static str,
    /// The port that data planes bind.
    pub bind_port: u16,
}

impl GatewayService {
    /// A selector of all that is made for Gateways.
    pub const OURS: &'static str = "app.kubernetes.io/managed-by=nantian-gw,gateway.networking.k8s.io/gateway-name";
    /// The label by which an object says for which Gateway it was made.
    pub const GATEWAY_NAME: &'static str = GATEWAY_NAME;
}

impl Keyed for GatewayService {
    type Key = ObjectRef;

    fn key(&self) -> &ObjectRef {
        &self.gateway
    }
}

impl GatewayPort {
    /// What the port is called: in the Service and in the EndpointSlices that belong to it.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}-{}", self.protocol.to_ascii_lowercase(), self.port)
    }
}

/// The Service for a Gateway as it is served. `None`: nothing can be said, and what is there stays.
pub(crate) fn service(gateway: &GatewayView, reader: &Reader<'_>) -> Option<GatewayService> {
    let id = gateway.entry.object.id();
    let may_be = gateway.refused.is_none() && gateway.pending.is_none() && gateway.addresses.bind != Bind::Nowhere;
    if reader.options().bind_ports != BindPorts::Assigned || !may_be {
        return None;
    }
    let parameters = gateway.parameters.as_ref().ok()?;
    let mut fields = parameters.service.clone();
    let spec = &gateway.entry.value.spec;
    let name = name_of_gateway(gateway);
    if record::read(&name, &spec.gateway_class_name, reader) == Record::Foreign {
        return None;
    }
    if let Bind::Behind(address) = gateway.addresses.bind {
        fields.insert("loadBalancerIP", json!(address));
    }
    let ports: BTreeSet<GatewayPort> = gateway
        .listeners
        .iter()
        .filter(|listener| listener.refused.is_none())
        .filter_map(|listener| {
            let protocol = listener.protocol?.transport().as_str();
            Some(GatewayPort { port: listener.port, protocol, bind_port: listener.bind?.port })
        })
        .collect();
    if ports.is_empty() {
        return None;
    }
    let infrastructure = spec.infrastructure.as_ref();
    let mut labels = infrastructure.map(|infrastructure| infrastructure.labels.clone()).unwrap_or_default();
    labels.insert(MANAGED_BY.0.to_owned(), MANAGED_BY.1.to_owned());
    labels.insert(GATEWAY_NAME.to_owned(), record::label_value(&id.name));
    Some(GatewayService {
        gateway: id.clone(),
        name: record::service_name(&id.name, &spec.gateway_class_name).into(),
        labels,
        is_dedicated: parameters.is_dedicated,
        annotations: infrastructure.map(|infrastructure| infrastructure.annotations.clone()).unwrap_or_default(),
        fields,
        ports: ports.into_iter().collect(),
    })
}

fn name_of_gateway(gateway: &GatewayView) -> Name {
    let id = gateway.entry.object.id();
    (id.namespace.clone(), id.name.clone())
}

/// Says of a Gateway that somebody else has the name of its Service.
pub(crate) fn look_for_foreign(gateway: &mut GatewayView, reader: &Reader<'_>, diagnostics: &mut Vec<Diagnostic>) {
    if reader.options().bind_ports != BindPorts::Assigned {
        return;
    }
    let (name, class) = (name_of_gateway(gateway), &gateway.entry.value.spec.gateway_class_name);
    if record::read(&name, class, reader) != Record::Foreign {
        return;
    }
    let service = record::service_name(&name.1, class);
    let message = format!(
        "the Service {}/{service} is not one that was made for the Gateway, so it is left alone: remove it, or give the \
         Gateway another name",
        name.0
    );
    let code = &diagnostic::SERVICE_NOT_OURS;
    diagnostics.push(Diagnostic::of(code, &gateway.entry.object, "metadata.name", &message));
    gateway.addresses.fault = Some(Fault::new("AddressNotAssigned", message));
}

/// Labels that a Gateway cannot have its objects given, because they say whose those are.
pub(crate) fn reserved_labels(gateway: &GatewayView, diagnostics: &mut Vec<Diagnostic>) {
    let labels = gateway.entry.value.spec.infrastructure.as_ref().map(|infrastructure| &infrastructure.labels);
    for label in [MANAGED_BY.0, GATEWAY_NAME] {
        if labels.is_some_and(|labels| labels.contains_key(label)) {
            let message = format!("the label {label} says whose the Service is, and stays as it is");
            let (code, field) = (&diagnostic::UNSUPPORTED_FIELD, "spec.infrastructure.labels");
            diagnostics.push(Diagnostic::of(code, &gateway.entry.object, field, message));
        }
    }
}
