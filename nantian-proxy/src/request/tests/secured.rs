//! TLS towards backends (`BackendTLSPolicy`, GEP-1897) on real sockets.

use nantian_ir::{
    BackendIdentity, BackendTls, CaBundle, CaBundleKey, Certificate, CertificateKey, Hostname, HostnameMatch,
    SecretBytes, SubjectAltName, Trust,
};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, SanType};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_rustls::TlsAcceptor;

use super::*;
use crate::runtime::tests::{backend_key, to_protocol};

/// An authority that signs certificates.
pub(super) struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate with its key, as PEM.
pub(super) struct Pair {
    chain: String,
    key: String,
}

impl Authority {
    pub(super) fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Self { pem, issuer: Issuer::new(params, key) }
    }

    /// A certificate with these DNS names, and URIs where they look like it.
    pub(super) fn sign(&self, names: &[&str]) -> Pair {
        let is_uri = |name: &&&str| name.contains("://");
        let dns: Vec<String> = names.iter().filter(|name| !is_uri(name)).map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(dns).unwrap();
        for uri in names.iter().filter(is_uri) {
            params.subject_alt_names.push(SanType::URI((*uri).try_into().unwrap()));
        }
        let key = KeyPair::generate().unwrap();
        Pair { chain: params.signed_by(&key, &self.issuer).unwrap().pem(), key: key.serialize_pem() }
    }

    pub(super) fn roots(&self) -> Arc<RootCertStore> {
        Arc::new(crate::upstream::roots(self.pem.as_bytes()))
    }
}

pub(super) fn acceptor(pair: &Pair, clients: Option<&Authority>, alpn: &[u8]) -> TlsAcceptor {
    let chain = CertificateDer::pem_slice_iter(pair.chain.as_bytes()).collect::<Result<Vec<_>, _>>().unwrap();
    let key = PrivateKeyDer::from_pem_slice(pair.key.as_bytes()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder =
        ServerConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions().unwrap();
    let builder = match clients {
        None => builder.with_no_client_auth(),
        Some(authority) => {
            let verifier = WebPkiClientVerifier::builder_with_provider(authority.roots(), provider);
            builder.with_client_cert_verifier(verifier.allow_unauthenticated().build().unwrap())
        }
    };
    let mut config = builder.with_single_cert(chain, key).unwrap();
    config.alpn_protocols = vec![alpn.to_vec()];
    TlsAcceptor::from(Arc::new(config))
}

/// A backend that speaks HTTP/2 within TLS: answers with the URI of the request.
async fn http2_backend(pair: &Pair) -> SocketAddr {
    let acceptor = acceptor(pair, None, b"h2");
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::task::spawn_local(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let mut connection = h2::server::handshake(acceptor.accept(stream).await.unwrap()).await.unwrap();
        while let Some(Ok((request, mut respond))) = connection.accept().await {
            let mut body = respond.send_response(http::Response::new(()), false).unwrap();
            body.send_data(request.uri().to_string().into(), true).unwrap();
        }
    });
    address
}

/// A backend that speaks HTTP/1.1 within TLS: answers with the server name that it was asked for, whether a client
/// certificate came, and how many sessions there were.
async fn tls_backend(pair: &Pair, clients: Option<&Authority>) -> SocketAddr {
    let acceptor = acceptor(pair, clients, b"http/1.1");
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::task::spawn_local(async move {
        let mut sessions = 0;
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            sessions += 1;
            let (acceptor, session) = (acceptor.clone(), sessions);
            tokio::task::spawn_local(async move {
                // A client that refuses the certificate ends here.
                let Ok(mut stream) = acceptor.accept(stream).await else { return };
                let connection = stream.get_ref().1;
                let (name, shown) =
                    (connection.server_name().unwrap_or("-").to_owned(), connection.peer_certificates());
                let body = format!("{name} {} {session}", if shown.is_some() { "shown" } else { "anonymous" });
                let mut head = Vec::new();
                loop {
                    match stream.read_u8().await {
                        Ok(byte) => head.push(byte),
                        Err(_) => return,
                    }
                    if head.ends_with(b"\r\n\r\n") {
                        head.clear();
                        let length = body.len();
                        let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{body}");
                        stream.write_all(answer.as_bytes()).await.unwrap();
                        stream.flush().await.unwrap();
                    }
                }
            });
        }
    });
    address
}

fn identity(server_name: &str, subject_alt_names: &[SubjectAltName], authority: &Authority) -> (BackendTls, CaBundle) {
    let key = CaBundleKey { namespace: "ns".into(), name: "ca".into() };
    let identity = BackendIdentity {
        server_name: Hostname::new(server_name).unwrap(),
        subject_alt_names: subject_alt_names.to_vec(),
        trust: Trust::CaBundles(vec![key.clone()]),
    };
    (BackendTls::Verify(identity), CaBundle { key, certificates: authority.pem.clone() })
}

/// A snapshot that sends everything to one backend with TLS.
fn secured(protocol: BackendProtocol, address: SocketAddr, (tls, bundle): (BackendTls, CaBundle)) -> Builder {
    let mut builder = Builder::new()
        .backend("b", protocol, &[address])
        .rule(0, "/", |rule| rule.targets = vec![to_protocol("b", protocol, 1)]);
    let key = backend_key("b", protocol);
    builder.0.backends.insert(Arc::new(nantian_ir::Backend { key, tls: Some(tls) }));
    builder.0.ca_bundles.insert(Arc::new(bundle));
    builder
}

fn dns(name: &str) -> SubjectAltName {
    SubjectAltName::Hostname(HostnameMatch::parse(name).unwrap())
}

#[test]
fn a_request_goes_by_tls_with_the_policys_server_name_and_sessions_are_kept() {
    local(async {
        let authority = Authority::new();
        let backend = tls_backend(&authority.sign(&["app.internal"]), None).await;
        let gateway =
            gateway(secured(BackendProtocol::Http1, backend, identity("app.internal", &[], &authority))).await;
        for _ in 0..2 {
            let seen = gateway.get("/").await;
            assert_eq!((seen.status, seen.body.as_str()), (200, "app.internal anonymous 1"));
        }
    });
}

/// `BackendTLSPolicyValidation`: names, and who signed.
#[test]
fn only_a_backend_that_proves_who_it_is_gets_requests() {
    local(async {
        let authority = Authority::new();
        let certificate = authority.sign(&["app.internal", "*.wild.internal", "spiffe://cluster/sa/app"]);
        let backend = tls_backend(&certificate, None).await;
        let uri = |uri: &str| SubjectAltName::Uri(uri.to_owned());
        for (server_name, names, good) in [
            ("app.internal", vec![], true),
            ("other.internal", vec![], false),
            ("a.wild.internal", vec![], true),
            // "Hostname ... MUST NOT be used for authentication" where there are names.
            ("app.internal", vec![dns("other.internal")], false),
            ("other.internal", vec![dns("nobody.internal"), dns("app.internal")], true),
            ("other.internal", vec![dns("*.wild.internal")], true),
            ("other.internal", vec![dns("*.internal")], true),
            ("other.internal", vec![dns("*.example.com")], false),
            ("other.internal", vec![uri("spiffe://cluster/sa/app")], true),
            ("app.internal", vec![uri("spiffe://cluster/sa/other")], false),
        ] {
            let gateway =
                gateway(secured(BackendProtocol::Http1, backend, identity(server_name, &names, &authority))).await;
            let status = gateway.get("/").await.status;
            assert_eq!(status == 200, good, "{server_name} {names:?}: {status}");
            assert!(good || status >= 500, "{status}");
            let failures = gateway.metric("nantian_gateway_dataplane_backend_connection_errors_total{");
            assert_eq!(failures > 0, !good, "{server_name} {names:?}");
        }
    });
}

#[test]
fn a_backend_of_another_authority_and_one_in_cleartext_get_nothing() {
    local(async {
        let (authority, other) = (Authority::new(), Authority::new());
        let foreign = tls_backend(&other.sign(&["app.internal"]), None).await;
        for backend in [foreign, echo("cleartext").await] {
            let builder = secured(BackendProtocol::Http1, backend, identity("app.internal", &[], &authority));
            let seen = gateway(builder).await.get("/").await;
            assert!(seen.status >= 500, "{seen:?}");
        }
    });
}

/// "Connections using an invalid `CACertificateRef` MUST fail, and the client MUST receive an HTTP 5xx error response."
#[test]
fn a_backend_whose_policy_is_not_valid_gets_nothing() {
    local(async {
        let builder = with_refusal(echo("cleartext").await);
        let seen = gateway(builder).await.get("/").await;
        assert_eq!(seen.status, 500);
    });
}

fn with_refusal(address: SocketAddr) -> Builder {
    let authority = Authority::new();
    let (_, bundle) = identity("app.internal", &[], &authority);
    secured(BackendProtocol::Http1, address, (BackendTls::Refuse, bundle))
}

/// RFC 9113 section 8.3.1: the scheme is that of the request's target.
#[test]
fn http_2_goes_by_tls_too_and_says_so_in_the_scheme() {
    local(async {
        let authority = Authority::new();
        let backend = http2_backend(&authority.sign(&["app.internal"])).await;
        let gateway = gateway(secured(BackendProtocol::H2c, backend, identity("app.internal", &[], &authority))).await;
        let seen = gateway.get("/path").await;
        assert_eq!((seen.status, seen.body.as_str()), (200, "https://gateway.example/path"));
    });
}

/// RFC 9113 section 3.2.
#[test]
fn a_backend_that_is_to_speak_http_2_has_to_say_so() {
    local(async {
        let authority = Authority::new();
        let backend = tls_backend(&authority.sign(&["app.internal"]), None).await;
        let gateway = gateway(secured(BackendProtocol::H2c, backend, identity("app.internal", &[], &authority))).await;
        assert!(gateway.get("/").await.status >= 500);
    });
}

/// `GatewayBackendTLS.clientCertificateRef`: the listener says what is shown, and sessions of one are not another's.
#[test]
fn a_backend_that_asks_is_shown_the_listeners_client_certificate() {
    local(async {
        let authority = Authority::new();
        let backend = tls_backend(&authority.sign(&["app.internal"]), Some(&authority)).await;
        let client = authority.sign(&["gateway.internal"]);
        let key = CertificateKey { namespace: "ns".into(), name: "client".into() };
        let with = |shown: bool| {
            let mut builder = secured(BackendProtocol::Http1, backend, identity("app.internal", &[], &authority));
            let listener = builder.0.listeners.get_mut(&listener_key("http")).unwrap();
            Arc::make_mut(listener).client_certificate = shown.then(|| key.clone());
            let private_key = SecretBytes::new(client.key.clone().into_bytes());
            let certificate = Certificate { key: key.clone(), chain: client.chain.clone(), private_key };
            builder.0.certificates.insert(Arc::new(certificate));
            builder
        };
        let seen = gateway(with(true)).await.get("/").await;
        assert!(seen.body.starts_with("app.internal shown"), "{seen:?}");
        let seen = gateway(with(false)).await.get("/").await;
        assert!(seen.body.starts_with("app.internal anonymous"), "{seen:?}");
    });
}

#[test]
fn tls_that_did_not_change_keeps_its_sessions_over_an_apply() {
    local(async {
        let authority = Authority::new();
        let backend = tls_backend(&authority.sign(&["app.internal"]), None).await;
        let builder = || secured(BackendProtocol::Http1, backend, identity("app.internal", &[], &authority));
        let gateway = gateway(builder()).await;
        assert_eq!(gateway.get("/").await.body, "app.internal anonymous 1");
        let runtime = Runtime::build(builder().build(), Some(gateway.worker.serving.borrow().runtime.as_ref()));
        gateway.worker.apply(Arc::new(runtime));
        assert_eq!(gateway.get("/").await.body, "app.internal anonymous 1");
        // Another identity is another session, though the address is the same.
        let changed =
            secured(BackendProtocol::Http1, backend, identity("x.internal", &[dns("app.internal")], &authority));
        let runtime = Runtime::build(changed.build(), Some(gateway.worker.serving.borrow().runtime.as_ref()));
        gateway.worker.apply(Arc::new(runtime));
        assert_eq!(gateway.get("/").await.body, "x.internal anonymous 2");
    });
}
