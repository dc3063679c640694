//! Routers that follow a snapshot through edits, against routers that are made from nothing and against the reference.

use std::sync::Arc;

use super::*;

const EDITS: usize = 12;
const REQUESTS_EACH: usize = 6;

/// One edit of a snapshot. Edits of what is not there do nothing.
#[derive(Debug, Clone)]
enum Edit {
    /// Adds a rule, or puts it in the place of the one of its name.
    Put(RouteRule, Vec<HostnameMatch>, Vec<Index>),
    Remove(Index),
    /// The rule moves to other hosts, its matches stay.
    Move(Index, Vec<HostnameMatch>, Vec<Index>),
    /// What says nothing of matches, but of precedence.
    Age(Index, Option<i64>),
    /// Adds a listener, or changes where the one of its name listens.
    Listen(usize, u16, HostnameMatch),
    /// Rules stay attached to it.
    Close(usize),
    /// All others at once.
    Replace(Snapshot),
}

fn edit() -> impl Strategy<Value = Edit> {
    let hostname = || prop_oneof![1 => Just(HostnameMatch::Any), 2 => hostname()];
    let hosts = move || (vec(hostname(), 1..3), vec(any::<Index>(), 1..4));
    let put = |crowded| (rule(crowded), hosts()).prop_map(|(rule, (wanted, chosen))| Edit::Put(rule, wanted, chosen));
    prop_oneof![
        6 => put(false),
        6 => put(true),
        8 => any::<Index>().prop_map(Edit::Remove),
        3 => (any::<Index>(), hosts()).prop_map(|(rule, (wanted, chosen))| Edit::Move(rule, wanted, chosen)),
        2 => (any::<Index>(), option::of(0..2_i64)).prop_map(|(rule, created)| Edit::Age(rule, created)),
        3 => (0..5_usize, select(vec![80, 8080]), hostname()).prop_map(|(index, port, name)| Edit::Listen(index, port, name)),
        2 => (0..5_usize).prop_map(Edit::Close),
        1 => snapshot().prop_map(Edit::Replace),
    ]
}

impl Edit {
    fn make(self, snapshot: &mut Snapshot) {
        let listeners: Vec<Listener> = snapshot.listeners.values().map(|listener| Listener::clone(listener)).collect();
        let attach = |mut rule: RouteRule, wanted: &[HostnameMatch], chosen: &[Index]| {
            if !listeners.is_empty() {
                super::attach(&mut rule, &listeners, wanted, chosen);
            }
            rule
        };
        let rules: Vec<Arc<RouteRule>> = snapshot.rules.values().cloned().collect();
        let pick = |index: Index| (!rules.is_empty()).then(|| RouteRule::clone(index.get::<Arc<RouteRule>>(&rules)));
        match self {
            Self::Put(rule, wanted, chosen) => _ = snapshot.rules.insert(attach(rule, &wanted, &chosen)),
            Self::Remove(index) => {
                if let Some(rule) = pick(index) {
                    snapshot.rules.remove(&rule.key);
                }
            }
            Self::Move(index, wanted, chosen) => {
                if let Some(rule) = pick(index) {
                    let rule = RouteRule { attachments: Vec::new(), ..rule };
                    snapshot.rules.insert(attach(rule, &wanted, &chosen));
                }
            }
            Self::Age(index, created) => {
                if let Some(rule) = pick(index) {
                    snapshot.rules.insert(RouteRule { age: Age { created }, ..rule });
                }
            }
            Self::Listen(index, port, name) => _ = snapshot.listeners.insert(listener(index, port, name)),
            Self::Close(index) => _ = snapshot.listeners.remove(&listener_key(index)),
            Self::Replace(other) => *snapshot = other,
        }
    }
}

#[test]
fn a_router_that_follows_answers_as_one_made_from_nothing() {
    let matched = Cell::new(0);
    let mut runner = TestRunner::new(Config { cases: CASES, failure_persistence: None, ..Config::default() });
    let edits = vec((edit(), vec(seed(), REQUESTS_EACH)), 1..EDITS);
    let result = runner.run(&(snapshot(), edits), |(mut snapshot, edits)| {
        let mut router = Router::new(&snapshot);
        for (edit, seeds) in edits {
            let before = (router.clone(), snapshot.clone());
            edit.make(&mut snapshot);
            router = router.following(&snapshot);
            let fresh = Router::new(&snapshot);
            prop_assert_eq!(router.refused(), fresh.refused());
            for seed in seeds {
                let sent = seed.send(&snapshot);
                let found = check(&router, &Reference::new(&snapshot), &sent.parts())?;
                matched.set(matched.get() + u32::from(found));
                prop_assert_eq!(router.explain(&sent.parts()), fresh.explain(&sent.parts()));
                // Requests in flight have the router that they began with.
                check(&before.0, &Reference::new(&before.1), &sent.parts())?;
            }
        }
        let empty = router.following(&Snapshot::default());
        prop_assert!(empty.holds_nothing(), "{:?}", empty);
        Ok(())
    });
    if let Err(failure) = result {
        panic!("{failure}\n{runner}");
    }
    assert!(matched.get() > CASES * 6, "only {} requests matched", matched.get());
}

const LISTENER: usize = 0;

/// A rule of its own route, for one path prefix of one hostname.
fn plain(number: usize, hostname: &str, prefix: String) -> RouteRule {
    let name = format!("r{number:05}");
    let path = PathMatch::Prefix(prefix);
    RouteRule {
        key: RuleKey {
            route: RouteKey { kind: RouteKind::Http, namespace: "n".into(), name: name.into() },
            rule: 0,
            variant: 0,
        },
        name: None,
        age: Age { created: None },
        attachments: vec![Attachment {
            listener: listener_key(LISTENER),
            hostnames: vec![HostnameMatch::parse(hostname).expect("a hostname")],
        }],
        matches: vec![RuleMatch::Http(HttpMatch { path, method: None, headers: Vec::new(), query: Vec::new() })],
        filters: Vec::new(),
        targets: Vec::new(),
        timeouts: Timeouts::default(),
        retry: None,
    }
}

fn of_rules(rules: impl Iterator<Item = RouteRule>) -> Snapshot {
    let listeners = [listener(LISTENER, 80, HostnameMatch::Any)].into_iter().collect();
    Snapshot { listeners, rules: rules.collect(), ..Snapshot::default() }
}

impl Router {
    /// Whether nothing is left of listeners, rules and patterns.
    fn holds_nothing(&self) -> bool {
        let slots = self.tables.slots();
        self.binds.is_empty()
            && self.rules.is_empty()
            && self.patterns.len() == 0
            && (0..64).all(|slot| slots.get(slot).is_none())
    }

    fn hosts(&self) -> &super::super::host::HostTable<super::super::paths::PathTable> {
        let slot = self.tables.slot(&listener_key(LISTENER)).expect("a listener");
        &self.tables.get(slot).expect("its table").hosts
    }

    /// Rules that another router does not have.
    fn compiled_anew(&self, other: &Self) -> usize {
        self.rules.values().filter(|rule| !other.rules.values().any(|held| Arc::ptr_eq(held, rule))).count()
    }
}

#[test]
fn one_changed_route_of_5_000_compiles_one_rule_and_changes_the_table_of_one_host() {
    let mut snapshot = of_rules((0..5_000).map(|n| plain(n, &format!("h{n}.example.com"), "/".to_owned())));
    let before = Router::new(&snapshot);
    snapshot.rules.insert(plain(777, "h777.example.com", "/other".to_owned()));
    let after = before.following(&snapshot);
    assert_eq!(after.compiled_anew(&before), 1);
    let changed = after.hosts().unshared(before.hosts());
    assert_eq!(changed.iter().map(ToString::to_string).collect::<Vec<_>>(), ["h777.example.com"]);
}

#[test]
fn one_changed_route_of_5_000_on_one_host_changes_two_shards_of_its_paths() {
    let prefix = |n| format!("/api/v1/service{n}");
    let mut snapshot = of_rules((0..5_000).map(|n| plain(n, "example.com", prefix(n))));
    let before = Router::new(&snapshot);
    snapshot.rules.insert(plain(777, "example.com", prefix(9_999)));
    let after = before.following(&snapshot);
    assert_eq!(after.compiled_anew(&before), 1);
    let paths = |router: &Router| router.hosts().iter().next().map(|(_, paths)| paths.clone()).expect("a host");
    let changed = paths(&after).unshared(&paths(&before), "/api/v1");
    assert!((1..=2).contains(&changed), "the shard that lost the path, and the one that got it: {changed}");
}

#[test]
fn a_rule_keeps_its_number_when_it_changes_and_a_new_one_gets_that_of_one_that_went() {
    let number =
        |router: &Router, n: usize| router.rules.get(&plain(n, "a.com", "/".to_owned()).key).map(|rule| rule.slot);
    let mut snapshot = of_rules((0..3).map(|n| plain(n, "a.com", "/".to_owned())));
    let before = Router::new(&snapshot);
    snapshot.rules.insert(plain(1, "b.com", "/b".to_owned()));
    snapshot.rules.remove(&plain(2, "a.com", "/".to_owned()).key);
    snapshot.rules.insert(plain(3, "a.com", "/".to_owned()));
    let after = before.following(&snapshot);
    assert_eq!([number(&after, 0), number(&after, 1)], [number(&before, 0), number(&before, 1)]);
    assert_eq!((number(&after, 2), number(&after, 3)), (None, number(&before, 2)));
}

#[test]
fn a_prefix_of_too_many_elements_is_refused_and_one_less_is_served() {
    let deep = |elements| "/a".repeat(elements);
    let snapshot = of_rules([1_023, 1_024].into_iter().enumerate().map(|(n, depth)| plain(n, "a.com", deep(depth))));
    let router = Router::new(&snapshot);
    assert_eq!(router.refused().len(), 1);
    assert!(router.refused()[0].message.contains("1024"), "{:?}", router.refused());
    let sent = Sent { host: "a.com".to_owned(), path: deep(1_030), ..Seed::nothing().send(&snapshot) };
    assert_eq!(router.route(&sent.parts()).map(|found| found.prefix), Ok(Some(2 * 1_023)));
    let expected = Reference::new(&snapshot).route(&sent.parts()).winner.map(|(rule, ..)| rule);
    assert_eq!(router.route(&sent.parts()).ok().map(|found| &found.rule.key), expected);
    assert!(router.following(&Snapshot::default()).holds_nothing());
}
