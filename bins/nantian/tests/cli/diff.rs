//! `nantian diff`.

use serde_json::Value;

use crate::harness::{Folder, nantian, stderr, stdout};
use crate::manifest::{documents, gateway, route, service};

fn folder(objects: &[String]) -> Folder {
    Folder::new(&[("all.yaml", &documents(objects))])
}

fn base() -> Vec<String> {
    vec![gateway(8080), service("app", 9, false), service("other", 10, false), route("one", "/one", "app")]
}

fn diff(old: &Folder, new: &Folder, arguments: &[&str]) -> (Option<i32>, String) {
    let mut all = vec!["diff", old.path().to_str().expect("a path"), new.path().to_str().expect("a path")];
    all.extend(arguments);
    let output = nantian(&all, "");
    (output.status.code(), stdout(&output) + &stderr(&output))
}

fn json(old: &Folder, new: &Folder) -> Value {
    let (code, text) = diff(old, new, &["--output", "json"]);
    assert_eq!(code, Some(1), "{text}");
    serde_json::from_str(&text).expect("JSON")
}

#[test]
fn the_same_objects_do_not_differ_wherever_they_are() {
    let (old, new) = (folder(&base()), Folder::new(&[]));
    for (index, object) in base().iter().enumerate() {
        new.write(&format!("{index}.yaml"), object);
    }
    let (code, text) = diff(&old, &new, &[]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("nothing differs"), "{text}");
}

#[test]
fn another_backend_is_told_as_a_resource_and_as_answers() {
    let mut changed = base();
    changed.pop();
    changed.push(route("one", "/one", "other"));
    let (old, new) = (folder(&base()), folder(&changed));
    let (code, text) = diff(&old, &new, &[]);
    assert_eq!(code, Some(1), "{text}");
    for part in [
        "+ backend Service/default/other:80",
        "~ route rule HTTPRoute/default/one",
        "- backend Service/default/app:80",
        "GET http://localhost:8080/one\n",
        "GET http://localhost:8080/one/example\n",
        "before: forwarded to one of its backends, 100% Service/default/app:80",
        "now:    forwarded to one of its backends, 100% Service/default/other:80",
        "2 of 3 requests differ",
    ] {
        assert!(text.contains(part), "{part} is told:\n{text}");
    }
}

#[test]
fn a_route_that_takes_requests_of_another_is_seen_in_their_answers() {
    let mut more = base();
    more.push(route("stronger", "/one/example", "other"));
    let found = json(&folder(&base()), &folder(&more));
    let requests: Vec<&str> = found["behaviour"]["changed"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|one| one["request"].as_str())
        .collect();
    assert_eq!(requests, ["GET http://localhost:8080/one/example", "GET http://localhost:8080/one/example/example"]);
    assert_eq!(found["resources"]["changed"].as_array().map(Vec::len), Some(0));
}

#[test]
fn a_route_that_is_renamed_answers_as_before() {
    let mut renamed = base();
    renamed.pop();
    renamed.push(route("uno", "/one", "app"));
    let found = json(&folder(&base()), &folder(&renamed));
    assert_eq!(found["behaviour"]["changed"].as_array().map(Vec::len), Some(0), "{found}");
    assert_eq!(found["resources"]["added"][0]["key"], "HTTPRoute/default/uno/0");
    assert_eq!(found["resources"]["removed"][0]["key"], "HTTPRoute/default/one/0");
}

#[test]
fn matches_of_each_sort_are_tried() {
    let with = |matches: &str, backend: &str| {
        let mut objects = base();
        let matched = route("one", "/one", backend);
        let (before, after) = matched.split_once("    - matches:").expect("matches");
        let after = after.split_once("backendRefs").expect("backends").1;
        objects.pop();
        objects.push(format!("{before}    - matches:\n      - {matches}\n      backendRefs{after}"));
        folder(&objects)
    };
    for (matches, request) in [
        ("{path: {type: RegularExpression, value: \"/user/[0-9]+\"}}", "GET http://localhost:8080/user/0"),
        ("{method: PUT}", "PUT http://localhost:8080/"),
        ("{headers: [{name: x-user, value: beta}]}", "GET http://localhost:8080/ -H 'x-user: beta'"),
        (
            "{headers: [{type: RegularExpression, name: x-user, value: \"b.ta\"}]}",
            "GET http://localhost:8080/ -H 'x-user: bata'",
        ),
        ("{queryParams: [{name: q, value: \"a b\"}]}", "GET http://localhost:8080/?q=a%20b"),
    ] {
        let found = json(&with(matches, "app"), &with(matches, "other"));
        let changed = found["behaviour"]["changed"].as_array().expect("a list");
        assert!(changed.iter().any(|one| one["request"] == request), "{request} differs: {found}");
    }
}

#[test]
fn a_listener_that_is_gone_answers_nobody() {
    let found = json(&folder(&base()), &Folder::new(&[]));
    let changed = found["behaviour"]["changed"].as_array().expect("a list");
    assert_eq!(changed.len(), 3, "{found}");
    for change in changed {
        assert!(change["new"]["outcome"].as_str().is_some_and(|text| text.starts_with("nobody answers")), "{change}");
    }
    assert_eq!(found["statuses"][0]["new"], Value::Null);
}

#[test]
fn conditions_that_turn_are_told_with_why() {
    let broken = vec![gateway(8080), route("one", "/one", "app"), service("other", 10, false)];
    let (code, text) = diff(&folder(&base()), &folder(&broken), &[]);
    assert_eq!(code, Some(1), "{text}");
    for part in
        ["ResolvedRefs True (ResolvedRefs) → False (BackendNotFound)", "Service default/app does not exist", "1 error"]
    {
        assert!(text.contains(part), "{part} is told:\n{text}");
    }
}

#[test]
fn private_keys_are_never_told() {
    let objects = |key: &rcgen::KeyPair, certificate: &rcgen::Certificate| {
        let secret = serde_json::json!({
            "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls", "metadata": {"name": "cert"},
            "stringData": {"tls.crt": certificate.pem(), "tls.key": key.serialize_pem()},
        });
        let secure =
            gateway(8443).replace("protocol: HTTP", "protocol: HTTPS\n      tls: {certificateRefs: [{name: cert}]}");
        folder(&[secure, secret.to_string()])
    };
    let make = || {
        let key = rcgen::KeyPair::generate().expect("a key");
        let certificate = rcgen::CertificateParams::new(vec!["a.example".to_owned()])
            .expect("names")
            .self_signed(&key)
            .expect("a certificate");
        (key, certificate)
    };
    let ((old_key, old), (new_key, new)) = (make(), make());
    let (code, text) = diff(&objects(&old_key, &old), &objects(&new_key, &new), &["--output", "json"]);
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("certificate") && text.contains("privateKey"), "{text}");
    let secret = |key: &rcgen::KeyPair| key.serialize_pem().lines().nth(1).expect("a line").to_owned();
    assert!(!text.contains(&secret(&old_key)) && !text.contains(&secret(&new_key)), "{text}");
}

#[test]
fn a_path_that_is_missing_is_wrong_usage() {
    let output = nantian(&["diff", "/nowhere/a", "/nowhere/b"], "");
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn conditions_of_each_section_of_a_target_and_of_services_are_told_apart() {
    let policy = |sections: &[&str]| {
        let target = |section: &&str| {
            format!("{{group: gateway.networking.k8s.io, kind: HTTPRoute, name: one, sectionName: {section}}}")
        };
        let targets = sections.iter().map(target).collect::<Vec<_>>().join(", ");
        format!(
            "apiVersion: nantian.dev/v1alpha1\nkind: RoutePolicy\nmetadata: {{name: limits}}\nspec:\n  targetRefs: \
             [{targets}]\n  default: {{timeout: {{request: 1s}}}}\n"
        )
    };
    let service =
        "apiVersion: nantian.dev/v1alpha1\nkind: AIService\nmetadata: {name: chat}\nspec: {provider: openai}\n";
    let with = |more: &[String]| folder(&[&base()[..], more].concat());
    let found = json(&with(&[]), &with(&[policy(&["a", "b"]), service.to_owned()]));
    let accepted = found["statuses"].as_array().expect("a list").iter().filter(|change| change["type"] == "Accepted");
    let about: Vec<_> = accepted.map(|change| (change["object"]["name"].as_str(), change["about"].as_str())).collect();
    for expected in [
        (Some("limits"), Some("ancestor HTTPRoute/default/one a")),
        (Some("limits"), Some("ancestor HTTPRoute/default/one b")),
        (Some("chat"), None),
    ] {
        assert!(about.contains(&expected), "{expected:?} is told: {about:?}");
    }
}
