//! Mistakes in files: told with their place, and harming nothing else.

use crate::harness::{Folder, Running, free_port, nantian, stdout, text};
use crate::http::{status, until};
use crate::manifest::{documents, gateway, route, service};

fn started() -> (Folder, Running, u16) {
    let port = free_port();
    let folder = Folder::new(&[
        ("gateway.yaml", &documents(&[gateway(port), service("app", free_port(), true)])),
        ("routes.yaml", &documents(&[route("one", "/one", "app"), route("two", "/two", "app")])),
    ]);
    let running = Running::start(folder.path(), &[]);
    assert_eq!(status(port, "/one"), 200, "{:#?}", running.events);
    (folder, running, port)
}

#[test]
fn a_file_with_broken_yaml_leaves_its_old_objects_serving_until_it_is_mended() {
    let (folder, mut running, port) = started();
    folder.write("routes.yaml", "apiVersion: v1\nkind: [unclosed\n");
    let told = running.wait_for_diagnostic("yaml-syntax");
    assert!(text(&told["source"], "file").ends_with("routes.yaml"), "{told}");
    assert!(told["source"]["line"].as_u64() >= Some(2), "{told}");
    assert!(text(&told, "remedy").contains("previous version goes on serving"), "{told}");
    assert_eq!(status(port, "/one"), 200);
    assert_eq!(status(port, "/two"), 200);
    folder.write("routes.yaml", &route("three", "/three", "app"));
    running.wait_for_resolved("yaml-syntax");
    until(port, "/three", 200);
    assert_eq!(status(port, "/one"), 404);
}

#[test]
fn a_broken_object_keeps_its_old_version_and_harms_no_other() {
    let (folder, mut running, port) = started();
    // A wrong type in one route, a change in the other.
    let broken = route("one", "/one", "app").replace("value: /one", "value: [1, 2]");
    folder.write("routes.yaml", &documents(&[broken, route("two", "/changed", "app")]));
    let told = running.wait_for("a diagnostic", |event| event["event"] == "diagnostic" && event["state"] == "new");
    assert_eq!(told["object"]["name"], "one", "{told}");
    assert!(text(&told, "field").starts_with("spec.rules[0].matches[0].path"), "{told}");
    assert_eq!(told["severity"], "error");
    until(port, "/changed", 200);
    assert_eq!(status(port, "/one"), 200, "the old version serves");
    assert_eq!(status(port, "/two"), 404);
    folder.write("routes.yaml", &documents(&[route("one", "/mended", "app"), route("two", "/changed", "app")]));
    running.wait_for("healing", |event| event["event"] == "diagnostic" && event["state"] == "resolved");
    until(port, "/mended", 200);
    assert_eq!(status(port, "/one"), 404);
}

#[test]
fn a_half_written_file_removes_nothing() {
    let (folder, mut running, port) = started();
    let whole = documents(&[route("one", "/one", "app"), route("two", "/two", "app")]);
    let middle = whole.find("parentRefs").expect("a place");
    folder.write("routes.yaml", &whole[..middle + 4]);
    running.wait_for("a diagnostic", |event| event["event"] == "diagnostic" && event["state"] == "new");
    assert_eq!(status(port, "/one"), 200);
    assert_eq!(status(port, "/two"), 200);
}

#[test]
fn a_file_that_is_not_utf8_leaves_its_old_objects_serving() {
    let (folder, mut running, port) = started();
    std::fs::write(folder.file("routes.yaml"), b"kind: \xff\xfe").expect("a file");
    let told = running.wait_for_diagnostic("file-not-utf8");
    assert!(text(&told["source"], "file").ends_with("routes.yaml"), "{told}");
    assert_eq!(status(port, "/one"), 200);
}

#[test]
fn an_unknown_kind_is_told_and_harms_no_other() {
    let (folder, mut running, port) = started();
    folder.write("other.yaml", "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRout\nmetadata: {name: x}\n");
    let told = running.wait_for_diagnostic("unsupported-kind");
    assert!(text(&told, "message").contains("HTTPRout"), "{told}");
    assert_eq!(told["source"]["line"], 2, "{told}");
    assert_eq!(status(port, "/one"), 200);
}

#[test]
fn a_missing_backend_is_told_and_answers_500_until_it_is_there() {
    let (folder, mut running, port) = started();
    folder.write("three.yaml", &route("three", "/three", "absent"));
    let told = running.wait_for_diagnostic("backend-not-found");
    assert_eq!(told["object"]["name"], "three", "{told}");
    until(port, "/three", 500);
    assert_eq!(status(port, "/one"), 200);
    folder.write("absent.yaml", &service("absent", free_port(), true));
    running.wait_for_resolved("backend-not-found");
    until(port, "/three", 200);
}

#[test]
fn a_diagnostic_is_told_once() {
    let (folder, mut running, port) = started();
    folder.write("three.yaml", &route("three", "/three", "absent"));
    running.wait_for_diagnostic("backend-not-found");
    folder.write("four.yaml", &route("four", "/four", "app"));
    until(port, "/four", 200);
    folder.write("five.yaml", &route("five", "/five", "app"));
    until(port, "/five", 200);
    running.wait_for_applied();
    running.wait_for_applied();
    let told = running.diagnostics().into_iter().filter(|event| event["code"] == "backend-not-found").count();
    assert_eq!(told, 1, "{:#?}", running.events);
}

fn https_gateway(port: u16, name: &str) -> String {
    format!(
        "apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata:
  name: {name}
spec:
  gatewayClassName: nantian-gw
  listeners:
    - name: https
      protocol: HTTPS
      port: {port}
      tls:
        certificateRefs:
          - name: {name}-certificate
"
    )
}

fn secret(name: &str, chain: &str, key: &str) -> String {
    let block = |text: &str| text.trim_end().lines().map(|line| format!("    {line}")).collect::<Vec<_>>().join("\n");
    format!(
        "apiVersion: v1
kind: Secret
metadata:
  name: {name}
type: kubernetes.io/tls
stringData:
  tls.crt: |
{}
  tls.key: |
{}
",
        block(chain),
        block(key)
    )
}

#[test]
fn a_certificate_that_does_not_fit_its_key_is_told_and_harms_no_other() {
    let (folder, mut running, port) = started();
    let one = rcgen::generate_simple_self_signed(["a.example".to_owned()]).expect("a certificate");
    let other = rcgen::generate_simple_self_signed(["b.example".to_owned()]).expect("a certificate");
    let secret = secret("tls-certificate", &one.cert.pem(), &other.signing_key.serialize_pem());
    folder.write("tls.yaml", &documents(&[https_gateway(free_port(), "tls"), secret]));
    let told = running.wait_for("a diagnostic", |event| event["event"] == "diagnostic" && event["severity"] == "error");
    assert!(["Gateway", "Secret"].contains(&text(&told["object"], "kind")), "{told}");
    assert!(!told.to_string().contains("PRIVATE KEY"), "key material is never told");
    assert_eq!(status(port, "/one"), 200);
}

/// Gateway API, `Listener`: on one port, listeners must speak compatible protocols.
#[test]
fn conflicting_listeners_are_told() {
    let port = free_port();
    let https = https_gateway(port, "web");
    let (_, listener) = https.split_once("listeners:\n").expect("listeners");
    let folder = Folder::new(&[("all.yaml", &format!("{}{listener}", gateway(port)))]);
    let output = nantian(&["check", folder.path().to_str().expect("a path")], "");
    assert_eq!(output.status.code(), Some(1));
    assert!(stdout(&output).contains("ProtocolConflict"), "{}", stdout(&output));
}
