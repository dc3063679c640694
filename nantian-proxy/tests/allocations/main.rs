//! What is allocated: counts and bytes that are the same on every machine, so that a guard can be exact.
//!
//! Client and backend have threads of their own; only what the worker's thread allocates is counted.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "tests panic when they fail")]

mod floods;
mod requests;

use std::net::{SocketAddr, TcpListener};
use std::rc::Rc;
use std::sync::Arc;
use std::thread;

use allocation_counter::AllocationInfo;
use nantian_ir::compile::{Objects, Options, compile, yaml};
use nantian_proxy::http::{self, ConnectionEnd, ConnectionInfo, Drain, HttpSettings, Transport};
use nantian_proxy::request::{Pipeline, Settings, Worker};
use nantian_proxy::runtime::Runtime;
use nantian_proxy::telemetry::Telemetry;

/// What the worker's thread allocates to serve one connection to its end. `backend`: the port that requests go to.
fn serve(
    http: HttpSettings,
    backend: u16,
    client: impl FnOnce(SocketAddr) + Send + 'static,
) -> (AllocationInfo, ConnectionEnd) {
    let snapshot = snapshot(backend);
    let gateway = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = gateway.local_addr().unwrap();
    let client = thread::spawn(move || client(address));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut end = None;
    let counted = allocation_counter::measure(|| {
        tokio::task::LocalSet::new().block_on(&runtime, async {
            let bind = snapshot.listeners.values().next().unwrap().bind;
            let telemetry = Telemetry::new("test", 1);
            let runtime = Arc::new(Runtime::build(snapshot, None));
            let worker = Worker::new(Settings::default(), &http, runtime, telemetry.recorder(0), 7);
            let (stream, peer) = gateway.accept().unwrap();
            stream.set_nonblocking(true).unwrap();
            let stream = tokio::net::TcpStream::from_std(stream).unwrap();
            let info = Rc::new(ConnectionInfo::new(peer, address));
            let (io, pipeline) = (Transport::from(stream), Pipeline::new(worker, bind));
            end = Some(http::serve_auto(io, info, Rc::new(http), pipeline, Drain::new()).await);
        });
    });
    client.join().unwrap();
    (counted, end.unwrap())
}

fn snapshot(backend: u16) -> Arc<nantian_ir::Snapshot> {
    let objects = format!(
        "
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {{name: web}}
spec: {{gatewayClassName: nantian-gw, listeners: [{{name: http, protocol: HTTP, port: 80}}]}}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {{name: app}}
spec: {{parentRefs: [{{name: web}}], rules: [{{backendRefs: [{{name: app, port: 80}}]}}]}}
---
apiVersion: v1
kind: Service
metadata: {{name: app}}
spec: {{ports: [{{port: 80}}]}}
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
