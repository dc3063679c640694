//! `docs/metrics-controlplane.md`, generated from the table.

use nantian_metrics::reference_table;

use super::names;

/// `docs/metrics-controlplane.md`.
pub fn metrics_reference() -> String {
    let mut page = String::from(
        "# Metrics of the control plane\n\n\
         Served as Prometheus text on `/metrics`: of the metrics port (18082), which is open to whoever reaches it, and of the\n\
         [admin port](admin-api.md) (18081), which may want a token. No label has a value that a client chooses.\n\
         This page is generated from `nantian-controller/src/metrics/names.rs`; a test compares the two.\n\n",
    );
    page.push_str(&reference_table(names::ALL));
    page
}
