//! What objects name that is not among them: whoever has the compiler fetches it.

use std::collections::BTreeSet;

use nantian_crds::meta::Resource as _;
use nantian_crds::wasm_plugin::WasmPlugin;
use serde::Serialize;

use super::policy::{self, Statement};
use crate::key::ObjectRef;

/// Something that has to be fetched. The compiler does no I/O, and data planes get modules with what they serve.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Want {
    /// The object that names it.
    pub object: ObjectRef,
    /// The field that does.
    pub field: &'static str,
    /// Where it is.
    pub url: String,
    /// The SHA-256 that it must have, if one is given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
}

/// The modules of plugins that are for something which is there.
pub(crate) fn of<'s>(statements: impl Iterator<Item = &'s Statement>) -> Vec<Want> {
    let plugins = statements.filter(|statement| statement.policy.id().kind == WasmPlugin::KIND);
    let wants: BTreeSet<Want> = plugins
        .filter_map(|statement| {
            let object = statement.policy.id().clone();
            let plugin = statement.policy.value();
            let text = |field| policy::value(&plugin, field)?.as_str().map(str::to_owned);
            Some(Want { object, field: "spec.wasm.url", url: text("spec.wasm.url")?, sha256: text("spec.wasm.sha256") })
        })
        .collect();
    wants.into_iter().collect()
}
