//! Seeded simulation: a server and a client, a network between them that holds, loses and cuts, a world that changes, a
//! server that restarts, versions that the client cannot read, and a data plane that is slow to apply.
//!
//! Whatever happens, what the client serves is consistent, nothing that it has is sent again, and once the world rests it
//! serves the newest. A seed that fails is printed: `NANTIAN_XDS_SEED=N cargo test -p nantian-xds --test simulation`.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests panic when they fail")]

mod snapshots;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use nantian_ir::{ContentHash, Snapshot};
use nantian_xds::delta::{Client, Event, Rejection, Server, ServerLimits, Update};
use nantian_xds::wire::discovery::{DeltaDiscoveryRequest, DeltaDiscoveryResponse};
use nantian_xds::wire::{Any, Node};
use nantian_xds::{Catalog, MANIFEST_URL, Resource, ResourceType};

const SEEDS: u64 = 1_000;
const STEPS: usize = 250;

/// `SplitMix64`.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    fn one_in(&mut self, of: u64) -> bool {
        self.below(of) == 0
    }
}

/// What the objects of a cluster come to: each thing is absent, or there in one of some forms.
#[derive(Default)]
struct World {
    bundles: [Option<u16>; 2],
    certificates: [Option<u16>; 2],
    /// The form chooses the endpoints, and whether a bundle is trusted.
    backends: [Option<u16>; 4],
    /// The form chooses the path and the backends.
    rules: [Option<u16>; 8],
    listeners: [Option<u16>; 3],
}

const NAMES: [&str; 8] = ["a", "b", "c", "d", "e", "f", "g", "h"];

impl World {
    fn change(&mut self, random: &mut Random) {
        let form = if random.one_in(3) { None } else { Some(u16::try_from(random.below(40)).unwrap()) };
        let any = |things: &mut [Option<u16>], random: &mut Random| {
            let index = usize::try_from(random.below(things.len() as u64)).unwrap();
            things[index] = form;
        };
        match random.below(8) {
            0 => any(&mut self.bundles, random),
            1 => any(&mut self.certificates, random),
            2 | 3 => any(&mut self.backends, random),
            4 => any(&mut self.listeners, random),
            _ => any(&mut self.rules, random),
        }
    }

    /// As the compiler makes it: nothing names what is not there.
    fn snapshot(&self) -> Snapshot {
        let mut snapshot = Snapshot::default();
        let there = |things: &[Option<u16>]| -> Vec<(usize, u16)> {
            things.iter().enumerate().filter_map(|(index, form)| Some((index, (*form)?))).collect()
        };
        for (index, form) in there(&self.bundles) {
            snapshot.ca_bundles.insert(snapshots::ca_bundle(NAMES[index], &format!("bundle {form}")));
        }
        for (index, form) in there(&self.certificates) {
            snapshot.certificates.insert(snapshots::certificate(NAMES[index], &format!("chain {form}")));
        }
        for (index, form) in there(&self.backends) {
            let bundle = usize::from(form) % 4;
            let bundle = self.bundles.get(bundle).copied().flatten().map(|_| NAMES[bundle]);
            snapshot.backends.insert(snapshots::backend(NAMES[index], bundle));
            snapshot.endpoints.insert(snapshots::endpoints(NAMES[index], &[form, 8080]));
        }
        for (index, form) in there(&self.rules) {
            let wanted = there(&self.backends).into_iter().filter(|(backend, _)| form >> backend & 1 == 1);
            let backends: Vec<&str> = wanted.map(|(backend, _)| NAMES[backend]).collect();
            let index = u32::try_from(index).unwrap();
            snapshot.rules.insert(snapshots::rule(index, &format!("/{form}"), &backends));
        }
        for (index, form) in there(&self.listeners) {
            let certificates = there(&self.certificates).into_iter().filter(|(place, _)| form >> place & 1 == 1);
            let certificates: Vec<&str> = certificates.map(|(place, _)| NAMES[place]).collect();
            snapshot.listeners.insert(snapshots::listener(NAMES[index], form + 1, &certificates));
        }
        snapshot
    }
}

/// Whether the client is too old to read this version, in a world where that happens.
fn is_unreadable(version: &str) -> bool {
    version.starts_with('0')
}

/// The two ends of a stream, and what is between them.
struct Stream {
    server: Server,
    requests: VecDeque<DeltaDiscoveryRequest>,
    responses: VecDeque<DeltaDiscoveryResponse>,
    /// Under each name what was sent last on this stream, or what the client said that it has.
    has: BTreeMap<(String, String), String>,
    /// Whether the server has a snapshot: after a restart it takes a while.
    published: bool,
}

struct Simulation {
    random: Random,
    world: World,
    catalog: Arc<Catalog>,
    stream: Option<Stream>,
    client: Client,
    applying: Option<Update>,
    /// What the data plane serves, and what of it is refused.
    serves: Option<(Update, Vec<Rejection>)>,
    last_event: Option<Event>,
    /// Whether there are versions that the client cannot read, and listeners that cannot be bound.
    faults: bool,
    sent: usize,
}

impl Simulation {
    fn new(seed: u64) -> Self {
        let node = Node { id: "node".to_owned(), ..Node::default() };
        Self {
            random: Random(seed),
            world: World::default(),
            catalog: Arc::new(Catalog::new(Arc::default())),
            stream: None,
            client: Client::new(node),
            applying: None,
            serves: None,
            last_event: None,
            faults: seed % 2 == 1,
            sent: 0,
        }
    }

    fn run(mut self) {
        for _ in 0..STEPS {
            self.step();
        }
        self.rest();
        self.check_the_newest_is_served();
    }

    fn step(&mut self) {
        match self.random.below(24) {
            0..=3 => self.change(),
            4 => self.cut(),
            5 => self.restart_server(),
            6..=7 => self.connect(),
            8..=11 => self.server_writes(),
            12..=15 => self.client_reads(),
            16..=18 => self.client_writes(),
            19..=21 => self.server_reads(),
            22 => self.take_update(),
            _ => self.finish_applying(),
        }
    }

    fn change(&mut self) {
        for _ in 0..=self.random.below(4) {
            self.world.change(&mut self.random);
        }
        let snapshot = self.world.snapshot();
        assert_eq!(snapshots::dangling(&snapshot), Vec::<String>::new(), "the world itself is consistent");
        self.catalog = Arc::new(self.catalog.advanced(Arc::new(snapshot)));
        let fresh = Catalog::new(Arc::clone(self.catalog.snapshot()));
        assert_eq!(self.catalog.version(), fresh.version(), "a restarted server computes the same version");
        if let Some(stream) = &mut self.stream
            && stream.published
        {
            stream.server.publish(Arc::clone(&self.catalog));
        }
    }

    /// What is on its way is lost.
    fn cut(&mut self) {
        if self.stream.take().is_some() {
            self.client.disconnected();
        }
    }

    fn restart_server(&mut self) {
        self.cut();
        self.catalog = Arc::new(Catalog::new(Arc::clone(self.catalog.snapshot())));
    }

    fn connect(&mut self) {
        if let Some(stream) = &mut self.stream {
            // A server that compiled its first snapshot.
            stream.published = true;
            stream.server.publish(Arc::clone(&self.catalog));
            return;
        }
        let limits = ServerLimits { response_bytes: 300, unanswered_responses: 3, ..ServerLimits::default() };
        let mut server = Server::new(limits);
        let published = !self.random.one_in(4);
        if published {
            server.publish(Arc::clone(&self.catalog));
        }
        let (requests, responses) = (VecDeque::new(), VecDeque::new());
        self.stream = Some(Stream { server, requests, responses, has: BTreeMap::new(), published });
        self.client.connected();
    }

    fn server_writes(&mut self) {
        let Some(stream) = &mut self.stream else { return };
        if stream.responses.len() >= 2 {
            return;
        }
        let Some(response) = stream.server.poll_response() else { return };
        assert!(stream.published, "without a snapshot nothing is sent");
        for resource in &response.resources {
            let key = (response.type_url.clone(), resource.name.clone());
            let before = stream.has.insert(key.clone(), resource.version.clone());
            assert_ne!(before.as_ref(), Some(&resource.version), "{key:?} is sent again to a client that has it");
            self.sent += 1;
        }
        for name in &response.removed_resources {
            let before = stream.has.remove(&(response.type_url.clone(), name.clone()));
            assert!(before.is_some(), "{name} is removed from a client that does not have it");
        }
        stream.responses.push_back(response);
    }

    fn client_reads(&mut self) {
        let Some(mut response) = self.stream.as_mut().and_then(|stream| stream.responses.pop_front()) else { return };
        if self.faults && response.type_url != MANIFEST_URL {
            for resource in response.resources.iter_mut().filter(|resource| is_unreadable(&resource.version)) {
                let any = resource.resource.take().unwrap();
                // A field that only a newer peer knows.
                let value = [&any.value[..], &[0xa2, 0x06, 0x00]].concat();
                resource.resource = Some(Any { value: value.into(), ..any });
            }
        }
        self.client.handle_response(response).unwrap();
    }

    fn client_writes(&mut self) {
        let Some(stream) = &mut self.stream else { return };
        if let Some(request) = self.client.poll_request() {
            stream.requests.push_back(request);
        }
    }

    fn server_reads(&mut self) {
        let Some(stream) = &mut self.stream else { return };
        let Some(request) = stream.requests.pop_front() else { return };
        for (name, version) in &request.initial_resource_versions {
            stream.has.insert((request.type_url.clone(), name.clone()), version.clone());
        }
        stream.server.handle_request(&request).unwrap();
        while let Some(event) = stream.server.poll_event() {
            assert!(!matches!(event, Event::Diverged { .. }), "{event:?}");
            if let Event::Applied { .. } = event {
                self.last_event = Some(event);
            }
        }
    }

    fn take_update(&mut self) {
        if self.applying.is_some() {
            return;
        }
        let Some(update) = self.client.poll_update() else { return };
        assert_eq!(snapshots::dangling(&update.snapshot), Vec::<String>::new(), "what is served is consistent");
        assert!(self.faults || update.rejected.is_empty(), "{:?}", update.rejected);
        self.applying = Some(update);
    }

    fn finish_applying(&mut self) {
        let Some(update) = self.applying.take() else { return };
        let unbindable = |port: u16| self.faults && port.is_multiple_of(5);
        let refused = update.snapshot.listeners.values().filter(|listener| unbindable(listener.bind.port));
        let refused: Vec<Rejection> = refused
            .map(|listener| Rejection {
                type_url: ResourceType::Listener.url().to_owned(),
                name: listener.key.to_string(),
                version: ContentHash::of(&**listener).to_string(),
                message: "the port is taken".to_owned(),
            })
            .collect();
        self.client.applied(&update, refused.clone());
        self.serves = Some((update, refused));
    }

    /// The world changes no more, and the network holds.
    fn rest(&mut self) {
        self.connect();
        self.connect();
        for _ in 0..200 {
            self.server_writes();
            self.client_reads();
            self.client_writes();
            self.server_reads();
            self.take_update();
            self.finish_applying();
        }
        let sent = self.sent;
        let stream = self.stream.as_mut().unwrap();
        assert!(stream.requests.is_empty() && stream.responses.is_empty() && self.client.poll_request().is_none());
        assert_eq!(stream.server.poll_response(), None, "at rest there is nothing to say, after {sent} resources");
    }

    fn check_the_newest_is_served(&self) {
        let (update, refused) = self.serves.as_ref().unwrap();
        let truth = self.catalog.snapshot();
        assert_eq!(update.version, self.catalog.version());
        let all: Vec<Rejection> = update.rejected.iter().chain(refused).cloned().collect();
        if self.faults {
            check_served::<nantian_ir::Certificate>(update, truth);
            check_served::<nantian_ir::CaBundle>(update, truth);
            check_served::<nantian_ir::EndpointSet>(update, truth);
            check_served::<nantian_ir::Backend>(update, truth);
            check_served::<nantian_ir::RouteRule>(update, truth);
            check_served::<nantian_ir::Listener>(update, truth);
        } else {
            assert_eq!(update.snapshot, *truth);
            assert_eq!(all, []);
        }
        // The server knows what is served and what is not, unless the client told an earlier one and nothing changed.
        if let Some(Event::Applied { version, rejected }) = &self.last_event
            && !all.is_empty()
        {
            assert_eq!((version, rejected), (&update.version, &all));
        }
    }
}

/// Every resource is served as the server means it, or refused by name; an unreadable one always is.
fn check_served<T: Resource<Key: std::fmt::Debug>>(update: &Update, truth: &Snapshot) {
    for resource in T::of(truth).values() {
        let name = resource.key().to_string();
        let is_rejected = |rejection: &&Rejection| rejection.type_url == T::TYPE.url() && rejection.name == name;
        let rejected = update.rejected.iter().find(is_rejected);
        let version = ContentHash::of(&**resource).to_string();
        assert!(rejected.is_none_or(|rejection| rejection.version == version), "{rejected:?} {version}");
        if is_unreadable(&version) {
            assert!(rejected.is_some(), "{name} cannot be read and is not rejected");
        } else if rejected.is_none() {
            assert!(T::of(&update.snapshot).get(resource.key()) == Some(resource), "{name} is served otherwise");
        }
    }
}

#[test]
fn whatever_happens_the_client_ends_at_the_servers_newest_state() {
    if let Some(seed) = std::env::var_os("NANTIAN_XDS_SEED") {
        Simulation::new(seed.to_str().unwrap().parse().unwrap()).run();
        return;
    }
    for seed in 0..SEEDS {
        let failed = std::panic::catch_unwind(|| Simulation::new(seed).run()).is_err();
        assert!(!failed, "the simulation fails: NANTIAN_XDS_SEED={seed} replays it");
    }
}
