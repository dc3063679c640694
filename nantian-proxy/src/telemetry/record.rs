//! What is known of a request when it has ended: plain data, borrowed from whoever served it.

use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

use http::{Method, StatusCode, Version};
use nantian_ir::{BackendKey, ListenerKey, RuleKey};

use super::flags::ResponseFlags;

/// One ended request. Everything is borrowed: handing it to [`Recorder::record`](super::Recorder::record) copies nothing
/// and touches no reference count.
#[derive(Debug, Clone)]
pub struct RequestRecord<'a> {
    /// When its header was complete.
    pub started: SystemTime,
    /// From then until the last byte of the answer was handed to the connection, or the request was given up.
    pub duration: Duration,
    /// From `started` until the backend's answer header had arrived, of the last try.
    pub first_byte: Option<Duration>,
    /// The client: the peer of the connection, or what trusted proxies in front say.
    pub client: SocketAddr,
    /// What the client spoke.
    pub version: Version,
    /// `http` or `https`.
    pub scheme: &'a str,
    /// Method.
    pub method: &'a Method,
    /// Host, without port; empty if the request named none.
    pub host: &'a str,
    /// Path as received, without the query (queries often carry credentials).
    pub path: &'a str,
    /// The listener that got it; `None` if no listener of the bind address serves the host.
    pub listener: Option<&'a ListenerKey>,
    /// The rule that matched.
    pub rule: Option<&'a RuleKey>,
    /// The backend that was chosen, of the last try.
    pub backend: Option<&'a BackendKey>,
    /// The endpoint that was chosen, of the last try.
    pub endpoint: Option<SocketAddr>,
    /// Status of the answer; `None` if the client went away before there was one.
    pub status: Option<StatusCode>,
    /// Why the answer was ours, or incomplete.
    pub flags: ResponseFlags,
    /// Body bytes received from the client.
    pub bytes_in: u64,
    /// Body bytes sent to the client.
    pub bytes_out: u64,
    /// Times that the request was sent to a backend; 0 for answers of our own, 1 for a request without retry.
    pub tries: u32,
    /// `User-Agent`, as received.
    pub user_agent: Option<&'a [u8]>,
    /// `X-Request-Id`, as received or as given by us.
    pub request_id: Option<&'a [u8]>,
}

impl<'a> RequestRecord<'a> {
    /// A record with what every request has; the rest is empty.
    pub fn new(started: SystemTime, client: SocketAddr, version: Version, method: &'a Method) -> Self {
        Self {
            started,
            duration: Duration::ZERO,
            first_byte: None,
            client,
            version,
            scheme: "http",
            method,
            host: "",
            path: "",
            listener: None,
            rule: None,
            backend: None,
            endpoint: None,
            status: None,
            flags: ResponseFlags::NONE,
            bytes_in: 0,
            bytes_out: 0,
            tries: 0,
            user_agent: None,
            request_id: None,
        }
    }
}
