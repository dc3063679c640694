//! HTTP/2 without TLS, by curl.

use crate::backend::{Backend, digest, pattern};
use crate::curl::curl;
use crate::gateway::Gateway;
use crate::manifest::{self, Listener};
use crate::port;

fn start(app_protocol: Option<&str>) -> (Gateway, Backend, String) {
    let (backend, port) = (Backend::start("a"), port::free());
    let yaml = [
        manifest::gateway(&[Listener::http("web", port)]),
        manifest::service("a", backend.port, app_protocol),
        manifest::http_route("all", &[], &manifest::to("a")),
    ];
    (Gateway::start(&yaml.concat()), backend, format!("http://127.0.0.1:{port}"))
}

#[test]
fn prior_knowledge_is_served_on_the_port_of_http_1() {
    let (_gateway, _backend, url) = start(None);
    let answer = curl(&["--http2-prior-knowledge", &format!("{url}/a")]);
    assert_eq!((answer.status, answer.version.as_str()), (200, "2"));
    assert_eq!(answer.json()["version"], "HTTP/1.1", "a backend without appProtocol gets HTTP/1.1");
    assert_eq!(curl(&["--http1.1", &format!("{url}/a")]).version, "1.1");
}

#[test]
fn a_backend_of_the_protocol_h2c_gets_http_2() {
    let (_gateway, _backend, url) = start(Some("kubernetes.io/h2c"));
    for client in ["--http1.1", "--http2-prior-knowledge"] {
        let answer = curl(&[client, "-H", "Host: shop.example", &format!("{url}/a?b")]);
        assert_eq!(answer.status, 200);
        assert_eq!(answer.json()["version"], "HTTP/2.0", "{client}");
        assert_eq!(answer.json()["uri"], "http://shop.example/a?b");
    }
}

#[test]
fn uploads_and_downloads_arrive_whole_over_every_pair_of_protocols() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("upload");
    let bytes: Vec<u8> = (0..2_500_000).map(pattern).collect();
    std::fs::write(&file, &bytes).unwrap();
    let data = format!("@{}", file.display());
    for app_protocol in [None, Some("kubernetes.io/h2c")] {
        let (_gateway, _backend, url) = start(app_protocol);
        for client in ["--http1.1", "--http2-prior-knowledge"] {
            let answer = curl(&[client, "-H", "Expect:", "--data-binary", &data, &format!("{url}/digest")]);
            assert_eq!(answer.text(), digest(&bytes), "{client} to {app_protocol:?}");
            assert_eq!(answer.uploaded, 2_500_000);
            let answer = curl(&[client, &format!("{url}/download/2500000")]);
            assert_eq!(digest(&answer.body), digest(&bytes), "{client} from {app_protocol:?}");
        }
    }
}

#[test]
fn trailers_pass_from_http_2_to_http_2() {
    let (_gateway, _backend, url) = start(Some("kubernetes.io/h2c"));
    let answer = curl(&["--http2-prior-knowledge", "-H", "TE: trailers", &format!("{url}/trailers")]);
    assert_eq!(answer.text(), "with trailers");
    assert_eq!(answer.values("x-checksum"), ["abc123"]);
}
