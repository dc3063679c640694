//! h2load: the load generator of nghttp2.

use std::process::{Command, Stdio};

/// What h2load counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Load {
    pub(crate) total: u64,
    pub(crate) succeeded: u64,
    /// Answers with a status in the 200s.
    pub(crate) fine: u64,
}

impl Load {
    /// Every request was answered, and answered well.
    pub(crate) fn is_clean(self) -> bool {
        self.total > 0 && self.succeeded == self.total && self.fine == self.total
    }
}

/// Runs h2load with a bounded number of requests.
pub(crate) fn h2load(requests: u64, arguments: &[&str]) -> Load {
    let output = Command::new("h2load")
        .args(["-n", &requests.to_string()])
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .expect("h2load runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let load = parse(&text)
        .unwrap_or_else(|| panic!("h2load {}: {text}{}", arguments.join(" "), String::from_utf8_lossy(&output.stderr)));
    if !load.is_clean() {
        println!("h2load {}:\n{text}{}", arguments.join(" "), String::from_utf8_lossy(&output.stderr));
    }
    load
}

/// Reads its two summary lines:
///
/// ```text
/// requests: 100 total, 100 started, 100 done, 100 succeeded, 0 failed, 0 errored, 0 timeout
/// status codes: 100 2xx, 0 3xx, 0 4xx, 0 5xx
/// ```
fn parse(text: &str) -> Option<Load> {
    let number = |line: &str, what: &str| {
        let part = line.split(',').find(|part| part.trim().ends_with(what))?;
        part.split_whitespace().rev().nth(1)?.parse().ok()
    };
    let requests = text.lines().find_map(|line| line.strip_prefix("requests: "))?;
    let codes = text.lines().find_map(|line| line.strip_prefix("status codes: "))?;
    Some(Load {
        total: number(requests, "total")?,
        succeeded: number(requests, "succeeded")?,
        fine: number(codes, "2xx")?,
    })
}

#[test]
fn a_load_with_one_bad_answer_is_not_clean() {
    let text = "requests: 100 total, 100 started, 100 done, 100 succeeded, 0 failed, 0 errored, 0 timeout\n\
        status codes: 99 2xx, 0 3xx, 0 4xx, 1 5xx\n";
    let load = parse(text).unwrap();
    assert_eq!(load, Load { total: 100, succeeded: 100, fine: 99 });
    assert!(!load.is_clean());
    assert!(!Load::default().is_clean());
}
