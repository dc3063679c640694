use std::sync::Arc;
use std::time::Duration;

use nantian_ir::{
    BindAddress, Certificate, CertificateKey, HostnameMatch, Listener, ListenerKey, ListenerProtocol, ListenerTls,
    SecretBytes, Snapshot,
};
use rustls::client::WantsClientCert;
use rustls::crypto::CryptoProvider;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{AlertDescription, CipherSuite, ClientConfig, ConfigBuilder, HandshakeKind, RootCertStore};
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
use tokio_rustls::TlsConnector;

use super::store::{BindTls, TlsStore};
use super::{accept, store};
use crate::telemetry::HandshakeError;

const BIND: BindAddress = BindAddress { address: None, port: 443 };

fn certificate(name: &str, hosts: &[&str]) -> Certificate {
    let hosts: Vec<String> = hosts.iter().map(|host| (*host).to_owned()).collect();
    let made = rcgen::generate_simple_self_signed(hosts).expect("a certificate");
    Certificate {
        key: CertificateKey { namespace: "ns".into(), name: name.into() },
        chain: made.cert.pem(),
        private_key: SecretBytes::new(made.signing_key.serialize_pem().into_bytes()),
    }
}

/// Listeners named by host, each with the certificates of the given names.
fn snapshot(listeners: &[(&str, &[&str])], certificates: &[&Certificate]) -> Snapshot {
    let mut snapshot = Snapshot::default();
    for (host, names) in listeners {
        let key = ListenerKey { namespace: "ns".into(), gateway: "gw".into(), set: None, listener: (*host).into() };
        let certificates =
            names.iter().map(|name| CertificateKey { namespace: "ns".into(), name: (*name).into() }).collect();
        let listener = Listener {
            key: key.clone(),
            bind: BIND,
            public_port: 443,
            protocol: ListenerProtocol::Https,
            hostname: HostnameMatch::parse(host).expect("a host"),
            tls: Some(ListenerTls { certificates, client_validation: None }),
            client_certificate: None,
        };
        snapshot.listeners.insert(Arc::new(listener));
    }
    for certificate in certificates {
        snapshot.certificates.insert(Arc::new((*certificate).clone()));
    }
    snapshot
}

fn bind_of(store: &mut TlsStore, snapshot: &Snapshot) -> Arc<BindTls> {
    let built = store.build(snapshot);
    assert_eq!(built.refused, []);
    Arc::clone(&built.binds[&BIND])
}

/// A client that trusts these, with that cryptography.
fn trusting(trusted: &[&Certificate], provider: CryptoProvider) -> ConfigBuilder<ClientConfig, WantsClientCert> {
    let mut roots = RootCertStore::empty();
    for certificate in trusted {
        let der = CertificateDer::from_pem_slice(certificate.chain.as_bytes()).expect("a certificate");
        roots.add(der).expect("a root");
    }
    let builder = ClientConfig::builder_with_provider(Arc::new(provider)).with_safe_default_protocol_versions();
    builder.expect("versions").with_root_certificates(roots)
}

fn client(trusted: &[&Certificate]) -> ClientConfig {
    let mut config = trusting(trusted, default_provider()).with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec()];
    config
}

/// What a handshake gave: the leaf that the client saw and whether it resumed; and what the server knows.
struct Seen {
    leaf: CertificateDer<'static>,
    resumed: bool,
    server: crate::http::TlsInfo,
}

async fn handshake(
    tls: &BindTls,
    config: Arc<ClientConfig>,
    name: &str,
) -> Result<Seen, (std::io::Error, HandshakeError)> {
    let (near, far) = duplex(64 * 1024);
    let name = ServerName::try_from(name.to_owned()).expect("a name");
    let client = async {
        let mut stream = TlsConnector::from(config).connect(name, near).await?;
        // TLS 1.3 tickets come after the handshake: read on until the server closes.
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).await?;
        Ok(stream)
    };
    let server = async {
        let mut accepted = accept(tls, far).await?;
        accepted.stream.shutdown().await.expect("a close_notify");
        Ok(accepted)
    };
    match tokio::join!(client, server) {
        (Ok(client), Ok(server)) => {
            let (_, session) = client.get_ref();
            let leaf = session.peer_certificates().and_then(|chain| chain.first()).expect("a leaf").clone();
            let resumed = session.handshake_kind() == Some(HandshakeKind::Resumed);
            assert_eq!(resumed, server.resumed);
            Ok(Seen { leaf: leaf.into_owned(), resumed, server: server.info })
        }
        (Err(client), Err(server)) => Err((client, server)),
        (client, server) => panic!("one side only: {:?} {:?}", client.err(), server.err()),
    }
}

fn is(seen: &Seen, certificate: &Certificate) -> bool {
    CertificateDer::from_pem_slice(certificate.chain.as_bytes()).expect("a certificate") == seen.leaf
}

fn alert(error: &std::io::Error) -> Option<AlertDescription> {
    match error.get_ref()?.downcast_ref::<rustls::Error>()? {
        rustls::Error::AlertReceived(alert) => Some(*alert),
        _ => None,
    }
}

/// The suite that is chosen where a client names these, in this order.
async fn chosen(tls: &BindTls, certificate: &Certificate, named: &[CipherSuite]) -> Option<CipherSuite> {
    let mut provider = default_provider();
    let place = |suite: CipherSuite| named.iter().position(|named| *named == suite);
    provider.cipher_suites.retain(|suite| place(suite.suite()).is_some());
    provider.cipher_suites.sort_by_key(|suite| place(suite.suite()));
    let client = trusting(&[certificate], provider).with_no_client_auth();
    let (near, far) = duplex(64 * 1024);
    let name = ServerName::try_from("a.example.com").expect("a name");
    let (client, _) = tokio::join!(TlsConnector::from(Arc::new(client)).connect(name, near), accept(tls, far));
    client.ok()?.get_ref().1.negotiated_cipher_suite().map(|suite| suite.suite())
}

#[tokio::test]
async fn the_shorter_key_is_taken_unless_the_client_names_chacha20_first_or_has_no_other() {
    use CipherSuite::{
        TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 as OLD_128, TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384 as OLD_256,
        TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256 as OLD_CHACHA, TLS13_AES_128_GCM_SHA256 as AES_128,
        TLS13_AES_256_GCM_SHA384 as AES_256, TLS13_CHACHA20_POLY1305_SHA256 as CHACHA,
    };
    let served = certificate("a", &["a.example.com"]);
    let tls = bind_of(&mut TlsStore::default(), &snapshot(&[("a.example.com", &["a"])], &[&served]));
    for (named, expected) in [
        (&[AES_256, CHACHA, AES_128] as &[_], AES_128),
        (&[AES_128, AES_256, CHACHA], AES_128),
        (&[CHACHA, AES_256, AES_128], CHACHA),
        (&[AES_256], AES_256),
        (&[AES_256, CHACHA], AES_256),
        (&[OLD_256, OLD_CHACHA, OLD_128], OLD_128),
        (&[OLD_CHACHA, OLD_256, OLD_128], OLD_CHACHA),
        (&[OLD_256, OLD_128, AES_256, CHACHA, AES_128], AES_128),
    ] {
        assert_eq!(chosen(&tls, &served, named).await, Some(expected), "{named:?}");
    }
}

/// Gateway API `Listener`: the server name chooses the listener, the most specific first.
#[tokio::test]
async fn the_server_name_chooses_the_listener_and_its_certificate() {
    let exact = certificate("exact", &["a.example.com"]);
    let wild = certificate("wild", &["*.example.com", "x.y.example.com"]);
    let any = certificate("any", &["other.org", "127.0.0.1"]);
    let all = [&exact, &wild, &any];
    let snapshot = snapshot(&[("a.example.com", &["exact"]), ("*.example.com", &["wild"]), ("*", &["any"])], &all);
    let tls = bind_of(&mut TlsStore::default(), &snapshot);
    let config = Arc::new(client(&all));
    for (name, expected) in [
        ("a.example.com", &exact),
        ("b.example.com", &wild),
        ("x.y.example.com", &wild),
        ("other.org", &any),
        // An address is never sent as a server name: the catch-all answers.
        ("127.0.0.1", &any),
    ] {
        let seen = handshake(&tls, Arc::clone(&config), name).await.expect("a handshake");
        assert!(is(&seen, expected), "{name}");
    }
    let seen = handshake(&tls, config, "A.example.com").await.expect("a handshake");
    assert_eq!(seen.server.server_name.as_deref(), Some("a.example.com"));
    assert_eq!(seen.server.protocol, Some("TLSv1.3"));
    assert_eq!(seen.server.alpn.as_deref(), Some("h2"));
}

#[tokio::test]
async fn among_a_listeners_certificates_the_one_that_names_the_host_wins_else_the_first() {
    let first = certificate("first", &["a.org"]);
    let second = certificate("second", &["b.org"]);
    let snapshot = snapshot(&[("*", &["first", "second"])], &[&first, &second]);
    let tls = bind_of(&mut TlsStore::default(), &snapshot);
    let config = Arc::new(client(&[&first, &second]));
    assert!(is(&handshake(&tls, Arc::clone(&config), "b.org").await.expect("a handshake"), &second));
    assert!(is(&handshake(&tls, Arc::clone(&config), "a.org").await.expect("a handshake"), &first));
    // Neither names it: the client gets the first, and refuses it.
    let (_, server) = handshake(&tls, config, "c.org").await.err().expect("a refusal");
    assert_eq!(server, HandshakeError::Alert);
}

/// RFC 6066 section 3.
#[tokio::test]
async fn a_name_that_no_listener_serves_gets_unrecognized_name() {
    let exact = certificate("exact", &["a.org"]);
    let snapshot = snapshot(&[("a.org", &["exact"])], &[&exact]);
    let tls = bind_of(&mut TlsStore::default(), &snapshot);
    for name in ["b.org", "127.0.0.1"] {
        let (client, server) = handshake(&tls, Arc::new(client(&[&exact])), name).await.err().expect("a refusal");
        assert_eq!(alert(&client), Some(AlertDescription::UnrecognisedName), "{name}");
        assert_eq!(server, HandshakeError::UnknownName);
    }
}

#[tokio::test]
async fn a_new_certificate_serves_new_handshakes_and_sessions_are_resumed_across_reloads() {
    let (old, new) = (certificate("cert", &["a.org"]), certificate("cert", &["a.org"]));
    let mut store = TlsStore::default();
    let before = bind_of(&mut store, &snapshot(&[("a.org", &["cert"])], &[&old]));
    let config = Arc::new(client(&[&old, &new]));
    let seen = handshake(&before, Arc::clone(&config), "a.org").await.expect("a handshake");
    assert!(is(&seen, &old) && !seen.resumed);

    // Another listener comes, this one did not change: the session goes on.
    let other = certificate("other", &["b.org"]);
    let after = bind_of(&mut store, &snapshot(&[("a.org", &["cert"]), ("b.org", &["other"])], &[&old, &other]));
    assert!(handshake(&after, Arc::clone(&config), "a.org").await.expect("a handshake").resumed);

    let replaced = bind_of(&mut store, &snapshot(&[("a.org", &["cert"])], &[&new]));
    let fresh = Arc::new(client(&[&old, &new]));
    assert!(is(&handshake(&replaced, fresh, "a.org").await.expect("a handshake"), &new));
    // Ticket keys stay, so that a certificate renewal does not make every client start anew.
    assert!(handshake(&replaced, config, "a.org").await.expect("a handshake").resumed);
}

#[test]
fn what_did_not_change_is_the_same_object() {
    let exact = certificate("exact", &["a.org"]);
    let wild = certificate("wild", &["b.org"]);
    let mut store = TlsStore::default();
    let before = bind_of(&mut store, &snapshot(&[("a.org", &["exact"]), ("b.org", &["wild"])], &[&exact, &wild]));
    let renewed = certificate("wild", &["b.org"]);
    let after = bind_of(&mut store, &snapshot(&[("a.org", &["exact"]), ("b.org", &["wild"])], &[&exact, &renewed]));
    let config = |tls: &BindTls, name| match tls.answer(Some(name)) {
        store::Answer::Serve(configs) => Arc::as_ptr(configs),
        _ => panic!("{name} is served"),
    };
    assert_eq!(config(&before, "a.org"), config(&after, "a.org"));
    assert_ne!(config(&before, "b.org"), config(&after, "b.org"));
}

#[tokio::test]
async fn a_certificate_that_cannot_be_used_is_refused_by_name_and_the_others_are_served() {
    let good = certificate("good", &["a.org"]);
    let mut mismatched = certificate("mismatched", &["b.org"]);
    mismatched.private_key = good.private_key.clone();
    let mut empty = certificate("empty", &["c.org"]);
    empty.chain = "no certificate".to_owned();
    let mut keyless = certificate("keyless", &["d.org"]);
    keyless.private_key = SecretBytes::new(b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n".to_vec());
    let listeners: [(&str, &[&str]); 3] = [("a.org", &["good", "empty"]), ("b.org", &["mismatched"]), ("*", &["good"])];
    let snapshot = snapshot(&listeners, &[&good, &mismatched, &empty, &keyless]);
    let built = TlsStore::default().build(&snapshot);
    let refused: Vec<_> = built.refused.iter().map(|refused| refused.part.to_string()).collect();
    assert_eq!(
        refused,
        ["certificate ns/empty", "certificate ns/keyless", "certificate ns/mismatched", "listener ns/gw/b.org"]
    );
    let shown = format!("{:?}", built.refused);
    assert!(!shown.contains("BEGIN") && !shown.contains("AAAA"), "no key material: {shown}");

    let tls = &built.binds[&BIND];
    let config = Arc::new(client(&[&good]));
    assert!(is(&handshake(tls, Arc::clone(&config), "a.org").await.expect("a handshake"), &good));
    // Its names are not given to the catch-all listener.
    let (client, _) = handshake(tls, config, "b.org").await.err().expect("a refusal");
    assert_eq!(alert(&client), Some(AlertDescription::HandshakeFailure));
}

#[tokio::test]
async fn what_is_not_tls_is_told_apart() {
    let exact = certificate("exact", &["a.org"]);
    let tls = bind_of(&mut TlsStore::default(), &snapshot(&[("a.org", &["exact"])], &[&exact]));
    let (mut near, far) = duplex(1024);
    near.write_all(b"GET / HTTP/1.1\r\nHost: a.org\r\n\r\n").await.expect("room");
    assert_eq!(accept(&tls, far).await.err(), Some(HandshakeError::NotTls));

    let (near, far) = duplex(1024);
    drop(near);
    assert_eq!(accept(&tls, far).await.err(), Some(HandshakeError::Closed));

    let (_near, far) = duplex(1024);
    let silent = tokio::time::timeout(Duration::from_millis(10), accept(&tls, far)).await;
    assert!(silent.is_err(), "it waits; its time is bounded by the caller");
}

/// RFC 7301 section 3.2: nothing in common is a fatal `no_application_protocol`; a client without ALPN is served.
#[tokio::test]
async fn alpn_is_h2_or_http_1_1_or_absent() {
    let exact = certificate("exact", &["a.org"]);
    let tls = bind_of(&mut TlsStore::default(), &snapshot(&[("a.org", &["exact"])], &[&exact]));
    let with = |alpn: &[&str]| {
        let mut config = client(&[&exact]);
        config.alpn_protocols = alpn.iter().map(|alpn| alpn.as_bytes().to_vec()).collect();
        Arc::new(config)
    };
    let both = handshake(&tls, with(&["http/1.1", "h2"]), "a.org").await.expect("a handshake");
    assert_eq!(both.server.alpn.as_deref(), Some("h2"), "the server's preference");
    let one = handshake(&tls, with(&["http/1.1"]), "a.org").await.expect("a handshake");
    assert_eq!(one.server.alpn.as_deref(), Some("http/1.1"));
    assert_eq!(handshake(&tls, with(&[]), "a.org").await.expect("a handshake").server.alpn, None);
    let (client, server) = handshake(&tls, with(&["acme-tls/1"]), "a.org").await.err().expect("a refusal");
    assert_eq!(alert(&client), Some(AlertDescription::NoApplicationProtocol));
    assert_eq!(server, HandshakeError::Protocol);
}

/// GEP-91: certificates of clients, with their authority among those of the listener or not.
#[tokio::test]
async fn a_listener_that_checks_clients_serves_those_with_a_certificate_of_its_authorities() {
    use nantian_ir::{CaBundle, CaBundleKey, ClientValidation, ClientValidationMode};
    let server = certificate("server", &["a.org"]);
    let (authority, ours) = authority_with_client();
    let (_, foreign) = authority_with_client();
    let key = CaBundleKey { namespace: "ns".into(), name: "ca".into() };
    let checking = |mode| {
        let mut snapshot = snapshot(&[("a.org", &["server"]), ("b.org", &["server"])], &[&server]);
        let bundle = CaBundle { key: key.clone(), certificates: authority.clone() };
        snapshot.ca_bundles.insert(Arc::new(bundle));
        let listener =
            snapshot.listeners.values_mut().find(|listener| listener.hostname.matches("a.org")).expect("a.org");
        let tls = Arc::make_mut(listener).tls.as_mut().expect("TLS");
        tls.client_validation = Some(ClientValidation { ca_bundles: vec![key.clone()], mode });
        snapshot
    };
    let mut store = TlsStore::default();
    let strict = bind_of(&mut store, &checking(ClientValidationMode::AllowValidOnly));
    let shows = |client: Option<&(String, String)>| Arc::new(client_showing(&[&server], client));
    let known = shows(Some(&ours));
    let seen = handshake(&strict, Arc::clone(&known), "a.org").await.expect("a handshake");
    assert!(!seen.resumed);
    // It is asked each time: an authority that was taken away meanwhile must not be trusted on.
    assert!(!handshake(&strict, known, "a.org").await.expect("a handshake").resumed);
    for stranger in [shows(None), shows(Some(&foreign))] {
        assert!(handshake(&strict, Arc::clone(&stranger), "a.org").await.is_err());
        // The other listener of the socket asks for none; its certificate is for another name.
        let (error, _) = handshake(&strict, stranger, "b.org").await.err().expect("a name that is not there");
        assert!(error.to_string().contains("not valid for name"), "{error}");
    }
    let open = bind_of(&mut store, &checking(ClientValidationMode::AllowInsecureFallback));
    for client in [shows(None), shows(Some(&foreign)), shows(Some(&ours))] {
        handshake(&open, client, "a.org").await.expect("a handshake");
    }
}

/// An authority, and the chain and key of a client that it signed.
fn authority_with_client() -> (String, (String, String)) {
    let mut params = rcgen::CertificateParams::new(Vec::new()).expect("parameters");
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let key = rcgen::KeyPair::generate().expect("a key");
    let pem = params.self_signed(&key).expect("an authority").pem();
    let issuer = rcgen::Issuer::new(params, key);
    let key = rcgen::KeyPair::generate().expect("a key");
    let client = rcgen::CertificateParams::new(vec!["client".to_owned()]).expect("parameters");
    let chain = client.signed_by(&key, &issuer).expect("a certificate").pem();
    (pem, (chain, key.serialize_pem()))
}

fn client_showing(trusted: &[&Certificate], shown: Option<&(String, String)>) -> ClientConfig {
    let Some((chain, key)) = shown else { return client(trusted) };
    let chain = vec![CertificateDer::from_pem_slice(chain.as_bytes()).expect("a certificate")];
    let key = rustls::pki_types::PrivateKeyDer::from_pem_slice(key.as_bytes()).expect("a key");
    trusting(trusted, default_provider()).with_client_auth_cert(chain, key).expect("a client")
}
