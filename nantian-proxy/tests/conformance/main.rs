//! The upstream conformance suite of the Gateway API v1.5.1 without a cluster: its manifests through the compiler, its
//! assertions on the statuses, its requests through a whole engine on loopback, with echo backends.
//!
//! `expectations.jsonl` is what the suite's Go tests ask for, in their order, recorded by running them (`record.sh`);
//! `by-hand.jsonl` are those tests that change objects or measure, written down from the Go source. What a cluster
//! brings along is made here: an address for each Gateway, `EndpointSlice`s, and the certificates of the suite's setup.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "tests panic when they fail")]

mod client;
mod cluster;
mod echo;
mod status;
mod traffic;

use std::fs;
use std::path::{Path, PathBuf};

use cluster::Cluster;
use serde::Deserialize;
use serde_json::Value;
use traffic::Traffic;

/// What does not hold yet: the test, a part of the failure. Whoever mends one removes it here.
const NOT_YET: [(&str, &str); 0] = [];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance")
}

/// One line of the expectations.
#[derive(Debug)]
enum Step {
    /// A test of the suite begins, or an object changes.
    Objects(Change),
    /// What is true of a status.
    Status(status::Expected),
    /// What is true of requests.
    Traffic(traffic::Expected),
}

#[derive(Debug, Deserialize)]
#[serde(tag = "op", rename_all = "camelCase")]
enum Change {
    /// A test of the suite begins, with these objects.
    Test { name: String, manifests: Vec<String> },
    /// A JSON merge patch, as `kubectl patch --type merge` has it.
    Patch { kind: String, object: String, patch: Value },
    /// An object goes away.
    Delete { kind: String, object: String },
}

impl Step {
    fn parse(line: &str) -> serde_json::Result<Self> {
        let value: Value = serde_json::from_str(line)?;
        match value["op"].as_str().unwrap_or_default() {
            "test" | "patch" | "delete" => serde_json::from_value(value).map(Self::Objects),
            "request" | "grpc" | "mirrored" | "weights" | "ownHeader" | "websocket" => {
                serde_json::from_value(value).map(Self::Traffic)
            }
            _ => serde_json::from_value(value).map(Self::Status),
        }
    }
}

fn steps() -> Vec<(String, Step)> {
    let mut steps = Vec::new();
    for file in ["expectations.jsonl", "by-hand.jsonl"] {
        let text = fs::read_to_string(folder().join(file)).unwrap();
        for (index, line) in text.lines().enumerate() {
            let step = Step::parse(line).unwrap_or_else(|error| panic!("{file}:{}: {error}", index + 1));
            steps.push((format!("{file}:{}", index + 1), step));
        }
    }
    steps
}

/// Runs the tests whose name begins with one of `prefixes` and tells what is not as the suite wants it.
async fn failures(prefixes: &[&str]) -> (usize, Vec<String>) {
    let (mut tests, mut failures) = (0, Vec::new());
    let mut now: Option<(String, Cluster, Traffic)> = None;
    for (place, step) in steps() {
        if let Step::Objects(Change::Test { name, manifests }) = step {
            now = None;
            if prefixes.iter().any(|prefix| name.starts_with(prefix)) {
                tests += 1;
                let cluster = Cluster::new(&manifests);
                let traffic = Traffic::start(&cluster).await;
                now = Some((name, cluster, traffic));
            }
            continue;
        }
        let Some((name, cluster, traffic)) = &mut now else { continue };
        let result = match step {
            Step::Status(expected) => status::check(&expected, cluster),
            Step::Traffic(expected) => traffic.check(&expected, cluster).await,
            Step::Objects(change) => {
                match change {
                    Change::Patch { kind, object, patch } => cluster.patch(&kind, &object, &patch),
                    Change::Delete { kind, object } => cluster.delete(&kind, &object),
                    Change::Test { .. } => unreachable!(),
                }
                traffic.apply(cluster).await;
                Ok(())
            }
        };
        if let Err(why) = result {
            failures.push(format!("{name} ({place}): {why}"));
        }
    }
    (tests, failures)
}

async fn pass(count: usize, prefixes: &[&str]) {
    let (tests, mut failures) = failures(prefixes).await;
    for (name, part) in NOT_YET.iter().filter(|(name, _)| prefixes.iter().any(|prefix| name.starts_with(prefix))) {
        let before = failures.len();
        failures.retain(|why| !(why.starts_with(name) && why.contains(part)));
        assert!(failures.len() < before, "{name} holds now: remove it from NOT_YET");
    }
    assert!(failures.is_empty(), "{} expectations do not hold:\n{}", failures.len(), failures.join("\n"));
    assert_eq!(tests, count, "tests of the suite that ran");
}

#[tokio::test]
async fn gateways_are_as_the_suite_wants_them() {
    pass(16, &["Gateway"]).await;
}

#[tokio::test]
async fn grpc_routes_are_as_the_suite_wants_them() {
    pass(5, &["GRPC"]).await;
}

#[tokio::test]
async fn http_routes_a_to_p_are_as_the_suite_wants_them() {
    let prefixes =
        ["3", "B", "C", "D", "E", "H", "I", "L", "M", "N", "O", "P"].map(|letter| format!("HTTPRoute{letter}"));
    pass(32, &prefixes.each_ref().map(String::as_str)).await;
}

#[tokio::test]
async fn http_routes_q_to_z_are_as_the_suite_wants_them() {
    let prefixes = ["Q", "R", "S", "T", "W"].map(|letter| format!("HTTPRoute{letter}"));
    pass(20, &prefixes.each_ref().map(String::as_str)).await;
}

#[test]
fn every_test_is_run_and_every_manifest_is_used() {
    let mut used = std::collections::BTreeSet::from(["base.yaml".to_owned()]);
    let mut names = Vec::new();
    for (_, step) in steps() {
        if let Step::Objects(Change::Test { name, manifests }) = step {
            used.extend(manifests);
            names.push(name);
        }
    }
    let there = fs::read_dir(folder().join("manifests")).unwrap();
    let there = there.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(used, there);
    assert_eq!(names.len(), 73);
}
