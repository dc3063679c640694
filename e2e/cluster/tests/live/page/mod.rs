//! The page "Backup & Recovery" that users have, typed word for word (`page.sh`), and what is seen of it.

mod shell;
#[cfg(feature = "velero")]
mod velero;
mod world;

use std::time::{Duration, Instant};

use nantian_cluster::Parts;
use serde_json::Value;

use crate::Live;
use shell::{Shell, commands};
use world::Seen;

/// The steps of the recovery of a cluster after its first, which is the cluster, in the page's order.
const STEPS: [&str; 8] = [
    "Install Gateway API CRDs",
    "Install Nantian Gateway CRDs",
    "Install Nantian Gateway via Helm",
    "Wait for the control plane to become ready",
    "Restore Gateway API resources",
    "Restore TLS secrets",
    "Restore custom CRD resources",
    "Restore what the page does not name",
];

const HELM: &str = STEPS[2];

/// What is typed when Helm's release is not lost, but its GatewayClass is.
const UPGRADE: &str = "helm upgrade nantian-gw nantian-gw/nantian-gw -f nantian-gw-helm-values.yaml -n nantian-gw";

/// A request through the copy of a route.
const COPY: &str = "curl -s -m 5 -o /dev/null -w '%{http_code}' -H 'Host: shop.example.com' \
    http://$(kubectl get gateway web -n nantian-dr-test -o 'jsonpath={.status.addresses[0].value}')/";

/// A row of the table at the end.
struct Row {
    what: String,
    page: &'static str,
    seen: Duration,
}

struct Recovery<'a> {
    shell: Shell<'a>,
    /// How everything was.
    before: Seen,
    rows: Vec<Row>,
}

#[test]
fn what_the_page_says_of_backup_and_recovery_comes_about_word_for_word_and_in_any_order() {
    let live = Live::up("test-page", Parts::Node);
    live.install();
    let shell = Shell::new(&live, world::PRODUCTION);
    world::create(&shell);
    let mut recovery = Recovery { before: served(&shell), shell, rows: Vec::new() };
    recovery.backs_up();
    recovery.in_order();
    recovery.verifies();
    recovery.restarts();
    recovery.loses_all_pods();
    recovery.deletes_and_applies_again();
    recovery.drills();
    for seed in 1..=5 {
        recovery.shuffled(seed);
    }
    println!("| what | the page | seen |\n| --- | --- | --- |");
    for Row { what, page, seen } in &recovery.rows {
        println!("| {what} | {page} | {:.1} s |", seen.as_secs_f64());
    }
    drop(recovery);
    live.down();
}

/// Waits until everything is served for the first time.
fn served(shell: &Shell<'_>) -> Seen {
    let began = Instant::now();
    loop {
        let seen = Seen::now(shell);
        let right = seen.answers.iter().all(|(name, answer)| match name.as_str() {
            "grpc" => answer == "grpc-status: 0",
            "closed" => answer == "closed 403",
            "secure" => answer.ends_with("over TLS 200"),
            _ => answer.ends_with("over cleartext 200"),
        });
        // The load balancer gives an address late, and conditions follow what is served.
        if right && seen == Seen::now(shell) {
            return seen;
        }
        assert!(began.elapsed() < Duration::from_secs(60), "{seen:?}");
    }
}

/// The Pods of both planes, with how often each was started.
fn starts(shell: &Shell<'_>) -> String {
    const FIELDS: &str = r#"{range .items[*]}{.metadata.uid} {.status.containerStatuses[*].restartCount}{"\n"}{end}"#;
    shell.must(&format!("kubectl get pods -n nantian-gw --sort-by=.metadata.uid -o jsonpath='{FIELDS}'"))
}

impl Recovery<'_> {
    fn row(&mut self, what: impl Into<String>, page: &'static str, seen: Duration) {
        self.rows.push(Row { what: what.into(), page, seen });
    }

    /// `kubectl apply` tries for five seconds to change what is not as it was backed up, so backups are new.
    /// Some kinds of the page are of Gateway API's experimental channel alone, which its recovery does not install.
    fn backs_up(&self) {
        for command in ["Export", "Export what the page does not name"].into_iter().flat_map(commands) {
            let typed = self.shell.types(&command);
            let experimental = ["tcproutes", "udproutes"].iter().any(|kind| command.contains(kind));
            assert!(typed.success || experimental && typed.lacks_the_kind(), "{command}: {}", typed.shown());
        }
    }

    /// At once, and not in good order: without the drain of the data planes.
    fn lose_everything(&self) {
        self.shell.must("helm uninstall nantian-gw -n nantian-gw");
        self.shell.must("kubectl delete pods --all -n nantian-gw --force --grace-period=0");
        self.shell.must("kubectl delete namespace nantian-gw");
        self.lose_crds();
    }

    fn lose_crds(&self) {
        self.shell.must("kubectl delete crd --all");
        self.shell.must("kubectl delete validatingadmissionpolicybindings,validatingadmissionpolicies --all");
    }

    fn in_order(&mut self) {
        self.lose_everything();
        let began = Instant::now();
        let (before_secrets, after) = STEPS.split_at(5);
        for step in before_secrets {
            self.shell.restores(commands(step));
        }
        // Without its Secret the listener is not served, and says why.
        self.shell.must(
            "kubectl wait gateway/web -n production --timeout=60s \
             --for=jsonpath='{.status.listeners[?(@.name==\"https\")].conditions[?(@.type==\"ResolvedRefs\")].reason}'=InvalidCertificateRef",
        );
        let pods = starts(&self.shell);
        for step in after {
            self.shell.restores(commands(step));
        }
        let healed = self.before.again(&self.shell);
        self.row("full recovery, without that of the cluster", "5-15 min", began.elapsed());
        self.row("of that: after the last command", "", healed);
        assert_eq!(starts(&self.shell), pods, "nothing restarts");
    }

    /// The last step.
    fn verifies(&self) {
        let summary = self.shell.section("Verify the gateway is operational");
        let summary: Value = serde_json::from_str(&summary).unwrap();
        for (field, count) in [
            ("gatewayCount", 1),
            ("listenerCount", 2),
            ("httpRouteCount", 4),
            ("grpcRouteCount", 1),
            ("secretCount", 1),
            ("policyCount", 6),
            ("aiServiceCount", 1),
        ] {
            assert_eq!(summary[field], count, "{field} in {summary}");
        }
    }

    fn restarts(&mut self) {
        for plane in ["control plane", "data plane"] {
            let began = Instant::now();
            self.shell.section(&format!("Restart the {plane}"));
            let took = began.elapsed();
            let deployment = format!("deployment/nantian-gw-{}", plane.replace(' ', ""));
            self.shell.must(&format!("kubectl rollout status {deployment} -n nantian-gw --timeout=120s"));
            self.row(format!("{plane} restart, until `kubectl wait` returns"), "10-30 s", took);
            self.row(format!("{plane} restart, until both are new"), "", began.elapsed());
            assert!(began.elapsed() < Duration::from_secs(120));
            self.before.again(&self.shell);
        }
    }

    /// Of both planes at once, without an end in good order.
    fn loses_all_pods(&mut self) {
        let before = starts(&self.shell);
        self.shell.must("kubectl delete pods --all -n nantian-gw --force --grace-period=0");
        let began = Instant::now();
        // Two of each plane.
        let in_their_place = |now: &str| now.lines().count() == 4 && now.lines().all(|pod| !before.contains(pod));
        while !in_their_place(&starts(&self.shell)) {
            assert!(began.elapsed() < Duration::from_secs(60), "others do not come");
        }
        self.shell.must("kubectl wait pods --all -n nantian-gw --for=condition=Ready --timeout=120s");
        self.before.again(&self.shell);
        self.row("all Pods of both planes lost at once", "", began.elapsed());
    }

    fn deletes_and_applies_again(&mut self) {
        self.backs_up();
        for (object, file, answer) in [
            ("httproute/shop -n production", "httproutes.yaml", "shop"),
            ("gateway/web -n production", "gateways.yaml", "news"),
            ("secret/web-cert -n nantian-gw", "nantian-gw-secrets.yaml", "https"),
            ("service/backend -n my-other-app", "backends.yaml", "news"),
        ] {
            self.shell.must(&format!("kubectl delete {object}"));
            let began = Instant::now();
            while Seen::now(&self.shell).answers[answer] == self.before.answers[answer] {
                assert!(began.elapsed() < Duration::from_secs(60), "{object} is gone and still served");
            }
            self.shell.restores(vec![format!("kubectl apply -f {file}")]);
            let healed = self.before.again(&self.shell);
            self.row(format!("`{object}` deleted and applied again"), "30-60 s", healed);
        }
    }

    fn drills(&self) {
        self.shell.section("Copy a namespace");
        let began = Instant::now();
        let listeners = loop {
            let printed = self.shell.section("Verify the gateway sees the test resources");
            let listeners: Vec<Value> =
                serde_json::Deserializer::from_str(&printed).into_iter().collect::<Result<_, _>>().unwrap();
            if listeners.len() == 2 || began.elapsed() > Duration::from_secs(60) {
                break listeners;
            }
        };
        let names: Vec<&str> = listeners.iter().filter_map(|listener| listener["name"].as_str()).collect();
        assert_eq!(names, ["http", "https"], "{listeners:?}");
        // The copy is served at an address of its own; the backends that its routes name are not copied.
        let began = Instant::now();
        while self.shell.types(COPY).printed != "500" {
            assert!(began.elapsed() < Duration::from_secs(60), "the copy is not served");
        }
        assert_eq!(Seen::now(&self.shell).answers, self.before.answers);
        self.shell.section("Clean up");
        self.before.again(&self.shell);
    }

    /// Steps in another order; in every second one the planes run on, and lose what they have.
    fn shuffled(&mut self, seed: u64) {
        let planes_run = seed.is_multiple_of(2);
        let mut steps: Vec<String> = STEPS
            .iter()
            .flat_map(|step| if *step == HELM && planes_run { vec![UPGRADE.to_owned()] } else { commands(step) })
            .collect();
        shuffle(&mut steps, seed);
        self.backs_up();
        // The chart's own ones, which stay as they are, cost five seconds each: see `in_order`.
        self.shell.must("kubectl get secrets -n nantian-gw web-cert -o yaml > nantian-gw-secrets.yaml");
        if planes_run {
            self.lose_crds();
            self.shell.must("kubectl delete secret web-cert -n nantian-gw");
        } else {
            self.lose_everything();
        }
        let pods = planes_run.then(|| starts(&self.shell));
        let began = Instant::now();
        self.shell.restores(steps);
        let healed = self.before.again(&self.shell);
        if let Some(pods) = pods {
            assert_eq!(starts(&self.shell), pods, "seed {seed}: nothing restarts");
        }
        let lost = if planes_run { "all but the planes" } else { "all" };
        self.row(format!("{lost} lost, steps shuffled (seed {seed})"), "5-15 min", began.elapsed());
        self.row("of that: after the last command", "", healed);
    }
}

/// Fisher and Yates, with the numbers of `SplitMix64`.
fn shuffle<T>(items: &mut [T], mut state: u64) {
    for left in (1..items.len()).rev() {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut number = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        number ^= number >> 31;
        let bound = u64::try_from(left + 1).unwrap();
        items.swap(left, usize::try_from(number % bound).unwrap());
    }
}
