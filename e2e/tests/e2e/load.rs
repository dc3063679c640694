//! Many requests at once, by h2load.

use crate::backend::Backend;
use crate::certificate::Certificate;
use crate::gateway::Gateway;
use crate::h2load::h2load;
use crate::manifest::{self, Listener};
use crate::port;

#[test]
fn every_request_of_a_load_is_answered_well() {
    let (backend, plain, tls) = (Backend::start("a"), port::free(), port::free());
    let certificate = Certificate::for_names(&["127.0.0.1"]);
    let yaml = [
        manifest::gateway(&[Listener::http("web", plain), Listener::https("tls", tls, "localhost", "certificate")]),
        manifest::secret("certificate", &certificate),
        manifest::service("a", backend.port, None),
        manifest::http_route("all", &[], &manifest::to("a")),
    ];
    let _gateway = Gateway::start(&yaml.concat());
    let http = format!("http://127.0.0.1:{plain}/a");
    let https = format!("https://localhost:{tls}/a");
    let to_tls = format!("--connect-to=127.0.0.1:{tls}");
    assert!(h2load(20_000, &["--h1", "-c", "32", &http]).is_clean());
    assert!(h2load(20_000, &["-c", "8", "-m", "16", &http]).is_clean());
    assert!(h2load(20_000, &[&to_tls, "-c", "8", "-m", "16", &https]).is_clean());
    assert!(h2load(5_000, &[&to_tls, "--h1", "-c", "16", &https]).is_clean());
    assert_eq!(backend.requests(), 65_000);
}
