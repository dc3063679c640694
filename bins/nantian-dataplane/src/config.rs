//! Settings: the file of `--config`, then the environment, which wins. `docs/data-plane.md` is the reference.

use std::path::Path;

use nantian_process::config::{self, ConfigError};
use nantian_proxy::engine::EngineConfig;
use nantian_xds::transport::{ClientSettings, TlsSettings};
use nantian_xds::wire::Node;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The host of a control plane of the chart, in its own namespace.
const CONTROL_PLANE: &str = "nantian-gw-controlplane";
/// The port of its xDS.
const PORT: u16 = 18080;

/// Settings of a data plane.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(crate) struct Config {
    /// Who this data plane is.
    pub(crate) node: NodeConfig,
    /// The namespace that the gateway is in: that of the control plane, unless `controlPlane.address` says otherwise.
    pub(crate) namespace: Option<String>,
    /// Where snapshots come from.
    pub(crate) control_plane: ControlPlaneConfig,
    /// The engine; its `node` is that of `node.id`.
    pub(crate) engine: EngineConfig,
}

/// Who this data plane is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(crate) struct NodeConfig {
    /// Its name, which no other data plane has: that of the Pod.
    pub(crate) id: Option<String>,
    /// The name of the data planes that are alike: that of the Deployment.
    pub(crate) cluster: String,
}

/// Where snapshots come from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(crate) struct ControlPlaneConfig {
    /// `host:port`.
    pub(crate) address: Option<String>,
    /// The name that its certificate must have; absent: the host of the address.
    pub(crate) server_name: Option<String>,
    /// TLS with it.
    pub(crate) tls: TlsSettings,
}

/// Why settings cannot be used.
#[derive(Debug, Error)]
pub(crate) enum SettingsError {
    /// The file.
    #[error(transparent)]
    File(#[from] ConfigError),
    /// A field has no default.
    #[error("{field}: is missing; set it in the file of --config, or {variable} in the environment")]
    Missing {
        /// Which one.
        field: &'static str,
        /// What it is in the environment.
        variable: &'static str,
    },
    /// No `host:port`.
    #[error("controlPlane.address: {0:?} is not host:port; write for example nantian-gw-controlplane:{PORT}")]
    Address(String),
}

/// What of the environment overrides which field.
const NODE_ID: &str = "NANTIAN_GW_NODE_ID";
const CLUSTER: &str = "NANTIAN_GW_CLUSTER";
const CONTROL_PLANE_ADDRESS: &str = "NANTIAN_GW_CONTROL_PLANE_ADDR";
const NAMESPACE: &str = "POD_NAMESPACE";

impl Config {
    /// Reads the file, if there is one, and then `environment`, whose empty variables say nothing.
    pub(crate) fn read(
        file: Option<&Path>,
        environment: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, SettingsError> {
        let mut config: Self = file.map(config::read).transpose()?.unwrap_or_default();
        let variable = |name| environment(name).filter(|value| !value.is_empty());
        config.node.id = variable(NODE_ID).or(config.node.id);
        config.node.cluster = variable(CLUSTER).unwrap_or(config.node.cluster);
        config.namespace = variable(NAMESPACE).or(config.namespace);
        config.control_plane.address = variable(CONTROL_PLANE_ADDRESS).or(config.control_plane.address);
        config.engine.node = config.node_id()?.to_owned();
        config.host_and_address()?;
        Ok(config)
    }

    fn node_id(&self) -> Result<&str, SettingsError> {
        self.node.id.as_deref().ok_or(SettingsError::Missing { field: "node.id", variable: NODE_ID })
    }

    fn host_and_address(&self) -> Result<(String, String), SettingsError> {
        let address = match (&self.control_plane.address, &self.namespace) {
            (Some(address), _) => address.clone(),
            (None, Some(namespace)) => format!("{CONTROL_PLANE}.{namespace}.svc:{PORT}"),
            (None, None) => {
                return Err(SettingsError::Missing { field: "controlPlane.address", variable: CONTROL_PLANE_ADDRESS });
            }
        };
        let parts = address.rsplit_once(':').filter(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok());
        // An IPv6 address stands in brackets.
        let host = parts.map(|(host, _)| host.trim_matches(['[', ']']).to_owned());
        host.map(|host| (host, address.clone())).ok_or(SettingsError::Address(address))
    }

    /// For the client of the control plane.
    pub(crate) fn client(&self) -> Result<ClientSettings, SettingsError> {
        let (host, address) = self.host_and_address()?;
        let node = Node {
            id: self.node_id()?.to_owned(),
            cluster: self.node.cluster.clone(),
            user_agent_name: env!("CARGO_PKG_NAME").to_owned(),
            user_agent_version: env!("CARGO_PKG_VERSION").to_owned(),
        };
        Ok(ClientSettings::new(address, self.control_plane.server_name.clone().unwrap_or(host), node))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, environment: &[(&str, &str)]) -> Result<Config, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.yaml");
        std::fs::write(&path, text).unwrap();
        let variable =
            |name: &str| environment.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        Config::read(Some(&path), &variable).map_err(|error| error.to_string())
    }

    #[test]
    fn the_environment_wins_over_the_file_and_an_empty_variable_says_nothing() {
        let file = "node: {id: a, cluster: b}\ncontrolPlane: {address: 'c:1'}\nengine: {drain: {delay: 5s}}\n";
        let environment = [(NODE_ID, "pod-1"), (CLUSTER, ""), (CONTROL_PLANE_ADDRESS, "[::1]:18080")];
        let config = read(file, &environment).unwrap();
        assert_eq!((config.engine.node.as_str(), config.engine.drain.delay.as_secs()), ("pod-1", 5));
        let client = config.client().unwrap();
        assert_eq!((client.node.id.as_str(), client.node.cluster.as_str()), ("pod-1", "b"));
        assert_eq!((client.address.as_str(), client.server_name.as_str()), ("[::1]:18080", "::1"));
    }

    #[test]
    fn the_control_plane_is_that_of_the_namespace_unless_told_otherwise() {
        let config = read("", &[(NODE_ID, "pod-1"), (NAMESPACE, "infra")]).unwrap();
        let client = config.client().unwrap();
        assert_eq!(client.address, "nantian-gw-controlplane.infra.svc:18080");
        assert_eq!(client.server_name, "nantian-gw-controlplane.infra.svc");
        let file = "controlPlane: {serverName: other}";
        let config = read(file, &[(NODE_ID, "pod-1"), (CONTROL_PLANE_ADDRESS, "there:1")]).unwrap();
        let client = config.client().unwrap();
        assert_eq!((client.address.as_str(), client.server_name.as_str()), ("there:1", "other"));
    }

    #[test]
    fn what_is_missing_or_wrong_is_told_by_its_field() {
        let error = read("", &[(NAMESPACE, "infra")]).unwrap_err();
        assert!(error.contains("node.id") && error.contains(NODE_ID), "{error}");
        let error = read("node: {id: a}", &[]).unwrap_err();
        assert!(error.contains("controlPlane.address") && error.contains(CONTROL_PLANE_ADDRESS), "{error}");
        let error = read("node: {id: a}", &[(CONTROL_PLANE_ADDRESS, "there")]).unwrap_err();
        assert!(error.contains("\"there\" is not host:port"), "{error}");
        let error = read("controlPlain: {}", &[]).unwrap_err();
        assert!(error.contains("unknown field `controlPlain`"), "{error}");
    }

    #[test]
    fn the_page_has_every_field_with_its_default() {
        fn walk(path: &str, value: &serde_json::Value, rows: &mut Vec<String>) {
            match value {
                serde_json::Value::Object(fields) if path != "engine" => {
                    let below = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
                    fields.iter().for_each(|(name, value)| walk(&below(name), value, rows));
                }
                serde_json::Value::Object(_) => {}
                serde_json::Value::Null => rows.push(format!("| `{path}` | absent |")),
                serde_json::Value::String(text) if text.is_empty() => rows.push(format!("| `{path}` | empty |")),
                serde_json::Value::String(text) => rows.push(format!("| `{path}` | `{text}` |")),
                other => rows.push(format!("| `{path}` | `{other}` |")),
            }
        }
        let page = include_str!("../../../docs/data-plane.md");
        let mut rows = Vec::new();
        walk("", &serde_json::to_value(Config::default()).unwrap(), &mut rows);
        for row in &rows {
            assert!(page.contains(row), "docs/data-plane.md lacks `{row}`");
        }
        let told = page.lines().filter(|line| line.starts_with("| `") && !line.starts_with("| `/")).count();
        assert_eq!(told, rows.len() + 4, "a row for each field and each variable");
    }
}
