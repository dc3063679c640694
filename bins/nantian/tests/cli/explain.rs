//! `nantian explain`.

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
