//! `nantian check`.

use serde_json::Value;

use crate::harness::{Folder, free_port, nantian, stderr, stdout};
use crate::manifest::{documents, gateway, route, service};

fn good() -> String {
    documents(&[gateway(8080), service("app", 9, false), route("one", "/one", "app")])
}

fn check(folder: &Folder, arguments: &[&str]) -> (Option<i32>, String) {
    let mut all = vec!["check", folder.path().to_str().expect("a path")];
    all.extend(arguments);
    let output = nantian(&all, "");
    (output.status.code(), stdout(&output))
}

#[test]
fn exit_code_0_when_everything_is_accepted() {
    let (code, text) = check(&Folder::new(&[("all.yaml", &good())]), &[]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("all accepted") && text.contains("HTTPRoute/default/one"), "{text}");
    assert!(!text.contains('\x1b'), "no colours where there is no terminal");
}

#[test]
fn exit_code_1_with_file_line_object_field_and_remedy_when_something_is_not() {
    let folder = Folder::new(&[("all.yaml", &good()), ("bad.yaml", &route("two", "/two", "absent"))]);
    let (code, text) = check(&folder, &[]);
    assert_eq!(code, Some(1), "{text}");
    for part in
        ["error[backend-not-found]", "bad.yaml:", "HTTPRoute/default/two", "spec.rules[0].backendRefs[0]", "= help:"]
    {
        assert!(text.contains(part), "{part} is told: {text}");
    }
    assert!(text.contains("- name: absent"), "the line is shown: {text}");
}

#[test]
fn what_only_the_engine_refuses_is_told_too() {
    let filter = "    - filters:
        - type: RequestHeaderModifier
          requestHeaderModifier:
            set:
              - name: connection
                value: close
      matches:";
    let with_filter = route("two", "/two", "app").replacen("    - matches:", filter, 1);
    assert!(with_filter.contains("RequestHeaderModifier"), "{with_filter}");
    let folder = Folder::new(&[("all.yaml", &good()), ("two.yaml", &with_filter)]);
    let (code, text) = check(&folder, &[]);
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("error[not-served]") && text.contains("connection"), "{text}");
}

#[test]
fn colours_only_when_wanted() {
    let folder = Folder::new(&[("all.yaml", &route("two", "/two", "absent"))]);
    assert!(check(&folder, &["--color", "always"]).1.contains("\x1b["));
    assert!(!check(&folder, &["--color", "never"]).1.contains('\x1b'));
}

#[test]
fn json_is_one_object_on_each_line() {
    let folder = Folder::new(&[("all.yaml", &good()), ("bad.yaml", &route("two", "/two", "absent"))]);
    let (code, text) = check(&folder, &["--output", "json"]);
    assert_eq!(code, Some(1));
    let events: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert!(
        events.iter().any(|event| event["event"] == "diagnostic" && event["code"] == "backend-not-found"),
        "{text}"
    );
    let sum = events.last().expect("an event");
    assert_eq!((&sum["event"], &sum["accepted"], &sum["errors"]), (&"checked".into(), &false.into(), &1.into()));
    let status = events.iter().find(|event| event["event"] == "status" && event["object"]["name"] == "web");
    assert!(status.expect("a status")["status"]["conditions"].is_array(), "{text}");
}

#[test]
fn standard_input_is_read() {
    let output = nantian(&["check", "-"], &good());
    assert_eq!(output.status.code(), Some(0), "{}", stdout(&output));
    let output = nantian(&["check", "-"], "kind: [");
    assert_eq!(output.status.code(), Some(1));
    assert!(stdout(&output).contains("<stdin>:"), "{}", stdout(&output));
}

#[test]
fn a_pipe_is_read_as_a_path() {
    let output = nantian(&["check", "/dev/stdin"], &good());
    assert_eq!(output.status.code(), Some(0), "{}{}", stdout(&output), stderr(&output));
}

#[test]
fn a_folder_without_objects_is_wrong_usage() {
    let folder = Folder::new(&[("README.md", "nothing")]);
    let output = nantian(&["check", folder.path().to_str().expect("a path")], "");
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("no objects in"), "{}", stderr(&output));
}

#[test]
fn no_port_is_opened() {
    let port = free_port();
    let holder = std::net::TcpListener::bind(("127.0.0.1", port)).expect("the port");
    let folder = Folder::new(&[("all.yaml", &good().replace("8080", &port.to_string()))]);
    assert_eq!(check(&folder, &[]).0, Some(0));
    drop(holder);
}

#[test]
fn another_controllers_gateway_is_not_ours_to_refuse() {
    let class = "apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata:
  name: nantian-gw
spec:
  controllerName: example.com/other
";
    let folder = Folder::new(&[("all.yaml", &good()), ("class.yaml", class)]);
    let (code, text) = check(&folder, &[]);
    assert_eq!(code, Some(0), "{text}");
    assert!(!text.contains("✓ Gateway/default/web"), "{text}");
    assert!(text.contains("info[foreign-class]") && text.contains("--gateway-class"), "{text}");
    assert!(text.ends_with("5 objects: 2 accepted, 3 not ours\n"), "{text}");
    let (code, text) = check(&folder, &["--gateway-class", "nantian-gw"]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("✓ Gateway/default/web") && text.ends_with("5 objects: 4 accepted, 1 not ours\n"), "{text}");
}

#[test]
fn a_class_that_no_object_has_is_ours_unless_classes_are_named() {
    let folder = Folder::new(&[("all.yaml", &good().replace("nantian-gw", "any"))]);
    let (code, text) = check(&folder, &[]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("info[class-adopted]") && text.contains("✓ Gateway/default/web"), "{text}");
    assert!(text.ends_with("4 objects: all accepted\n"), "{text}");
    let (_, text) = check(&folder, &["--gateway-class", "other"]);
    assert!(text.contains("warning[class-not-found]") && !text.contains("✓ Gateway/default/web"), "{text}");
    assert!(text.ends_with("4 objects: 2 accepted, 2 not ours, 1 warning\n"), "{text}");
}

#[test]
fn an_ai_service_that_the_data_plane_has_no_part_for_is_not_accepted() {
    let service =
        "apiVersion: nantian.dev/v1alpha1\nkind: AIService\nmetadata: {name: chat}\nspec: {provider: openai}\n";
    let output = nantian(&["check", "-"], service);
    let text = stdout(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    for part in ["AIService/default/chat", "Accepted False (UnsupportedFeature)", "1 not accepted"] {
        assert!(text.contains(part), "{part} is told:\n{text}");
    }
}
