//! Limits and times of HTTP connections, each with its unit and default.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::pace::Pace;
use crate::engine::duration;

/// Limits of the connections of a listener, and of the answers of backends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
#[non_exhaustive]
pub struct HttpSettings {
    /// Bytes of one message head: request or status line, fields and line ends. Also of a trailer section, and of a
    /// header list in HTTP/2 (uncompressed, plus 32 bytes a field). Beyond it: 431, or a stream error. Default 65,536.
    pub max_header_bytes: usize,
    /// Fields of one head or trailer section. Beyond it: 431. Default 100.
    pub max_header_fields: usize,
    /// Bytes of a request target. Beyond it: 414. Default 16,384.
    pub max_uri_bytes: usize,
    /// Time for a complete request head, from when the connection opened or the head's first byte, detection of the
    /// protocol included. Beyond it: 408 if a part of a head arrived, and the end. Default `10s`.
    #[serde(with = "duration")]
    pub request_head_timeout: Duration,
    /// Time that a connection may rest between requests. Default `75s`.
    #[serde(with = "duration")]
    pub keep_alive_timeout: Duration,
    /// Time that we may wait for a client to send a wanted part of its request body, or to take a part of its answer, per
    /// [`min_body_bytes`](Self::min_body_bytes); and time that a tunnel may carry nothing once one of its sides has ended.
    /// A request body whose answer has begun is a conversation, for which `tunnel_idle_timeout` holds. Beyond it: 408 if
    /// no answer has begun, else the end of the connection (HTTP/1.1) or a reset of the stream. Default `30s`.
    #[serde(with = "duration")]
    pub body_idle_timeout: Duration,
    /// Bytes of a body that each `body_idle_timeout` of waiting must bring. Default 240.
    pub min_body_bytes: u64,
    /// Time that a tunnel (WebSocket and other upgrades, CONNECT) may carry nothing, in either direction. Default `1h`.
    #[serde(with = "duration")]
    pub tunnel_idle_timeout: Duration,
    /// Bytes of a request body, however it is framed; 0: no bound. Beyond it: 413, at once where `Content-Length` says so,
    /// else when they have arrived. Default 0: how large an upload may be, only who serves it knows.
    pub max_body_bytes: u64,
    /// Requests on one connection; the last one is answered with `Connection: close` or GOAWAY. Default 100,000.
    pub max_requests_per_connection: u32,
    /// Unread bytes of a request body that are read and dropped after its answer, so that the connection can be used
    /// again; beyond it the connection is closed. Default 65,536.
    pub max_drain_bytes: u64,
    /// Time that a connection which we close is still read, so that the client gets our last answer and not a reset
    /// (RFC 9112 section 9.6). Default `2s`.
    #[serde(with = "duration")]
    pub linger: Duration,
    /// Whether a client that has closed its sending side still gets its answer. False takes it for a client that went
    /// away, and cancels the request. Default false.
    pub half_close: bool,
    /// HTTP/2.
    pub http2: Http2Settings,
}

impl HttpSettings {
    /// How slow a body may be.
    pub(crate) fn pace(&self) -> Pace {
        Pace::new(self.body_idle_timeout, self.min_body_bytes)
    }
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self {
            max_header_bytes: 65_536,
            max_header_fields: 100,
            max_uri_bytes: 16_384,
            request_head_timeout: Duration::from_secs(10),
            keep_alive_timeout: Duration::from_secs(75),
            body_idle_timeout: Duration::from_secs(30),
            min_body_bytes: 240,
            tunnel_idle_timeout: Duration::from_secs(3_600),
            max_body_bytes: 0,
            max_requests_per_connection: 100_000,
            max_drain_bytes: 65_536,
            linger: Duration::from_secs(2),
            half_close: false,
            http2: Http2Settings::default(),
        }
    }
}

/// Limits of HTTP/2 connections, downstream and upstream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Http2Settings {
    /// Streams that a client may have open at once (`SETTINGS_MAX_CONCURRENT_STREAMS`). Default 250.
    pub max_concurrent_streams: u32,
    /// Flow-control window of a stream, bytes. Default 65,536.
    pub stream_window: u32,
    /// Flow-control window of a connection, bytes. Default 1,048,576.
    pub connection_window: u32,
    /// Largest frame that we take, bytes (`SETTINGS_MAX_FRAME_SIZE`). Default 16,384.
    pub max_frame_size: u32,
    /// HPACK table, bytes (`SETTINGS_HEADER_TABLE_SIZE`). Default 4,096.
    pub header_table_size: u32,
    /// Bytes of data that wait to be written, of all streams of a connection together; beyond it they are written at once
    /// for a stream that has none of them, else streams take turns, and bodies are read no further. Default 15,360: one
    /// read of a backend, and small answers together.
    pub max_send_buffer: usize,
    /// Streams that we reset and still remember, so that frames which the peer sent before it heard of that are passed over
    /// (RFC 9113 section 5.1); frames of others are answered with `RST_STREAM`, which counts as provoked. Default 50.
    pub max_reset_streams: usize,
    /// Streams that the peer may reset in a row before we looked at any of them (CVE-2023-44487). Beyond it: GOAWAY with
    /// `ENHANCE_YOUR_CALM`. Default 20.
    pub max_pending_accept_reset_streams: usize,
    /// Streams that we reset because of the peer's errors (CVE-2025-8671), in the whole life of a connection. Default 200.
    pub max_local_error_reset_streams: usize,
    /// Frames of each of these kinds that a client may send in one window of time beyond what goes with its requests and
    /// their answers: `RST_STREAM`, what makes us send `RST_STREAM`, empty DATA, SETTINGS, PING, `WINDOW_UPDATE`, and
    /// PRIORITY with unknown types. Beyond it: GOAWAY with `ENHANCE_YOUR_CALM`. Default 100.
    pub max_control_frames: u32,
    /// That window of time. Default `10s`.
    #[serde(with = "duration")]
    pub control_frames_window: Duration,
    /// Time between PINGs that ask, while streams are open, whether the client is still there. Default `30s`.
    #[serde(with = "duration")]
    pub keep_alive_interval: Duration,
    /// Time for the answer to that PING. Default `10s`.
    #[serde(with = "duration")]
    pub keep_alive_ping_timeout: Duration,
}

impl Default for Http2Settings {
    fn default() -> Self {
        Self {
            max_concurrent_streams: 250,
            stream_window: 65_536,
            connection_window: 1_048_576,
            max_frame_size: 16_384,
            header_table_size: 4_096,
            max_send_buffer: 15_360,
            max_reset_streams: 50,
            max_pending_accept_reset_streams: 20,
            max_local_error_reset_streams: 200,
            max_control_frames: 100,
            control_frames_window: Duration::from_secs(10),
            keep_alive_interval: Duration::from_secs(30),
            keep_alive_ping_timeout: Duration::from_secs(10),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_survive_their_text_form() {
        let settings = HttpSettings { linger: Duration::from_millis(123), ..HttpSettings::default() };
        let text = serde_json::to_string(&settings).unwrap();
        assert!(text.contains("\"linger\":\"123ms\""));
        assert_eq!(serde_json::from_str::<HttpSettings>(&text).unwrap(), settings);
        assert_eq!(serde_json::from_str::<HttpSettings>("{}").unwrap(), HttpSettings::default());
        assert!(serde_json::from_str::<HttpSettings>("{\"lingr\":1}").is_err());
    }
}
