//! Prometheus text (exposition format 0.0.4).

use std::fmt::{Display, Write as _};

use crate::durations::{BUCKETS, Durations};
use crate::table::Metric;

/// The page, as it is written. Writing to a String cannot fail.
#[derive(Debug, Default)]
pub struct Exposition(String);

impl Exposition {
    /// A page that is about this long.
    #[must_use]
    pub fn with_capacity(bytes: usize) -> Self {
        Self(String::with_capacity(bytes))
    }

    /// `HELP` and `TYPE`; samples follow.
    pub fn family(&mut self, metric: &Metric) {
        let Metric { name, kind, help, .. } = metric;
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {}", kind.as_str());
    }

    /// A sample, with a value for each label.
    pub fn sample(&mut self, metric: &Metric, values: &[&str], number: impl Display) {
        self.line(metric, "", values, None, number);
    }

    /// A metric without labels.
    pub fn single(&mut self, metric: &Metric, number: impl Display) {
        self.family(metric);
        self.sample(metric, &[], number);
    }

    /// The samples of a histogram, with a value for each label.
    pub fn histogram(&mut self, metric: &Metric, values: &[&str], durations: &Durations) {
        let mut count = 0_u64;
        let bounds = BUCKETS.iter().map(|(_, label)| *label).chain(["+Inf"]);
        for (bound, bucket) in bounds.zip(durations.buckets) {
            count = count.wrapping_add(bucket);
            self.line(metric, "_bucket", values, Some(bound), count);
        }
        let (seconds, micros) = (durations.sum_micros / 1_000_000, durations.sum_micros % 1_000_000);
        self.line(metric, "_sum", values, None, format_args!("{seconds}.{micros:06}"));
        self.line(metric, "_count", values, None, count);
    }

    /// The page.
    pub fn into_string(self) -> String {
        self.0
    }

    fn line(&mut self, metric: &Metric, suffix: &str, values: &[&str], bound: Option<&str>, number: impl Display) {
        let _ = write!(self.0, "{}{suffix}", metric.name);
        let pairs = metric.labels.iter().copied().zip(values.iter().copied()).chain(bound.map(|bound| ("le", bound)));
        let mut separator = '{';
        for (label, value) in pairs {
            let _ = write!(self.0, "{separator}{label}=\"");
            self.escape(value);
            self.0.push('"');
            separator = ',';
        }
        if separator == ',' {
            self.0.push('}');
        }
        let _ = writeln!(self.0, " {number}");
    }

    fn escape(&mut self, value: &str) {
        for letter in value.chars() {
            match letter {
                '\\' => self.0.push_str("\\\\"),
                '"' => self.0.push_str("\\\""),
                '\n' => self.0.push_str("\\n"),
                letter => self.0.push(letter),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Kind;

    #[test]
    fn a_label_may_have_any_value() {
        let metric = Metric { name: "n", kind: Kind::Gauge, labels: &["a", "b"], help: "h" };
        let mut exposition = Exposition::default();
        exposition.sample(&metric, &["\\\"\n", "é"], 1.5);
        assert_eq!(exposition.into_string(), "n{a=\"\\\\\\\"\\n\",b=\"é\"} 1.5\n");
    }

    #[test]
    fn buckets_of_a_histogram_count_all_that_is_below() {
        let metric = Metric { name: "n", kind: Kind::Histogram, labels: &["a"], help: "h" };
        let mut durations = Durations::default();
        durations.buckets[0] = 1;
        durations.buckets[BUCKETS.len()] = 2;
        durations.sum_micros = 62_000_001;
        let mut exposition = Exposition::default();
        exposition.histogram(&metric, &["x"], &durations);
        let text = exposition.into_string();
        assert!(text.starts_with("n_bucket{a=\"x\",le=\"0.0005\"} 1\nn_bucket{a=\"x\",le=\"0.001\"} 1\n"), "{text}");
        assert!(text.ends_with("{a=\"x\",le=\"+Inf\"} 3\nn_sum{a=\"x\"} 62.000001\nn_count{a=\"x\"} 3\n"), "{text}");
    }
}
