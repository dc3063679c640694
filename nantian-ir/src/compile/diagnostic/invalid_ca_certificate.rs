//! A reference to certificates of authorities cannot be used: the ConfigMap or its key `ca.crt` does not exist, holds no
//! PEM certificate, or is of another kind. `ResolvedRefs` is `False` with the reason `InvalidCACertificateRef`,
//! `InvalidKind` (BackendTLSPolicy) or `InvalidCACertificateKind` (Gateway). Where no reference is left, nothing could be
//! checked: `Accepted` is `False` with the reason `NoValidCACertificate`, the listener is not served, and requests to the
//! backend get 5xx.
