//! What holds for every set of objects.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests panic when they fail")]

mod generated;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use generated::Edit;
use nantian_ir::compile::{
    AppliedPolicy, BindPorts, Change, Changed, Compiled, Compiler, ConditionStatus, Diagnostic, Object, ObjectStatus,
    Objects, Options, PolicySetting, SettingOutcome, Status, compile,
};
use nantian_ir::{
    BackendIdentity, BackendTls, Filter, ObjectRef, Refusal, RouteKey, RouteKind, RuleKey, Snapshot, Target, Trust,
};
use proptest::prelude::*;
use serde_json::{Value, json};

fn objects(values: &[Value]) -> Vec<Object> {
    values.iter().map(|value| Object::new(value.clone()).unwrap()).collect()
}

fn compiled(objects: impl IntoIterator<Item = Object>) -> Compiled {
    compiled_with(objects, BindPorts::AsDeclared)
}

fn compiled_with(objects: impl IntoIterator<Item = Object>, bind_ports: BindPorts) -> Compiled {
    compile(&objects.into_iter().collect::<Objects>(), &options(bind_ports))
}

fn options(bind_ports: BindPorts) -> Options {
    let mut options = Options::standalone();
    options.bind_ports = bind_ports;
    options
}

fn bind_ports() -> impl Strategy<Value = BindPorts> {
    prop::sample::select(&[BindPorts::AsDeclared, BindPorts::Assigned][..])
}

fn text(compiled: &Compiled) -> String {
    json!([&*compiled.snapshot, compiled.statuses, compiled.services, compiled.diagnostics, compiled.wants]).to_string()
}

proptest! {
    #[test]
    fn the_order_of_objects_does_not_matter(
        (values, shuffled) in generated::objects().prop_flat_map(|values| (Just(values.clone()), Just(values).prop_shuffle())),
        bind_ports in bind_ports(),
    ) {
        let of = |values: &[Value]| text(&compiled_with(objects(values), bind_ports));
        prop_assert_eq!(of(&values), of(&shuffled));
    }

    #[test]
    fn where_bind_ports_are_assigned_no_gateway_shares_a_socket_with_another(
        values in generated::objects(),
        mut other in generated::unrelated(),
    ) {
        // On the ports of the others.
        for listener in other["spec"]["listeners"].as_array_mut().into_iter().flatten() {
            listener["port"] = json!(listener["port"].as_u64().unwrap_or_default() - 1000);
        }
        let before = compiled_with(objects(&values), BindPorts::Assigned).snapshot;
        let after = compiled_with(objects(&values).into_iter().chain(objects(&[other])), BindPorts::Assigned).snapshot;
        let mut owners = BTreeMap::new();
        for listener in after.listeners.values() {
            let (key, bind) = (&listener.key, listener.bind.port);
            let owner = (&key.namespace, &key.gateway, listener.public_port);
            prop_assert_eq!(*owners.entry(bind).or_insert(owner), owner);
        }
        for (key, listener) in &before.listeners {
            prop_assert_eq!(after.listeners.get(key), Some(listener));
        }
    }

    #[test]
    fn a_snapshot_survives_json(values in generated::objects()) {
        let snapshot = compiled(objects(&values)).snapshot;
        let again: Snapshot = serde_json::from_str(&serde_json::to_string(&*snapshot).unwrap()).unwrap();
        prop_assert_eq!(again.version(), snapshot.version());
        prop_assert_eq!(&again, &*snapshot);
    }

    #[test]
    fn what_a_snapshot_refers_to_is_in_it_and_nothing_else(values in generated::objects()) {
        let snapshot = compiled(objects(&values)).snapshot;
        let mut used = BTreeSet::new();
        for rule in snapshot.rules.values() {
            prop_assert!(!rule.matches.is_empty() && !rule.attachments.is_empty());
            for attachment in &rule.attachments {
                prop_assert!(snapshot.listeners.contains_key(&attachment.listener));
                prop_assert!(!attachment.hostnames.is_empty());
            }
            for filter in rule.filters.iter().chain(rule.targets.iter().flat_map(|target| &target.filters)) {
                if let Filter::RequestMirror(mirror) = filter {
                    used.insert(mirror.backend.clone());
                }
            }
            for target in &rule.targets {
                if let Target::Backend(key) = &target.target {
                    used.insert(key.clone());
                }
            }
        }
        for rule in snapshot.stream_rules.values() {
            for attachment in &rule.attachments {
                prop_assert!(snapshot.listeners.contains_key(&attachment.listener));
                prop_assert!(!attachment.hostnames.is_empty());
            }
            for target in &rule.targets {
                if let Target::Backend(key) = &target.target {
                    used.insert(key.clone());
                }
            }
        }
        let (mut certificates, mut authorities) = (BTreeSet::new(), BTreeSet::new());
        for listener in snapshot.listeners.values() {
            certificates.extend(listener.client_certificate.iter().cloned());
            if let Some(tls) = &listener.tls {
                prop_assert!(!tls.certificates.is_empty());
                certificates.extend(tls.certificates.iter().cloned());
                authorities.extend(tls.client_validation.iter().flat_map(|validation| validation.ca_bundles.clone()));
            }
        }
        for backend in snapshot.backends.values() {
            if let Some(BackendTls::Verify(BackendIdentity { trust: Trust::CaBundles(bundles), .. })) = &backend.tls {
                prop_assert!(!bundles.is_empty());
                authorities.extend(bundles.iter().cloned());
            }
        }
        prop_assert_eq!(certificates.iter().collect::<Vec<_>>(), snapshot.certificates.keys().collect::<Vec<_>>());
        prop_assert_eq!(authorities.iter().collect::<Vec<_>>(), snapshot.ca_bundles.keys().collect::<Vec<_>>());
        prop_assert_eq!(used.iter().collect::<Vec<_>>(), snapshot.backends.keys().collect::<Vec<_>>());
        prop_assert_eq!(used.iter().collect::<Vec<_>>(), snapshot.endpoints.keys().collect::<Vec<_>>());
    }

    #[test]
    fn an_unrelated_object_changes_nothing_of_others(values in generated::objects(), other in generated::unrelated()) {
        let before = compiled(objects(&values));
        let after = compiled(objects(&values).into_iter().chain(objects(&[other])));
        let is_unrelated = |namespace: &str| namespace == "elsewhere";
        let mut snapshot = Snapshot::clone(&after.snapshot);
        snapshot.listeners.retain(|key, _| !is_unrelated(&key.namespace));
        prop_assert_eq!(&snapshot, &*before.snapshot);
        let statuses = after.statuses.iter().filter(|status| !is_unrelated(&status.object.namespace));
        prop_assert_eq!(statuses.collect::<Vec<_>>(), before.statuses.iter().collect::<Vec<_>>());
        let of_others = after.diagnostics.iter().filter(|diagnostic| {
            !diagnostic.object.as_ref().is_some_and(|object| is_unrelated(&object.namespace))
        });
        prop_assert_eq!(of_others.collect::<Vec<_>>(), before.diagnostics.iter().collect::<Vec<_>>());
    }

    #[test]
    fn every_rule_is_served_or_explained(values in generated::objects()) {
        let compiled = compiled(objects(&values));
        for status in &compiled.statuses {
            let Status::Route(_) = &status.status else { continue };
            let value = values.iter().find(|value| {
                value["kind"] == status.object.kind.as_str()
                    && value["metadata"]["namespace"] == status.object.namespace.as_str()
                    && value["metadata"]["name"] == status.object.name.as_str()
            });
            let rules = value.unwrap()["spec"]["rules"].as_array().unwrap().len();
            for rule in 0..rules {
                let key = key(status, rule);
                let served = compiled.snapshot.rules.contains_key(&key) || compiled.snapshot.stream_rules.contains_key(&key);
                prop_assert!(served || explained(&compiled, status, rule), "{} rule {rule}", status.object);
            }
        }
    }
}

/// What a compiler says of all its objects, as text.
fn text_of(compiler: &Compiler) -> String {
    let (statuses, diagnostics): (Vec<_>, Vec<_>) = (compiler.statuses().collect(), compiler.diagnostics().collect());
    json!([&**compiler.snapshot(), statuses, compiler.services(), diagnostics, compiler.wants()]).to_string()
}

fn change(edit: &Edit, held: &Objects) -> Option<Change> {
    match edit {
        Edit::Insert(value) => Some(Change::Insert(Object::new(value.clone()).unwrap())),
        Edit::Remove(index) => {
            let ids: Vec<_> = held.iter().map(Object::id).collect();
            (!ids.is_empty()).then(|| Change::Remove((*index.get(&ids)).clone()))
        }
    }
}

/// What somebody knows who was told of changes only.
#[derive(Default)]
struct Told {
    statuses: BTreeMap<ObjectRef, Arc<ObjectStatus>>,
    diagnostics: BTreeSet<Diagnostic>,
}

impl Told {
    fn hear(&mut self, changed: Changed) {
        for object in &changed.removed_statuses {
            assert!(self.statuses.remove(object).is_some(), "{object} had a status");
        }
        for status in changed.statuses {
            let before = self.statuses.insert(status.object.clone(), Arc::clone(&status));
            assert_ne!(before, Some(status), "a status that is told is another");
        }
        for diagnostic in &changed.resolved_diagnostics {
            assert!(self.diagnostics.remove(diagnostic), "{diagnostic} was told");
        }
        for diagnostic in changed.new_diagnostics {
            assert!(self.diagnostics.insert(diagnostic), "a new diagnostic is new");
        }
    }
}

proptest! {
    #[test]
    fn following_changes_comes_to_what_compiling_from_nothing_does(
        values in generated::objects(),
        groups in generated::edits(),
        now in any::<bool>(),
        bind_ports in bind_ports(),
    ) {
        let mut options = options(bind_ports);
        let mut compiler = Compiler::new(options.clone());
        let mut told = Told::default();
        let start: Objects = objects(&values).into_iter().collect();
        told.hear(compiler.replace(start));
        for (place, group) in groups.iter().enumerate() {
            if now && place == 1 {
                options.now = Some(i64::MAX);
                told.hear(compiler.set_time(options.now));
            }
            let changes: Vec<Change> = group.iter().filter_map(|edit| change(edit, compiler.objects())).collect();
            told.hear(compiler.apply(changes));
            let expected = compile(compiler.objects(), &options);
            prop_assert_eq!(text_of(&compiler), text(&expected));
            prop_assert!(told.statuses.values().map(|status| &**status).eq(&expected.statuses));
            prop_assert!(told.diagnostics.iter().eq(&expected.diagnostics));
        }
        let end = compiler.objects().clone();
        told.hear(compiler.replace(Objects::new()));
        prop_assert!(told.statuses.is_empty() && told.diagnostics.is_empty());
        prop_assert_eq!(&**compiler.snapshot(), &Snapshot::default());
        compiler.replace(end.clone());
        prop_assert_eq!(text_of(&compiler), text(&compile(&end, &options)));
    }
}

/// Texts that people are in the middle of editing: a line is missing, cut, indented otherwise, or something else.
fn edited() -> impl Strategy<Value = String> {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let mut directories: Vec<_> = std::fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path()).collect();
    directories.sort();
    let texts: Vec<String> =
        directories.iter().map(|path| std::fs::read_to_string(path.join("in.yaml")).unwrap()).collect();
    let edit = (any::<prop::sample::Index>(), 0_u8..5, "[a-z:{\\[&*'\"|-]{0,4}");
    (prop::sample::select(texts), prop::collection::vec(edit, 1..4)).prop_map(|(text, edits)| {
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        for (index, kind, word) in edits {
            let line = index.index(lines.len());
            let old = lines[line].clone();
            match kind {
                0 => _ = lines.remove(line),
                1 => lines[line] = old.chars().take(old.chars().count() / 2).collect(),
                2 => lines[line] = format!("  {old}"),
                3 => lines[line] = format!("{old}{word}"),
                _ => lines[line] = format!("{}{word}", old.split_inclusive(':').next().unwrap_or_default()),
            }
            if lines.is_empty() {
                lines.push(word);
            }
        }
        lines.join("\n")
    })
}

proptest! {
    #[test]
    fn no_edit_of_a_text_makes_the_compiler_panic(text in edited()) {
        let parsed = nantian_ir::compile::yaml::parse("edited.yaml", &text);
        prop_assert!(parsed.diagnostics.iter().all(|diagnostic| diagnostic.source.is_some()));
        let compiled = compiled(parsed.objects);
        let placed = |diagnostic: &nantian_ir::compile::Diagnostic| {
            diagnostic.source.is_some() && !diagnostic.message.is_empty() && !diagnostic.remedy.is_empty()
        };
        prop_assert!(compiled.diagnostics.iter().all(placed));
    }
}

/// The settings that decide at a rule or a backend, by field.
fn deciding(policies: &[AppliedPolicy]) -> BTreeMap<&'static str, Value> {
    let decides = |setting: &&PolicySetting| setting.outcome == SettingOutcome::Decides;
    let settings = || policies.iter().flat_map(|policy| &policy.settings).filter(decides);
    let found: BTreeMap<_, _> = settings().map(|setting| (setting.field, setting.value.clone().unwrap())).collect();
    assert_eq!(found.len(), settings().count(), "one policy at most decides each field");
    found
}

fn denies(policies: &[AppliedPolicy]) -> bool {
    let settings = policies.iter().flat_map(|policy| &policy.settings);
    settings.into_iter().any(|setting| setting.outcome == SettingOutcome::Unsupported { denies: true })
}

/// A duration as generated objects have it.
fn seconds(value: Option<&Value>) -> Option<std::time::Duration> {
    let seconds = value?.as_str().unwrap().strip_suffix('s').unwrap().parse().unwrap();
    Some(std::time::Duration::from_secs(seconds))
}

proptest! {
    #[test]
    fn what_a_rule_and_a_backend_have_of_policies_is_what_is_said_to_decide(values in generated::objects()) {
        let mut compiler = Compiler::new(Options::standalone());
        compiler.replace(objects(&values).into_iter().collect());
        let snapshot = Arc::clone(compiler.snapshot());
        for rule in snapshot.rules.values() {
            for attachment in &rule.attachments {
                let governance = compiler.governance(&rule.key, &attachment.listener).unwrap();
                let decides = deciding(&governance.rule);
                prop_assert_eq!(seconds(decides.get("spec.default.timeout.request")), rule.timeouts.request);
                prop_assert_eq!(seconds(decides.get("spec.default.timeout.backendRequest")), rule.timeouts.backend_request);
                let refused = |target: &Target| *target == Target::Refused(Refusal::IncompatibleFilters);
                let refused = rule.targets.iter().filter(|target| refused(&target.target)).count();
                prop_assert!(!denies(&governance.rule) || refused == rule.targets.len());
                for of_backend in &governance.backends {
                    let decides = deciding(&of_backend.policies);
                    let Some(backend) = snapshot.backends.get(&of_backend.backend) else { continue };
                    prop_assert!(!denies(&of_backend.policies));
                    let name = match &backend.tls {
                        Some(BackendTls::Verify(identity)) => Some(json!(identity.server_name.to_string())),
                        _ => None,
                    };
                    prop_assert_eq!(decides.get("spec.validation.hostname"), name.as_ref());
                }
            }
        }
    }
}

fn key(status: &ObjectStatus, rule: usize) -> RuleKey {
    let kinds = [RouteKind::Http, RouteKind::Grpc, RouteKind::Tls, RouteKind::Tcp, RouteKind::Udp];
    let kind = kinds.into_iter().find(|kind| kind.as_str() == status.object.kind).unwrap();
    let route = RouteKey { kind, namespace: status.object.namespace.clone(), name: status.object.name.clone() };
    RuleKey { route, rule: u32::try_from(rule).unwrap(), variant: 0 }
}

/// For each parent: it does not accept the route, or drops the rule, or a diagnostic says that its listeners are not
/// served.
fn explained(compiled: &Compiled, status: &ObjectStatus, rule: usize) -> bool {
    let Status::Route(route) = &status.status else { return false };
    route.parents.iter().all(|parent| {
        let refused = parent.conditions.iter().any(|condition| {
            condition.kind == "Accepted" && condition.status == ConditionStatus::False && !condition.message.is_empty()
        });
        let dropped = parent.conditions.iter().any(|condition| {
            condition.kind == "PartiallyInvalid" && condition.message.contains(&format!("spec.rules[{rule}]"))
        });
        let told = compiled.diagnostics.iter().any(|diagnostic| {
            let unreachable =
                diagnostic.code.name() == "unsupported-field" && diagnostic.field == format!("spec.rules[{rule}]");
            let elsewhere = matches!(diagnostic.code.name(), "not-served" | "route-shadowed");
            diagnostic.object.as_ref() == Some(&status.object) && (elsewhere || unreachable)
        });
        refused || dropped || told
    })
}

/// The properties above would hold of nothing, too.
#[test]
fn generated_objects_are_served_often_enough() {
    const SETS: usize = 2_000;
    use proptest::strategy::ValueTree as _;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let (mut requests, mut streams, mut sets, mut secured, mut checked, mut governed) = (0, 0, 0, 0, 0, 0);
    for _ in 0..SETS {
        let values = generated::objects().new_tree(&mut runner).unwrap().current();
        let snapshot = compiled(objects(&values)).snapshot;
        requests += usize::from(!snapshot.rules.is_empty());
        streams += usize::from(!snapshot.stream_rules.is_empty());
        sets += usize::from(snapshot.listeners.keys().any(|key| key.set.is_some()));
        secured += usize::from(snapshot.backends.values().any(|backend| backend.tls.is_some()));
        let mut tls = snapshot.listeners.values().filter_map(|listener| listener.tls.as_ref());
        checked += usize::from(tls.any(|tls| tls.client_validation.is_some()));
        // Nothing but policies sets a limit here.
        governed += usize::from(snapshot.rules.values().any(|rule| rule.timeouts.request.is_some()));
    }
    assert!(requests >= 160, "only {requests} of {SETS} sets of objects serve a rule");
    assert!(streams >= 48, "only {streams} of {SETS} sets of objects serve a stream rule");
    assert!(sets >= 80, "only {sets} of {SETS} sets of objects serve a listener of a ListenerSet");
    assert!(secured >= 8, "only {secured} of {SETS} sets of objects have TLS to a backend");
    assert!(governed >= 24, "only {governed} of {SETS} sets of objects have a rule with what a policy says");
    assert!(checked >= 4, "only {checked} of {SETS} sets of objects check certificates of clients");
}
