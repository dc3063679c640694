//! `examples/quickstart`: every line that is printed there is true.

use std::fs;
use std::path::Path;

use http_body_util::BodyExt as _;
use serde_json::Value;

use crate::harness::{Folder, Running, free_port, nantian, stdout, text};
use crate::http::{Answer, request};

fn quickstart() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/quickstart")
}

/// The folder on ports that are free here.
fn copy() -> (Folder, u16) {
    let folder = Folder::new(&[]);
    let port = free_port();
    for entry in fs::read_dir(quickstart()).expect("the folder") {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|extension| extension == "yaml") {
            let mut text = fs::read_to_string(&path).expect("a text").replace("port: 8080", &format!("port: {port}"));
            for backend in ["port: 18091", "port: 18092"] {
                text = text.replace(backend, &format!("port: {}", free_port()));
            }
            folder.write(&path.file_name().expect("a name").to_string_lossy(), &text);
        }
    }
    (folder, port)
}

/// The words of a command as a shell reads them.
fn words(command: &str) -> Vec<String> {
    let (mut words, mut word, mut quoted, mut any) = (Vec::new(), String::new(), false, false);
    for character in command.chars() {
        match character {
            '\'' => (quoted, any) = (!quoted, true),
            ' ' if !quoted => {
                if any || !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
                any = false;
            }
            other => word.push(other),
        }
    }
    words.push(word);
    words
}

/// Does what curl does. `None` for what needs HTTP/2.
fn curl(command: &str, port: u16) -> Option<Answer> {
    let words = words(command);
    assert_eq!(words[0], "curl");
    let (mut method, mut headers, mut url) = ("GET".to_owned(), Vec::new(), String::new());
    let mut rest = words[1..].iter();
    while let Some(word) = rest.next() {
        match word.as_str() {
            "-i" => {}
            "-X" => method.clone_from(rest.next().expect("a method")),
            "-H" => headers.push(rest.next().expect("a header").split_once(": ").expect("a colon")),
            "--http2-prior-knowledge" => return None,
            "--output" | "--data-binary" => {
                rest.next();
            }
            other => url.push_str(other),
        }
    }
    let target =
        url.strip_prefix(&format!("http://localhost:{port}")).unwrap_or_else(|| panic!("another URL: {command}"));
    request(port, &method, target, &headers)
}

#[test]
fn the_folder_is_accepted() {
    let output = nantian(&["check", quickstart().to_str().expect("a path")], "");
    assert_eq!(output.status.code(), Some(0), "{}", stdout(&output));
    assert!(!stdout(&output).contains("warning"), "{}", stdout(&output));
}

#[test]
fn every_line_to_try_answers_as_promised() {
    let (folder, port) = copy();
    let running = Running::start(folder.path(), &[]);
    let samples: Vec<Value> = running.events.iter().filter(|event| event["event"] == "try").cloned().collect();
    let mut answered = 0;
    for sample in &samples {
        let command = text(sample, "command");
        assert!(!text(sample, "expect").is_empty());
        let status = sample["status"].as_u64().unwrap_or_else(|| panic!("the outcome is known: {sample}"));
        let Some(answer) = curl(command, port) else { continue };
        assert_eq!(u64::from(answer.status), status, "{command}: {answer:?}");
        if let Some(services) = sample["services"].as_array() {
            let echo = answer.json();
            assert!(services.contains(&echo["service"]), "{command}: {echo}");
            assert_eq!(echo["path"], sample["path"], "{command}: {echo}");
        }
        if (300..400).contains(&status) {
            let place = answer.header("location").expect("a place");
            assert!(place.ends_with("/search/example"), "{place}");
        }
        answered += 1;
    }
    assert!(answered >= 5, "there is something to try: {samples:#?}");
    let welcome = samples.iter().filter_map(|sample| curl(text(sample, "command"), port));
    assert!(welcome.into_iter().any(|answer| answer.body.contains("Welcome to Nantian Gateway")));
}

/// A unary call over HTTP/2 with prior knowledge: answer header, message and trailers.
async fn unary(port: u16) -> (hyper::Response<()>, Vec<u8>, Option<http::HeaderMap>) {
    let stream = tokio::net::TcpStream::connect(("127.0.0.1", port)).await.expect("a connection");
    let executor = hyper_util::rt::TokioExecutor::new();
    let (mut client, connection) =
        hyper::client::conn::http2::handshake(executor, hyper_util::rt::TokioIo::new(stream)).await.expect("HTTP/2");
    tokio::spawn(connection);
    let request = hyper::Request::post("http://grpc.example/quickstart.Greeter/SayHello")
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .body(http_body_util::Full::new(hyper::body::Bytes::from_static(&[0; 5])))
        .expect("a request");
    let (parts, body) = client.send_request(request).await.expect("an answer").into_parts();
    let body = body.collect().await.expect("a body");
    let trailers = body.trailers().cloned();
    (hyper::Response::from_parts(parts, ()), body.to_bytes().to_vec(), trailers)
}

#[test]
fn grpc_goes_by_service_and_method_with_trailers() {
    let (folder, port) = copy();
    let _running = Running::start(folder.path(), &[]);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let (response, message, trailers) =
        runtime.block_on(async { tokio::time::timeout(crate::harness::GUARD, unary(port)).await.expect("in time") });
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["echo-service"], "quickstart/app-v1");
    assert_eq!(response.headers()["echo-path"], "/quickstart.Greeter/SayHello");
    assert_eq!(message, [0; 5], "one empty message");
    assert_eq!(trailers.expect("trailers")["grpc-status"], "0");
}

#[test]
fn a_request_is_routed_rewritten_and_answered() {
    let (folder, port) = copy();
    let _running = Running::start(folder.path(), &[]);
    let answer = request(port, "GET", "/cart/7?a=b", &[("host", "shop.example")]).expect("an answer");
    assert_eq!(answer.status, 200, "{answer:?}");
    let echo = answer.json();
    assert_eq!(echo["path"], "/api/v2/cart/7");
    assert_eq!(echo["query"], "a=b");
    assert_eq!(echo["host"], "app.internal.example");

    let answer = request(port, "GET", "/hello", &[]).expect("an answer");
    assert_eq!(answer.header("x-served-by"), Some("nantian"));
    assert_eq!(answer.json()["headers"]["x-greeting"], "from the gateway");
    let canary = request(port, "GET", "/hello", &[("x-canary", "yes")]).expect("an answer");
    assert_eq!(canary.json()["service"], "quickstart/app-v2");
}
