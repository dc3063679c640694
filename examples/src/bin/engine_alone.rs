//! The engine alone: a gateway inside another program. It serves a snapshot, takes another one without dropping a
//! request, and drains.
//!
//! Needs `nantian-proxy` with its default feature `engine`, and `nantian-ir` (here with `compile`).

use std::error::Error;
use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use nantian_ir::Snapshot;
use nantian_ir::compile::{Objects, Options, compile, yaml};
use nantian_proxy::engine::{Engine, EngineConfig};
use nantian_proxy::telemetry::AccessLogFormat;

fn main() -> Result<(), Box<dyn Error>> {
    let backend = backend()?;
    let port = free_port()?;

    // Any runtime will do: the engine has threads of its own.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut config = EngineConfig::default();
        config.workers = Some(std::num::NonZeroUsize::MIN);
        config.bind_address = Some(Ipv4Addr::LOCALHOST.into());
        config.admin.enabled = false;
        config.access_log.format = AccessLogFormat::Off;
        let engine = Engine::start(config)?;

        let report = engine.apply(snapshot(port, backend, "/old")).await;
        println!("serving snapshot {}", report.version);
        assert!(report.is_complete(), "{:?}", report.refused);
        assert!(get(port, "/old")?.starts_with("HTTP/1.1 200"));
        assert!(get(port, "/new")?.starts_with("HTTP/1.1 404"));

        // Another snapshot: unchanged listeners keep their sockets and connections.
        let report = engine.apply(snapshot(port, backend, "/new")).await;
        assert!(report.is_complete(), "{:?}", report.refused);
        let answer = get(port, "/new")?;
        println!("{answer}");
        assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("hello from the backend"));
        assert!(get(port, "/old")?.starts_with("HTTP/1.1 404"));

        let report = engine.drain(Duration::from_secs(5)).await;
        assert_eq!(report.cut, 0);
        Ok(())
    })
}

/// One listener, one route for `path`, one backend.
fn snapshot(port: u16, backend: u16, path: &str) -> Arc<Snapshot> {
    let objects = format!(
        "
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {{name: web}}
spec:
  gatewayClassName: nantian-gw
  listeners: [{{name: http, protocol: HTTP, port: {port}}}]
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {{name: app}}
spec:
  parentRefs: [{{name: web}}]
  rules:
    - matches: [{{path: {{type: PathPrefix, value: {path}}}}}]
      backendRefs: [{{name: app, port: 80}}]
---
apiVersion: v1
kind: Service
metadata: {{name: app}}
spec:
  ports: [{{port: 80}}]
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {{name: app-1, labels: {{kubernetes.io/service-name: app}}}}
addressType: IPv4
ports: [{{port: {backend}}}]
endpoints: [{{addresses: [127.0.0.1]}}]
"
    );
    let objects: Objects = yaml::parse("objects", &objects).objects.into_iter().collect();
    compile(&objects, &Options::standalone()).snapshot
}

/// A backend that says hello to every request without a body.
fn backend() -> io::Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let port = listener.local_addr()?.port();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // One that goes away is no matter for the next.
            thread::spawn(move || hello(stream));
        }
    });
    Ok(port)
}

fn hello(mut stream: TcpStream) -> io::Result<()> {
    let (mut received, mut buffer) = (Vec::new(), [0; 1024]);
    loop {
        let read = stream.read(&mut buffer)?;
        if read == 0 {
            return Ok(());
        }
        received.extend_from_slice(buffer.get(..read).unwrap_or_default());
        if received.ends_with(b"\r\n\r\n") {
            received.clear();
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 22\r\n\r\nhello from the backend")?;
        }
    }
}

/// A port that was free a moment ago.
fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

fn get(port: u16, path: &str) -> io::Result<String> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    write!(stream, "GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}
