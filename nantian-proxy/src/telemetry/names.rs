//! Every metric that a data plane exposes, in one table. `docs/metrics.md` is generated from it.

use nantian_metrics::metrics;

metrics! { "nantian_gateway_dataplane_"
    READY = Gauge "ready" [] "1 while the data plane serves a configuration and is not draining, else 0.";
    INFO = Gauge "info" ["version", "node"] "Always 1; the labels name the software version and the node.";
    START_TIME = Gauge "start_time_seconds" [] "Unix time at which the engine started.";
    WORKERS = Gauge "workers" [] "Worker threads.";

    REQUESTS = Counter "http_requests_total" ["listener", "route", "status_class"]
        "Ended HTTP requests. status_class is 1xx to 5xx, or none if the client went away before an answer.";
    DURATION = Histogram "http_request_duration_seconds" ["listener", "route"]
        "Time from the end of the request header to the last byte of the answer.";
    RECEIVED = Counter "http_received_bytes_total" ["listener", "route"] "Request body bytes received from clients.";
    SENT = Counter "http_sent_bytes_total" ["listener", "route"] "Answer body bytes sent to clients.";
    FLAGS = Counter "http_response_flags_total" ["flag"]
        "Ended HTTP requests by response flag; a request with two flags counts for both.";
    RETRIES = Counter "http_retries_total" [] "Tries of requests after the first.";
    UNDERSCORES = Counter "http_underscore_fields_total" ["action"]
        "Field names with an underscore that clients sent and backends did not get: dropped, or refused with the request.";
    BUFFERED = Gauge "buffered_bytes" []
        "Bytes of requests and answers that are held for clients, or of clients, until somebody takes them.";
    BUFFER_ACTIONS = Counter "buffered_bytes_actions_total" ["action"]
        "What was done because too many bytes are held: reading_paused (a backend was read no further, since its client's connection holds its bound), request_refused (503) or connection_cut (beyond the bound of all connections).";
    MIRRORS = Counter "http_mirrors_total" ["outcome"]
        "Mirrored requests by outcome: sent, failed, or dropped because too many were under way.";
    CONFIGURATION_WAITS = Counter "http_configuration_waits_total" ["outcome"]
        "Requests that the configuration could not serve when they came, by what became of their wait for another one: served, unserved (404, 500 or 503), or refused because too many waited.";

    STREAMS_RESET = Counter "http2_streams_reset_total" ["reason"]
        "Streams of clients that were reset: stalled (no window for an answer), tunnel_idle, answer_failed, refused (too many at once), or for an error of the client: protocol, flow_control, stream_closed, frame_size.";

    BACKEND_ACTIVE = Gauge "backend_connections_active" ["backend"] "Open connections to endpoints of a backend.";
    BACKEND_TOTAL = Counter "backend_connections_total" ["backend"] "Connections made to endpoints of a backend.";
    BACKEND_ERRORS = Counter "backend_connection_errors_total" ["backend", "reason"]
        "Connections to endpoints of a backend that failed, by reason: connect, connect_timeout, tls, full (as many requests in work as there may be), closed, protocol, reset, io, flood (too many HTTP/2 frames of one kind).";
    BACKEND_ABANDONED = Counter "backend_requests_abandoned_total" ["backend", "action"]
        "Requests that clients gave up while an HTTP/2 backend worked on them: reset (with RST_STREAM), held (the reset had to wait for its turn).";
    BACKEND_HEALTH = Gauge "backend_health_status" ["backend", "endpoint"]
        "1 for an endpoint that may get requests, 0 for one that failed its health checks or was ejected.";

    CONNECTIONS_ACTIVE = Gauge "listener_connections_active" ["bind"] "Open client connections of a bind address.";
    CONNECTIONS_TOTAL = Counter "listener_connections_total" ["bind"] "Client connections accepted on a bind address.";
    CONNECTIONS_REFUSED = Counter "listener_connections_refused_total" ["bind", "reason"]
        "Client connections closed at once because of a limit: client (its address has as many as it may), listener or total.";
    CONNECTIONS_CUT = Counter "listener_connections_cut_total" ["bind", "reason"]
        "Client connections that a limit or the client's error ended: head_timeout, idle, write_timeout, tunnel_idle, ping_timeout, max_requests, refused (no request), http2 (its protocol or its bounds), or too many HTTP/2 frames: resets, provoked_resets, empty_data, settings, pings, window_updates, other_frames.";
    ACCEPT_ERRORS = Counter "listener_accept_errors_total" ["bind", "reason"]
        "Failed accepts: files (the process has too many open files) or other.";
    HANDSHAKES = Counter "tls_handshakes_total" ["bind", "resumed"] "Finished TLS handshakes with clients.";
    HANDSHAKE_ERRORS = Counter "tls_handshake_errors_total" ["bind", "reason"]
        "TLS handshakes with clients that failed: timeout, not_tls, unknown_name, alert, protocol, closed, or other.";

    PANICS = Counter "panics_total" ["place"]
        "Contained panics, by place: request, connection or worker. Any is a defect: please report it.";
    APPLIES = Counter "config_applies_total" ["result"]
        "Applied configurations: complete, or partial if a resource was refused.";
    APPLY_DURATION = Histogram "config_apply_duration_seconds" []
        "Time from receiving a configuration until every worker served it.";
    CONFIG_INFO = Gauge "config_info" ["version"] "Always 1; the label names the served configuration's content hash.";
    CONFIG_TIME = Gauge "config_last_apply_timestamp_seconds" [] "Unix time of the last applied configuration.";
    CONFIG_RESOURCES = Gauge "config_resource_count" ["resource"]
        "Resources in the served configuration: listeners, rules, backends, endpoints or certificates.";
    CONFIG_REFUSED = Gauge "config_refused_resources" [] "Resources of the served configuration that could not be used.";

    LOG_LINES = Counter "access_log_lines_total" [] "Access log lines handed to the writer.";
    LOG_DROPPED = Counter "access_log_dropped_total" []
        "Access log lines dropped because the output was slower than the requests.";
    OVERFLOW = Counter "metrics_overflow_total" []
        "Label sets that were folded into the label value `other` because there were too many.";
}
