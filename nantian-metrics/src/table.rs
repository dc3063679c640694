//! Tables of metrics.

use std::fmt::Write as _;

use crate::durations::BUCKETS;

/// What a metric is, in Prometheus' words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It only goes up.
    Counter,
    /// It goes up and down.
    Gauge,
    /// Durations, by how long they are.
    Histogram,
}

impl Kind {
    /// The word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// One row of a table.
#[derive(Debug, Clone, Copy)]
pub struct Metric {
    /// Its name.
    pub name: &'static str,
    /// What it is.
    pub kind: Kind,
    /// Names of its labels.
    pub labels: &'static [&'static str],
    /// What it means. One line, without a backslash.
    pub help: &'static str,
}

/// A table: a constant for each row, and `ALL` of them in the order in which they are exposed.
#[macro_export]
macro_rules! metrics {
    ($prefix:literal $($ident:ident = $kind:ident $name:literal [$($label:literal),*] $help:literal;)*) => {
        $(pub(crate) const $ident: $crate::Metric = $crate::Metric {
            name: concat!($prefix, $name),
            kind: $crate::Kind::$kind,
            labels: &[$($label),*],
            help: $help,
        };)*

        /// The table, in the order in which metrics are exposed.
        pub(crate) const ALL: &[$crate::Metric] = &[$($ident),*];
    };
}

/// A table for people, in Markdown.
pub fn reference_table(metrics: &[Metric]) -> String {
    let mut page = String::from("| metric | type | labels | meaning |\n| --- | --- | --- | --- |\n");
    for Metric { name, kind, labels, help } in metrics {
        let labels: Vec<_> = labels.iter().map(|label| format!("`{label}`")).collect();
        // Writing to a String cannot fail.
        let _ = writeln!(page, "| `{name}` | {} | {} | {help} |", kind.as_str(), labels.join(", "));
    }
    let bounds: Vec<_> = BUCKETS.iter().map(|(_, label)| *label).collect();
    let _ = writeln!(page, "\nBuckets of all histograms, in seconds: {}, +Inf.", bounds.join(", "));
    page
}
