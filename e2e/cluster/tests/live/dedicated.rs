//! A Gateway with data planes of its own, beside one that shares those of the chart.

use std::time::Duration;

use nantian_cluster::{Container, Parts};
use serde_json::Value;

use crate::seen::{answer, control_planes, data_planes, until};
use crate::{Live, said};

/// A Gateway that shares its data planes, and one of another namespace that does not; each with a route that tells it apart.
const OBJECTS: &str = "
apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: own, namespace: shop}
data: {mode: dedicated}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: own, namespace: shop}
spec:
  gatewayClassName: nantian-gw
  infrastructure:
    parametersRef: {group: '', kind: ConfigMap, name: own}
  listeners:
  - {name: http, protocol: HTTP, port: 80}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: own, namespace: shop}
spec:
  parentRefs: [{name: own}]
  rules:
  - filters: [{type: RequestRedirect, requestRedirect: {hostname: own.example.com}}]
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: web, namespace: default}
spec:
  gatewayClassName: nantian-gw
  listeners:
  - {name: http, protocol: HTTP, port: 80}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: web, namespace: default}
spec:
  parentRefs: [{name: web}]
  rules:
  - filters: [{type: RequestRedirect, requestRedirect: {hostname: web.example.com}}]
";

/// What is made for the Gateway, by kind.
const KINDS: [&str; 3] = ["deployment", "secret", "serviceaccount"];
const NAME: &str = "own-nantian-gw";

/// What the planes prove to each other who they are with.
const CERTIFICATES: [&str; 3] = ["nantian-gw-ca", "nantian-gw-controlplane-tls", "nantian-gw-dataplane-tls"];
/// The control plane looks every 30 s what a Gateway's own data planes need, the kubelet every 10 s what Secrets have, and planes as
/// often what their files have; the rest is for a busy machine.
const RENEWED: Duration = Duration::from_secs(150);
/// Far more than it takes.
const LIMIT: Duration = Duration::from_secs(60);

impl Live {
    /// Where a Gateway is reached.
    fn url_of(&self, namespace: &str, gateway: &str) -> String {
        let object = format!("gateway/{gateway}");
        self.kubectl(["-n", namespace, "wait", &object, "--timeout=120s", "--for=condition=Programmed"]);
        let address = "jsonpath={.status.addresses[0].value}";
        format!("http://{}/", self.kubectl(["-n", namespace, "get", &object, "--output", address]))
    }

    /// What a client is redirected to, at the first try.
    fn redirect(&self, url: &str) -> String {
        let mut curl = self.cluster().command("curl");
        said(curl.args(["--silent", "--max-time", "10", "--write-out", "%{redirect_url}", url]))
    }

    /// What a client of a Gateway is redirected to, once there is an answer.
    fn redirected(&self, namespace: &str, gateway: &str) -> String {
        let url = self.url_of(namespace, gateway);
        let mut curl = self.cluster().command("curl");
        curl.args([
            "--silent",
            "--max-time",
            "10",
            "--retry",
            "20",
            "--retry-all-errors",
            "--output",
            "/dev/null",
            &url,
        ]);
        said(&mut curl);
        self.redirect(&url)
    }

    /// Services without ports of nodes, for Gateways that say nothing else.
    fn give_the_class_parameters(&self) {
        let without_ports = "--from-literal=allocateLoadBalancerNodePorts=false";
        self.kubectl(["-n", "nantian-gw", "create", "configmap", "defaults", without_ports]);
        let reference = "spec: {parametersRef: {group: '', kind: ConfigMap, name: defaults, namespace: nantian-gw}}";
        self.kubectl(["patch", "gatewayclass", "nantian-gw", "--type=merge", "--patch", reference]);
    }

    /// The Gateways whose listeners and the routes whose rules the data planes of a namespace have, by what they say
    /// themselves: the same for each of them.
    fn served(&self, namespace: &str, selector: &str) -> (Vec<String>, Vec<String>) {
        let addresses = "jsonpath={.items[*].status.podIP}";
        let addresses = self.kubectl(["-n", namespace, "get", "pods", "--selector", selector, "--output", addresses]);
        let told = addresses.split_whitespace().map(|address| {
            let mut curl = self.cluster().command("curl");
            let snapshot = said(curl.args(["--silent", "--fail", &format!("http://{address}:19080/v1/snapshot")]));
            let snapshot: Value = serde_json::from_str(&snapshot).unwrap();
            let names = |resources: &str, field: &str| {
                let resources = snapshot[resources].as_array().unwrap().iter();
                resources.map(|one| one["key"][field].as_str().unwrap().to_owned()).collect::<Vec<_>>()
            };
            (names("listeners", "gateway"), names("rules", "name"))
        });
        let told: Vec<_> = told.collect();
        assert_eq!(told.len(), 2, "{addresses}");
        assert_eq!(told[0], told[1]);
        told[0].clone()
    }
}

#[test]
fn a_gateway_with_data_planes_of_its_own_is_served_by_them_and_they_serve_nothing_else() {
    let live = Live::up("test-dedicated", Parts::Node);
    live.install();
    live.apply(OBJECTS);

    let deployment = format!("deployment/{NAME}");
    live.kubectl(["-n", "shop", "wait", "--for=create", "--timeout=60s", &deployment]);
    live.kubectl(["-n", "shop", "rollout", "status", "--timeout=180s", &deployment]);
    assert_eq!(live.redirected("shop", "own"), "http://own.example.com/");
    assert_eq!(live.redirected("default", "web"), "http://web.example.com/");

    let only = |name: &str| (vec![name.to_owned()], vec![name.to_owned()]);
    let shared = || live.served("nantian-gw", "app=nantian-dataplane");
    let own = live.served("shop", "gateway.networking.k8s.io/gateway-name=own");
    println!("of its own: {own:?}; shared: {:?}", shared());
    assert_eq!(own, only("own"));
    assert_eq!(shared(), only("web"));

    certificates_are_of_another_authority_and_nobody_notices(&live);

    // The mode goes, and with it all that was made.
    live.kubectl(["-n", "shop", "patch", "configmap", "own", "--patch", "data: {mode: shared}"]);
    for kind in KINDS {
        live.kubectl(["-n", "shop", "wait", "--for=delete", "--timeout=120s", &format!("{kind}/{NAME}")]);
    }
    assert_eq!(live.redirected("shop", "own"), "http://own.example.com/");
    // Sorted by namespace.
    let both = vec!["web".to_owned(), "own".to_owned()];
    assert_eq!(shared(), (both.clone(), both.clone()));

    live.give_the_class_parameters();
    let without_ports = "--for=jsonpath={.spec.allocateLoadBalancerNodePorts}=false";
    for (namespace, service) in [("default", "service/web-nantian-gw"), ("shop", "service/own-nantian-gw")] {
        live.kubectl(["-n", namespace, "wait", service, without_ports, "--timeout=60s"]);
    }
    // Deleted by accident, they take no traffic away.
    live.kubectl(["-n", "nantian-gw", "delete", "configmap", "defaults"]);
    live.kubectl(["wait", "gatewayclass/nantian-gw", "--for=condition=Accepted=False", "--timeout=60s"]);
    live.kubectl(["wait", "gateway/web", "--for=condition=Accepted=False", "--timeout=60s"]);
    assert_eq!(shared(), (both.clone(), both));
    what_was_made_goes_with_its_gateway(&live);
    live.down();
}

/// What containers have told so far.
fn told(live: &Live, namespace: &str, selector: &str) -> String {
    live.kubectl(["-n", namespace, "logs", "--selector", selector, "--tail=-1", "--prefix"])
}

/// Both planes get certificates of another authority while requests go on. A data plane that takes them connects again, and that a
/// control plane which has none of them would not let it.
fn certificates_are_of_another_authority_and_nobody_notices(live: &Live) {
    let processes =
        || [control_planes(live), data_planes(live)].concat().iter().map(Container::process).collect::<Vec<_>>();
    let before = processes();
    assert_eq!(before.len(), 6);
    for name in CERTIFICATES {
        live.kubectl(["-n", "nantian-gw", "delete", "secret", name]);
    }
    live.install();
    let gateways =
        [("shop", "own"), ("default", "web")].map(|(namespace, name)| (namespace, name, live.url_of(namespace, name)));
    let mut requests = 0;
    let took = until("everybody has taken other certificates", RENEWED, || {
        for (_, name, url) in &gateways {
            assert_eq!(live.redirect(url), format!("http://{name}.example.com/"));
            requests += 1;
        }
        let renewed = [
            ("nantian-gw", "app=nantian-controlplane", "\"renewed\""),
            ("nantian-gw", "app=nantian-dataplane", "credentialsRenewed"),
            ("shop", "gateway.networking.k8s.io/gateway-name=own", "credentialsRenewed"),
        ];
        renewed.iter().all(|(namespace, selector, event)| told(live, namespace, selector).matches(event).count() >= 2)
    });
    let connected = |container: &Container| {
        answer(container, "http://localhost:19080/v1/node").is_some_and(|node| node["source"]["connected"] == true)
    };
    let again = until("all data planes are connected by them", LIMIT, || data_planes(live).iter().all(connected));
    println!(
        "other certificates are taken after {took:?}, all are connected {again:?} later; {requests} requests meanwhile"
    );
    for (namespace, name, url) in &gateways {
        for domain in ["org", "com"] {
            let target = format!("{name}.example.{domain}");
            let filters = format!("[{{type: RequestRedirect, requestRedirect: {{hostname: {target}}}}}]");
            let change = format!("spec: {{rules: [{{filters: {filters}}}]}}");
            live.kubectl(["-n", namespace, "patch", "httproute", name, "--type=merge", "--patch", &change]);
            until("a change is served", LIMIT, || live.redirect(url) == format!("http://{target}/"));
        }
    }
    assert_eq!(processes(), before, "nothing restarts");
}

/// Without a control plane only the owner references can remove it.
fn what_was_made_goes_with_its_gateway(live: &Live) {
    let made = |condition: &str| {
        for kind in KINDS {
            live.kubectl(["-n", "shop", "wait", condition, "--timeout=120s", &format!("{kind}/{NAME}")]);
        }
    };
    live.kubectl(["-n", "nantian-gw", "create", "configmap", "defaults"]);
    live.kubectl(["-n", "shop", "patch", "configmap", "own", "--patch", "data: {mode: dedicated}"]);
    made("--for=create");
    live.kubectl(["-n", "nantian-gw", "scale", "deployment/nantian-gw-controlplane", "--replicas=0"]);
    until("no control plane runs", LIMIT, || control_planes(live).is_empty());
    live.kubectl(["-n", "shop", "delete", "gateway", "own"]);
    made("--for=delete");
}
