//! gRPC, by Python's `grpcio` as client and server.

use crate::certificate::Certificate;
use crate::gateway::Gateway;
use crate::manifest::{self, Listener};
use crate::{port, python};

const HELD: [&str; 10] = [
    "unary",
    "metadata",
    "message of 3 MiB",
    "server streaming",
    "client streaming",
    "bidirectional streaming",
    "status",
    "deadline",
    "unknown method",
    "unrouted service",
];

#[test]
fn all_kinds_of_calls_pass_over_h2c_and_tls() {
    let server = python::Server::start("grpc_server.py");
    let (plain, tls) = (port::free(), port::free());
    let certificate = Certificate::for_names(&["grpc.example.com"]);
    let folder = tempfile::tempdir().unwrap();
    let trusted = certificate.save(folder.path(), "grpc").display().to_string();
    let yaml = [
        manifest::gateway(&[
            Listener::http("web", plain),
            Listener::https("tls", tls, "grpc.example.com", "certificate"),
        ]),
        manifest::secret("certificate", &certificate),
        manifest::service("grpc", server.port, None),
        manifest::grpc_route(
            "echo",
            &["grpc.example.com"],
            "[{matches: [{method: {service: test.Echo}}], backendRefs: [{name: grpc, port: 80}]}]",
        ),
    ];
    let _gateway = Gateway::start(&yaml.concat());
    assert_eq!(python::run("grpc_client.py", &[&plain.to_string(), "grpc.example.com"]), HELD);
    assert_eq!(python::run("grpc_client.py", &[&tls.to_string(), "grpc.example.com", &trusted]), HELD);
}
