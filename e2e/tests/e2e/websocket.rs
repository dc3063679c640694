//! WebSocket, by Python's `websockets` as client and server.

use crate::certificate::Certificate;
use crate::gateway::Gateway;
use crate::manifest::{self, Listener};
use crate::{port, python};

const HELD: [&str; 6] = ["subprotocol", "text", "binary of 1 MiB", "ping", "500 messages", "close code"];

#[test]
fn websocket_passes_over_http_and_https() {
    let server = python::Server::start("websocket_server.py");
    for app_protocol in [None, Some("kubernetes.io/ws")] {
        let (plain, tls) = (port::free(), port::free());
        let certificate = Certificate::for_names(&["ws.example.com"]);
        let folder = tempfile::tempdir().unwrap();
        let trusted = certificate.save(folder.path(), "ws").display().to_string();
        let yaml = [
            manifest::gateway(&[
                Listener::http("web", plain),
                Listener::https("tls", tls, "ws.example.com", "certificate"),
            ]),
            manifest::secret("certificate", &certificate),
            manifest::service("ws", server.port, app_protocol),
            manifest::http_route("all", &[], &manifest::to("ws")),
        ];
        let _gateway = Gateway::start(&yaml.concat());
        assert_eq!(python::run("websocket_client.py", &[&format!("ws://ws.example.com:{plain}/chat")]), HELD);
        assert_eq!(python::run("websocket_client.py", &[&format!("wss://ws.example.com:{tls}/chat"), &trusted]), HELD);
    }
}
