//! The compiler: Kubernetes objects in; snapshot, statuses and diagnostics out.
//!
//! [`compile`] is a pure function: no clock, no files, no sockets. The same objects give byte-identical results whatever
//! their order, and every reason why something is not served is a status condition and a [`Diagnostic`].
//!
//! [`Compiler`] comes to the same, keeps what it made, and follows changes of the objects. `memo/mod.rs` says how, and what
//! it takes to add a kind of work.

mod attach;
mod decode;
pub mod diagnostic;
mod field;
mod infrastructure;
mod json_text;
mod lower;
mod memo;
pub mod objects;
mod places;
mod policy;
mod resolve;
mod serve;
pub mod status;
#[cfg(test)]
mod tests;
mod wants;
pub mod yaml;

use std::net::IpAddr;
use std::sync::Arc;

use smol_str::SmolStr;

use crate::model::{ListenerProtocol, ResourceMap, Snapshot};

pub use diagnostic::{Diagnostic, Severity};
pub use infrastructure::record::{label_value as gateway_label, service_name as infrastructure_name};
pub use infrastructure::{GatewayPort, GatewayService};
pub use json_text::JsonText;
pub use memo::{Change, Changed, Compiler};
pub use objects::{Object, Objects, Source};
pub use policy::features::{FIELDS as POLICY_FIELDS, Field as PolicyField, PolicyFeature};
pub use policy::level::PolicyLevel;
pub use policy::provenance::{
    AppliedPolicy, BackendGovernance, Governance, OverriddenPolicy, PolicyPrecedence, PolicyRefusal, PolicySetting,
    SettingOutcome,
};
pub use status::{Condition, ConditionStatus, ObjectStatus, Status};
pub use wants::Want;

/// What the compiler is told apart from the objects.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Options {
    /// `spec.controllerName` of the `GatewayClass`es that are ours, and the `controllerName` of route statuses.
    pub controller_name: SmolStr,
    /// Names of `GatewayClass`es that are ours although no GatewayClass object says so.
    pub gateway_classes: Vec<String>,
    /// Names of `GatewayClass`es that are ours even where a GatewayClass object names another controller: to serve here what
    /// was written for that one. Parameters of such a class are not looked at, and it gets no status.
    pub claimed_classes: Vec<String>,
    /// Whether a Gateway is ours when no GatewayClass object has the name of its class. In a cluster another
    /// controller may be about to claim it; where the objects are all there is, nobody else will.
    pub adopt_unclaimed_classes: bool,
    /// Addresses at which Gateways without `spec.addresses` are reached: what their status says. May be empty.
    pub addresses: Vec<IpAddr>,
    /// Seconds since 1970 (UTC), for warnings about certificates that are no longer or not yet valid. `None`: none.
    pub now: Option<i64>,
    /// What the data plane serves. Listeners of other protocols are not accepted (`UnsupportedProtocol`).
    pub protocols: Vec<ListenerProtocol>,
    /// Which ports listeners are bound to.
    pub bind_ports: BindPorts,
    /// What the data plane has a part for of what our own policies ask. What else they ask has no effect
    /// (`UnsupportedFeature`).
    pub policy_features: Vec<PolicyFeature>,
}

/// Which ports listeners are bound to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum BindPorts {
    /// Those of the listeners: Gateways share sockets, and the older one has what two want.
    #[default]
    AsDeclared,
    /// One for each port of each Gateway, from 10000 to 29999: for data planes that serve many Gateways, each of which has a
    /// Service in front. That Service is where the port is written down, as the target of the Gateway's port.
    Assigned,
}

impl Default for Options {
    /// Our controller name, no classes without an object, no time, every protocol and feature.
    fn default() -> Self {
        Self {
            controller_name: SmolStr::new_static("nantian.dev/gateway-controller"),
            gateway_classes: Vec::new(),
            claimed_classes: Vec::new(),
            adopt_unclaimed_classes: false,
            addresses: Vec::new(),
            now: None,
            protocols: ListenerProtocol::ALL.to_vec(),
            bind_ports: BindPorts::default(),
            policy_features: PolicyFeature::ALL.to_vec(),
        }
    }
}

impl Options {
    /// For standalone mode: Gateways are ours unless a GatewayClass object gives their class to another controller. The
    /// class `nantian-gw` needs no object.
    #[must_use]
    pub fn standalone() -> Self {
        Self { gateway_classes: vec!["nantian-gw".to_owned()], adopt_unclaimed_classes: true, ..Self::default() }
    }
}

/// What the compiler makes of a set of objects.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Compiled {
    /// What a data plane serves.
    pub snapshot: Arc<Snapshot>,
    /// The status of every object that is ours to report on, sorted by object.
    pub statuses: Vec<ObjectStatus>,
    /// The Services that Gateways are to have ([`BindPorts::Assigned`]).
    pub services: ResourceMap<GatewayService>,
    /// Everything that a person should know, sorted by object, field and code.
    pub diagnostics: Vec<Diagnostic>,
    /// What has to be fetched, sorted.
    pub wants: Vec<Want>,
}

/// Compiles the objects: a [`Compiler`] that gets them all at once, and keeps nothing.
#[must_use]
pub fn compile(objects: &Objects, options: &Options) -> Compiled {
    Compiler::once(objects, options.clone())
}
