//! A GatewayClass or Gateway has a `parametersRef`, but no kind of parameters is supported. It is not accepted
//! (`InvalidParameters`).
