//! Objects as people write them.

/// A Gateway with one HTTP listener.
pub(crate) fn gateway(port: u16) -> String {
    format!(
        "apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata:
  name: web
spec:
  gatewayClassName: nantian-gw
  listeners:
    - name: http
      protocol: HTTP
      port: {port}
"
    )
}

/// A route of a path prefix to port 80 of a Service.
pub(crate) fn route(name: &str, prefix: &str, service: &str) -> String {
    format!(
        "apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata:
  name: {name}
spec:
  parentRefs:
    - name: web
  rules:
    - matches:
        - path:
            type: PathPrefix
            value: {prefix}
      backendRefs:
        - name: {service}
          port: 80
"
    )
}

/// A Service with one endpoint; with `echo`, one that the binary answers itself.
pub(crate) fn service(name: &str, port: u16, echo: bool) -> String {
    format!(
        "apiVersion: v1
kind: Service
metadata:
  name: {name}
spec:
  ports:
    - port: 80
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata:
  name: {name}-1
  labels:
    kubernetes.io/service-name: {name}
  annotations:
    nantian.dev/echo: \"{echo}\"
addressType: IPv4
ports:
  - port: {port}
endpoints:
  - addresses: [127.0.0.1]
"
    )
}

/// Several documents.
pub(crate) fn documents(parts: &[String]) -> String {
    parts.join("---\n")
}
