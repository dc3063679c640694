//! Reference pages, generated from the tables: `docs/metrics.md` and `docs/access-log.md`. A test compares them.

use std::fmt::Write as _;

use nantian_metrics::reference_table;

use super::flags::ResponseFlag;
use super::{line, names};

/// `docs/metrics.md`.
pub fn metrics_reference() -> String {
    let mut page = String::from(
        "# Metrics of the data plane\n\n\
         Served as Prometheus text on `/metrics` of the admin port (`127.0.0.1:19080` unless configured otherwise).\n\
         Those of the control plane are [on a page of their own](metrics-controlplane.md).\n\
         This page is generated from `nantian-proxy/src/telemetry/names.rs`; a test compares the two.\n\n\
         `listener` is `namespace/gateway/listener`, `route` is `kind/namespace/name`, `backend` is\n\
         `kind/namespace/name:port` (and the protocol), `bind` is `address:port` with `*` for all addresses. What did not match has the label\n\
         `none`. There are at most 10,000 pairs of listener and route; the rest is counted under `other`. A series goes\n\
         when its listener, route or backend is removed.\n\n",
    );
    page.push_str(&reference_table(names::ALL));
    page
}

/// `docs/access-log.md`.
pub fn access_log_reference() -> String {
    let mut page = String::from(
        "# The access log\n\n\
         One line on standard output for each ended request: JSON (the default), text, or off (`accessLog.format`).\n\
         Lines are written by a thread of its own; where the output is slower than the requests, lines are dropped and\n\
         counted in `nantian_gateway_dataplane_access_log_dropped_total`: requests never wait for the log.\n\
         A connection that is refused, or cut without a request that could tell of it, has a line too, with `-` for what\n\
         was never asked: one a second for each flag and worker, so that nobody fills the log by connecting.\n\
         Whatever a client sends, a line stays one line: JSON strings are escaped, text has `\\xNN`.\n\
         This page is generated from `nantian-proxy/src/telemetry`; a test compares the two.\n\n\
         ## Fields\n\n| field | meaning |\n| --- | --- |\n",
    );
    for (name, meaning) in line::FIELDS {
        let _ = writeln!(page, "| `{name}` | {meaning} |");
    }
    page.push_str(
        "\n## Response flags\n\nWhy an answer was ours, or incomplete.\n\n| flag | meaning |\n| --- | --- |\n",
    );
    for flag in ResponseFlag::ALL {
        let _ = writeln!(page, "| `{}` | {} |", flag.code(), flag.meaning().trim());
    }
    page
}

/// Compares a page with its generated text; `NANTIAN_WRITE_DOCS=1 cargo test -p nantian-proxy reference` rewrites it.
#[cfg(test)]
pub(crate) fn check_reference(file: &str, generated: &str) {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs").join(file);
    if std::env::var_os("NANTIAN_WRITE_DOCS").is_some() {
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("docs/ can be made");
        std::fs::write(&path, generated).expect("the page can be written");
    }
    let written = std::fs::read_to_string(&path).expect("the page exists");
    assert!(
        written == generated,
        "docs/{file} is out of date: NANTIAN_WRITE_DOCS=1 cargo test -p nantian-proxy reference"
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn docs_metrics_md_is_what_the_table_says() {
        check_reference("metrics.md", &metrics_reference());
    }

    #[test]
    fn docs_access_log_md_is_what_the_tables_say() {
        check_reference("access-log.md", &access_log_reference());
    }
}
