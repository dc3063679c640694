//! A gateway in this process: one engine with one worker, and lanes of a listener and a backend each, so that what a
//! payload causes is seen at its own backend.

use std::fmt::Write;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use nantian_ir::compile::{Objects, Options, Severity, compile, yaml};
use nantian_ir::model::{Certificate, ListenerProtocol, ListenerTls};
use nantian_ir::{BindAddress, CertificateKey, SecretBytes, Snapshot};
use nantian_proxy::engine::{Engine, EngineConfig};
use nantian_proxy::telemetry::AccessLogFormat;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use crate::client::Door;
use crate::origin::Protocol;

/// Long enough for whatever comes at once, on a busy machine too, short enough to wait for its end.
const LIMIT: Duration = Duration::from_secs(1);

/// The same for answers, which few backends let wait for it: where the machine stands still for seconds, whoever has answered
/// must not be late.
const OF_BACKENDS: Duration = Duration::from_secs(10);

/// How clients come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Listener {
    Cleartext,
    /// TLS, with this protocol in ALPN.
    Tls(&'static str),
}

/// A running gateway and the door of each lane's listener.
pub(crate) struct Gateway {
    _engine: Engine,
    pub(crate) lanes: Vec<Door>,
}

/// Starts a gateway with one lane for each backend.
pub(crate) fn start(listener: Listener, protocol: Protocol, backends: &[SocketAddr]) -> Gateway {
    let mut config = EngineConfig::default();
    config.workers = Some(NonZeroUsize::MIN);
    config.admin.enabled = false;
    config.access_log.format = AccessLogFormat::Off;
    config.http.request_head_timeout = LIMIT;
    config.http.keep_alive_timeout = LIMIT;
    config.http.body_idle_timeout = LIMIT;
    config.http.linger = LIMIT;
    config.requests.backend_request_timeout = Some(OF_BACKENDS);
    let engine = Engine::start(config).expect("an engine");
    let binds: Vec<BindAddress> = (1..=backends.len()).map(lane).collect();
    let mut snapshot = snapshot(protocol, backends);
    let http2 = listener == Listener::Tls("h2");
    let tls = match listener {
        Listener::Cleartext => None,
        Listener::Tls(protocol) => Some(with_tls(&mut snapshot, protocol)),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let report = runtime.block_on(engine.apply(Arc::new(snapshot)));
    assert_eq!(report.refused, []);
    let addresses = engine.addresses();
    let find = |bind: &BindAddress| addresses.iter().find(|(found, _)| found == bind).expect("it is bound").1;
    let lanes = binds.iter().map(|bind| Door { address: find(bind), tls: tls.clone(), http2 }).collect();
    Gateway { _engine: engine, lanes }
}

/// Gives all listeners a certificate; returns what trusts it.
fn with_tls(snapshot: &mut Snapshot, protocol: &str) -> Arc<rustls::ClientConfig> {
    let made = rcgen::generate_simple_self_signed(vec!["a.test".to_owned()]).expect("a certificate");
    let key = CertificateKey { namespace: "default".into(), name: "cert".into() };
    let chain = made.cert.pem();
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(chain.as_bytes()).expect("a certificate")).expect("a root");
    let private_key = SecretBytes::new(made.signing_key.serialize_pem().into_bytes());
    snapshot.certificates.insert(Arc::new(Certificate { key: key.clone(), chain, private_key }));
    for listener in snapshot.listeners.values_mut() {
        let listener = Arc::make_mut(listener);
        listener.protocol = ListenerProtocol::Https;
        listener.tls = Some(ListenerTls { certificates: vec![key.clone()], client_validation: None });
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![protocol.as_bytes().to_vec()];
    Arc::new(config)
}

/// Port 0 stands for a port that the kernel chooses; the address tells the lanes apart.
fn lane(number: usize) -> BindAddress {
    let last = u8::try_from(number).expect("few lanes");
    BindAddress { address: Some(IpAddr::V4(Ipv4Addr::new(127, 0, 1, last))), port: 0 }
}

fn snapshot(protocol: Protocol, backends: &[SocketAddr]) -> Snapshot {
    let speaks = match protocol {
        Protocol::Http1 => "http",
        Protocol::Http2 => "kubernetes.io/h2c",
    };
    let mut text = "apiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\nmetadata: {name: g}\n\
                    spec:\n  gatewayClassName: nantian-gw\n  listeners:\n"
        .to_owned();
    for number in 1..=backends.len() {
        let _ = writeln!(text, "  - {{name: l{number}, port: {}, protocol: HTTP}}", 8000 + number);
    }
    for (number, backend) in (1..).zip(backends) {
        let port = backend.port();
        let _ = write!(
            text,
            "---\napiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {{name: r{number}}}\nspec:\n  \
             parentRefs: [{{name: g, sectionName: l{number}}}]\n  rules: [{{backendRefs: [{{name: s{number}, port: 80}}]}}]\n\
             ---\napiVersion: v1\nkind: Service\nmetadata: {{name: s{number}}}\nspec: {{ports: [{{name: p, port: 80, \
             appProtocol: {speaks}}}]}}\n\
             ---\napiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {{name: s{number}, \
             labels: {{kubernetes.io/service-name: s{number}}}}}\naddressType: IPv4\n\
             ports: [{{name: p, port: {port}}}]\nendpoints: [{{addresses: ['127.0.0.1']}}]\n"
        );
    }
    let parsed = yaml::parse("hostile.yaml", &text);
    assert!(parsed.diagnostics.is_empty(), "{:#?}", parsed.diagnostics);
    let mut objects = Objects::new();
    parsed.objects.into_iter().for_each(|object| objects.insert(object));
    let compiled = compile(&objects, &Options::standalone());
    let errors: Vec<_> = compiled.diagnostics.iter().filter(|found| found.severity == Severity::Error).collect();
    assert!(errors.is_empty(), "{errors:#?}");
    let mut snapshot = (*compiled.snapshot).clone();
    for listener in snapshot.listeners.values_mut() {
        let listener = Arc::make_mut(listener);
        let number = usize::from(listener.bind.port - 8000);
        listener.bind = lane(number);
    }
    snapshot
}
