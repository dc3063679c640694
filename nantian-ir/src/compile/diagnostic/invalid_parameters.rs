//! A GatewayClass or Gateway has a `parametersRef` that is of no use: it names no ConfigMap that there is, or one with a key
//! or value that is none (`docs/gateway-infrastructure.md` has them). Where no objects are made for Gateways, no kind of
//! parameters is supported. It is not accepted (`InvalidParameters`). What was made for a Gateway before stays as it is.
