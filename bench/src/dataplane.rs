//! `nantian-dataplane` as it is deployed: fed over mutual TLS. Its control plane is in this process, whose memory is not the data
//! plane's.

use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::sync::Arc;

use nantian_ir::Snapshot;
use nantian_ir::compile::{Options, compile, yaml};
use nantian_xds::Catalog;
use nantian_xds::transport::{
    Credentials, DataPlanes, Denied, DiscoveryServer, Observation, Peer as Client, Security, ServerSettings,
};
use nantian_xds::wire::Node;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use serde_json::json;
use tokio::sync::{oneshot, watch};

use crate::failure::Failure;
use crate::peer::{Peer, Setup};
use crate::server::Server;
use crate::site::{Ports, Site, proxy_ports, read, write};

/// The name of the control plane in its certificate.
const CONTROL: &str = "control";

/// A data plane that runs.
#[derive(Debug)]
pub(crate) struct DataPlane {
    /// Its process.
    pub(crate) server: Server,
    /// Its ports.
    pub(crate) ports: Ports,
    // After the process: what is told to stop has nobody left to wait for.
    _control: oneshot::Sender<()>,
}

impl DataPlane {
    /// Starts one, and waits until it serves what `nantian run` would serve of the same file.
    pub(crate) fn start(site: &Site, program: &Path, setup: Setup) -> Result<Self, Failure> {
        let ports = proxy_ports()?;
        let objects = Peer::Nantian.configure(site, ports, setup, setup.routes)?;
        let snapshot = compiled(Path::new(&objects))?;
        let authority = Authority::new()?;
        let (address, control) = serve(snapshot, &authority)?;
        let (chain, key) = authority.issue("data")?;
        let file = |name: &str, text: &str| {
            let path = site.folder.join(name);
            write(&path, text).map(|()| path)
        };
        let settings = json!({
            "node": {"id": "bench"},
            "controlPlane": {"address": address, "serverName": CONTROL, "tls": {
                "certificate": file("plane.crt", &chain)?,
                "key": file("plane.key", &key)?,
                "authority": file("plane-ca.crt", &authority.0.pem())?,
            }},
            "engine": {
                "workers": setup.workers, "bindAddress": Ipv4Addr::LOCALHOST,
                "admin": {"address": "127.0.0.1:0"}, "accessLog": {"format": "off"},
            },
        });
        let settings = file("plane.yaml", &settings.to_string())?;
        let line = [program, Path::new("--config"), &settings].map(|word| word.display().to_string());
        let server = Server::start(&setup.cores(), &line, &site.folder, &ports.all())?;
        Ok(Self { server, ports, _control: control })
    }
}

/// What the compiler makes of a file that is right.
fn compiled(path: &Path) -> Result<Arc<Snapshot>, Failure> {
    let parsed = yaml::parse(&path.display().to_string(), &read(path)?);
    let compiled = compile(&parsed.objects.into_iter().collect(), &Options::standalone());
    match parsed.diagnostics.iter().chain(&compiled.diagnostics).next() {
        Some(wrong) => Err(Failure::Program(format!("{}: {wrong}", path.display()))),
        None => Ok(compiled.snapshot),
    }
}

/// Starts a control plane with that snapshot for whoever has a certificate. It stops when what is returned beside its address is
/// dropped.
fn serve(snapshot: Arc<Snapshot>, authority: &Authority) -> Result<(String, oneshot::Sender<()>), Failure> {
    let wrong = |error| Failure::start("a control plane", error);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(wrong)?;
    listener.set_nonblocking(true).map_err(wrong)?;
    let address = listener.local_addr().map_err(wrong)?.to_string();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(wrong)?;
    let (chain, key) = authority.issue(CONTROL)?;
    let credentials = Credentials::from_pem(chain.as_bytes(), key.as_bytes(), authority.0.pem().as_bytes())
        .map_err(|error| Failure::Program(error.to_string()))?;
    let catalog = Some(Arc::new(Catalog::new(snapshot)));
    let (stop, stopped) = oneshot::channel();
    let work = async move {
        let (_credentials, credentials) = watch::channel(credentials);
        let feed = Feed(watch::channel(catalog).0);
        let server = DiscoveryServer::new(Arc::new(feed), ServerSettings::default(), Security::Mutual(credentials));
        let Ok(listener) = tokio::net::TcpListener::from_std(listener) else { return };
        let stopped = async {
            // Dropped: nobody needs it any more.
            let _ = stopped.await;
        };
        server.serve(listener, stopped).await;
    };
    std::thread::Builder::new().spawn(move || runtime.block_on(work)).map_err(wrong)?;
    Ok((address, stop))
}

/// The same for everybody.
struct Feed(watch::Sender<Option<Arc<Catalog>>>);

impl DataPlanes for Feed {
    fn admit(&self, _peer: &Client, _node: &Node) -> Result<watch::Receiver<Option<Arc<Catalog>>>, Denied> {
        Ok(self.0.subscribe())
    }

    // What it serves is seen by asking it.
    fn observe(&self, _peer: &Client, _node: &Node, _observation: Observation) {}
}

/// A certificate authority.
struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new() -> Result<Self, Failure> {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().map_err(uncertified)?;
        CertifiedIssuer::self_signed(params, key).map(Self).map_err(uncertified)
    }

    /// A certificate for that name and its key, as PEM.
    fn issue(&self, name: &str) -> Result<(String, String), Failure> {
        let key = KeyPair::generate().map_err(uncertified)?;
        let params = CertificateParams::new(vec![name.to_owned()]).map_err(uncertified)?;
        let certificate = params.signed_by(&key, &self.0).map_err(uncertified)?;
        Ok((certificate.pem(), key.serialize_pem()))
    }
}

#[expect(clippy::needless_pass_by_value, reason = "as `map_err` gives it")]
fn uncertified(error: rcgen::Error) -> Failure {
    Failure::Program(format!("a certificate cannot be made: {error}"))
}
