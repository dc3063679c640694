//! Prometheus text (exposition format 0.0.4).

use std::fmt::{Display, Write as _};

use super::cells::{BUCKETS, Histogram};
use super::names::Metric;

/// The page, as it is written. Writing to a String cannot fail.
#[derive(Debug, Default)]
pub(super) struct Text(String);

impl Text {
    /// `HELP` and `TYPE`; samples follow.
    pub(super) fn family(&mut self, metric: &Metric) {
        let (name, kind) = (metric.name, metric.kind.as_str());
        let help = metric.help.replace('\\', "\\\\").replace('\n', "\\n");
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    pub(super) fn sample(&mut self, metric: &Metric, values: &[&str], number: impl Display) {
        self.line(metric.name, labels(metric, values), number);
    }

    /// A metric without labels.
    pub(super) fn single(&mut self, metric: &Metric, number: impl Display) {
        self.family(metric);
        self.sample(metric, &[], number);
    }

    pub(super) fn histogram(&mut self, metric: &Metric, values: &[&str], histogram: &Histogram) {
        let bucket = format!("{}_bucket", metric.name);
        let mut count = 0_u64;
        let bounds = BUCKETS.iter().map(|(_, label)| *label).chain(["+Inf"]);
        for (bound, held) in bounds.zip(histogram.buckets()) {
            count += held;
            self.line(&bucket, labels(metric, values).chain([("le", bound)]), count);
        }
        let micros = histogram.sum_micros();
        let sum = format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000);
        self.line(&format!("{}_sum", metric.name), labels(metric, values), sum);
        self.line(&format!("{}_count", metric.name), labels(metric, values), count);
    }

    pub(super) fn into_string(self) -> String {
        self.0
    }

    fn line<'l>(&mut self, name: &str, labels: impl Iterator<Item = (&'static str, &'l str)>, number: impl Display) {
        let escape = |value: &str| value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
        let labels: Vec<String> = labels.map(|(label, value)| format!("{label}=\"{}\"", escape(value))).collect();
        let _ = match labels.as_slice() {
            [] => writeln!(self.0, "{name} {number}"),
            labels => writeln!(self.0, "{name}{{{}}} {number}", labels.join(",")),
        };
    }
}

fn labels<'l>(metric: &Metric, values: &[&'l str]) -> impl Iterator<Item = (&'static str, &'l str)> {
    metric.labels.iter().copied().zip(values.iter().copied())
}
