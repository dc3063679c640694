//! `nantian check`, `explain` and `diff` of what is in a cluster.

use std::path::{Path, PathBuf};

use nantian_cluster::Cluster;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{Live, said};

/// What is accepted, and a route to a Service that is not there.
const OBJECTS: &str = "
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: {name: ours}
spec: {controllerName: nantian.dev/gateway-controller}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: web, namespace: default}
spec:
  gatewayClassName: ours
  listeners: [{name: http, protocol: HTTP, port: 80}]
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: foreign, namespace: default}
spec:
  gatewayClassName: of-another
  listeners: [{name: http, protocol: HTTP, port: 80}]
---
apiVersion: v1
kind: Service
metadata: {name: app, namespace: default}
spec: {ports: [{name: http, port: 80}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: app-1, namespace: default, labels: {kubernetes.io/service-name: app}}
addressType: IPv4
ports: [{name: http, port: 8080}]
endpoints: [{addresses: [10.0.0.9], conditions: {ready: true}}]
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: good, namespace: default}
spec:
  parentRefs: [{name: web}]
  rules:
  - matches: [{path: {type: Exact, value: /good}}]
    backendRefs: [{name: app, port: 80}]
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: broken, namespace: default}
spec:
  parentRefs: [{name: web}]
  rules:
  - matches: [{path: {type: Exact, value: /broken}}]
    backendRefs: [{name: absent, port: 80}]
";

/// Whoever may see everything but Secrets.
const READER: &str = "
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: reader}
rules:
- {apiGroups: [''], resources: [namespaces, services, configmaps], verbs: [list]}
- {apiGroups: [discovery.k8s.io], resources: [endpointslices], verbs: [list]}
- {apiGroups: [apiextensions.k8s.io], resources: [customresourcedefinitions], verbs: [list]}
- {apiGroups: [gateway.networking.k8s.io, nantian.dev], resources: ['*'], verbs: [list]}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: reader, namespace: default}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: reader}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: reader}
subjects: [{kind: ServiceAccount, name: reader, namespace: default}]
";

/// More than one answer of the API server holds.
const MANY: usize = 600;

/// What a run of `nantian` came to.
struct Run {
    code: Option<i32>,
    out: String,
    err: String,
}

fn nantian(cluster: &Cluster, arguments: &[&str]) -> Run {
    let program = Path::new(env!("CARGO_BIN_EXE_nantian-cluster")).with_file_name("nantian");
    let output = cluster.command(&program.to_string_lossy()).args(arguments).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Run { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

/// A folder for manifests.
struct Site(TempDir);

impl Site {
    fn write(&self, name: &str, text: &str) -> PathBuf {
        let file = self.0.path().join(name);
        std::fs::write(&file, text).unwrap();
        file
    }

    fn apply(&self, live: &Live, name: &str, text: &str) {
        live.kubectl(["apply", "--server-side", "--filename", &self.write(name, text).to_string_lossy()]);
    }
}

#[test]
fn a_cluster_is_checked_explained_and_compared_by_its_kubeconfig_and_what_one_may_not_read_is_told() {
    let live = Live::with_crds("test-check", "standard");
    let site = Site(tempfile::tempdir().unwrap());
    site.apply(&live, "objects.yaml", OBJECTS);
    whatever_is_not_accepted_is_told_with_object_and_field(&live);
    explain_and_diff_take_the_cluster(&live, &site);
    live.kubectl(["delete", "httproute", "broken"]);
    a_list_of_many_pages_is_read_to_its_end(&live, &site);
    a_kind_that_one_may_not_list_is_an_error_unless_it_is_left_out(&live, &site);
    live.down();
}

fn whatever_is_not_accepted_is_told_with_object_and_field(live: &Live) {
    let Run { code, out, err } = nantian(live.cluster(), &["check", "--kube"]);
    assert_eq!(code, Some(1), "{out}{err}");
    for part in [
        "error[backend-not-found]",
        "= object: HTTPRoute/default/broken",
        "= field: spec.rules[0].backendRefs[0]",
        "HTTPRoute/default/good",
        "info[kind-not-installed]: the cluster has no TCPRoute, UDPRoute of gateway.networking.k8s.io",
    ] {
        assert!(out.contains(part), "{part} is told:\n{out}");
    }
    assert!(out.contains("1 not accepted, 1 error, 1 not ours") && !out.contains("-->"), "{out}");
}

fn explain_and_diff_take_the_cluster(live: &Live, site: &Site) {
    let Run { code, out, err } = nantian(live.cluster(), &["explain", "--kube", "--", "GET", "http://a.example/good"]);
    assert_eq!(code, Some(0), "{out}{err}");
    assert!(out.contains("HTTPRoute/default/good") && out.contains("10.0.0.9:8080"), "{out}");

    let all = site.write("all.yaml", OBJECTS);
    let diff = |file: &Path| nantian(live.cluster(), &["diff", "--kube", &file.to_string_lossy()]);
    let Run { code, out, err } = diff(&all);
    assert_eq!(code, Some(0), "what is applied already changes nothing: {out}{err}");
    let (_, broken) = OBJECTS.rsplit_once("---").unwrap();
    let Run { code, out, .. } = diff(&site.write("mended.yaml", &broken.replace("absent", "app")));
    assert_eq!(code, Some(1), "{out}");
    assert!(out.contains("GET http://localhost:80/broken") && !out.contains("/good"), "{out}");
}

fn a_list_of_many_pages_is_read_to_its_end(live: &Live, site: &Site) {
    let map = |number| json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": format!("map-{number}"), "namespace": "default"}});
    let maps: Vec<Value> = (0..MANY).map(map).collect();
    let list = json!({"apiVersion": "v1", "kind": "List", "items": maps}).to_string();
    live.kubectl(["create", "--filename", &site.write("many.json", &list).to_string_lossy()]);
    let Run { code, out, err } = nantian(live.cluster(), &["check", "--kube", "--output", "json"]);
    assert_eq!(code, Some(0), "{out}{err}");
    let sum: Value = serde_json::from_str(out.lines().last().unwrap()).unwrap();
    let names = live.kubectl(["get", "configmaps", "--all-namespaces", "--output", "name"]).lines().count();
    let objects = usize::try_from(sum["objects"].as_u64().unwrap()).unwrap();
    assert!(names >= MANY && objects > names, "{names} ConfigMaps and others: {sum}");
    assert_eq!((&sum["accepted"], &sum["errors"], &sum["alone"]), (&true.into(), &0.into(), &1.into()), "{sum}");
}

fn a_kind_that_one_may_not_list_is_an_error_unless_it_is_left_out(live: &Live, site: &Site) {
    site.apply(live, "reader.yaml", READER);
    let kubeconfig = site.write("kubeconfig", &std::fs::read_to_string(live.cluster().kubeconfig()).unwrap());
    let token = live.kubectl(["create", "token", "reader"]);
    let file = format!("--kubeconfig={}", kubeconfig.display());
    let config = |line: &[&str]| said(live.cluster().command("kubectl").args(["config", &file]).args(line));
    let name = |what: &str| config(&["view", "--output", &format!("jsonpath={{.{what}[0].name}}")]);
    config(&["set-credentials", "reader", &format!("--token={}", token.trim())]);
    config(&["set-context", "reader", "--user=reader", &format!("--cluster={}", name("clusters"))]);

    let as_reader = ["check", "--kube", &file, "--context=reader"];
    let Run { code, out, err } = nantian(live.cluster(), &as_reader);
    assert_eq!(code, Some(2), "{out}{err}");
    for part in [
        "Secret: secrets is forbidden: User \"system:serviceaccount:default:reader\" cannot list resource \"secrets\"",
        "--skip-forbidden",
    ] {
        assert!(err.contains(part), "{part} is told:\n{err}");
    }
    assert!(out.is_empty() && !err.contains("ConfigMap:"), "{out}{err}");

    let mut skipping = as_reader.to_vec();
    skipping.push("--skip-forbidden");
    let Run { code, out, err } = nantian(live.cluster(), &skipping);
    assert_eq!(code, Some(0), "{out}{err}");
    assert!(out.contains("warning[kind-forbidden]: Secret is not among the objects"), "{out}");
    assert!(out.contains("HTTPRoute/default/good"), "{out}");
}
