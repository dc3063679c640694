//! Ports: those in use, those that change, and restricting them.

use std::net::{Ipv4Addr, TcpListener};
use std::process::Command;

use serde_json::Value;

use crate::harness::{Folder, Running, free_port, nantian, stderr, text};
use crate::http::{status, until};
use crate::manifest::{documents, gateway, route, service};

#[test]
fn a_port_in_use_is_told_with_its_place_and_served_once_it_is_free() {
    let holder = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let taken = holder.local_addr().expect("an address").port();
    let port = free_port();
    let both = gateway(port).replace(
        "      port:",
        "      port: PORT\n    - name: taken\n      protocol: HTTP\n      hostname: taken.example\n      port: TAKEN #",
    );
    let both = both.replace("PORT", &port.to_string()).replace("TAKEN", &taken.to_string());
    let objects = documents(&[both, service("app", free_port(), true), route("one", "/one", "app")]);
    let folder = Folder::new(&[("all.yaml", &objects)]);
    let mut running = Running::start(folder.path(), &[]);
    let told = running.diagnostics();
    let told =
        told.iter().find(|event| event["code"] == "not-served").unwrap_or_else(|| panic!("{:#?}", running.events));
    assert!(text(told, "message").contains(&taken.to_string()), "{told}");
    assert!(!text(told, "remedy").is_empty(), "{told}");
    assert_eq!(told["field"], "spec.listeners[1]", "{told}");
    assert_eq!(status(port, "/one"), 200, "the other listener serves");
    let is_gateways = |event: &&Value| event["event"] == "status" && event["object"]["kind"] == "Gateway";
    let of_gateway = running.events.iter().rfind(is_gateways).expect("a status");
    assert_eq!(condition(of_gateway, "Accepted"), ("True".to_owned(), "ListenersNotValid".to_owned()));
    assert_eq!(condition(of_gateway, "Programmed").0, "True");
    drop(holder);
    running.wait_for_resolved("not-served");
    let answer = crate::http::request(taken, "GET", "/one", &[("host", "taken.example")]).expect("an answer");
    assert_eq!(answer.status, 200);
}

/// Status and reason of a condition of the Gateway.
fn condition(status: &Value, kind: &str) -> (String, String) {
    let conditions = status["status"]["conditions"].as_array().expect("conditions");
    let it = conditions.iter().find(|condition| condition["type"] == kind).expect("the condition");
    (text(it, "status").to_owned(), text(it, "reason").to_owned())
}

#[test]
fn a_gateway_whose_only_port_is_taken_is_neither_accepted_nor_programmed_until_the_port_is_free() {
    let holder = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let taken = holder.local_addr().expect("an address").port();
    let folder = Folder::new(&[("all.yaml", &documents(&[gateway(taken), service("app", free_port(), true)]))]);
    let mut running = Running::start(folder.path(), &[]);
    let is_gateways = |event: &Value| event["event"] == "status" && event["object"]["kind"] == "Gateway";
    let pair = |status: &str, reason: &str| (status.to_owned(), reason.to_owned());
    let told = running.events.iter().rfind(|event| is_gateways(event)).expect("a status").clone();
    assert_eq!(condition(&told, "Accepted"), pair("False", "ListenersNotValid"), "{told}");
    assert_eq!(condition(&told, "Programmed"), pair("False", "Invalid"), "{told}");
    drop(holder);
    let told = running.wait_for("the Gateway's status", is_gateways);
    assert_eq!(condition(&told, "Accepted"), pair("True", "Accepted"), "{told}");
    assert_eq!(condition(&told, "Programmed"), pair("True", "Programmed"), "{told}");
}

#[test]
fn a_listener_that_moves_to_another_port_is_told() {
    let (old, new) = (free_port(), free_port());
    let rest = documents(&[service("app", free_port(), true), route("one", "/one", "app")]);
    let folder = Folder::new(&[("gateway.yaml", &gateway(old)), ("rest.yaml", &rest)]);
    let mut running = Running::start(folder.path(), &[]);
    assert_eq!(status(old, "/one"), 200);
    folder.write("gateway.yaml", &gateway(new));
    until(new, "/one", 200);
    let told = running.wait_for("the listener", |event| event["event"] == "listener" && event["state"] == "serving");
    assert!(text(&told, "url").ends_with(&format!(":{new}")), "{told}");
}

#[test]
fn an_admin_port_in_use_ends_it_with_exit_code_1() {
    let holder = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let address = holder.local_addr().expect("an address").to_string();
    let folder = Folder::new(&[("gateway.yaml", &gateway(free_port()))]);
    let output = nantian(&["run", folder.path().to_str().expect("a path"), "--admin", &address], "");
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert!(stderr(&output).contains(&address), "{}", stderr(&output));
}

#[test]
fn an_empty_folder_is_watched_until_there_is_something() {
    let folder = Folder::new(&[]);
    let mut running = Running::start(folder.path(), &[]);
    assert!(running.events.iter().any(|event| text(event, "message").contains("nothing is served yet")));
    assert!(running.runs());
    let port = free_port();
    folder.write("all.yaml", &documents(&[gateway(port), service("app", free_port(), true), route("one", "/", "app")]));
    until(port, "/", 200);
}

#[test]
fn paths_that_do_not_exist_are_wrong_usage() {
    for command in [vec!["run"], vec!["check"], vec!["explain"]] {
        let mut arguments = command.clone();
        arguments.push("/nonexistent/site");
        if command == ["explain"] {
            arguments.extend(["--", "http://a/"]);
        }
        let output = nantian(&arguments, "");
        assert_eq!(output.status.code(), Some(2), "{command:?}");
        assert!(stderr(&output).contains("/nonexistent/site: no such file"), "{}", stderr(&output));
    }
}

#[test]
fn an_engine_setting_that_does_not_exist_is_named() {
    let folder = Folder::new(&[("gateway.yaml", &gateway(free_port()))]);
    let config = Folder::new(&[("config.yaml", "engine:\n  drian: {}\n")]);
    let output = Command::new(env!("CARGO_BIN_EXE_nantian"))
        .arg("run")
        .arg(folder.path())
        .arg("--config")
        .arg(config.file("config.yaml"))
        .output()
        .expect("the binary runs");
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    assert!(stderr(&output).contains("drian"), "{}", stderr(&output));
}
