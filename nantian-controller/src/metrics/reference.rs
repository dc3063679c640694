//! `docs/metrics-controlplane.md`, generated from the table.

use std::fmt::Write as _;

use super::cells::BUCKETS;
use super::names;

/// `docs/metrics-controlplane.md`.
pub fn metrics_reference() -> String {
    let mut page = String::from(
        "# Metrics of the control plane\n\n\
         Served as Prometheus text on `/metrics`: of the metrics port (18082), which is open to whoever reaches it, and of the\n\
         [admin port](admin-api.md) (18081), which may want a token. No label has a value that a client chooses.\n\
         This page is generated from `nantian-controller/src/metrics/names.rs`; a test compares the two.\n\n\
         | metric | type | labels | meaning |\n| --- | --- | --- | --- |\n",
    );
    for metric in names::ALL {
        let labels: Vec<_> = metric.labels.iter().map(|label| format!("`{label}`")).collect();
        let (name, kind, labels, help) = (metric.name, metric.kind.as_str(), labels.join(", "), metric.help);
        // Writing to a String cannot fail.
        let _ = writeln!(page, "| `{name}` | {kind} | {labels} | {help} |");
    }
    let bounds: Vec<_> = BUCKETS.iter().map(|(_, label)| *label).collect();
    let _ = writeln!(page, "\nBuckets of all histograms, in seconds: {}, +Inf.", bounds.join(", "));
    page
}
