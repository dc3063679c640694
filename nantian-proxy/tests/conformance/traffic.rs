//! The suite's requests (`conformance/utils/http`, `tls`, `grpc`, `weight`), through an engine.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::num::NonZeroUsize;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Request, Version};
use http_body_util::Full;
use nantian_ir::{BindAddress, Snapshot};
use nantian_proxy::engine::{Engine, EngineConfig};
use nantian_proxy::runtime::PROTOCOLS;
use nantian_proxy::telemetry::AccessLogFormat;
use serde::Deserialize;
use serde_json::Value;

use crate::client::{self, Answer, Way};
use crate::cluster::Cluster;
use crate::echo;

type Result<T> = std::result::Result<T, String>;

/// `http.Request`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub(crate) struct Asked {
    host: String,
    method: String,
    path: String,
    headers: BTreeMap<String, String>,
    /// Ours never follows.
    unfollow_redirect: bool,
    protocol: String,
    body: String,
}

/// `http.ExpectedRequest`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub(crate) struct Arrived {
    host: String,
    method: String,
    path: String,
    headers: BTreeMap<String, String>,
    absent_headers: Vec<String>,
}

/// `http.Response`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub(crate) struct Answered {
    statuses: Vec<u16>,
    headers: BTreeMap<String, String>,
    valid_header_values: BTreeMap<String, Vec<String>>,
    absent_headers: Vec<String>,
    protocol: String,
    ignore_whitespace: bool,
}

/// `roundtripper.RedirectRequest`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub(crate) struct Redirect {
    scheme: String,
    host: String,
    port: String,
    path: String,
}

/// `http.ExpectedResponse`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub(crate) struct Case {
    request: Asked,
    expected_request: Option<Arrived>,
    redirect_request: Option<Redirect>,
    backend_set_response_headers: BTreeMap<String, String>,
    response: Answered,
    backend: String,
    namespace: String,
}

/// A mirror backend.
#[derive(Debug, Deserialize)]
pub(crate) struct Mirror {
    name: String,
    namespace: String,
    /// Of a hundred requests; all if absent.
    percent: Option<u32>,
}

/// An assertion on requests.
#[derive(Debug, Deserialize)]
#[serde(tag = "op", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub(crate) enum Expected {
    /// `MakeRequestAndExpectEventuallyConsistentResponse`, of `http` and `tls`.
    Request { at: String, server_name: Option<String>, case: Box<Case> },
    /// The same of `grpc`.
    Grpc {
        at: String,
        method: String,
        #[serde(default)]
        authority: String,
        #[serde(default)]
        metadata: BTreeMap<String, String>,
        #[serde(default)]
        code: u32,
        #[serde(default)]
        backend: String,
        #[serde(default)]
        namespace: String,
    },
    /// `ExpectMirroredRequest` after a request for the path; with `percent`, `testMirroredRequestsDistribution`.
    Mirrored { to: Vec<Mirror>, path: String },
    /// `TestWeightedDistribution`.
    Weights { at: String, path: String, grpc: bool, weights: BTreeMap<String, f64> },
    /// Each backend gets the header that is its own: `HTTPRouteRequestHeaderModifierBackendWeights`.
    OwnHeader { at: String, header: String },
    /// `HTTPRouteBackendProtocolWebSocket`.
    Websocket { at: String, path: String },
}

/// An engine that serves what the compiler made.
pub(crate) struct Traffic {
    engine: Engine,
    binds: BTreeMap<(IpAddr, u16), BindAddress>,
}

/// Ports below 1024 need rights, and Gateways do not have addresses of this machine: each gets a loopback address, with
/// a port that the kernel chooses.
fn rebind(snapshot: &Snapshot) -> (Snapshot, BTreeMap<(IpAddr, u16), BindAddress>) {
    let mut snapshot = snapshot.clone();
    let mut binds = BTreeMap::new();
    // Listeners for streams are judged, but the engine would refuse them.
    snapshot.listeners.retain(|_, listener| PROTOCOLS.contains(&listener.protocol));
    for listener in snapshot.listeners.values_mut() {
        let BindAddress { address, port } = listener.bind;
        let next = u8::try_from(binds.len() + 1).unwrap();
        let address = address.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
        let loopback = Some(IpAddr::V4(Ipv4Addr::new(127, 0, 0, next)));
        let bind = *binds.entry((address, port)).or_insert(BindAddress { address: loopback, port: 0 });
        Arc::make_mut(listener).bind = bind;
    }
    (snapshot, binds)
}

impl Traffic {
    pub(crate) async fn start(cluster: &Cluster) -> Self {
        let mut config = EngineConfig::default();
        config.workers = NonZeroUsize::new(1);
        config.admin.enabled = false;
        config.access_log.format = AccessLogFormat::Off;
        let mut traffic = Self { engine: Engine::start(config).unwrap(), binds: BTreeMap::new() };
        traffic.apply(cluster).await;
        traffic
    }

    pub(crate) async fn apply(&mut self, cluster: &Cluster) {
        let (snapshot, binds) = rebind(&cluster.compiled.snapshot);
        let report = self.engine.apply(Arc::new(snapshot)).await;
        assert_eq!(report.refused, []);
        self.binds = binds;
    }

    fn address(&self, cluster: &Cluster, at: &str) -> Result<(SocketAddr, String)> {
        let (address, port) = cluster.address(at);
        let bind = self.binds.get(&(address, port)).ok_or_else(|| format!("nothing is served at {address}:{port}"))?;
        let socket = self.engine.addresses().into_iter().find(|(found, _)| found == bind).unwrap().1;
        // `CalculateHost`: well-known ports are left out.
        let host = if matches!(port, 80 | 443) { address.to_string() } else { format!("{address}:{port}") };
        Ok((socket, host))
    }

    pub(crate) async fn check(&self, expected: &Expected, cluster: &Cluster) -> Result<()> {
        match expected {
            Expected::Request { at, server_name, case } => {
                let (address, host) = self.address(cluster, at)?;
                let scheme = if server_name.is_some() { "https" } else { "http" };
                // The suite asks over HTTP/1.1 where a case does not name a protocol; over HTTP/2 all holds just as well.
                let ways: &[bool] = if case.request.protocol.is_empty() { &[false, true] } else { &[true] };
                for http2 in ways.iter().copied() {
                    let way = Way { address, server_name: server_name.as_deref(), http2 };
                    let told = |why| format!("{:?} (HTTP/2: {http2}): {why}", case.request);
                    let answer = ask(way, &host, case).await.map_err(told)?;
                    compare(case, &answer, scheme).map_err(|why| told(format!("{why}\n    {answer:?}")))?;
                }
                Ok(())
            }
            Expected::Grpc { at, method, authority, metadata, code, backend, namespace } => {
                let (address, host) = self.address(cluster, at)?;
                let host = if authority.is_empty() { &host } else { authority };
                let (found, message) = grpc(address, host, method, metadata).await?;
                let asked = format!("{host} {method} {metadata:?}");
                let path = format!("/{GRPC_SERVICE}/{method}");
                let pod = message["pod"].as_str().unwrap_or_default().starts_with(backend.as_str());
                let held = found == 0 && message["path"] == path && message["namespace"] == *namespace && pod;
                let held = found == *code && (found != 0 || held);
                held.then_some(()).ok_or_else(|| format!("{asked}: {found} {message} instead of {code} {backend}"))
            }
            Expected::Mirrored { to, path } => self.mirrored(cluster, to, path).await,
            Expected::Weights { at, path, grpc, weights } => self.weights(cluster, at, path, *grpc, weights).await,
            Expected::OwnHeader { at, header } => {
                let (address, host) = self.address(cluster, at)?;
                for _ in 0..100 {
                    let message = echoed(address, &host, "/").await?;
                    let own = message["headers"][header].as_array().is_some_and(|values| {
                        values.len() == 1 && message["pod"].as_str().unwrap().starts_with(values[0].as_str().unwrap())
                    });
                    if !own {
                        return Err(format!("{message}"));
                    }
                }
                Ok(())
            }
            Expected::Websocket { at, path } => {
                let (address, host) = self.address(cluster, at)?;
                client::websocket(address, &host, path).await
            }
        }
    }

    async fn mirrored(&self, cluster: &Cluster, to: &[Mirror], path: &str) -> Result<()> {
        for Mirror { name, namespace, percent } in to {
            let Some(percent) = percent else {
                if !echo::wait_asked(namespace, name, path, 1) {
                    return Err(format!("{name} was not asked for {path}"));
                }
                continue;
            };
            // 200 requests: at p = 0.5 the standard deviation is 7, and 70 away from the mean is no chance.
            let (address, host) = self.address(cluster, "same-namespace:80")?;
            let before = echo::asked(namespace, name, path);
            for _ in 0..200 {
                echoed(address, &host, path).await?;
            }
            let lowest = usize::try_from(percent * 2).unwrap().saturating_sub(25);
            echo::wait_asked(namespace, name, path, before + lowest);
            let copies = echo::asked(namespace, name, path) - before;
            if copies < lowest || copies > lowest + 65 {
                return Err(format!("{name} got {copies} copies of 200 requests at {percent} %"));
            }
        }
        Ok(())
    }

    async fn weights(
        &self,
        cluster: &Cluster,
        at: &str,
        path: &str,
        is_grpc: bool,
        weights: &BTreeMap<String, f64>,
    ) -> Result<()> {
        const REQUESTS: u32 = 400;
        let (address, host) = self.address(cluster, at)?;
        let mut counts = BTreeMap::<String, u32>::new();
        for _ in 0..REQUESTS {
            let message = if is_grpc {
                grpc(address, &host, "Echo", &BTreeMap::new()).await?.1
            } else {
                echoed(address, &host, path).await?
            };
            let pod = message["pod"].as_str().ok_or_else(|| message.to_string())?.trim_end_matches("-0").to_owned();
            *counts.entry(pod).or_default() += 1;
        }
        // The standard deviation of 400 draws is at most 2.5 %; 12 % is no chance. The suite tries ten times with 5 %.
        let near = |(name, weight): (&String, &f64)| {
            let share = f64::from(counts.get(name).copied().unwrap_or(0)) / f64::from(REQUESTS);
            if *weight == 0.0 { share == 0.0 } else { (share - weight).abs() < 0.12 }
        };
        let known = counts.keys().all(|name| weights.contains_key(name));
        (known && weights.iter().all(near)).then_some(()).ok_or_else(|| format!("{counts:?}"))
    }
}

const GRPC_SERVICE: &str = "gateway_api_conformance.echo_basic.grpcecho.GrpcEcho";

async fn echoed(address: SocketAddr, host: &str, path: &str) -> Result<Value> {
    let request = Request::get(format!("http://{host}{path}")).body(Full::default()).unwrap();
    let answer = client::send(Way { address, server_name: None, http2: false }, request).await?;
    serde_json::from_slice(&answer.body).map_err(|error| format!("{error}: {answer:?}"))
}

/// The code and the message.
async fn grpc(
    address: SocketAddr,
    host: &str,
    method: &str,
    metadata: &BTreeMap<String, String>,
) -> Result<(u32, Value)> {
    let mut request = Request::post(format!("http://{host}/{GRPC_SERVICE}/{method}"))
        .header("content-type", "application/grpc")
        .header("te", "trailers");
    for (name, value) in metadata {
        request = request.header(name, value);
    }
    let request = request.body(Full::from(Bytes::from_static(&[0; 5]))).unwrap();
    let answer = client::send(Way { address, server_name: None, http2: true }, request).await?;
    let told = answer.trailers.get("grpc-status").or(answer.headers.get("grpc-status"));
    let code = match (told, answer.status.as_u16()) {
        (Some(code), _) => code.to_str().unwrap().parse().unwrap(),
        // gRPC, "HTTP to gRPC Status Code Mapping".
        (None, 404) => 12,
        (None, 429 | 502..=504) => 14,
        (None, _) => 2,
    };
    let message = answer.body.get(5..).and_then(|json| serde_json::from_slice(json).ok()).unwrap_or(Value::Null);
    Ok((code, message))
}

async fn ask(way: Way<'_>, host: &str, case: &Case) -> Result<Answer> {
    let asked = &case.request;
    let scheme = if way.server_name.is_some() { "https" } else { "http" };
    let method = if asked.method.is_empty() { "GET" } else { &asked.method };
    let mut request = Request::builder().method(method).uri(format!("{scheme}://{host}{}", asked.path));
    if !asked.host.is_empty() {
        request = request.header("host", &asked.host);
    }
    for (name, value) in &asked.headers {
        request = request.header(name, value);
    }
    let set: Vec<_> = case.backend_set_response_headers.iter().map(|(name, value)| format!("{name}:{value}")).collect();
    request = request.header("x-echo-set-header", set.join(","));
    client::send(way, request.body(Full::from(asked.body.clone())).unwrap()).await
}

/// `CompareRoundTrip`.
fn compare(case: &Case, answer: &Answer, scheme: &str) -> Result<()> {
    let status = answer.status.as_u16();
    let is_timeout = |status: &u16| matches!(status, 408 | 504);
    if is_timeout(&status) && case.response.statuses.iter().any(is_timeout) {
        return Ok(());
    }
    if !case.response.statuses.contains(&status) {
        return Err(format!("status {status} instead of {:?}", case.response.statuses));
    }
    let version = if answer.version == Version::HTTP_2 { "HTTP/2.0" } else { "HTTP/1.1" };
    if !case.response.protocol.is_empty() && case.response.protocol != version {
        return Err(format!("protocol {version}"));
    }
    match status {
        200 | 204 => {
            compare_arrived(case, answer)?;
            compare_answer(&case.response, &answer.headers)
        }
        301..=303 | 307 | 308 => compare_redirect(case, answer, scheme),
        _ => Ok(()),
    }
}

fn compare_arrived(case: &Case, answer: &Answer) -> Result<()> {
    let json = answer.headers.get("content-type").is_some_and(|kind| kind == "application/json");
    // A preflight is answered by the gateway.
    let message: Value = if json { serde_json::from_slice(&answer.body).unwrap() } else { Value::Null };
    let Asked { host, method, path, headers, .. } = case.request.clone();
    let unmodified = Arrived { host, method, path, headers, absent_headers: Vec::new() };
    let wanted = case.expected_request.as_ref().unwrap_or(&unmodified);
    let method = if wanted.method.is_empty() { "GET" } else { &wanted.method };
    let text = |field: &str| message[field].as_str().unwrap_or_default();
    let held = (wanted.host.is_empty() || text("host") == wanted.host)
        && text("path") == wanted.path
        && (!json || text("method") == method)
        && text("namespace") == case.namespace
        && text("pod").starts_with(case.backend.as_str());
    if !held {
        return Err(format!("not {wanted:?} at {} arrived, but {message}", case.backend));
    }
    let header = |name: &str| {
        let values = message["headers"].get(name.to_ascii_lowercase())?.as_array()?;
        Some(values.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(","))
    };
    for (name, value) in &wanted.headers {
        if header(name).as_deref() != Some(value) {
            return Err(format!("{name}: {:?} arrived instead of {value:?}", header(name)));
        }
    }
    match wanted.absent_headers.iter().find(|name| header(name).is_some()) {
        Some(name) => Err(format!("{name} arrived")),
        None => Ok(()),
    }
}

fn compare_answer(wanted: &Answered, headers: &HeaderMap) -> Result<()> {
    let plain = |text: &str| if wanted.ignore_whitespace { text.replace(' ', "") } else { text.to_owned() };
    let found = |name: &str| {
        let values: Vec<_> = headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).collect();
        (!values.is_empty()).then(|| plain(&values.join(",")))
    };
    for (name, value) in &wanted.headers {
        if found(name) != Some(plain(value)) {
            return Err(format!("the answer has {name}: {:?} instead of {value:?}", found(name)));
        }
    }
    for (name, values) in &wanted.valid_header_values {
        if !values.iter().any(|value| found(name) == Some(plain(value))) {
            return Err(format!("the answer has {name}: {:?} instead of one of {values:?}", found(name)));
        }
    }
    match wanted.absent_headers.iter().find(|name| found(name).is_some()) {
        Some(name) => Err(format!("the answer has {name}")),
        None => Ok(()),
    }
}

fn compare_redirect(case: &Case, answer: &Answer, scheme: &str) -> Result<()> {
    let Some(wanted) = &case.redirect_request else { return Ok(()) };
    let location = answer.headers.get("location").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let uri: http::Uri = location.parse().map_err(|error| format!("location {location:?}: {error}"))?;
    let found_scheme = uri.scheme_str().unwrap_or(scheme);
    let port = uri.port().map(|port| port.to_string()).unwrap_or_default();
    let wanted_scheme = if wanted.scheme.is_empty() { scheme } else { &wanted.scheme };
    let path = case.request.path.split('?').next().unwrap();
    let wanted_path = if wanted.path.is_empty() { path } else { &wanted.path };
    let usual = if found_scheme == "https" { "443" } else { "80" };
    let held = (wanted.host.is_empty() || uri.host() == Some(&wanted.host))
        && found_scheme == wanted_scheme
        && uri.path() == wanted_path
        && if wanted.port.is_empty() { port.is_empty() || port == usual } else { port == wanted.port };
    held.then_some(()).ok_or_else(|| format!("location {location:?} instead of {wanted:?}"))
}
