//! Each audience may read what its Gateways come to, all of it and nothing else.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests panic when they fail")]

mod snapshots;

use std::collections::BTreeSet;
use std::sync::Arc;

use nantian_ir::{
    Attachment, Backend, BackendKey, BackendTls, CaBundleKey, CertificateKey, ClientValidation, ClientValidationMode,
    Filter, Fraction, GatewayKey, HostnameMatch, Listener, ListenerKey, ListenerSetKey, ListenerTls, RequestMirror,
    RouteKind, RouteRule, Snapshot, StreamRule, StreamTarget, Target, Trust, WeightedTarget,
};
use nantian_xds::delta::{Server, ServerLimits};
use nantian_xds::wire::discovery::DeltaDiscoveryRequest;
use nantian_xds::{Audience, Catalog, ResourceType, Views};
use proptest::collection::{btree_set, vec};
use proptest::prelude::*;

const GATEWAYS: usize = 4;
const LISTENERS: usize = 8;
const NAMES: [&str; 4] = ["a", "b", "c", "d"];

fn gateway(index: usize) -> GatewayKey {
    // Two of each namespace, and two of each name.
    GatewayKey { namespace: format!("n{}", index / 2).into(), name: format!("g{}", index % 2).into() }
}

/// Two of each Gateway, the second from a ListenerSet of another namespace.
fn listener_key(index: usize) -> ListenerKey {
    let GatewayKey { namespace, name } = gateway(index % GATEWAYS);
    let set = (index >= GATEWAYS).then(|| ListenerSetKey { namespace: "sets".into(), name: "set".into() });
    ListenerKey { namespace, gateway: name, set, listener: "http".into() }
}

type Names = BTreeSet<usize>;

fn names() -> impl Strategy<Value = Names> {
    btree_set(0..NAMES.len(), 0..3)
}

fn listener(index: usize, certificates: &Names, bundles: &Names) -> Listener {
    let mut listener = snapshots::listener("http", 80, &[]);
    listener.key = listener_key(index);
    let key = |index: &usize| snapshots::certificate_key(NAMES[*index]);
    // One of them is for backends.
    let mut keys: Vec<CertificateKey> = certificates.iter().map(key).collect();
    listener.client_certificate = keys.pop();
    let ca_bundles: Vec<CaBundleKey> = bundles.iter().map(|index| snapshots::ca_bundle_key(NAMES[*index])).collect();
    let mode = ClientValidationMode::AllowValidOnly;
    let client_validation = (!ca_bundles.is_empty()).then_some(ClientValidation { ca_bundles, mode });
    listener.tls = Some(ListenerTls { certificates: keys, client_validation });
    listener
}

fn attachments(listeners: &Names) -> Vec<Attachment> {
    let attached = |index: &usize| Attachment { listener: listener_key(*index), hostnames: vec![HostnameMatch::Any] };
    let mut attachments: Vec<Attachment> = listeners.iter().map(attached).collect();
    attachments.sort();
    attachments
}

fn rule(index: usize, listeners: &Names, backends: &Names) -> RouteRule {
    let mut rule = snapshots::rule(u32::try_from(index).unwrap(), "/", &[]);
    rule.attachments = attachments(listeners);
    for (place, backend) in backends.iter().enumerate() {
        let backend = snapshots::backend_key(NAMES[*backend]);
        let mirror = RequestMirror { backend: backend.clone(), fraction: Fraction { numerator: 1, denominator: 2 } };
        let mirror = Filter::RequestMirror(mirror);
        match place {
            0 => rule.filters.push(mirror),
            1 => {
                let target = Target::Refused(nantian_ir::Refusal::BackendNotFound);
                rule.targets.push(WeightedTarget { weight: 1, target, filters: vec![mirror] });
            }
            _ => {
                let target = Target::Backend(backend);
                rule.targets.push(WeightedTarget { weight: 1, target, filters: Vec::new() });
            }
        }
    }
    rule
}

fn stream_rule(index: usize, listeners: &Names, backends: &Names) -> StreamRule {
    let RouteRule { mut key, name, age, attachments, .. } = rule(index, listeners, &Names::new());
    key.route.kind = RouteKind::Tcp;
    let target =
        |backend: &usize| StreamTarget { weight: 1, target: Target::Backend(snapshots::backend_key(NAMES[*backend])) };
    StreamRule { key, name, age, attachments, targets: backends.iter().map(target).collect() }
}

fn backend(index: usize, bundles: &Names) -> Backend {
    let mut backend = snapshots::backend(NAMES[index], Some("a"));
    if let Some(BackendTls::Verify(identity)) = &mut backend.tls {
        let keys = bundles.iter().map(|index| snapshots::ca_bundle_key(NAMES[*index]));
        identity.trust = Trust::CaBundles(keys.collect());
    }
    backend
}

/// A step of the world. Without content: the resource is gone.
#[derive(Debug, Clone)]
enum Step {
    Listener(usize, Option<(Names, Names)>),
    Rule(usize, Option<(Names, Names)>),
    StreamRule(usize, Option<(Names, Names)>),
    Backend(usize, Option<Names>),
    Endpoints(usize, Option<u16>),
    Certificate(usize, Option<String>),
    CaBundle(usize, Option<String>),
    Dedicated(Names),
}

fn step() -> impl Strategy<Value = Step> {
    use proptest::option::weighted;
    let attached = || (btree_set(0..LISTENERS, 1..4), names());
    prop_oneof![
        3 => (0..LISTENERS, weighted(0.8, (names(), names()))).prop_map(|(index, content)| Step::Listener(index, content)),
        4 => (0..6_usize, weighted(0.8, attached())).prop_map(|(index, content)| Step::Rule(index, content)),
        1 => (0..2_usize, weighted(0.8, attached())).prop_map(|(index, content)| Step::StreamRule(index, content)),
        2 => (0..NAMES.len(), weighted(0.8, names())).prop_map(|(index, content)| Step::Backend(index, content)),
        2 => (0..NAMES.len(), weighted(0.8, any::<u16>())).prop_map(|(index, content)| Step::Endpoints(index, content)),
        2 => (0..NAMES.len(), weighted(0.8, "[a-z]")).prop_map(|(index, content)| Step::Certificate(index, content)),
        2 => (0..NAMES.len(), weighted(0.8, "[a-z]")).prop_map(|(index, content)| Step::CaBundle(index, content)),
        1 => btree_set(0..GATEWAYS, 0..GATEWAYS).prop_map(Step::Dedicated),
    ]
}

#[derive(Default)]
struct World {
    snapshot: Snapshot,
    dedicated: BTreeSet<GatewayKey>,
}

macro_rules! put {
    ($map:expr, $present:expr, $key:expr) => {
        match $present {
            Some(resource) => $map.insert(resource),
            None => $map.remove(&$key),
        }
    };
}

impl World {
    fn take(&mut self, step: Step) {
        let Self { snapshot, dedicated } = self;
        match step {
            Step::Listener(index, content) => {
                let resource = content.map(|(certificates, bundles)| listener(index, &certificates, &bundles));
                put!(snapshot.listeners, resource, listener_key(index));
            }
            Step::Rule(index, content) => {
                let key = rule(index, &Names::new(), &Names::new()).key;
                let resource = content.map(|(listeners, backends)| rule(index, &listeners, &backends));
                put!(snapshot.rules, resource, key);
            }
            Step::StreamRule(index, content) => {
                let key = stream_rule(index, &Names::new(), &Names::new()).key;
                let resource = content.map(|(listeners, backends)| stream_rule(index, &listeners, &backends));
                put!(snapshot.stream_rules, resource, key);
            }
            Step::Backend(index, content) => {
                let resource = content.map(|bundles| backend(index, &bundles));
                put!(snapshot.backends, resource, snapshots::backend_key(NAMES[index]));
            }
            Step::Endpoints(index, content) => {
                let resource = content.map(|port| snapshots::endpoints(NAMES[index], &[port]));
                put!(snapshot.endpoints, resource, snapshots::backend_key(NAMES[index]));
            }
            Step::Certificate(index, content) => {
                let resource = content.map(|chain| snapshots::certificate(NAMES[index], &chain));
                put!(snapshot.certificates, resource, snapshots::certificate_key(NAMES[index]));
            }
            Step::CaBundle(index, content) => {
                let resource = content.map(|text| snapshots::ca_bundle(NAMES[index], &text));
                put!(snapshot.ca_bundles, resource, snapshots::ca_bundle_key(NAMES[index]));
            }
            Step::Dedicated(gateways) => *dedicated = gateways.into_iter().map(gateway).collect(),
        }
    }

    /// What the Gateways come to that `is_its` holds for, written apart from the crate's own.
    fn closure(&self, is_its: &dyn Fn(&ListenerKey) -> bool) -> Snapshot {
        let mut all = self.snapshot.clone();
        all.listeners.retain(|key, _| is_its(key));
        let cut = |attachments: &mut Vec<Attachment>| attachments.retain(|attachment| is_its(&attachment.listener));
        all.rules.values_mut().for_each(|rule| cut(&mut Arc::make_mut(rule).attachments));
        all.rules.retain(|_, rule| !rule.attachments.is_empty());
        all.stream_rules.values_mut().for_each(|rule| cut(&mut Arc::make_mut(rule).attachments));
        all.stream_rules.retain(|_, rule| !rule.attachments.is_empty());

        let mut backends = BTreeSet::<BackendKey>::new();
        let streams = all.stream_rules.values().flat_map(|rule| &rule.targets).map(|target| &target.target);
        let requests = all.rules.values().flat_map(|rule| &rule.targets).map(|target| &target.target);
        backends.extend(streams.chain(requests).filter_map(|target| match target {
            Target::Backend(key) => Some(key.clone()),
            Target::Refused(_) => None,
        }));
        let of_rules = all.rules.values().flat_map(|rule| &rule.filters);
        let of_targets = all.rules.values().flat_map(|rule| &rule.targets).flat_map(|target| &target.filters);
        backends.extend(of_rules.chain(of_targets).filter_map(|filter| match filter {
            Filter::RequestMirror(mirror) => Some(mirror.backend.clone()),
            _ => None,
        }));
        all.backends.retain(|key, _| backends.contains(key));
        all.endpoints.retain(|key, _| all.backends.contains_key(key));

        let (mut bundles, mut certificates) = (BTreeSet::new(), BTreeSet::new());
        for backend in all.backends.values() {
            if let Some(BackendTls::Verify(identity)) = &backend.tls
                && let Trust::CaBundles(keys) = &identity.trust
            {
                bundles.extend(keys.clone());
            }
        }
        for listener in all.listeners.values() {
            certificates.extend(listener.client_certificate.clone());
            let Some(tls) = &listener.tls else { continue };
            certificates.extend(tls.certificates.clone());
            bundles.extend(tls.client_validation.iter().flat_map(|validation| validation.ca_bundles.clone()));
        }
        all.ca_bundles.retain(|key, _| bundles.contains(key));
        all.certificates.retain(|key, _| certificates.contains(key));
        all
    }

    fn expected(&self, audience: &Audience) -> Snapshot {
        match audience {
            Audience::Shared if self.dedicated.is_empty() => self.snapshot.clone(),
            Audience::Shared => self.closure(&|key| !self.dedicated.contains(&key.gateway_key())),
            Audience::Gateway(gateway) => self.closure(&|key| key.gateway_key() == *gateway),
        }
    }
}

fn check_invariants(views: &Views, world: &World) {
    let audiences: BTreeSet<Audience> = views.catalogs().map(|(audience, _)| audience.clone()).collect();
    let dedicated = world.dedicated.iter().cloned().map(Audience::Gateway);
    assert_eq!(audiences, dedicated.chain([Audience::Shared]).collect());
    for (audience, catalog) in views.catalogs() {
        let expected = Arc::new(world.expected(audience));
        assert_eq!(**catalog.snapshot(), *expected, "{audience}");
        let fresh = Catalog::new(expected);
        assert_eq!(catalog.version(), fresh.version(), "{audience}");
        for resource_type in ResourceType::ALL {
            let bodies = |catalog: &Catalog| {
                let entries = catalog.entries(resource_type).values();
                entries.map(|entry| (entry.name.clone(), entry.body.clone())).collect::<Vec<_>>()
            };
            assert_eq!(bodies(catalog), bodies(&fresh), "{audience}: {resource_type}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn an_audience_may_read_exactly_what_its_gateways_come_to(publications in vec(vec(step(), 1..12), 1..12)) {
        let (mut world, mut views) = (World::default(), Views::new());
        for steps in publications {
            for step in steps {
                world.take(step);
            }
            views.advance(Arc::new(world.snapshot.clone()), &world.dedicated);
            check_invariants(&views, &world);
        }
    }
}

/// 5,000 rules on listeners of four Gateways, of which one has data planes of its own.
fn large() -> World {
    let mut world = World::default();
    world.dedicated.insert(gateway(0));
    (0..LISTENERS).for_each(|index| world.take(Step::Listener(index, Some((Names::from([index % 4]), Names::new())))));
    (0..NAMES.len()).for_each(|index| world.take(Step::Backend(index, Some(Names::new()))));
    (0..NAMES.len()).for_each(|index| world.take(Step::Certificate(index, Some("x".to_owned()))));
    let of_one = |index: usize| rule(index, &Names::from([index % LISTENERS]), &Names::from([index % 4]));
    world.snapshot.rules.extend((0..5_000).map(of_one));
    world
}

#[test]
fn a_change_leaves_the_other_audiences_and_all_that_is_encoded_as_they_were() {
    let mut world = large();
    let mut views = Views::new();
    views.advance(Arc::new(world.snapshot.clone()), &world.dedicated);
    let own = Audience::Gateway(gateway(0));
    let before = [&own, &Audience::Shared].map(|audience| Arc::clone(views.catalog(audience).unwrap()));

    // Of a Gateway that shares its data planes.
    world.take(Step::Rule(1, Some((Names::from([1]), Names::from([0])))));
    views.advance(Arc::new(world.snapshot.clone()), &world.dedicated);
    assert!(Arc::ptr_eq(&before[0], views.catalog(&own).unwrap()));
    let shared = views.catalog(&Audience::Shared).unwrap();
    let changes = shared.entries(ResourceType::RouteRule).changes(before[1].entries(ResourceType::RouteRule));
    assert_eq!(changes.len(), 1);

    // What is encoded for all is not encoded again for one.
    for (audience, catalog) in views.catalogs() {
        for entry in catalog.entries(ResourceType::RouteRule).values() {
            let whole = views.whole().entries(ResourceType::RouteRule).get(&entry.name).unwrap();
            assert!(Arc::ptr_eq(entry, whole), "{audience}: {entry:?}");
        }
    }
}

#[test]
fn while_no_gateway_has_data_planes_of_its_own_there_is_one_catalog() {
    let world = large();
    let mut views = Views::new();
    views.advance(Arc::new(world.snapshot.clone()), &BTreeSet::new());
    assert!(Arc::ptr_eq(views.whole(), views.catalog(&Audience::Shared).unwrap()));
    assert_eq!(views.catalogs().count(), 1);
}

#[test]
fn who_asks_by_name_for_what_it_may_not_read_hears_the_same_as_of_what_there_is_nowhere() {
    let mut world = World::default();
    world.take(Step::Dedicated(Names::from([0])));
    for index in [0, 1] {
        world.take(Step::Listener(index, Some((Names::from([index]), Names::new()))));
        world.take(Step::Certificate(index, Some("x".to_owned())));
    }
    let mut views = Views::new();
    views.advance(Arc::new(world.snapshot.clone()), &world.dedicated);

    let mut server = Server::new(ServerLimits::default());
    server.publish(Arc::clone(views.catalog(&Audience::Gateway(gateway(0))).unwrap()));
    let names = ["infra/a", "infra/b", "infra/nowhere", "*"].map(str::to_owned);
    let request = DeltaDiscoveryRequest {
        type_url: ResourceType::Certificate.url().to_owned(),
        resource_names_subscribe: names.to_vec(),
        // It has them already, as far as one believes it.
        initial_resource_versions: [("infra/b".to_owned(), "v".to_owned())].into(),
        ..DeltaDiscoveryRequest::default()
    };
    server.handle_request(&request).unwrap();
    let (mut got, mut absent) = (Vec::new(), Vec::new());
    while let Some(response) = server.poll_response() {
        got.extend(response.resources.into_iter().map(|resource| resource.name));
        absent.extend(response.removed_resources);
    }
    assert_eq!((got, absent), (vec!["infra/a".to_owned()], vec!["infra/b".to_owned(), "infra/nowhere".to_owned()]));
}
