use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use http::{Method, StatusCode, Version};
use nantian_ir::{BackendKind, ListenerKey, RouteKey, RouteKind, RuleKey};

use super::*;
use crate::upstream::SendErrorKind;

fn listener(name: &str) -> ListenerKey {
    ListenerKey { namespace: "ns".into(), gateway: "gw".into(), set: None, listener: name.into() }
}

fn rule(name: &str) -> RuleKey {
    RuleKey {
        route: RouteKey { kind: RouteKind::Http, namespace: "ns".into(), name: name.into() },
        rule: 0,
        variant: 0,
    }
}

fn record<'a>(listener: Option<&'a ListenerKey>, rule: Option<&'a RuleKey>, status: u16) -> RequestRecord<'a> {
    let client = "127.0.0.1:1".parse().expect("an address");
    let mut record = RequestRecord::new(SystemTime::UNIX_EPOCH, client, Version::HTTP_11, &Method::GET);
    record.listener = listener;
    record.rule = rule;
    record.status = StatusCode::from_u16(status).ok();
    record.duration = Duration::from_millis(3);
    record
}

/// A strict reader of the exposition format: every sample belongs to the family above it, and no family comes twice.
fn samples(text: &str) -> BTreeMap<String, f64> {
    let mut family: Option<(String, String)> = None;
    let mut families = BTreeSet::new();
    let mut helped = None;
    let mut samples = BTreeMap::new();
    for line in text.lines() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            let (name, help) = help.split_once(' ').expect("a help text");
            assert!(!help.is_empty() && families.insert(name.to_owned()), "{name} comes twice or has no help");
            helped = Some(name.to_owned());
        } else if let Some(kind) = line.strip_prefix("# TYPE ") {
            let (name, kind) = kind.split_once(' ').expect("a type");
            assert_eq!(helped.as_deref(), Some(name));
            assert!(["counter", "gauge", "histogram"].contains(&kind));
            assert!(kind != "counter" || name.ends_with("_total"), "{name}");
            family = Some((name.to_owned(), kind.to_owned()));
        } else {
            let (series, value) = line.rsplit_once(' ').expect("a value");
            let name = series.split('{').next().expect("a name");
            let (family, kind) = family.as_ref().expect("a family");
            let suffix = name.strip_prefix(family.as_str()).expect("a sample of the family above");
            assert!(suffix.is_empty() != (kind == "histogram"), "{line}");
            assert!(["", "_bucket", "_sum", "_count"].contains(&suffix), "{line}");
            assert_eq!(series.contains('{'), series.ends_with('}'), "{line}");
            assert!(samples.insert(series.to_owned(), value.parse().expect("a number")).is_none(), "{line} twice");
        }
    }
    let documented: BTreeSet<_> = names::ALL.iter().map(|metric| metric.name.to_owned()).collect();
    assert_eq!(families, documented, "what is exposed is the table");
    samples
}

#[test]
fn shards_are_added_up_and_every_family_of_the_table_is_exposed() {
    let telemetry = Telemetry::new("node \"1\"", 2);
    let (http, shop) = (listener("http"), rule("shop"));
    let (first, second) = (telemetry.recorder(0), telemetry.recorder(1));
    first.record(&record(Some(&http), Some(&shop), 200));
    second.record(&record(Some(&http), Some(&shop), 204));
    let mut failed = record(Some(&http), Some(&shop), 503);
    failed.flags = ResponseFlag::UpstreamConnectFailure.into();
    failed.tries = 3;
    second.record(&failed);
    first.record(&record(Some(&http), None, 404));
    first.record(&record(None, None, 0));

    let samples = samples(&telemetry.metrics_text());
    let get = |series: &str| samples.get(&format!("nantian_gateway_dataplane_{series}")).copied();
    let labels = "listener=\"ns/gw/http\",route=\"HTTPRoute/ns/shop\"";
    assert_eq!(get(&format!("http_requests_total{{{labels},status_class=\"2xx\"}}")), Some(2.0));
    assert_eq!(get(&format!("http_requests_total{{{labels},status_class=\"5xx\"}}")), Some(1.0));
    assert_eq!(get("http_requests_total{listener=\"ns/gw/http\",route=\"none\",status_class=\"4xx\"}"), Some(1.0));
    assert_eq!(get("http_requests_total{listener=\"none\",route=\"none\",status_class=\"none\"}"), Some(1.0));
    assert_eq!(get(&format!("http_request_duration_seconds_count{{{labels}}}")), Some(3.0));
    assert_eq!(get(&format!("http_request_duration_seconds_bucket{{{labels},le=\"0.0025\"}}")), Some(0.0));
    assert_eq!(get(&format!("http_request_duration_seconds_bucket{{{labels},le=\"0.005\"}}")), Some(3.0));
    assert_eq!(get(&format!("http_request_duration_seconds_sum{{{labels}}}")), Some(0.009));
    assert_eq!(get("http_retries_total"), Some(2.0));
    assert_eq!(get("http_response_flags_total{flag=\"UF\"}"), Some(1.0));
    let info = format!("info{{version=\"{}\",node=\"node \\\"1\\\"\"}}", env!("CARGO_PKG_VERSION"));
    assert_eq!(get(&info), Some(1.0));
}

#[test]
fn label_sets_are_bounded() {
    let telemetry = Telemetry::with_bound("n", 1, 2);
    let recorder = telemetry.recorder(0);
    let http = listener("http");
    for name in ["a", "b", "c", "d"] {
        let rule = rule(name);
        let cells = recorder.series(Some(&http), Some(&rule.route));
        for _ in 0..2 {
            recorder.record_in(&cells, &record(Some(&http), Some(&rule), 200), Fragments::default());
        }
    }
    let samples = samples(&telemetry.metrics_text());
    let get = |series: &str| samples.get(&format!("nantian_gateway_dataplane_{series}")).copied();
    assert_eq!(get("http_requests_total{listener=\"other\",route=\"other\",status_class=\"2xx\"}"), Some(4.0));
    assert_eq!(get("metrics_overflow_total"), Some(2.0));
}

#[test]
fn series_of_what_was_removed_go_and_come_back_from_zero() {
    let telemetry = Telemetry::new("n", 1);
    let recorder = telemetry.recorder(0);
    let http = listener("http");
    recorder.record(&record(Some(&http), None, 404));
    let listener = nantian_ir::Listener {
        key: http.clone(),
        bind: BindAddress { address: None, port: 80 },
        public_port: 80,
        protocol: nantian_ir::ListenerProtocol::Http,
        hostname: nantian_ir::HostnameMatch::Any,
        tls: None,
        client_certificate: None,
    };
    let before = Snapshot { listeners: [listener].into_iter().collect(), ..Snapshot::default() };
    telemetry.applied(&Snapshot::default(), &before, "v1", 0, Duration::from_millis(1));
    assert!(telemetry.metrics_text().contains("ns/gw/http"));
    telemetry.applied(&before, &Snapshot::default(), "v2", 1, Duration::from_millis(1));
    assert!(!telemetry.metrics_text().contains("ns/gw/http"));
    recorder.record(&record(Some(&http), None, 404));
    let samples = samples(&telemetry.metrics_text());
    let get = |series: &str| samples.get(&format!("nantian_gateway_dataplane_{series}")).copied();
    assert_eq!(get("http_requests_total{listener=\"ns/gw/http\",route=\"none\",status_class=\"4xx\"}"), Some(1.0));
    assert_eq!(get("config_info{version=\"v2\"}"), Some(1.0));
    assert_eq!(get("config_applies_total{result=\"partial\"}"), Some(1.0));
}

#[test]
fn connections_to_a_backend_are_added_up_over_workers_and_stay_while_it_is_served() {
    let telemetry = Telemetry::new("n", 2);
    let key = BackendKey {
        kind: BackendKind::Service,
        namespace: "ns".into(),
        name: "cart".into(),
        port: 80,
        protocol: nantian_ir::BackendProtocol::Http1,
    };
    for worker in 0..2 {
        telemetry.recorder(worker).backend(&key).failed(&SendErrorKind::ConnectTimeout);
    }
    let series = "nantian_gateway_dataplane_backend_connection_errors_total{backend=\"Service/ns/cart:80\",\
                  reason=\"connect_timeout\"}";
    assert_eq!(samples(&telemetry.metrics_text()).get(series), Some(&2.0));

    let mut snapshot = Snapshot::default();
    snapshot.backends.insert(Arc::new(nantian_ir::Backend { key: key.clone(), tls: None }));
    telemetry.applied(&Snapshot::default(), &snapshot, "v1", 0, Duration::ZERO);
    assert_eq!(samples(&telemetry.metrics_text()).get(series), Some(&2.0));
    telemetry.applied(&snapshot, &Snapshot::default(), "v2", 0, Duration::ZERO);
    assert_eq!(samples(&telemetry.metrics_text()).get(series), None);
}

#[test]
fn an_endpoint_is_healthy_until_told_otherwise_and_keeps_its_health_across_configurations() {
    let telemetry = Telemetry::new("n", 1);
    let key = BackendKey {
        kind: BackendKind::Service,
        namespace: "ns".into(),
        name: "cart".into(),
        port: 80,
        protocol: nantian_ir::BackendProtocol::Http1,
    };
    let endpoint = Endpoint { host: nantian_ir::EndpointHost::Ip([127, 0, 0, 1].into()), port: 8080 };
    let mut snapshot = Snapshot::default();
    let set = nantian_ir::EndpointSet { key: key.clone(), endpoints: vec![endpoint.clone()] };
    snapshot.endpoints.insert(Arc::new(set));
    let series =
        "nantian_gateway_dataplane_backend_health_status{backend=\"Service/ns/cart:80\",endpoint=\"127.0.0.1:8080\"}";
    telemetry.applied(&Snapshot::default(), &snapshot, "v1", 0, Duration::ZERO);
    assert_eq!(samples(&telemetry.metrics_text()).get(series), Some(&1.0));
    telemetry.set_endpoint_health(&key, &endpoint, false);
    telemetry.applied(&snapshot, &snapshot, "v2", 0, Duration::ZERO);
    assert_eq!(samples(&telemetry.metrics_text()).get(series), Some(&0.0));
}

/// What the writer of a log has got.
#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Written {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("not poisoned").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn connections_that_are_refused_have_a_line_a_second_for_each_flag_and_no_more() {
    let written = Written::default();
    let log = AccessLog::start(AccessLogFormat::Text, written.clone()).expect("a thread").expect("a log");
    let telemetry = Telemetry::new("n", 1);
    let recorder = telemetry.recorder_with_log(0, Some(log.buffer()));
    let client = "192.0.2.1:1".parse().expect("an address");
    for _second in 0..3 {
        for _ in 0..1_000 {
            recorder.connection_ended(client, ResponseFlag::ClientLimit);
            recorder.connection_ended(client, ResponseFlag::ClientTimeout);
        }
        tokio::time::advance(Duration::from_secs(1)).await;
    }
    recorder.flush();
    drop(recorder);
    log.finish();
    let lines = String::from_utf8(written.0.lock().expect("not poisoned").clone()).expect("text");
    assert_eq!((lines.lines().count(), lines.matches("\"- -:// -\" 0 CL").count()), (6, 3), "{lines}");
    assert!(telemetry.metrics_text().contains("\nnantian_gateway_dataplane_access_log_lines_total 6\n"));
}
