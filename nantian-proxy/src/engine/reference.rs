//! `docs/configuration.md`, generated: fields and defaults from [`EngineConfig`] itself, meanings from the table here.

use std::fmt::Write as _;

use super::EngineConfig;

/// What each field means. A test holds that these are the fields that there are.
const MEANINGS: &[(&str, &str)] = &[
    ("workers", "worker threads; absent: one for each core that the process may use"),
    ("node", "name of this node in metrics and on `/v1/node`"),
    ("bindAddress", "where listeners without an address of their own are bound; absent: all addresses, both families"),
    ("admin.enabled", "whether the admin interface is served"),
    (
        "admin.address",
        "where; it has no authentication, so keep it on a loopback address or one that only the cluster reaches",
    ),
    ("accessLog.format", "`json`, `text` or `off`"),
    ("limits.connections", "open client connections in all; further ones are closed at once and counted"),
    ("limits.connectionsPerListener", "the same for each bind address"),
    (
        "limits.connectionsPerClient",
        "the same for each client address, over all bind addresses; 0: no bound. A load balancer or NAT in front is one \
         address for all who are behind it; where clients connect directly, a few hundred are enough. Nothing is counted \
         with `requests.forwarded.trustedHops`: connections are those of proxies then",
    ),
    ("limits.clientIpv6Prefix", "bits of an IPv6 address that tell one client from another, 0 to 128"),
    (
        "limits.uncountedClients",
        "networks (`192.0.2.0/24`, `2001:db8::/32`) of load balancers and NATs whose connections are not counted by client",
    ),
    (
        "limits.bufferedBytesPerConnection",
        "bytes that may be held for one client connection; above it, its backends are read no further",
    ),
    (
        "limits.bufferedBytes",
        "the same for all client connections; above it, new requests get 503 and the connections that hold most are cut",
    ),
    ("limits.tlsHandshakeTimeout", "time for a TLS handshake"),
    ("limits.backlog", "connections that the kernel keeps waiting for each worker and bind address"),
    ("drain.delay", "between turning not ready and refusing connections: time for load balancers in front to notice"),
    ("drain.timeout", "time for requests in flight until they are cut; also for those of a removed listener"),
    ("http.maxHeaderBytes", "bytes of one message head, or of its trailer section: beyond it 431"),
    ("http.maxHeaderFields", "fields of one head or trailer section: beyond it 431"),
    ("http.maxUriBytes", "bytes of a request target: beyond it 414"),
    ("http.requestHeadTimeout", "time for a complete request head: beyond it 408"),
    ("http.keepAliveTimeout", "time that a connection may rest between requests"),
    (
        "http.bodyIdleTimeout",
        "time that a part of a body may be awaited, or may wait for the client to take it, for `minBodyBytes` of it; also \
         that a tunnel may carry nothing once one of its sides has ended",
    ),
    ("http.minBodyBytes", "bytes of a body that each `bodyIdleTimeout` of waiting for the client must bring"),
    ("http.tunnelIdleTimeout", "time that a tunnel (WebSocket and other upgrades, CONNECT) may carry nothing"),
    (
        "http.maxBodyBytes",
        "bytes of a request body, 0: no bound; beyond it 413, at once where `Content-Length` says so, else when they have \
         arrived",
    ),
    ("http.maxRequestsPerConnection", "requests on one connection"),
    ("http.maxDrainBytes", "unread bytes of a request body that are read after its answer, to keep the connection"),
    ("http.linger", "time that a connection which we close is still read, so that the client gets our last answer"),
    ("http.halfClose", "whether a client that has closed its sending side still gets its answer"),
    ("http.http2.maxConcurrentStreams", "streams that a client may have open at once"),
    ("http.http2.streamWindow", "flow-control window of a stream, bytes"),
    ("http.http2.connectionWindow", "flow-control window of a connection, bytes"),
    ("http.http2.maxFrameSize", "largest frame that is taken, bytes"),
    ("http.http2.headerTableSize", "HPACK table, bytes"),
    ("http.http2.maxSendBuffer", "bytes of data that wait to be written, of all streams of a connection together"),
    (
        "http.http2.maxResetStreams",
        "streams that we reset and remember, so that frames which the peer sent before it heard of that are passed over; those of others are answered with a reset that counts as provoked",
    ),
    (
        "http.http2.maxPendingAcceptResetStreams",
        "streams that the peer may reset in a row before we looked at any: beyond it GOAWAY",
    ),
    (
        "http.http2.maxLocalErrorResetStreams",
        "streams that we reset because of the peer's errors, in the whole life of a connection",
    ),
    (
        "http.http2.maxControlFrames",
        "frames of one kind (resets, PING, SETTINGS and so on) that a client may send in one window of time beyond what \
         goes with its requests: beyond it GOAWAY",
    ),
    ("http.http2.controlFramesWindow", "that window of time"),
    ("http.http2.keepAliveInterval", "time between PINGs that ask, while streams are open, whether the peer is there"),
    ("http.http2.keepAlivePingTimeout", "time for the answer to that PING"),
    ("requests.paths.mergeSlashes", "whether `//` in a path becomes `/`"),
    (
        "requests.paths.encodedSlash",
        "`%2F` in a path: `keep` (a letter of its segment), `refuse` (400) or `decode` (a slash, before anything is matched)",
    ),
    ("requests.paths.backslash", "`\\` and `%5C` in a path: `keep` or `refuse` (400)"),
    ("requests.paths.encodedNul", "`%00` in a path: `keep` or `refuse` (400)"),
    (
        "requests.paths.doubleEncoding",
        "`%25` and two hexadecimal digits in a path, as in `%252e`: `keep` (never decoded twice) or `refuse` (400)",
    ),
    ("requests.paths.parameters", "`;` in a path: `keep` (a letter of its segment) or `refuse` (400)"),
    (
        "requests.paths.hiddenDots",
        "a dot segment that only some readers see, as in `/..;/`, `/..%2F`, `/..%5C`, `/..%00`: `keep` or `refuse` (400)",
    ),
    ("requests.connectTimeout", "time for a connection to a backend to be made, or for one of its bounds to have room"),
    (
        "requests.forwarded.trustedHops",
        "proxies in front of this one that are ours: so many entries of `X-Forwarded-For` from the right are believed; 0: none",
    ),
    (
        "requests.forwarded.forwardedHeader",
        "whether `Forwarded` (RFC 7239) is written, after the elements of trusted proxies; false: dropped from everyone",
    ),
    (
        "requests.forwarded.realIp",
        "whether `X-Real-IP` is written: the client's address by `trustedHops`; false: dropped from everyone",
    ),
    (
        "requests.via",
        "which messages get a `Via` of ours, and whether loops are answered with 508: `requests`, `both` (answers too) or \
         `off`",
    ),
    (
        "requests.underscoreHeaders",
        "request fields and trailers with `_` in their name: `drop`, `keep` or `refuse` (400); one that is a field of \
         framing, of the connection or of ours but for `_` is never forwarded",
    ),
    ("requests.requestTimeout", "whole-request time limit of rules without `timeouts.request`; absent: none"),
    (
        "requests.backendRequestTimeout",
        "time limit of one try of rules without `timeouts.backendRequest`; absent: none",
    ),
    (
        "requests.configurationWait",
        "how long a request waits for another configuration if this one has no route, no backend or no endpoint for it, before it is \
         answered with 404, 500 or 503; 1,024 wait at one time on one worker, further ones are answered at once",
    ),
    ("requests.retryBackoff", "least time between tries of rules without `retry.backoff`"),
    ("requests.retryBuffer", "bytes of a request body that are kept for another try; a longer body is tried once"),
    ("requests.mirrorBuffer", "bytes of a request body that wait for a slow mirror; one further behind loses the rest"),
    ("requests.mirrorConcurrency", "mirrored requests in flight on one worker; above it no copies are made"),
    ("requests.mirrorTimeout", "time for a mirrored request"),
    ("requests.balance", "`roundRobin`, or `leastRequest` of two drawn at random"),
    ("requests.dnsRefresh", "how often the addresses of DNS endpoints are asked again"),
    ("requests.pool.maxIdle", "resting HTTP/1.1 connections to each endpoint, per worker"),
    ("requests.pool.idleTimeout", "time that a connection to a backend may rest; shorter than what backends allow"),
    ("requests.pool.maxHttp2Connections", "HTTP/2 connections to each endpoint, per worker"),
    (
        "requests.pool.maxHttp1Connections",
        "HTTP/1.1 connections in use to each endpoint, per worker, without tunnels; further requests wait up to \
         `requests.connectTimeout`: beyond it 503",
    ),
    (
        "requests.pool.maxHttp2Streams",
        "requests in work on one HTTP/2 connection, beside what the backend's SETTINGS allow; further ones wait likewise",
    ),
    (
        "requests.pool.resetBurst",
        "requests on one HTTP/2 connection that may be reset at once because clients gave them up; an answer that ends \
         gives one back. Beyond it they stay open, and count for `maxHttp2Streams`, until it is their turn",
    ),
    ("requests.pool.resetInterval", "time after which one more may be reset"),
];

/// The page.
pub fn configuration_reference() -> String {
    let mut page = String::from(
        "# Configuration of the engine\n\n\
         A file of YAML or JSON, given with `--config FILE`; the fields below stand under `engine`. Every field has a\n\
         default, an unknown field is an error. Durations are spelt as in Gateway API (GEP-2257): `1m30s`, `10s`, `250ms`.\n\
         This page is generated from `nantian-proxy/src/engine`; a test compares the two.\n\n\
         ```yaml\nengine:\n  workers: 4\n  accessLog:\n    format: text\n  drain:\n    delay: 5s\n    timeout: 30s\n```\n\n\
         | field | default | meaning |\n| --- | --- | --- |\n",
    );
    for (field, default) in fields() {
        let meaning = MEANINGS.iter().find(|(name, _)| *name == field).map_or("", |(_, meaning)| meaning);
        // Writing to a String cannot fail.
        let _ = writeln!(page, "| `{field}` | {default} | {meaning} |");
    }
    page
}

/// Every field with its default, sorted.
fn fields() -> Vec<(String, String)> {
    fn walk(path: &str, value: &serde_json::Value, found: &mut Vec<(String, String)>) {
        match value {
            serde_json::Value::Object(fields) => {
                for (name, value) in fields {
                    let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                    walk(&path, value, found);
                }
            }
            serde_json::Value::Null => found.push((path.to_owned(), "absent".to_owned())),
            serde_json::Value::String(text) => found.push((path.to_owned(), format!("`{text}`"))),
            other => found.push((path.to_owned(), format!("`{other}`"))),
        }
    }
    let mut found = Vec::new();
    // A configuration is plain data, which always has a JSON form.
    if let Ok(value) = serde_json::to_value(EngineConfig::default()) {
        walk("", &value, &mut found);
    }
    found
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_field_has_a_meaning_and_every_meaning_a_field() {
        let there: BTreeSet<_> = fields().into_iter().map(|(field, _)| field).collect();
        let explained: BTreeSet<_> = MEANINGS.iter().map(|(field, _)| (*field).to_owned()).collect();
        assert_eq!(explained, there);
    }

    #[test]
    fn docs_configuration_md_is_what_the_types_say() {
        crate::telemetry::check_reference("configuration.md", &configuration_reference());
    }
}
