//! Engine-wide settings of request handling.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::engine::duration;
use crate::http::normalize::PathOptions;
use crate::upstream::PoolSettings;

/// How requests are handled where no route says otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[non_exhaustive]
pub struct Settings {
    /// How paths are normalised before they are matched and forwarded.
    pub paths: PathOptions,
    /// What is believed and written about clients and proxies in front of us.
    pub forwarded: ForwardedSettings,
    /// Which messages get a `Via` of ours.
    pub via: Via,
    /// What happens to request and trailer fields with an underscore in their name.
    pub underscore_headers: UnderscoreHeaders,
    /// Whole-request time limit of rules without `timeouts.request`. `None`, the default: no limit; idle limits of the
    /// connections apply all the same.
    #[serde(with = "duration::option")]
    pub request_timeout: Option<Duration>,
    /// Time limit of one try of rules without `timeouts.backendRequest`. `None`, the default: no limit.
    #[serde(with = "duration::option")]
    pub backend_request_timeout: Option<Duration>,
    /// Least time between tries of rules without `retry.backoff`. Default: 25 ms.
    #[serde(with = "duration")]
    pub retry_backoff: Duration,
    /// Time for a connection to an endpoint to be made. Default: 5 s.
    #[serde(with = "duration")]
    pub connect_timeout: Duration,
    /// How long a request that the configuration cannot serve waits for one that can, before it is answered with 404 (no
    /// listener or rule wants it), 500 (its rule's backend is not there) or 503 (the backend has no endpoint). Workers, and
    /// data planes more so, take a change one after another: who was answered by the first that had it may ask another one
    /// next. Of one worker's requests, 1,024 may wait at one time; further ones are answered at once. Default: 0, no wait.
    #[serde(with = "duration")]
    pub configuration_wait: Duration,
    /// Connections to endpoints.
    pub pool: PoolSettings,
    /// Most bytes of a request body that are kept for another try; a longer body is tried once. Default: 64 KiB.
    pub retry_buffer: usize,
    /// Most bytes of a request body that wait for a slow mirror; one that falls behind further loses the rest.
    /// Default: 64 KiB.
    pub mirror_buffer: usize,
    /// Most mirrored requests in flight on one worker; above it, copies are not made. Default: 256.
    pub mirror_concurrency: usize,
    /// How long a mirrored request may take. Default: 15 s.
    #[serde(with = "duration")]
    pub mirror_timeout: Duration,
    /// How an endpoint is chosen.
    pub balance: Balance,
    /// How often the addresses of DNS endpoints are asked again. Default: 10 s.
    #[serde(with = "duration")]
    pub dns_refresh: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            paths: PathOptions::default(),
            forwarded: ForwardedSettings::default(),
            via: Via::default(),
            underscore_headers: UnderscoreHeaders::default(),
            request_timeout: None,
            backend_request_timeout: None,
            retry_backoff: Duration::from_millis(25),
            connect_timeout: Duration::from_secs(5),
            configuration_wait: Duration::ZERO,
            pool: PoolSettings::default(),
            retry_buffer: 64 * 1024,
            mirror_buffer: 64 * 1024,
            mirror_concurrency: 256,
            mirror_timeout: Duration::from_secs(15),
            balance: Balance::default(),
            dns_refresh: Duration::from_secs(10),
        }
    }
}

/// How an endpoint of a backend is chosen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum Balance {
    /// One after the other.
    #[default]
    RoundRobin,
    /// The one with fewer requests in flight (of this worker) of two that are drawn at random.
    LeastRequest,
}

/// What is believed and written about clients and proxies in front of us.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[non_exhaustive]
pub struct ForwardedSettings {
    /// How many proxies in front of this one are ours. 0, the default: none, so whatever a client sends in
    /// `X-Forwarded-*`, `X-Request-Id`, `Forwarded` and `X-Real-IP` is dropped, and the first two are written anew. With n,
    /// the client is the n-th entry of `X-Forwarded-For` from the right, our own peer is appended to it, what else those
    /// proxies say in `X-Forwarded-*` and `X-Request-Id` is kept.
    pub trusted_hops: u32,
    /// Whether `Forwarded` (RFC 7239) is written: the elements of as many trusted hops are kept, and one of ours is
    /// appended. False, the default: it is dropped from everyone, since two ways to say the same invite contradiction.
    pub forwarded_header: bool,
    /// Whether `X-Real-IP` is written: the client's address, by `trusted_hops`. False, the default: it is dropped.
    pub real_ip: bool,
}

/// Which messages get a `Via` of ours (RFC 9110 section 7.6.3). What others have written in it stays.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum Via {
    /// None, and loops are not noticed.
    Off,
    /// Requests, as a gateway MUST.
    #[default]
    Requests,
    /// Requests and answers, as a gateway MAY.
    Both,
}

/// What happens to request and trailer fields with an underscore in their name. Backends that read fields as CGI
/// variables take `_` and `-` for the same, so that `X_User` passes for an `X-User` that only a proxy may write.
///
/// A name that is, but for underscores, one of framing, of the connection or of those that we write is dropped even
/// where others are kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum UnderscoreHeaders {
    /// They are forwarded.
    Keep,
    /// They are left out before anything is matched.
    #[default]
    Drop,
    /// The request is answered with 400.
    Refuse,
}
