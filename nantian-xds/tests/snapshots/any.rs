//! Any value of the model, sensible or not: what can be held can be sent.

use std::net::IpAddr;
use std::time::Duration;

use nantian_ir::{
    Age, Attachment, Backend, BackendIdentity, BackendKey, BackendKind, BackendProtocol, BackendTls, BindAddress,
    CaBundle, CaBundleKey, Certificate, CertificateKey, ClientValidation, ClientValidationMode, Cors, CorsOrigin,
    DirectResponse, Endpoint, EndpointHost, EndpointSet, Filter, Fraction, GrpcMatch, HeaderMatch, HeaderModifier,
    HeaderName, HeaderValue, Hostname, HostnameMatch, HttpMatch, Listener, ListenerKey, ListenerProtocol,
    ListenerSetKey, ListenerTls, PathMatch, PathModifier, QueryMatch, Refusal, RequestMirror, RequestRedirect, Retry,
    RouteKey, RouteKind, RouteRule, RuleKey, RuleMatch, SecretBytes, SmolStr, Snapshot, StreamRule, StreamTarget,
    SubjectAltName, Target, Timeouts, Trust, UrlRewrite, ValueMatch, WeightedTarget,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

fn text() -> impl Strategy<Value = String> {
    prop_oneof![Just(String::new()), "[a-z/]{1,6}", any::<String>()]
}

/// As Kubernetes names objects.
fn name() -> impl Strategy<Value = SmolStr> {
    "[a-z]([a-z0-9-]{0,5}[a-z0-9])?".prop_map(SmolStr::from)
}

fn hostname() -> impl Strategy<Value = Hostname> {
    "[a-z]{1,4}(\\.[a-z0-9]{1,4}){0,2}".prop_map(|name| Hostname::new(&name).unwrap())
}

fn hosts() -> impl Strategy<Value = HostnameMatch> {
    prop_oneof![
        Just(HostnameMatch::Any),
        hostname().prop_map(HostnameMatch::Exact),
        hostname().prop_map(HostnameMatch::Wildcard),
    ]
}

fn header() -> impl Strategy<Value = HeaderName> {
    "[a-z!#$%&'*+.^_`|~0-9-]{1,8}".prop_map(|name| HeaderName::new(&name).unwrap())
}

/// Whole range: zero, a limit of years, nanoseconds.
fn duration() -> impl Strategy<Value = Duration> {
    (any::<u64>(), 0..1_000_000_000_u32).prop_map(|(seconds, nanos)| Duration::new(seconds, nanos))
}

prop_compose! {
    fn listener_set_key()(namespace in name(), name in name()) -> ListenerSetKey {
        ListenerSetKey { namespace, name }
    }
}

prop_compose! {
    fn listener_key()(
        namespace in name(), gateway in name(), set in option::of(listener_set_key()), listener in name(),
    ) -> ListenerKey {
        ListenerKey { namespace, gateway, set, listener }
    }
}

fn route_kind() -> impl Strategy<Value = RouteKind> {
    prop::sample::select(vec![RouteKind::Http, RouteKind::Grpc, RouteKind::Tls, RouteKind::Tcp, RouteKind::Udp])
}

prop_compose! {
    fn rule_key()(
        kind in route_kind(), namespace in name(), name in name(), rule in any::<u32>(), variant in any::<u32>(),
    ) -> RuleKey {
        RuleKey { route: RouteKey { kind, namespace, name }, rule, variant }
    }
}

fn backend_protocol() -> impl Strategy<Value = BackendProtocol> {
    use BackendProtocol::{H2c, Http1, Tcp, Udp, WebSocket};
    prop::sample::select(vec![Http1, H2c, WebSocket, Tcp, Udp])
}

prop_compose! {
    fn backend_key()(
        namespace in name(), name in name(), port in any::<u16>(), protocol in backend_protocol(),
    ) -> BackendKey {
        BackendKey { kind: BackendKind::Service, namespace, name, port, protocol }
    }
}

prop_compose! {
    fn certificate_key()(namespace in name(), name in name()) -> CertificateKey {
        CertificateKey { namespace, name }
    }
}

prop_compose! {
    fn ca_bundle_key()(namespace in name(), name in name()) -> CaBundleKey {
        CaBundleKey { namespace, name }
    }
}

prop_compose! {
    fn certificate()(
        key in certificate_key(), chain in text(), private_key in vec(any::<u8>(), 0..40),
    ) -> Certificate {
        Certificate { key, chain, private_key: SecretBytes::new(private_key) }
    }
}

prop_compose! {
    fn ca_bundle()(key in ca_bundle_key(), certificates in text()) -> CaBundle {
        CaBundle { key, certificates }
    }
}

fn client_validation_mode() -> impl Strategy<Value = ClientValidationMode> {
    let modes = vec![ClientValidationMode::AllowValidOnly, ClientValidationMode::AllowInsecureFallback];
    prop::sample::select(modes)
}

prop_compose! {
    fn client_validation()(
        ca_bundles in vec(ca_bundle_key(), 0..3), mode in client_validation_mode(),
    ) -> ClientValidation {
        ClientValidation { ca_bundles, mode }
    }
}

prop_compose! {
    fn listener_tls()(
        certificates in vec(certificate_key(), 0..3), client_validation in option::of(client_validation()),
    ) -> ListenerTls {
        ListenerTls { certificates, client_validation }
    }
}

prop_compose! {
    fn listener()(
        key in listener_key(),
        bind in (option::of(any::<IpAddr>()), any::<u16>()),
        public_port in any::<u16>(),
        protocol in prop::sample::select(ListenerProtocol::ALL.to_vec()),
        hostname in hosts(),
        tls in option::of(listener_tls()),
        client_certificate in option::of(certificate_key()),
    ) -> Listener {
        let bind = BindAddress { address: bind.0, port: bind.1 };
        Listener { key, bind, public_port, protocol, hostname, tls, client_certificate }
    }
}

fn trust() -> impl Strategy<Value = Trust> {
    prop_oneof![Just(Trust::System), vec(ca_bundle_key(), 0..3).prop_map(Trust::CaBundles)]
}

fn subject_alt_name() -> impl Strategy<Value = SubjectAltName> {
    prop_oneof![hosts().prop_map(SubjectAltName::Hostname), text().prop_map(SubjectAltName::Uri)]
}

prop_compose! {
    fn backend_identity()(
        server_name in hostname(), subject_alt_names in vec(subject_alt_name(), 0..3), trust in trust(),
    ) -> BackendIdentity {
        BackendIdentity { server_name, subject_alt_names, trust }
    }
}

fn backend_tls() -> impl Strategy<Value = BackendTls> {
    prop_oneof![Just(BackendTls::Refuse), backend_identity().prop_map(BackendTls::Verify)]
}

prop_compose! {
    fn backend()(key in backend_key(), tls in option::of(backend_tls())) -> Backend {
        Backend { key, tls }
    }
}

fn endpoint() -> impl Strategy<Value = Endpoint> {
    let host = prop_oneof![any::<IpAddr>().prop_map(EndpointHost::Ip), hostname().prop_map(EndpointHost::Dns)];
    (host, any::<u16>()).prop_map(|(host, port)| Endpoint { host, port })
}

prop_compose! {
    fn endpoint_set()(key in backend_key(), endpoints in vec(endpoint(), 0..4)) -> EndpointSet {
        EndpointSet { key, endpoints }
    }
}

fn header_value() -> impl Strategy<Value = HeaderValue> {
    (header(), text()).prop_map(|(name, value)| HeaderValue { name, value })
}

prop_compose! {
    fn header_modifier()(
        set in vec(header_value(), 0..3), add in vec(header_value(), 0..3), remove in vec(header(), 0..3),
    ) -> HeaderModifier {
        HeaderModifier { set, add, remove }
    }
}

fn path_modifier() -> impl Strategy<Value = PathModifier> {
    prop_oneof![text().prop_map(PathModifier::ReplaceFullPath), text().prop_map(PathModifier::ReplacePrefixMatch),]
}

prop_compose! {
    fn request_redirect()(
        scheme in option::of(text()),
        hostname in option::of(hostname()),
        path in option::of(path_modifier()),
        port in option::of(any::<u16>()),
        status in any::<u16>(),
    ) -> RequestRedirect {
        RequestRedirect { scheme, hostname, path, port, status }
    }
}

prop_compose! {
    fn url_rewrite()(hostname in option::of(hostname()), path in option::of(path_modifier())) -> UrlRewrite {
        UrlRewrite { hostname, path }
    }
}

prop_compose! {
    fn request_mirror()(
        backend in backend_key(), numerator in any::<u32>(), denominator in any::<u32>(),
    ) -> RequestMirror {
        RequestMirror { backend, fraction: Fraction { numerator, denominator } }
    }
}

fn cors_origin() -> impl Strategy<Value = CorsOrigin> {
    prop_oneof![
        Just(CorsOrigin::Any),
        text().prop_map(CorsOrigin::Exact),
        (text(), text()).prop_map(|(scheme, suffix)| CorsOrigin::Wildcard { scheme, suffix }),
    ]
}

prop_compose! {
    fn cors()(
        allow_origins in vec(cors_origin(), 0..3),
        allow_credentials in any::<bool>(),
        lists in prop::array::uniform3(vec(text(), 0..3)),
        max_age in duration(),
    ) -> Cors {
        let [allow_methods, allow_headers, expose_headers] = lists;
        Cors { allow_origins, allow_credentials, allow_methods, allow_headers, expose_headers, max_age }
    }
}

prop_compose! {
    fn direct_response()(
        status in any::<u16>(), headers in vec(header_value(), 0..3), body in text(),
    ) -> DirectResponse {
        DirectResponse { status, headers, body }
    }
}

fn filter() -> impl Strategy<Value = Filter> {
    prop_oneof![
        header_modifier().prop_map(Filter::RequestHeaderModifier),
        header_modifier().prop_map(Filter::ResponseHeaderModifier),
        request_redirect().prop_map(Filter::RequestRedirect),
        url_rewrite().prop_map(Filter::UrlRewrite),
        request_mirror().prop_map(Filter::RequestMirror),
        cors().prop_map(Filter::Cors),
        direct_response().prop_map(Filter::DirectResponse),
    ]
}

prop_compose! {
    fn attachment()(listener in listener_key(), hostnames in vec(hosts(), 0..3)) -> Attachment {
        Attachment { listener, hostnames }
    }
}

fn value_match() -> impl Strategy<Value = ValueMatch> {
    prop_oneof![text().prop_map(ValueMatch::Exact), text().prop_map(ValueMatch::Regex)]
}

fn header_match() -> impl Strategy<Value = HeaderMatch> {
    (header(), value_match()).prop_map(|(name, value)| HeaderMatch { name, value })
}

fn query_match() -> impl Strategy<Value = QueryMatch> {
    (text(), value_match()).prop_map(|(name, value)| QueryMatch { name, value })
}

fn path_match() -> impl Strategy<Value = PathMatch> {
    prop_oneof![
        text().prop_map(PathMatch::Exact),
        text().prop_map(PathMatch::Prefix),
        text().prop_map(PathMatch::Regex),
    ]
}

prop_compose! {
    fn http_match()(
        path in path_match(),
        method in option::of(text()),
        headers in vec(header_match(), 0..3),
        query in vec(query_match(), 0..3),
    ) -> HttpMatch {
        HttpMatch { path, method, headers, query }
    }
}

prop_compose! {
    fn grpc_match()(
        service in option::of(value_match()),
        method in option::of(value_match()),
        headers in vec(header_match(), 0..3),
    ) -> GrpcMatch {
        GrpcMatch { service, method, headers }
    }
}

fn rule_match() -> impl Strategy<Value = RuleMatch> {
    prop_oneof![http_match().prop_map(RuleMatch::Http), grpc_match().prop_map(RuleMatch::Grpc)]
}

fn refusal() -> impl Strategy<Value = Refusal> {
    prop::sample::select(vec![
        Refusal::BackendNotFound,
        Refusal::InvalidKind,
        Refusal::RefNotPermitted,
        Refusal::UnsupportedProtocol,
        Refusal::UnsupportedValue,
        Refusal::IncompatibleFilters,
    ])
}

fn target() -> impl Strategy<Value = Target> {
    prop_oneof![backend_key().prop_map(Target::Backend), refusal().prop_map(Target::Refused)]
}

prop_compose! {
    fn weighted_target()(
        weight in any::<u32>(), target in target(), filters in vec(filter(), 0..2),
    ) -> WeightedTarget {
        WeightedTarget { weight, target, filters }
    }
}

prop_compose! {
    fn timeouts()(request in option::of(duration()), backend_request in option::of(duration())) -> Timeouts {
        Timeouts { request, backend_request }
    }
}

prop_compose! {
    fn retry()(
        codes in vec(any::<u16>(), 0..3), attempts in any::<u32>(), backoff in option::of(duration()),
    ) -> Retry {
        Retry { codes, attempts, backoff }
    }
}

fn age() -> impl Strategy<Value = Age> {
    option::of(any::<i64>()).prop_map(|created| Age { created })
}

prop_compose! {
    fn route_rule()(
        key in rule_key(),
        name in option::of(text()),
        age in age(),
        attachments in vec(attachment(), 0..3),
        matches in vec(rule_match(), 0..3),
        filters in vec(filter(), 0..3),
        targets in vec(weighted_target(), 0..3),
        timeouts in timeouts(),
        retry in option::of(retry()),
    ) -> RouteRule {
        RouteRule { key, name, age, attachments, matches, filters, targets, timeouts, retry }
    }
}

prop_compose! {
    fn stream_rule()(
        key in rule_key(),
        name in option::of(text()),
        age in age(),
        attachments in vec(attachment(), 0..3),
        targets in vec((any::<u32>(), target()), 0..3),
    ) -> StreamRule {
        let targets = targets.into_iter().map(|(weight, target)| StreamTarget { weight, target }).collect();
        StreamRule { key, name, age, attachments, targets }
    }
}

prop_compose! {
    /// A snapshot with resources of every type.
    pub(crate) fn snapshot()(
        listeners in vec(listener(), 0..3),
        rules in vec(route_rule(), 0..3),
        stream_rules in vec(stream_rule(), 0..3),
        backends in vec(backend(), 0..3),
        endpoints in vec(endpoint_set(), 0..3),
        certificates in vec(certificate(), 0..3),
        ca_bundles in vec(ca_bundle(), 0..3),
    ) -> Snapshot {
        Snapshot {
            listeners: listeners.into_iter().collect(),
            rules: rules.into_iter().collect(),
            stream_rules: stream_rules.into_iter().collect(),
            backends: backends.into_iter().collect(),
            endpoints: endpoints.into_iter().collect(),
            certificates: certificates.into_iter().collect(),
            ca_bundles: ca_bundles.into_iter().collect(),
        }
    }
}
