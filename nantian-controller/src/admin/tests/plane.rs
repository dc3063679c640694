//! A control plane as far as its admin API goes, and who asks it.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use nantian_ir::ResourceMap;
use nantian_ir::compile::{Compiled, Diagnostic, Objects, Options, compile, yaml};
use nantian_xds::Audience;
use nantian_xds::delta::{Event, Rejection};
use nantian_xds::transport::{Observation, StreamEnd};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;

use crate::admin::{BearerToken, Limits, Port, State, serve};
use crate::{Declared, Findings, Metrics, Nodes, Published, Reported, View};

/// The version that is published.
pub(super) const VERSION: &str = "v2";

/// One port that is served.
pub(super) struct Plane {
    pub(super) address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    serving: JoinHandle<()>,
}

/// An answer.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) status: u16,
    /// In lower case.
    pub(super) head: String,
    pub(super) body: String,
}

impl Told {
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub(super) fn field(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }

    /// The string at `pointer` in each element.
    pub(super) fn each(&self, pointer: &str) -> Vec<String> {
        let json = self.json();
        let elements = json.as_array().unwrap_or_else(|| panic!("a list: {self:?}"));
        let text = |element: &Value| element.pointer(pointer).map(|value| value.to_string().replace('"', ""));
        elements.iter().map(|element| text(element).unwrap_or_default()).collect()
    }
}

impl Plane {
    pub(super) async fn start(port: Port, state: State) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let serving = tokio::spawn(serve(listener, port, state, async {
            let _ = stopped.await;
        }));
        Self { address, stop: Some(stop), serving }
    }

    /// The admin port of a control plane that has published.
    pub(super) async fn ready() -> Self {
        Self::start(Port::Admin, state()).await
    }

    pub(super) async fn get(&self, path: &str) -> Told {
        self.ask("GET", path, "").await
    }

    pub(super) async fn ask(&self, method: &str, path: &str, fields: &str) -> Told {
        ask(self.address, method, path, fields).await
    }

    /// Ends it, and waits until it has ended.
    pub(super) async fn stop(mut self) {
        drop(self.stop.take());
        (&mut self.serving).await.unwrap();
    }
}

/// What is answered on a connection of its own.
pub(super) async fn ask(address: SocketAddr, method: &str, path: &str, fields: &str) -> Told {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{fields}\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap();
    Told { status, head: head.to_ascii_lowercase(), body: body.to_owned() }
}

impl Drop for Plane {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// A state without a snapshot.
pub(super) fn unready() -> State {
    state_with(None)
}

/// A state with the snapshot of `objects.yaml`, and four data planes.
pub(super) fn state() -> State {
    let (objects, _) = objects();
    let state = state_of(&objects);
    for (id, served) in [("current", VERSION), ("behind", "v1"), ("refusing", VERSION), ("gone", VERSION)] {
        let observe = |observation| state.nodes.observe(id, "cluster-a", observation);
        observe(Observation::Connected);
        observe(Observation::Sending(VERSION.to_owned()));
        let rejected = if id == "refusing" { vec![rejection()] } else { Vec::new() };
        observe(Observation::Said(Event::Applied { version: served.to_owned(), rejected }));
    }
    state.nodes.observe(
        "gone",
        "cluster-a",
        Observation::Disconnected { end: StreamEnd::Connection, reason: "it was cut".to_owned() },
    );
    state
}

/// A state with the snapshot of these objects.
pub(super) fn state_of(objects: &Objects) -> State {
    let ai_services = objects.iter().filter(|object| object.id().kind == "AIService").cloned().map(Declared);
    let compiled = compile(objects, &Options::standalone());
    state_with(Some(Published { ai_services: ai_services.collect(), ..published(compiled) }))
}

fn rejection() -> Rejection {
    Rejection {
        type_url: "type.nantian.dev/nantian.ir.v1.Listener".to_owned(),
        name: "shop/web/http".to_owned(),
        version: VERSION.to_owned(),
        message: "port 80 may not be bound".to_owned(),
    }
}

pub(super) fn with_token(state: State, token: &str) -> State {
    let token = Some(BearerToken::new(token).unwrap());
    State { token: watch::Sender::new(token).subscribe(), ..state }
}

fn state_with(published: Option<Published>) -> State {
    State {
        published: watch::Sender::new(published.map(Arc::new)).subscribe(),
        nodes: Nodes::new(),
        leader: watch::Sender::new(true).subscribe(),
        metrics: Metrics::new(),
        namespace: "nantian-gw".to_owned(),
        token: watch::Sender::new(None).subscribe(),
        limits: Limits::default(),
    }
}

/// The objects of `objects.yaml`, and the private key among them.
pub(super) fn objects() -> (Objects, String) {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["shop.example.com".to_owned()]).unwrap();
    let key = signing_key.serialize_pem();
    let quoted = |text: &str| serde_json::to_string(text).unwrap();
    let text = include_str!("objects.yaml").replace("@CHAIN@", &quoted(&cert.pem())).replace("@KEY@", &quoted(&key));
    let parsed = yaml::parse("objects.yaml", &text);
    assert_eq!(parsed.diagnostics, Vec::new());
    (parsed.objects.into_iter().collect(), key)
}

fn published(compiled: Compiled) -> Published {
    let mut findings = BTreeMap::<_, Vec<Diagnostic>>::new();
    for diagnostic in compiled.diagnostics {
        findings.entry(diagnostic.object.clone()).or_default().push(diagnostic);
    }
    let findings = findings.into_iter().map(|(object, diagnostics)| Findings { object, diagnostics });
    let view = View { snapshot: Arc::clone(&compiled.snapshot), version: VERSION.to_owned() };
    Published {
        snapshot: compiled.snapshot,
        views: BTreeMap::from([(Audience::Shared, view)]),
        version: VERSION.to_owned(),
        generated_at: SystemTime::UNIX_EPOCH + Duration::from_millis(1_500),
        build: Duration::from_millis(250),
        services: nantian_ir::ResourceMap::new(),
        statuses: compiled.statuses.into_iter().map(|status| Reported(Arc::new(status))).collect::<ResourceMap<_>>(),
        diagnostics: findings.collect(),
        ai_services: ResourceMap::new(),
    }
}
