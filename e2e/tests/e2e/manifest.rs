//! The YAML of the tests, with the few things that change.

use std::fmt::Write;

use crate::certificate::Certificate;

/// One listener of the Gateway `gw`.
pub(crate) struct Listener<'a> {
    pub(crate) name: &'a str,
    pub(crate) port: u16,
    pub(crate) hostname: Option<&'a str>,
    /// The Secret, for HTTPS.
    pub(crate) secret: Option<&'a str>,
}

impl<'a> Listener<'a> {
    pub(crate) fn http(name: &'a str, port: u16) -> Self {
        Self { name, port, hostname: None, secret: None }
    }

    pub(crate) fn https(name: &'a str, port: u16, hostname: &'a str, secret: &'a str) -> Self {
        Self { name, port, hostname: Some(hostname), secret: Some(secret) }
    }
}

/// The Gateway `gw`, on 127.0.0.1 only.
pub(crate) fn gateway(listeners: &[Listener<'_>]) -> String {
    let mut text = "---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: gw, namespace: default}
spec:
  gatewayClassName: nantian-gw
  addresses: [{type: IPAddress, value: 127.0.0.1}]
  listeners:
"
    .to_owned();
    for Listener { name, port, hostname, secret } in listeners {
        let protocol = if secret.is_some() { "HTTPS" } else { "HTTP" };
        writeln!(text, "  - name: {name}\n    port: {port}\n    protocol: {protocol}").unwrap();
        if let Some(hostname) = hostname {
            writeln!(text, "    hostname: \"{hostname}\"").unwrap();
        }
        if let Some(secret) = secret {
            writeln!(text, "    tls: {{certificateRefs: [{{name: {secret}}}]}}").unwrap();
        }
    }
    text
}

/// An HTTPRoute of `gw`; `rules` is the YAML of its rules, as a flow sequence or indented by two.
pub(crate) fn http_route(name: &str, hostnames: &[&str], rules: &str) -> String {
    route("HTTPRoute", name, hostnames, rules)
}

/// A GRPCRoute of `gw`.
pub(crate) fn grpc_route(name: &str, hostnames: &[&str], rules: &str) -> String {
    route("GRPCRoute", name, hostnames, rules)
}

fn route(kind: &str, name: &str, hostnames: &[&str], rules: &str) -> String {
    let hostnames: Vec<String> = hostnames.iter().map(|hostname| format!("\"{hostname}\"")).collect();
    let hostnames =
        if hostnames.is_empty() { String::new() } else { format!("  hostnames: [{}]\n", hostnames.join(", ")) };
    format!(
        "---
apiVersion: gateway.networking.k8s.io/v1
kind: {kind}
metadata: {{name: {name}, namespace: default}}
spec:
  parentRefs: [{{name: gw}}]
{hostnames}  rules: {rules}
"
    )
}

/// A rule that sends everything to a Service.
pub(crate) fn to(service: &str) -> String {
    format!("[{{backendRefs: [{{name: {service}, port: 80}}]}}]")
}

/// A Service with port 80, and one endpoint at a port of this machine.
pub(crate) fn service(name: &str, port: u16, app_protocol: Option<&str>) -> String {
    let app_protocol = app_protocol.map(|protocol| format!(", appProtocol: {protocol}")).unwrap_or_default();
    format!(
        "---
apiVersion: v1
kind: Service
metadata: {{name: {name}, namespace: default}}
spec:
  ports: [{{name: main, port: 80, targetPort: {port}{app_protocol}}}]
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {{name: {name}-1, namespace: default, labels: {{kubernetes.io/service-name: {name}}}}}
addressType: IPv4
ports: [{{name: main, port: {port}, protocol: TCP}}]
endpoints: [{{addresses: [127.0.0.1], conditions: {{ready: true}}}}]
"
    )
}

/// A BackendTLSPolicy for a Service, with the certificate of the authority that it trusts.
pub(crate) fn backend_tls(service: &str, authority: &str, hostname: &str, subject_alt_names: &[&str]) -> String {
    let names = subject_alt_names.iter().map(|name| format!("{{type: Hostname, hostname: {name}}}"));
    format!(
        "---
apiVersion: v1
kind: ConfigMap
metadata: {{name: authority, namespace: default}}
data:
  ca.crt: |
{}---
apiVersion: gateway.networking.k8s.io/v1
kind: BackendTLSPolicy
metadata: {{name: tls, namespace: default}}
spec:
  targetRefs: [{{group: \"\", kind: Service, name: {service}}}]
  validation:
    hostname: {hostname}
    caCertificateRefs: [{{group: \"\", kind: ConfigMap, name: authority}}]
    subjectAltNames: [{}]
",
        indented(authority),
        names.collect::<Vec<_>>().join(", ")
    )
}

fn indented(pem: &str) -> String {
    pem.lines().fold(String::new(), |text, line| text + "    " + line + "\n")
}

/// A Secret of the type `kubernetes.io/tls`.
pub(crate) fn secret(name: &str, certificate: &Certificate) -> String {
    format!(
        "---
apiVersion: v1
kind: Secret
metadata: {{name: {name}, namespace: default}}
type: kubernetes.io/tls
stringData:
  tls.crt: |
{}  tls.key: |
{}",
        indented(&certificate.chain),
        indented(&certificate.key)
    )
}
