//! Requests that go on while something happens.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, Stdio};

use crate::{Live, said};

const ADDRESS: &str = "jsonpath={.status.addresses[0].value}";

/// How many [`many_routes`] are.
pub(crate) const ROUTES: usize = 300;

/// Two backends, a Gateway, and a route from one to the other.
const OBJECTS: &str = "
apiVersion: apps/v1
kind: Deployment
metadata: {name: backend, namespace: default}
spec:
  replicas: 2
  selector: {matchLabels: {app: backend}}
  template:
    metadata: {labels: {app: backend}}
    spec:
      automountServiceAccountToken: false
      containers:
      - name: backend
        image: nantian.local/backend:1
        imagePullPolicy: Never
        readinessProbe: {tcpSocket: {port: 8080}, periodSeconds: 1}
---
apiVersion: v1
kind: Service
metadata: {name: backend, namespace: default}
spec:
  selector: {app: backend}
  ports: [{name: http, port: 80, targetPort: 8080}]
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
  rules: [{backendRefs: [{name: backend, port: 80}]}]
";

/// Makes the objects; returns the URL that backends answer.
pub(crate) fn routed(live: &Live) -> String {
    live.apply(OBJECTS);
    live.kubectl(["rollout", "status", "deployment/backend", "--timeout=60s"]);
    let url = url_of(live, "default");
    let mut curl = live.cluster().command("curl");
    let patiently = ["--silent", "--fail", "--max-time", "10", "--retry", "20", "--retry-all-errors", &url];
    assert!(said(curl.args(patiently)).ends_with(" over cleartext\n"));
    url
}

/// Routes that data planes hold beside that of the load.
pub(crate) fn many_routes(live: &Live) {
    let routes: Vec<String> = (0..ROUTES).map(|index| route(&format!("route-{index}"))).collect();
    live.apply(&routes.join("---\n"));
    let last = format!("httproute/route-{}", ROUTES - 1);
    let accepted = "--for=jsonpath={.status.parents[0].conditions[?(@.type==\"Accepted\")].status}=True";
    live.kubectl(["wait", &last, "--timeout=60s", accepted]);
}

/// A route to what answers the load, by another host, and answers that say whose they are.
pub(crate) fn route(name: &str) -> String {
    format!(
        "apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {{name: {name}, namespace: default}}
spec:
  parentRefs: [{{name: web}}]
  hostnames: [{name}.example.com]
  rules:
  - backendRefs: [{{name: backend, port: 80}}]
    filters: [{{type: ResponseHeaderModifier, responseHeaderModifier: {{set: [{{name: x-route, value: {name}}}]}}}}]
"
    )
}

/// Where the Gateway `web` of a namespace is reached, as its status says.
pub(crate) fn url_of(live: &Live, namespace: &str) -> String {
    live.kubectl(["-n", namespace, "wait", "gateway/web", "--timeout=60s", "--for=condition=Programmed"]);
    let address = live.kubectl(["-n", namespace, "get", "gateway", "web", "--output", ADDRESS]);
    format!("http://{address}/")
}

/// Four clients, each with a new connection for each request, until standard input ends. It begins when each has had an answer;
/// what failed before that is told on standard error. A connection that the node leads to a
/// Pod that is gone (`EHOSTUNREACH`) never reached a data plane: it is made again, and counted by itself, with what
/// the node's kernel knows of it on standard error.
const CLIENTS: &str = "
import errno, http.client, subprocess, sys, threading, time, urllib.parse
url = urllib.parse.urlsplit(sys.argv[1])
answers, slowest, unrouted, failures, stop = [0] * 4, [0] * 4, [], [], threading.Event()
begun = threading.Semaphore(0)
def client(index):
    while not stop.wait(0.01):
        began, stage, port = time.time(), 'connecting', 0
        try:
            connection = http.client.HTTPConnection(url.hostname, url.port, timeout=30)
            try:
                connection.connect()
            except OSError as error:
                if error.errno != errno.EHOSTUNREACH:
                    raise
                unrouted.append(error)
                print(f'no route: begun at {began:.3f}, told after {time.time() - began:.3f} s', file=sys.stderr)
                tracked = ['conntrack', '-L', '-p', 'tcp', '-d', url.hostname, '--state', 'SYN_SENT']
                subprocess.run(tracked, stdout=sys.stderr)
                continue
            port, stage = connection.sock.getsockname()[1], 'asking'
            connection.request('GET', url.path)
            answer = connection.getresponse()
            stage = 'reading'
            body = answer.read()
            connection.close()
            if answer.status != 200 or not body.endswith(b' over cleartext\\n'):
                failures.append(f'{answer.status} {body[:80]}')
            answers[index] += 1
            if answers[index] == 1:
                begun.release()
            slowest[index] = max(slowest[index], time.time() - began)
        except Exception as error:
            failure = f'{error!r} {stage} from port {port}, begun at {began:.3f}, told after {time.time() - began:.3f} s'
            if answers[index]:
                failures.append(failure)
            else:
                print(f'before the load began: {failure}', file=sys.stderr)
threads = [threading.Thread(target=client, args=(index,)) for index in range(4)]
[thread.start() for thread in threads]
[begun.acquire() for _ in threads]
print('started', flush=True)
sys.stdin.read()
stop.set()
[thread.join() for thread in threads]
print(f'the slowest answer took {max(slowest):.3f} s', file=sys.stderr)
print(sum(answers))
print(len(unrouted))
print(len(failures))
[print(failure) for failure in failures[:20]]
";

/// What became of the requests.
pub(crate) struct Served {
    pub(crate) answers: usize,
    pub(crate) unrouted: usize,
    pub(crate) failed: usize,
    /// The first ones.
    pub(crate) failures: Vec<String>,
}

/// Requests that go on until their end is asked for.
pub(crate) struct Load(Child);

impl Load {
    pub(crate) fn start(live: &Live, url: &str) -> Self {
        // Who asked before the node knew the Service has left connections that lead nowhere, and a new one with the port of such a
        // one goes the same way. There may be none.
        let mut forget = live.cluster().command("conntrack");
        let _forgotten = forget.args(["-D", "-p", "tcp", "--state", "SYN_SENT"]).output().unwrap();
        let mut python = live.cluster().command("python3");
        python.args(["-c", CLIENTS, url]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = python.spawn().unwrap();
        let mut first = [0; 8];
        child.stdout.as_mut().unwrap().read_exact(&mut first).unwrap();
        assert_eq!(&first, b"started\n");
        Self(child)
    }

    pub(crate) fn end(mut self) -> Served {
        drop(self.0.stdin.take());
        let mut lines = BufReader::new(self.0.stdout.take().unwrap()).lines().map(Result::unwrap);
        let mut count = || lines.next().unwrap().parse().unwrap();
        let (answers, unrouted, failed) = (count(), count(), count());
        Served { answers, unrouted, failed, failures: lines.collect() }
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        // Mostly it has ended.
        let _ended = self.0.kill();
        let _waited = self.0.wait();
    }
}
