//! What an engine can be told. Every field has a default; `docs/configuration.md` is the reference.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::num::NonZeroUsize;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::duration;
use super::network::Network;
use crate::http::HttpSettings;
use crate::request::Settings;
use crate::telemetry::AccessLogFormat;

/// Settings of an engine: the `engine` part of a configuration file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[non_exhaustive]
pub struct EngineConfig {
    /// Worker threads. Default: one for each core that the process may use.
    pub workers: Option<NonZeroUsize>,
    /// Name of this node in metrics and on `/v1/node`. Default: `local`.
    pub node: String,
    /// Where listeners without an address of their own are bound. Default: all addresses, IPv4 and IPv6.
    pub bind_address: Option<IpAddr>,
    /// The admin interface.
    pub admin: AdminConfig,
    /// The access log.
    pub access_log: AccessLogConfig,
    /// Bounds on connections.
    pub limits: LimitsConfig,
    /// Going away without breaking requests.
    pub drain: DrainConfig,
    /// Limits and times of HTTP connections.
    pub http: HttpSettings,
    /// How requests are handled where no route says otherwise.
    pub requests: Settings,
}

impl Default for EngineConfig {
    fn default() -> Self {
        Self {
            workers: None,
            node: "local".to_owned(),
            bind_address: None,
            admin: AdminConfig::default(),
            access_log: AccessLogConfig::default(),
            limits: LimitsConfig::default(),
            drain: DrainConfig::default(),
            http: HttpSettings::default(),
            requests: Settings::default(),
        }
    }
}

impl EngineConfig {
    /// How many workers there will be.
    pub fn worker_count(&self) -> usize {
        let cores = || std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        self.workers.unwrap_or_else(cores).get()
    }
}

/// The admin interface: health, metrics and read-only views. It has no authentication: keep it on a loopback address,
/// or on one that only the cluster reaches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[non_exhaustive]
pub struct AdminConfig {
    /// Whether it is served. Default: true.
    pub enabled: bool,
    /// Where. Port 0: one that the kernel chooses, see [`Engine::admin_address`](super::Engine::admin_address).
    /// Default: `127.0.0.1:19080`.
    pub address: SocketAddr,
}

impl Default for AdminConfig {
    fn default() -> Self {
        Self { enabled: true, address: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 19080) }
    }
}

/// The access log, on standard output.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[non_exhaustive]
pub struct AccessLogConfig {
    /// `json` (the default), `text` or `off`.
    pub format: AccessLogFormat,
}

/// Bounds on connections.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[non_exhaustive]
pub struct LimitsConfig {
    /// Open client connections in all; above it, new ones are closed at once and counted. Default: 65,536.
    pub connections: usize,
    /// The same for each bind address. Default: 65,536.
    pub connections_per_listener: usize,
    /// The same for each client address, over all bind addresses; 0: no bound. Not counted with
    /// `requests.forwarded.trustedHops`, since connections are those of proxies then. Default: 16,384, a quarter of
    /// `connections`: behind the default is a load balancer or a NAT as often as a client, and one address stands for all
    /// who are behind it. Where clients connect directly, a few hundred are enough.
    pub connections_per_client: usize,
    /// Bits of an IPv6 address that tell one client from another, 0 to 128. Default: 64, what one network has.
    #[serde(deserialize_with = "ipv6_prefix")]
    pub client_ipv6_prefix: u8,
    /// Networks of load balancers and NATs whose connections are not counted by client. Default: none.
    pub uncounted_clients: Vec<Network>,
    /// Bytes that may be held for one client connection, until its client takes them; above it, its backends are read no
    /// further. What one read brings may go beyond it. Default: 1,048,576.
    pub buffered_bytes_per_connection: usize,
    /// The same for all client connections together; above it, new requests are answered with 503, and the connections
    /// that hold most are cut. Each worker looks at the sum once it holds its share. Default: 268,435,456.
    pub buffered_bytes: usize,
    /// Time that a TLS handshake may take. Default: `10s`.
    #[serde(with = "duration")]
    pub tls_handshake_timeout: Duration,
    /// Connections that the kernel keeps waiting for each worker and bind address. Default: 1,024.
    pub backlog: i32,
}

impl Default for LimitsConfig {
    fn default() -> Self {
        Self {
            connections: 65_536,
            connections_per_listener: 65_536,
            connections_per_client: 16_384,
            client_ipv6_prefix: 64,
            uncounted_clients: Vec::new(),
            buffered_bytes_per_connection: 1_048_576,
            buffered_bytes: 268_435_456,
            tls_handshake_timeout: Duration::from_secs(10),
            backlog: 1_024,
        }
    }
}

fn ipv6_prefix<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<u8, D::Error> {
    let bits = u8::deserialize(deserializer)?;
    if bits <= 128 {
        Ok(bits)
    } else {
        Err(serde::de::Error::custom(format!("{bits} bits: an IPv6 prefix has 0 to 128")))
    }
}

/// Going away without breaking requests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[non_exhaustive]
pub struct DrainConfig {
    /// Between turning not ready and refusing new connections: time for load balancers in front to notice.
    /// Default: `0s`.
    #[serde(with = "duration")]
    pub delay: Duration,
    /// After that, requests in flight may take this long until they are cut; also for those of a removed listener.
    /// Default: `30s`.
    #[serde(with = "duration")]
    pub timeout: Duration,
}

impl Default for DrainConfig {
    fn default() -> Self {
        Self { delay: Duration::ZERO, timeout: Duration::from_secs(30) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_has_a_default_and_an_unknown_field_is_named() {
        let config: EngineConfig = serde_json::from_str("{}").expect("all defaults");
        assert_eq!(config, EngineConfig::default());
        let config: EngineConfig =
            serde_json::from_str(r#"{"workers": 2, "drain": {"timeout": "5s"}, "accessLog": {"format": "off"}}"#)
                .expect("a configuration");
        assert_eq!(config.worker_count(), 2);
        assert_eq!(config.drain.timeout, Duration::from_secs(5));
        let error = serde_json::from_str::<EngineConfig>(r#"{"drian": {}}"#).expect_err("a misspelt field");
        assert!(error.to_string().contains("drian"), "{error}");
        let error = serde_json::from_str::<EngineConfig>(r#"{"drain": {"delay": "5"}}"#).expect_err("no unit");
        assert!(error.to_string().contains("10s"), "{error}");
        let error = serde_json::from_str::<EngineConfig>(r#"{"limits": {"clientIpv6Prefix": 129}}"#).expect_err("bits");
        assert!(error.to_string().contains("0 to 128"), "{error}");
    }
}
