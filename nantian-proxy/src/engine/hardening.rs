//! `docs/hardening.md` names a setting, a metric, a flag and a test for each bound. These tests hold it to them.

use std::collections::BTreeMap;
use std::path::Path;

use super::configuration_reference;
use crate::telemetry::{ResponseFlag, metrics_reference};

const HEAD: &str = "| bound | default | setting | beyond it | metric | flag | test |";

/// One bound, as its table says it.
struct Row {
    bound: String,
    default: String,
    setting: String,
    beyond: String,
    metric: String,
    flag: String,
    test: String,
}

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

fn cells(line: &str) -> Vec<String> {
    line.trim().trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect()
}

/// The rows of all tables of bounds.
fn rows() -> Vec<Row> {
    let page = std::fs::read_to_string(root().join("docs/hardening.md")).expect("the page");
    let mut rows = Vec::new();
    let mut inside = false;
    for line in page.lines() {
        let is_row = line.starts_with('|');
        if inside && is_row && !line.starts_with("| ---") {
            let [bound, default, setting, beyond, metric, flag, test] =
                cells(line).try_into().unwrap_or_else(|cells| panic!("seven cells: {cells:?}"));
            rows.push(Row { bound, default, setting, beyond, metric, flag, test });
        }
        assert!(!line.starts_with("| bound ") || line == HEAD, "{line}");
        inside = is_row && (inside || line == HEAD);
    }
    rows
}

/// What stands between backticks.
fn code(cell: &str) -> Vec<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}

/// Whether a cell says that there is no such thing, and why.
fn is_none(cell: &str) -> bool {
    cell.strip_prefix("none: ").is_some_and(|reason| !reason.is_empty())
}

/// The last cells of a generated table by its first one, backticks taken away.
fn table(page: &str, column: usize) -> BTreeMap<String, String> {
    let rows = page.lines().filter(|line| line.starts_with("| `")).map(cells);
    rows.map(|cells| (cells[0].replace('`', ""), cells[column].replace('`', ""))).collect()
}

#[test]
fn every_bound_says_everything_about_itself() {
    let rows = rows();
    assert!(rows.len() >= 35, "{} bounds were found", rows.len());
    for row in &rows {
        let all = [&row.bound, &row.default, &row.setting, &row.beyond, &row.metric, &row.flag, &row.test];
        assert!(all.iter().all(|cell| cell.len() > 1), "{}: an empty cell", row.bound);
    }
}

#[test]
fn the_setting_of_each_bound_exists_and_has_its_default() {
    let settings = table(&configuration_reference(), 1);
    for row in rows() {
        if row.setting.starts_with("fixed: ") {
            continue;
        }
        let defaults: Vec<_> = code(&row.setting)
            .into_iter()
            .map(|setting| settings.get(setting).unwrap_or_else(|| panic!("{}: no setting {setting}", row.bound)))
            .collect();
        assert!(!defaults.is_empty() && code(&row.default) == defaults, "{}: by default {defaults:?}", row.bound);
    }
}

#[test]
fn the_metric_of_each_bound_exists_with_its_label_value() {
    let helps = table(&metrics_reference(), 3);
    let labels = table(&metrics_reference(), 2);
    for row in rows().iter().filter(|row| !is_none(&row.metric)) {
        let metrics = code(&row.metric);
        assert!(!metrics.is_empty(), "{}: no metric", row.bound);
        for metric in metrics {
            let (name, label) = metric.split_once('{').unwrap_or((metric, ""));
            let name = format!("nantian_gateway_dataplane_{name}");
            let help = helps.get(&name).unwrap_or_else(|| panic!("{}: no metric {name}", row.bound));
            if let Some((label, value)) = label.trim_end_matches('}').split_once('=') {
                assert!(labels[&name].split(", ").any(|known| known == label), "{}: no label {label}", row.bound);
                let value = value.trim_matches('"');
                let mut words = help.split(|letter: char| !letter.is_alphanumeric() && letter != '_');
                let is_flag = label == "flag" && ResponseFlag::ALL.iter().any(|flag| flag.code() == value);
                assert!(is_flag || words.any(|word| word == value), "{}: {name} has no {value}", row.bound);
            }
        }
    }
}

#[test]
fn the_flag_of_each_bound_exists() {
    for row in rows().iter().filter(|row| !is_none(&row.flag)) {
        let flags = code(&row.flag);
        assert!(!flags.is_empty(), "{}: no flag", row.bound);
        for flag in flags {
            assert!(ResponseFlag::ALL.iter().any(|known| known.code() == flag), "{}: no flag {flag}", row.bound);
        }
    }
}

#[test]
fn the_tests_of_each_bound_exist_where_it_says() {
    for row in rows() {
        let mut tests = 0;
        for file in row.test.split("; ") {
            let (path, names) = file.split_once(": ").unwrap_or_else(|| panic!("{}: no test", row.bound));
            let path = path.trim_matches('`');
            let source = std::fs::read_to_string(root().join("nantian-proxy/src").join(path))
                .unwrap_or_else(|error| panic!("{}: {path}: {error}", row.bound));
            for name in code(names) {
                let is_test = source.split(&format!("fn {name}()")).next().filter(|before| before.len() < source.len());
                let attribute = is_test.and_then(|before| before.rsplit("#[").next());
                assert!(
                    attribute.is_some_and(|attribute| attribute.contains("test") && attribute.lines().count() <= 2),
                    "{}: no test {name} in {path}",
                    row.bound
                );
                tests += 1;
            }
        }
        assert!(tests > 0, "{}: no test", row.bound);
    }
}
