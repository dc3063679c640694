//! Data planes of a Gateway's own: what is made for them in the Gateway's namespace.
//!
//! An account without rights, a Secret with a certificate that says whose they are, and a Deployment with their settings.
//! `authority.rs` signs, `objects.rs` says how the objects are to be, `writer.rs` makes what is missing, changes what is
//! otherwise, and removes what is wanted no more, for as long as this replica leads. The Gateway owns all of it, so that it
//! goes with the Gateway.

mod authority;
mod objects;
mod writer;

use std::collections::BTreeMap;

use nantian_ir::compile::{gateway_label, infrastructure_name};
use nantian_ir::{GatewayKey, SmolStr};
use serde_json::Value;

pub(crate) use writer::Writer;

/// A Gateway that has data planes of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Own {
    pub(crate) gateway: GatewayKey,
    /// Of the Gateway, which owns what is made.
    pub(crate) uid: String,
    /// The name of everything that is made (GEP-1762).
    pub(crate) name: SmolStr,
    /// `spec.infrastructure.labels` of the Gateway.
    pub(crate) labels: BTreeMap<String, String>,
    /// `spec.infrastructure.annotations` of it.
    pub(crate) annotations: BTreeMap<String, String>,
}

impl Own {
    /// Of a Gateway, as the API server has it.
    pub(crate) fn of(gateway: GatewayKey, object: &Value) -> Self {
        let text = |path: &str| object.pointer(path).and_then(Value::as_str).unwrap_or_default();
        let texts = |path: &str| {
            let entries = object.pointer(path).and_then(Value::as_object).into_iter().flatten();
            let entry = |(name, value): (&String, &Value)| Some((name.clone(), value.as_str()?.to_owned()));
            entries.filter_map(entry).collect()
        };
        Self {
            uid: text("/metadata/uid").to_owned(),
            name: infrastructure_name(&gateway.name, text("/spec/gatewayClassName")).into(),
            labels: texts("/spec/infrastructure/labels"),
            annotations: texts("/spec/infrastructure/annotations"),
            gateway,
        }
    }

    /// The name of the Gateway on labels.
    fn label(&self) -> String {
        gateway_label(&self.gateway.name)
    }
}
