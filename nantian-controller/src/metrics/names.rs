//! Every metric that a control plane exposes, in one table. `docs/metrics-controlplane.md` is generated from it.

use nantian_metrics::metrics;

metrics! { "nantian_gateway_"
    INFO = Gauge "controlplane_info" ["version"] "Always 1; the label names the software version.";
    START_TIME = Gauge "controlplane_start_time_seconds" [] "Unix time at which the control plane started.";
    READY = Gauge "controlplane_ready" [] "1 once a snapshot was published, else 0.";
    LEADER = Gauge "controlplane_leader" [] "1 while this replica writes statuses, else 0.";
    NODES = Gauge "controlplane_nodes" ["state"]
        "Data planes that are connected to this replica, or were a short time ago, by state: current, behind, refusing or disconnected.";
    RENEWAL_FAILURES = Counter "controlplane_renewal_failures_total" ["what"]
        "Looks at changed files that were no use, so that what was there before goes on: credentials (towards data planes) or token (of the admin API).";
    EVENTS = Counter "controlplane_events_total" ["outcome"]
        "Kubernetes Events for what is refused, by outcome: written, failed (the API server does not take it) or dropped (too many waited).";

    BUILDS = Counter "snapshot_builds_total" [] "Snapshots built from the objects, whether something changed or not.";
    BUILD_FAILURES = Counter "snapshot_build_failures_total" [] "Builds that came to no snapshot. Any is a defect: please report it.";
    PUBLISHED = Counter "snapshot_published_total" [] "Snapshots published to data planes: those that differ from the one before.";
    LAST_BUILD = Gauge "snapshot_last_build_success" [] "1 if the last build came to a snapshot, 0 if it did not or there was none yet.";
    BUILD_DURATION = Histogram "snapshot_build_duration_seconds" [] "Time to build a snapshot from the objects.";
    RESOURCES = Gauge "snapshot_resource_count" ["resource"]
        "Resources in the published snapshot: listeners, rules, stream_rules, backends, endpoints, certificates or ca_bundles.";

    ADMIN_REQUESTS = Counter "controlplane_admin_requests_total" ["method", "route", "status_class"]
        "Answered requests of the admin, metrics and health ports. method is GET, HEAD or other; route is the template of the path, or none.";
    ADMIN_DURATION = Histogram "controlplane_admin_request_duration_seconds" ["method", "route", "status_class"]
        "Time to make the answers that are counted above.";

    STREAM_TERMINATIONS = Counter "controlplane_xds_stream_terminations_total" ["reason"]
        "Ended streams of data planes, by reason: client (it ended the stream), age (the stream was old), shutdown (of the control plane), protocol (the client went beyond a bound) or connection (lost).";
    ACK_LAG = Histogram "controlplane_xds_publish_ack_lag_seconds" []
        "Time from publishing a snapshot until a data plane said that it serves all of it; from connecting, if the data plane did so later.";
    NACK_LAG = Histogram "controlplane_xds_publish_nack_lag_seconds" []
        "The same, until it said that it does not take all of it.";
    SEND_DURATION = Histogram "controlplane_xds_snapshot_send_duration_seconds" []
        "Time from the first response with something of a snapshot until the data plane answered for all of it.";
}
