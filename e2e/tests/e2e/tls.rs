//! TLS termination, by curl.

use std::path::{Path, PathBuf};

use crate::backend::Backend;
use crate::certificate::Certificate;
use crate::curl::{Answer, curl, curl_or_error};
use crate::gateway::{Gateway, eventually};
use crate::manifest::{self, Listener};
use crate::port;

/// A request to `https://HOST:PORT/`, trusting one certificate.
fn get(host: &str, port: u16, trusted: &Path, more: &[&str]) -> Result<Answer, String> {
    let resolve = format!("{host}:{port}:127.0.0.1");
    let url = format!("https://{host}:{port}/");
    let trusted = trusted.display().to_string();
    let mut arguments = vec!["--resolve", &resolve, "--cacert", &trusted];
    arguments.extend(more);
    arguments.push(&url);
    curl_or_error(&arguments)
}

struct Site {
    gateway: Gateway,
    _backend: Backend,
    port: u16,
    folder: tempfile::TempDir,
    /// Where each certificate is, for clients that trust it.
    exact: PathBuf,
    wildcard: PathBuf,
}

fn secrets(exact: &Certificate, wildcard: &Certificate) -> String {
    manifest::secret("exact", exact) + &manifest::secret("wildcard", wildcard)
}

impl Site {
    fn start() -> Self {
        let (backend, port) = (Backend::start("a"), port::free());
        let folder = tempfile::tempdir().unwrap();
        let exact = Certificate::for_names(&["shop.example.com"]);
        let wildcard = Certificate::for_names(&["*.example.com"]);
        let yaml = [
            manifest::gateway(&[
                Listener::https("exact", port, "shop.example.com", "exact"),
                Listener::https("wildcard", port, "*.example.com", "wildcard"),
            ]),
            manifest::service("a", backend.port, None),
            manifest::http_route("all", &[], &manifest::to("a")),
            secrets(&exact, &wildcard),
        ];
        let (exact, wildcard) = (exact.save(folder.path(), "exact"), wildcard.save(folder.path(), "wildcard"));
        let gateway = Gateway::start(&yaml.concat());
        Self { gateway, _backend: backend, port, folder, exact, wildcard }
    }
}

#[test]
fn the_certificate_is_chosen_by_server_name() {
    let site = Site::start();
    let exact = get("shop.example.com", site.port, &site.exact, &[]).unwrap();
    assert_eq!(exact.status, 200);
    assert_eq!(exact.json()["headers"]["x-forwarded-proto"][0], "https");
    assert_eq!(get("other.example.com", site.port, &site.wildcard, &[]).unwrap().status, 200);
    // The certificate of the other listener is not shown.
    assert!(get("shop.example.com", site.port, &site.wildcard, &[]).is_err());
    assert!(get("other.example.com", site.port, &site.exact, &[]).is_err());
}

#[test]
fn http_2_is_negotiated_and_http_1_is_served_to_clients_without_it() {
    let site = Site::start();
    assert_eq!(get("shop.example.com", site.port, &site.exact, &[]).unwrap().version, "2");
    assert_eq!(get("shop.example.com", site.port, &site.exact, &["--http1.1"]).unwrap().version, "1.1");
    assert_eq!(get("shop.example.com", site.port, &site.exact, &["--no-alpn"]).unwrap().version, "1.1");
}

#[test]
fn tls_1_2_and_1_3_are_served_and_nothing_older() {
    let site = Site::start();
    for version in ["1.2", "1.3"] {
        let only = format!("--tlsv{version}");
        assert_eq!(
            get("shop.example.com", site.port, &site.exact, &[&only, "--tls-max", version]).unwrap().status,
            200
        );
    }
    let old = get(
        "shop.example.com",
        site.port,
        &site.exact,
        &["--tlsv1.0", "--tls-max", "1.1", "--ciphers", "DEFAULT@SECLEVEL=0"],
    );
    assert!(old.is_err(), "TLS 1.1 was served");
}

#[test]
fn a_new_certificate_serves_new_handshakes() {
    let site = Site::start();
    assert_eq!(get("shop.example.com", site.port, &site.exact, &[]).unwrap().status, 200);
    let renewed = Certificate::for_names(&["shop.example.com"]);
    let trusted = renewed.save(site.folder.path(), "renewed");
    let file = site.gateway.folder().join("gateway.yaml");
    let old = std::fs::read_to_string(file).unwrap();
    let (kept, _) = old.split_once("---\napiVersion: v1\nkind: Secret").unwrap();
    let wildcard = Certificate::for_names(&["*.example.com"]);
    site.gateway.write("gateway.yaml", &(kept.to_owned() + &secrets(&renewed, &wildcard)));
    let answer = eventually("the new certificate is served", || get("shop.example.com", site.port, &trusted, &[]).ok());
    assert_eq!(answer.status, 200);
    assert!(get("shop.example.com", site.port, &site.exact, &[]).is_err(), "the old certificate is still served");
}

#[test]
fn a_connection_for_one_server_name_does_not_serve_another_listener() {
    let site = Site::start();
    // Gateway API, listener isolation: one connection, asked for a host of the other listener.
    let resolve = format!("other.example.com:{}:127.0.0.1", site.port);
    let url = format!("https://other.example.com:{}/", site.port);
    let trusted = site.wildcard.display().to_string();
    let answer = curl(&["--resolve", &resolve, "--cacert", &trusted, "-H", "Host: shop.example.com", &url]);
    assert_eq!(answer.status, 421, "RFC 9110 section 15.5.20: misdirected request");
}
