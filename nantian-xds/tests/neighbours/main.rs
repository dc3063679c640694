//! Planes of neighbouring builds: what earlier builds have put on the wire, kept beside this file, against this build.
//!
//! `NANTIAN_WRITE_WIRE=NAME cargo test -p nantian-xds --test neighbours` keeps what this build says, for later ones. What was kept is
//! never written again: where a test fails for it, planes of that build would not understand this one.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests panic when they fail")]

#[path = "../snapshots/mod.rs"]
mod snapshots;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::{Buf as _, Bytes};
use nantian_ir::{Backend, CaBundle, Certificate, EndpointSet, Listener, RouteRule, Snapshot, StreamRule};
use nantian_xds::delta::{Client, Event, Server, ServerLimits, Update};
use nantian_xds::wire::Node;
use nantian_xds::wire::discovery::{DeltaDiscoveryRequest, DeltaDiscoveryResponse};
use nantian_xds::wire::google::protobuf::Any;
use nantian_xds::{Catalog, Resource, ResourceType};
use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::TestRunner;
use prost::Message;
use serde_json::Value;

/// Each has up to two resources of each type.
const SNAPSHOTS: usize = 12;

/// What a build said.
struct Said {
    build: String,
    /// Resources of all types with all that they can hold.
    resources: Vec<Any>,
    /// What each of them means, as JSON.
    meanings: Vec<Value>,
    /// Of a data plane that gets a snapshot and applies it.
    requests: Vec<DeltaDiscoveryRequest>,
    /// Of the control plane that it asked.
    responses: Vec<DeltaDiscoveryResponse>,
}

impl Said {
    fn folder() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/neighbours")
    }

    /// What was kept of each build.
    fn kept() -> Vec<Self> {
        let folders = fs::read_dir(Self::folder()).unwrap().map(|entry| entry.unwrap().path());
        let kept: Vec<Self> = folders.filter(|path| path.is_dir()).map(|folder| Self::read(&folder)).collect();
        assert!(!kept.is_empty());
        kept
    }

    fn read(folder: &Path) -> Self {
        let meanings = fs::read_to_string(folder.join("resources.jsonl")).unwrap();
        Self {
            build: folder.file_name().unwrap().to_string_lossy().into_owned(),
            resources: messages(&folder.join("resources.bin")),
            meanings: meanings.lines().map(|line| serde_json::from_str(line).unwrap()).collect(),
            requests: messages(&folder.join("requests.bin")),
            responses: messages(&folder.join("responses.bin")),
        }
    }

    fn write(&self) {
        let folder = Self::folder().join(&self.build);
        fs::create_dir(&folder).unwrap();
        let meanings: Vec<String> = self.meanings.iter().map(Value::to_string).collect();
        fs::write(folder.join("resources.jsonl"), meanings.join("\n")).unwrap();
        fs::write(folder.join("resources.bin"), delimited(&self.resources)).unwrap();
        fs::write(folder.join("requests.bin"), delimited(&self.requests)).unwrap();
        fs::write(folder.join("responses.bin"), delimited(&self.responses)).unwrap();
    }

    /// What this build says.
    fn now(build: String) -> Self {
        let mut runner = TestRunner::deterministic();
        let (mut resources, mut meanings) = (Vec::new(), Vec::new());
        for _ in 0..SNAPSHOTS {
            let snapshot = snapshots::any::snapshot().new_tree(&mut runner).unwrap().current();
            for (resource, meaning) in ResourceType::ALL.into_iter().flat_map(|kind| each(kind, &snapshot)) {
                resources.push(resource);
                meanings.push(meaning);
            }
        }
        let mut said = Self { build, resources, meanings, requests: Vec::new(), responses: Vec::new() };
        said.converse(&full());
        said
    }

    fn converse(&mut self, snapshot: &Snapshot) {
        let (mut client, mut server) = (client(), server(&snapshots::shared(snapshot)));
        client.connected();
        self.ask(&mut client, &mut server);
        let update = client.poll_update().unwrap();
        client.applied(&update, Vec::new());
        self.ask(&mut client, &mut server);
    }

    fn ask(&mut self, client: &mut Client, server: &mut Server) {
        while let Some(request) = client.poll_request() {
            server.handle_request(&request).unwrap();
            self.requests.push(request);
            while let Some(response) = server.poll_response() {
                self.responses.push(response.clone());
                client.handle_response(response).unwrap();
            }
        }
    }

    /// What a data plane of this build makes of the responses.
    fn applied(&self) -> Update {
        let mut client = client();
        client.connected();
        for response in self.responses.clone() {
            client.handle_response(response).unwrap();
        }
        let errors = std::iter::from_fn(|| client.poll_request()).filter_map(|request| request.error_detail);
        assert_eq!(errors.collect::<Vec<_>>(), [], "{}", self.build);
        client.poll_update().unwrap()
    }
}

fn messages<M: Message + Default>(file: &Path) -> Vec<M> {
    let mut bytes = Bytes::from(fs::read(file).unwrap());
    let mut messages = Vec::new();
    while bytes.has_remaining() {
        messages.push(M::decode_length_delimited(&mut bytes).unwrap());
    }
    messages
}

fn delimited<M: Message>(messages: &[M]) -> Vec<u8> {
    messages.iter().flat_map(M::encode_length_delimited_to_vec).collect()
}

fn client() -> Client {
    Client::new(Node { id: "node-1".to_owned(), ..Node::default() })
}

fn server(snapshot: &Arc<Snapshot>) -> Server {
    let mut server = Server::new(ServerLimits::default());
    server.publish(Arc::new(Catalog::new(Arc::clone(snapshot))));
    server
}

/// A snapshot with resources of most types, each of which names what is there.
fn full() -> Snapshot {
    let mut full = snapshots::shop(3);
    full.certificates.insert(snapshots::certificate("tls", "chain"));
    full.listeners.insert(snapshots::listener("https", 8443, &["tls"]));
    full.ca_bundles.insert(snapshots::ca_bundle("ca", "pem"));
    full.backends.insert(snapshots::backend("secure", Some("ca")));
    full.endpoints.insert(snapshots::endpoints("secure", &[443]));
    full
}

/// Resources of a type on the wire, and what they mean.
fn each(kind: ResourceType, snapshot: &Snapshot) -> Vec<(Any, Value)> {
    fn of<T: Resource>(snapshot: &Snapshot) -> Vec<(Any, Value)> {
        let both = |resource: &Arc<T>| {
            let message = Any { type_url: T::TYPE.url().to_owned(), value: resource.encode().into() };
            (message, serde_json::to_value(&**resource).unwrap())
        };
        T::of(snapshot).values().map(both).collect()
    }
    match kind {
        ResourceType::Certificate => of::<Certificate>(snapshot),
        ResourceType::CaBundle => of::<CaBundle>(snapshot),
        ResourceType::EndpointSet => of::<EndpointSet>(snapshot),
        ResourceType::Backend => of::<Backend>(snapshot),
        ResourceType::RouteRule => of::<RouteRule>(snapshot),
        ResourceType::StreamRule => of::<StreamRule>(snapshot),
        ResourceType::Listener => of::<Listener>(snapshot),
        other => panic!("{other} is among the resources that are kept"),
    }
}

/// What this build reads, as it would send it again, and what it means.
fn again(resource: &Any) -> (Any, Value) {
    fn read<T: Resource>(body: &[u8]) -> Snapshot {
        let mut alone = Snapshot::default();
        T::of_mut(&mut alone).insert(T::decode(body).unwrap());
        alone
    }
    let body = &resource.value;
    let kind = ResourceType::of_url(&resource.type_url).unwrap();
    let alone = match kind {
        ResourceType::Certificate => read::<Certificate>(body),
        ResourceType::CaBundle => read::<CaBundle>(body),
        ResourceType::EndpointSet => read::<EndpointSet>(body),
        ResourceType::Backend => read::<Backend>(body),
        ResourceType::RouteRule => read::<RouteRule>(body),
        ResourceType::StreamRule => read::<StreamRule>(body),
        ResourceType::Listener => read::<Listener>(body),
        other => panic!("{other} is among the resources that are kept"),
    };
    each(kind, &alone).remove(0)
}

/// Whether `now` says all that `then` did: it may have more fields.
fn says(now: &Value, then: &Value) -> bool {
    match (now, then) {
        (Value::Object(now), Value::Object(then)) => {
            then.iter().all(|(name, then)| now.get(name).is_some_and(|now| says(now, then)))
        }
        (Value::Array(now), Value::Array(then)) => {
            now.len() == then.len() && now.iter().zip(then).all(|(now, then)| says(now, then))
        }
        _ => now == then,
    }
}

/// Resources by type and name, with their bytes.
fn sent(responses: &[DeltaDiscoveryResponse]) -> BTreeMap<(String, String), Option<Any>> {
    let resources = responses.iter().flat_map(|response| {
        let named = |resource: &nantian_xds::wire::discovery::Resource| {
            ((response.type_url.clone(), resource.name.clone()), resource.resource.clone())
        };
        response.resources.iter().map(named).collect::<Vec<_>>()
    });
    resources.collect()
}

#[test]
fn resources_of_earlier_builds_mean_the_same_and_would_be_sent_the_same() {
    if let Ok(build) = std::env::var("NANTIAN_WRITE_WIRE") {
        Said::now(build).write();
    }
    for said in Said::kept() {
        assert!(said.resources.len() > 50 && said.resources.len() == said.meanings.len());
        for (resource, meaning) in said.resources.iter().zip(&said.meanings) {
            let (message, now) = again(resource);
            assert!(says(&now, meaning), "{}: {meaning} is {now} now", said.build);
            assert_eq!(&message, resource, "{}: {meaning}", said.build);
        }
    }
}

#[test]
fn a_data_plane_takes_all_that_control_planes_of_earlier_builds_send() {
    for said in Said::kept() {
        let update = said.applied();
        assert_eq!(update.rejected, [], "{}", said.build);
        assert_eq!((update.snapshot.listeners.len(), update.snapshot.rules.len()), (2, 3), "{}", said.build);
    }
}

#[test]
fn a_control_plane_sends_data_planes_of_earlier_builds_what_they_can_read() {
    for said in Said::kept() {
        let update = said.applied();
        let mut server = server(&update.snapshot);
        let mut responses = Vec::new();
        for request in &said.requests {
            server.handle_request(request).unwrap();
            responses.extend(std::iter::from_fn(|| server.poll_response()));
        }
        assert_eq!(sent(&responses), sent(&said.responses), "{}", said.build);
        let events: Vec<Event> = std::iter::from_fn(|| server.poll_event()).collect();
        assert_eq!(events, [Event::Applied { version: update.version, rejected: Vec::new() }], "{}", said.build);
    }
}
