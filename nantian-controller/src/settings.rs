//! Settings of the control plane. `docs/control-plane.md` is the reference.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use nantian_xds::transport::TlsSettings;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::admin::AdminSettings;

/// All settings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[non_exhaustive]
pub struct Settings {
    /// The namespace of the control plane: its Leases are there, and the data planes.
    pub namespace: String,
    /// The name of this replica, which no other has: that of the Pod. Empty: the name of the host.
    pub identity: String,
    /// `spec.controllerName` of the `GatewayClass`es that are ours.
    pub controller_name: String,
    /// What is read.
    pub watch: WatchSettings,
    /// Snapshots for data planes.
    pub xds: XdsSettings,
    /// The admin API, metrics and health.
    pub admin: AdminSettings,
    /// Which replica writes.
    pub leader_election: ElectionSettings,
    /// How statuses are written.
    pub status: StatusSettings,
    /// How Kubernetes Events are written.
    pub events: EventSettings,
    /// What is kept of data planes.
    pub data_planes: DataPlaneSettings,
    /// What is made for Gateways.
    pub infrastructure: InfrastructureSettings,
    /// Data planes of Gateways' own.
    pub dedicated: DedicatedSettings,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            namespace: "nantian-gw".to_owned(),
            identity: String::new(),
            controller_name: "nantian.dev/gateway-controller".to_owned(),
            watch: WatchSettings::default(),
            xds: XdsSettings::default(),
            admin: AdminSettings::default(),
            leader_election: ElectionSettings::default(),
            status: StatusSettings::default(),
            events: EventSettings::default(),
            data_planes: DataPlaneSettings::default(),
            infrastructure: InfrastructureSettings::default(),
            dedicated: DedicatedSettings::default(),
        }
    }
}

/// What is read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[non_exhaustive]
pub struct WatchSettings {
    /// Namespaces whose objects are read; none: all.
    pub namespaces: Vec<String>,
    /// Labels that objects of the Gateway API and of ours must have, as `kubectl --selector` takes them. `GatewayClass`es
    /// and `ReferenceGrant`s are read without.
    pub selector: Option<String>,
    /// How often everything that may not be as it is wanted is compared again, although every change is seen at once.
    #[serde(with = "duration")]
    pub resync_period: Duration,
}

impl Default for WatchSettings {
    fn default() -> Self {
        Self { namespaces: Vec::new(), selector: None, resync_period: Duration::from_secs(30) }
    }
}

/// Snapshots for data planes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[non_exhaustive]
pub struct XdsSettings {
    /// Where they are served.
    pub address: SocketAddr,
    /// TLS with data planes.
    pub tls: TlsSettings,
    /// The name of the data planes that Gateways share: certificates that name them by DNS have `NAME.NAMESPACE.svc`, and the
    /// endpoints of the headless Service of that name, in our namespace, are those of Gateways.
    pub data_plane: String,
}

impl Default for XdsSettings {
    fn default() -> Self {
        let data_plane = "nantian-gw-dataplane".to_owned();
        Self { address: (Ipv4Addr::UNSPECIFIED, 18080).into(), tls: TlsSettings::default(), data_plane }
    }
}

/// Which replica writes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[non_exhaustive]
pub struct ElectionSettings {
    /// Without it, every replica writes: for one that is alone.
    pub enabled: bool,
    /// The name of the Lease.
    pub lease: String,
    /// How long a leader that is not heard of stays the leader for others.
    #[serde(with = "duration")]
    pub lease_duration: Duration,
    /// How long a leader that cannot renew goes on writing. Less than `leaseDuration`.
    #[serde(with = "duration")]
    pub renew_deadline: Duration,
    /// Time between tries to get or renew the Lease.
    #[serde(with = "duration")]
    pub retry_period: Duration,
}

impl Default for ElectionSettings {
    fn default() -> Self {
        Self {
            enabled: true,
            lease: "nantian-controlplane-leader".to_owned(),
            lease_duration: Duration::from_secs(15),
            renew_deadline: Duration::from_secs(10),
            retry_period: Duration::from_secs(2),
        }
    }
}

/// How statuses are written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[non_exhaustive]
pub struct StatusSettings {
    /// Writes at one time.
    pub concurrency: usize,
    /// Writes in a second, after a first few at once.
    pub writes_per_second: u32,
    /// How long a new listener is waited for before it is said that no data plane serves it.
    #[serde(with = "duration")]
    pub programming_grace: Duration,
}

impl Default for StatusSettings {
    fn default() -> Self {
        Self { concurrency: 16, writes_per_second: 500, programming_grace: Duration::from_secs(1) }
    }
}

/// How Kubernetes Events are written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[non_exhaustive]
pub struct EventSettings {
    /// Events in a second, after a first few at once. Up to 1,000 wait; of more, the newest are dropped.
    pub writes_per_second: u32,
}

impl Default for EventSettings {
    fn default() -> Self {
        Self { writes_per_second: 10 }
    }
}

/// What is kept of data planes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[non_exhaustive]
pub struct DataPlaneSettings {
    /// How long one that is connected nowhere is told, and keeps its Lease.
    #[serde(with = "duration")]
    pub forget_after: Duration,
}

impl Default for DataPlaneSettings {
    fn default() -> Self {
        Self { forget_after: Duration::from_secs(60 * 60) }
    }
}

/// What is made for Gateways.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[non_exhaustive]
pub struct InfrastructureSettings {
    /// Whether each Gateway has a Service of its own, and bind ports of its own behind it. Without: data planes bind the ports
    /// of listeners, and Gateways with the same one are in each other's way.
    pub enabled: bool,
    /// Gateways that are written for at one time.
    pub concurrency: usize,
    /// Gateways that are written for in a second, after a first few at once.
    pub writes_per_second: u32,
}

impl Default for InfrastructureSettings {
    fn default() -> Self {
        Self { enabled: true, concurrency: 16, writes_per_second: 500 }
    }
}

/// Data planes of Gateways' own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[non_exhaustive]
pub struct DedicatedSettings {
    /// The spec of their Pods, without volumes and account. None: none are made.
    pub pod: Value,
    /// The content of their configuration file.
    pub configuration: Value,
    /// How many a Gateway has.
    pub replicas: u32,
    /// The Secret with the authority that signs their certificates, in the namespace of the control plane.
    pub authority_secret: String,
}

impl Default for DedicatedSettings {
    fn default() -> Self {
        let authority_secret = "nantian-gw-ca".to_owned();
        Self { pod: Value::Null, configuration: Value::Null, replicas: 2, authority_secret }
    }
}

/// Durations as the Gateway API spells them (GEP-2257).
mod duration {
    use std::time::Duration;

    use serde::de::Error as _;
    use serde::{Deserialize as _, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        let text = match (duration.as_secs(), duration.subsec_millis()) {
            (seconds, 0) => format!("{seconds}s"),
            (seconds, milliseconds) => format!("{seconds}s{milliseconds}ms"),
        };
        serializer.serialize_str(&text)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        let text = String::deserialize(deserializer)?;
        let duration = nantian_crds::duration::Duration::new(&text).get();
        duration.ok_or_else(|| D::Error::custom(format!("{text:?} is no duration; write for example 10s or 1m30s")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_read_as_they_are_written() {
        let settings = Settings::default();
        let json = serde_json::to_value(&settings).unwrap();
        assert_eq!(json["leaderElection"]["leaseDuration"], "15s");
        assert_eq!(serde_json::from_value::<Settings>(json).unwrap(), settings);
        let error = serde_json::from_str::<Settings>(r#"{"watch": {"resyncPeriod": "soon"}}"#).unwrap_err();
        assert!(error.to_string().contains("\"soon\" is no duration"), "{error}");
        let error = serde_json::from_str::<Settings>(r#"{"wotch": {}}"#).unwrap_err();
        assert!(error.to_string().contains("unknown field `wotch`"), "{error}");
    }

    #[test]
    fn the_page_has_every_field_with_its_default() {
        fn walk(path: &str, value: &serde_json::Value, rows: &mut Vec<String>) {
            match value {
                serde_json::Value::Object(fields) => fields.iter().for_each(|(name, value)| {
                    let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                    walk(&path, value, rows);
                }),
                serde_json::Value::Null => rows.push(format!("| `{path}` | absent |")),
                serde_json::Value::String(text) if text.is_empty() => rows.push(format!("| `{path}` | empty |")),
                serde_json::Value::String(text) => rows.push(format!("| `{path}` | `{text}` |")),
                other => rows.push(format!("| `{path}` | `{other}` |")),
            }
        }
        let page = include_str!("../../docs/control-plane.md");
        let mut rows = Vec::new();
        walk("", &serde_json::to_value(Settings::default()).unwrap(), &mut rows);
        for row in &rows {
            assert!(page.contains(row), "docs/control-plane.md lacks `{row}`");
        }
        let settings = page.split("## What it may do").next().unwrap();
        assert_eq!(settings.lines().filter(|line| line.starts_with("| `")).count(), rows.len());
    }
}
