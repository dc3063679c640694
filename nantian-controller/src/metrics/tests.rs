use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use nantian_ir::Snapshot;
use nantian_metrics::{Kind, Metric};
use nantian_xds::transport::{Observation, StreamEnd};

use super::names::ALL;
use super::{AdminRequest, Gauges, Metrics, metrics_reference};
use crate::{Publications, check_reference};

const ANSWERED: AdminRequest = AdminRequest { method: "GET", route: "/v1/summary", status_class: "2xx" };

/// Metrics of which each has at least one sample.
fn text() -> String {
    let metrics = Metrics::new();
    metrics.built(Duration::from_millis(3));
    metrics.build_failed();
    metrics.published(&Snapshot::default());
    let publications = Publications::new();
    metrics.observe("node-1", &Observation::Connected, &publications);
    metrics.observe("node-1", &Observation::Disconnected { end: StreamEnd::Age, reason: String::new() }, &publications);
    metrics.answered(ANSWERED, Duration::from_micros(700));
    metrics.text(&Gauges { ready: true, leader: false, nodes: BTreeMap::from([("current", 2)]) })
}

/// Name and labels of each line that is a sample.
fn samples(text: &str) -> Vec<(String, Vec<String>)> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let read = |line: &str| {
        let (series, number) = line.rsplit_once(' ').expect("a number");
        number.parse::<f64>().expect("a number");
        let (name, labels) = series.split_once('{').unwrap_or((series, ""));
        let pairs = labels.trim_end_matches('}').split("\",").filter(|pair| !pair.is_empty());
        let labels = pairs.map(|pair| pair.split_once('=').expect("a label").0.to_owned());
        (name.to_owned(), labels.collect())
    };
    lines.map(read).collect()
}

/// The names of the samples that a metric may have, with their labels.
fn expected(metric: &Metric) -> Vec<(String, Vec<String>)> {
    let labels: Vec<String> = metric.labels.iter().map(ToString::to_string).collect();
    if metric.kind != Kind::Histogram {
        return vec![(metric.name.to_owned(), labels)];
    }
    let bucket = labels.iter().cloned().chain(["le".to_owned()]).collect();
    let of = |suffix: &str| format!("{}_{suffix}", metric.name);
    vec![(of("bucket"), bucket), (of("sum"), labels.clone()), (of("count"), labels)]
}

#[test]
fn the_text_has_what_the_table_has_and_nothing_else() {
    let text = text();
    let families: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("# HELP ")).collect();
    let table: Vec<String> = ALL.iter().map(|metric| format!("{} {}", metric.name, metric.help)).collect();
    assert_eq!(families, table);
    let types: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")).collect();
    let table: Vec<String> = ALL.iter().map(|metric| format!("{} {}", metric.name, metric.kind.as_str())).collect();
    assert_eq!(types, table);
    let told: BTreeSet<_> = samples(&text).into_iter().collect();
    let table: BTreeSet<_> = ALL.iter().flat_map(expected).collect();
    assert_eq!(told, table);
}

#[test]
fn names_are_those_that_operators_have_dashboards_for() {
    let names: BTreeSet<&str> = ALL.iter().map(|metric| metric.name).collect();
    for name in [
        "nantian_gateway_snapshot_builds_total",
        "nantian_gateway_snapshot_build_failures_total",
        "nantian_gateway_snapshot_published_total",
        "nantian_gateway_snapshot_last_build_success",
        "nantian_gateway_snapshot_build_duration_seconds",
        "nantian_gateway_snapshot_resource_count",
        "nantian_gateway_controlplane_admin_requests_total",
        "nantian_gateway_controlplane_admin_request_duration_seconds",
        "nantian_gateway_controlplane_xds_stream_terminations_total",
        "nantian_gateway_controlplane_xds_publish_ack_lag_seconds",
        "nantian_gateway_controlplane_xds_publish_nack_lag_seconds",
        "nantian_gateway_controlplane_xds_snapshot_send_duration_seconds",
    ] {
        assert!(names.contains(name), "{name}");
    }
}

#[test]
fn numbers_are_where_they_belong() {
    let text = text();
    for line in [
        "nantian_gateway_controlplane_nodes{state=\"current\"} 2",
        "nantian_gateway_snapshot_builds_total 1",
        "nantian_gateway_snapshot_build_failures_total 1",
        "nantian_gateway_snapshot_published_total 1",
        "nantian_gateway_snapshot_last_build_success 0",
        "nantian_gateway_snapshot_build_duration_seconds_bucket{le=\"0.0025\"} 0",
        "nantian_gateway_snapshot_build_duration_seconds_bucket{le=\"0.005\"} 1",
        "nantian_gateway_snapshot_build_duration_seconds_sum 0.003000",
        "nantian_gateway_snapshot_resource_count{resource=\"listeners\"} 0",
        "nantian_gateway_controlplane_xds_stream_terminations_total{reason=\"age\"} 1",
        "nantian_gateway_controlplane_xds_stream_terminations_total{reason=\"client\"} 0",
        "nantian_gateway_controlplane_admin_requests_total{method=\"GET\",route=\"/v1/summary\",status_class=\"2xx\"} 1",
    ] {
        assert!(text.lines().any(|told| told == line), "{line}\n{text}");
    }
}

#[test]
fn docs_metrics_controlplane_md_is_what_the_table_says() {
    check_reference("metrics-controlplane.md", &metrics_reference());
}
