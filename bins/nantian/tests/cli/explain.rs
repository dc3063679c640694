//! `nantian explain`.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::harness::{Folder, nantian, stderr, stdout};
use crate::manifest::{documents, gateway, route, service};

fn folder() -> Folder {
    let weighted = route("one", "/one", "app").replace(
        "        - name: app\n          port: 80\n",
        "        - {name: app, port: 80, weight: 3}\n        - {name: absent, port: 80, weight: 1}\n",
    );
    Folder::new(&[(
        "all.yaml",
        &documents(&[gateway(8080), service("app", 9, false), weighted, route("all", "/", "app")]),
    )])
}

fn explain(folder: &Folder, arguments: &[&str]) -> (Option<i32>, String) {
    let mut all = vec!["explain", folder.path().to_str().expect("a path")];
    all.extend(arguments);
    let output = nantian(&all, "");
    (output.status.code(), stdout(&output) + &stderr(&output))
}

#[test]
fn the_whole_decision_is_told_as_a_tree() {
    let (code, text) = explain(&folder(), &["--", "GET", "http://localhost:8080/one/x", "-H", "x-user: beta"]);
    assert_eq!(code, Some(0), "{text}");
    for part in [
        "listener default/web/http on *:8080",
        "route HTTPRoute/default/one rule 0 match 0",
        "path prefix /one",
        "75% (weight 3) Service/default/app:80",
        "127.0.0.1:9",
        "25% (weight 1) 500",
        "others that lost",
        "HTTPRoute/default/all rule 0 match 0 matches too, but loses by length of the path match: 0 against 4",
    ] {
        assert!(text.contains(part), "{part} is told:\n{text}");
    }
}

#[test]
fn json_has_the_same() {
    let (code, text) = explain(&folder(), &["--output", "json", "--", "http://localhost:8080/one"]);
    assert_eq!(code, Some(0), "{text}");
    let decision: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(decision["listener"]["listener"], "http");
    assert_eq!(decision["route"]["rule"]["name"], "one");
    assert_eq!(decision["backends"][0]["percent"], 75.0);
    assert_eq!(decision["backends"][1]["refused"], "BackendNotFound");
    assert_eq!(decision["others"][0]["rule"]["name"], "all");
    assert!(decision["route"]["source"]["line"].as_u64() > Some(1));
}

#[test]
fn exit_code_1_when_no_route_takes_the_request() {
    let folder = Folder::new(&[(
        "all.yaml",
        &documents(&[gateway(8080), service("app", 9, false), route("one", "/one", "app")]),
    )]);
    let (code, text) = explain(&folder, &["--", "http://localhost:8080/two"]);
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("404") && text.contains("path must be"), "{text}");
    let (code, text) = explain(&folder, &["--", "http://localhost/one"]);
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("port 80") && text.contains("http 8080"), "{text}");
}

#[test]
fn words_that_are_no_request_are_wrong_usage() {
    let folder = folder();
    for words in [vec!["GET"], vec!["shop.example"], vec!["http://a/", "-H", "no-colon"]] {
        let mut arguments = vec!["--"];
        arguments.extend(&words);
        assert_eq!(explain(&folder, &arguments).0, Some(2), "{words:?}");
    }
}

/// Directories with objects, a request, and what is told of it, for people and for programs.
fn goldens() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cli/explain");
    let mut found: Vec<_> =
        fs::read_dir(root).expect("a folder").map(|entry| entry.expect("an entry").path()).collect();
    found.sort();
    found
}

fn told(golden: &Path, output: &str) -> String {
    let request = fs::read_to_string(golden.join("request.txt")).expect("a request");
    let mut command = Command::new(env!("CARGO_BIN_EXE_nantian"));
    command.current_dir(golden).args(["explain", "in.yaml", "--color", "never", "--output", output, "--"]);
    stdout(&command.args(request.split_whitespace()).output().expect("the binary ends"))
}

#[test]
fn policies_are_told_with_where_they_come_from_and_why_they_win_or_lose() {
    let mut wrong = Vec::new();
    for golden in goldens() {
        let decision: Value = serde_json::from_str(&told(&golden, "json")).expect("JSON");
        let json = format!("{decision:#}\n");
        for (file, found) in [("tree.txt", told(&golden, "human")), ("decision.json", json)] {
            let path = golden.join(file);
            if std::env::var_os("UPDATE_GOLDEN").is_some() {
                fs::write(&path, found).expect("written");
            } else if fs::read_to_string(&path).unwrap_or_default() != found {
                wrong.push(format!("{}\n{found}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "not as expected (UPDATE_GOLDEN=1 writes anew):\n{}", wrong.join("\n"));
}

const PAGE: &str = include_str!("../../../../docs/explain.md");

/// The paths of all values that hold no others.
fn leaves(value: &Value, path: &str, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => fields.iter().for_each(|(name, below)| {
            let dot = if path.is_empty() { "" } else { "." };
            leaves(below, &format!("{path}{dot}{name}"), found);
        }),
        Value::Array(items) => items.iter().for_each(|item| leaves(item, &format!("{path}[]"), found)),
        _ => _ = found.insert(path.to_owned()),
    }
}

#[test]
fn the_documented_shape_is_that_of_what_is_printed() {
    let rows: BTreeSet<&str> = PAGE.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()).collect();
    let rows: BTreeSet<&str> = rows.into_iter().filter(|row| row.contains(['.', '[']) || PLAIN.contains(row)).collect();
    let mut found = BTreeSet::new();
    for golden in goldens() {
        let decision: Value = serde_json::from_str(&told(&golden, "json")).expect("JSON");
        leaves(&decision, "", &mut found);
    }
    let whole: BTreeSet<String> = found
        .iter()
        .map(|path| path.replace("policies.backends[].policies[]", "POLICY").replace("policies.rule[]", "POLICY"))
        .collect();
    let covers = |row: &str, path: &str| row.strip_suffix("...").map_or(row == path, |front| path.starts_with(front));
    let undocumented: Vec<_> = whole.iter().filter(|path| !rows.iter().any(|row| covers(row, path))).collect();
    assert_eq!(undocumented, Vec::<&String>::new(), "a row of docs/explain.md for each");
    let rows = rows.iter().filter(|row| !row.ends_with("]POLICY"));
    let unseen: Vec<_> = rows.filter(|row| !whole.iter().any(|path| covers(row, path))).collect();
    assert_eq!(unseen, Vec::<&&str>::new(), "a directory that shows each row of docs/explain.md");
}

/// Rows of one word.
const PLAIN: [&str; 2] = ["bind", "outcome"];

#[test]
fn the_example_of_the_page_is_what_is_printed() {
    let tree = told(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cli/explain/policies-of-every-level"), "human");
    assert!(PAGE.contains(&tree), "docs/explain.md shows:\n{tree}");
}
