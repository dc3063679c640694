//! The table of routes, the OpenAPI document and the answers are of one mind; none has secrets in it.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Request;
use nantian_ir::compile::yaml;
use serde_json::Value;

use super::plane::{Plane, objects, state, state_of, unready};
use super::schema::faults;
use crate::admin::openapi::{document, problems};
use crate::admin::routes::{Content, ROUTES, answer};
use crate::admin::{Port, admin_reference};
use crate::check_reference;

/// A path of each route, for which there is something to tell.
fn paths() -> Vec<(&'static str, String)> {
    let fill = |template: &'static str| {
        let values = match template {
            "/v1/listeners/{name}" => vec![("{name}", "shop%2Fweb%2Fhttps")],
            "/v1/routes/{kind}/{namespace}/{name}" => {
                vec![("{kind}", "HTTPRoute"), ("{namespace}", "shop"), ("{name}", "cart")]
            }
            "/v1/backends/{namespace}/{name}" => vec![("{namespace}", "shop"), ("{name}", "app")],
            "/v1/nodes/{nodeId}" => vec![("{nodeId}", "refusing")],
            _ => Vec::new(),
        };
        values.into_iter().fold(template.to_owned(), |path, (name, value)| path.replace(name, value))
    };
    ROUTES.iter().map(|route| (route.path, fill(route.path))).collect()
}

fn described<'d>(document: &'d Value, template: &str, status: u16, media_type: &str) -> &'d Value {
    let responses = document.get("paths").and_then(|paths| paths.get(template)).map(|path| &path["get"]["responses"]);
    let mut response = &responses.unwrap_or_else(|| panic!("{template} is not in the document"))[status.to_string()];
    if let Some(reference) = response.get("$ref").and_then(Value::as_str) {
        response = document.pointer(reference.trim_start_matches('#')).unwrap();
    }
    let schema = response.pointer(&format!("/content/{}/schema", media_type.replace('/', "~1")));
    schema.unwrap_or_else(|| panic!("{template}: {status} {media_type} is not in the document"))
}

#[test]
fn the_document_has_the_routes_of_the_table_and_no_others() {
    let document = document();
    let described: BTreeSet<&str> = document["paths"].as_object().unwrap().keys().map(String::as_str).collect();
    let table: BTreeSet<&str> = ROUTES.iter().map(|route| route.path).collect();
    assert_eq!(described, table);
    assert_eq!(table.len(), ROUTES.len(), "a path is twice in the table");
    let operations: BTreeSet<String> =
        document["paths"].as_object().unwrap().values().map(|path| path["get"]["operationId"].to_string()).collect();
    assert_eq!(operations.len(), ROUTES.len(), "{operations:?}");
}

/// Of two types with one name, the second gets a number.
#[test]
fn no_two_types_of_the_document_have_one_name() {
    let document = document();
    for name in document["components"]["schemas"].as_object().unwrap().keys() {
        assert!(!name.ends_with(|letter: char| letter.is_ascii_digit()), "{name}");
    }
}

#[tokio::test]
async fn every_answer_is_what_the_document_says() {
    let plane = Plane::ready().await;
    let document = plane.get("/openapi.json").await.json();
    for (template, path) in paths() {
        let told = plane.get(&path).await;
        assert_eq!(told.status, 200, "{path}: {told:?}");
        let media_type = told.field("content-type").unwrap();
        let schema = described(&document, template, 200, media_type);
        let value = if media_type == "application/json" { told.json() } else { Value::String(told.body.clone()) };
        assert_eq!(faults(&document, schema, &value), Vec::<String>::new(), "{path}");
        let is_reported_by_data_planes = ["/v1/ai/token-usage", "/v1/ai/cost"].contains(&template);
        if let Some(elements) = value.as_array() {
            assert_eq!(elements.is_empty(), is_reported_by_data_planes, "{path}: {value}");
        }
    }
}

/// The inputs of the compiler's own tests have every field and every form of each resource.
#[test]
fn whatever_is_compiled_is_told_as_the_document_says() {
    let golden = concat!(env!("CARGO_MANIFEST_DIR"), "/../nantian-ir/tests/golden");
    let document = document();
    let mut inputs = 0;
    for folder in std::fs::read_dir(golden).unwrap() {
        let input = folder.unwrap().path().join("in.yaml");
        let Ok(text) = std::fs::read_to_string(&input) else { continue };
        inputs += 1;
        let state = state_of(&yaml::parse("in.yaml", &text).objects.into_iter().collect());
        for route in ROUTES.iter().filter(|route| route.needs_snapshot && route.path_parameters().next().is_none()) {
            let (mut head, ()) = Request::new(()).into_parts();
            head.uri = route.path.parse().unwrap();
            let (_, answer) = answer(Port::Admin, &head, &state);
            let value: Value = serde_json::from_slice(answer.body()).unwrap();
            let schema = described(&document, route.path, 200, "application/json");
            assert_eq!(faults(&document, schema, &value), Vec::<String>::new(), "{} of {input:?}", route.path);
        }
    }
    assert!(inputs > 100, "{inputs} inputs in {golden}");
}

#[tokio::test]
async fn every_problem_is_what_the_document_says() {
    let plane = Plane::ready().await;
    let document = document();
    for (route, (template, path)) in ROUTES.iter().zip(paths()) {
        let mut provoked = vec![(405, plane.ask("DELETE", &path, "").await)];
        if !matches!(route.content, Content::Text(_)) {
            provoked.push((400, plane.get(&format!("{path}?no-such=1")).await));
        }
        if path != template {
            let (front, _) = path.rsplit_once('/').unwrap();
            provoked.push((404, plane.get(&format!("{front}/no-such")).await));
        }
        for (status, told) in provoked {
            assert_eq!(told.status, status, "{path}: {told:?}");
            let schema = described(&document, template, status, "application/problem+json");
            assert_eq!(told.field("content-type"), Some("application/problem+json"), "{path}");
            assert_eq!(faults(&document, schema, &told.json()), Vec::<String>::new(), "{path}");
            assert_eq!(told.json()["status"], status, "{path}");
        }
    }
}

#[tokio::test]
async fn only_what_needs_a_snapshot_waits_for_one_and_the_document_says_which_that_is() {
    let plane = Plane::start(Port::Admin, unready()).await;
    for (route, (_, path)) in ROUTES.iter().zip(paths()) {
        let told = plane.get(&path).await;
        if route.path == "/readyz" {
            assert_eq!((told.status, told.body.trim()), (503, "not ready: no snapshot was published yet"));
            continue;
        }
        assert_eq!(told.status == 503, problems(route).contains(&503), "{path}: {told:?}");
    }
}

#[tokio::test]
async fn no_answer_has_secrets() {
    let (_, key) = objects();
    assert!(key.contains("PRIVATE KEY"));
    let plane = Plane::ready().await;
    let mut seen = 0;
    for (_, path) in paths() {
        let body = plane.get(&path).await.body;
        seen += body.len();
        // The certificate of this state has a key of its own: what all keys begin with is looked for.
        let known = ["known-secret-of-a-provider", "known-secret-of-a-user"];
        let encoded = known.map(|secret| STANDARD.encode(secret).trim_end_matches('=').to_owned());
        for secret in known.into_iter().map(str::to_owned).chain(encoded).chain(["PRIVATE KEY".to_owned()]) {
            assert!(!body.contains(&secret), "{path} has {secret}");
        }
        assert!(!body.contains(&STANDARD.encode("-----BEGIN PRIVATE KEY")[..28]), "{path}");
    }
    assert!(seen > 10_000, "the answers are not empty: {seen} bytes");
}

#[tokio::test]
async fn the_key_of_the_snapshot_shows_nowhere() {
    let state = state();
    let published = state.published.borrow().clone().unwrap();
    let certificate = published.snapshot.certificates.values().next().expect("the certificate is served").clone();
    let pem = String::from_utf8(certificate.private_key.expose().to_vec()).unwrap();
    let lines: Vec<&str> = pem.lines().filter(|line| !line.starts_with("---")).collect();
    assert!(!lines.is_empty());
    let encoded = STANDARD.encode(&pem);
    let plane = Plane::start(Port::Admin, state).await;
    for (_, path) in paths() {
        let body = plane.get(&path).await.body;
        for line in &lines {
            assert!(!body.contains(line), "{path} has a line of the key");
        }
        assert!(!body.contains(&encoded[..40]), "{path} has the key in base64");
    }
}

#[test]
fn docs_admin_api_md_is_what_the_table_says() {
    check_reference("admin-api.md", &admin_reference());
}
