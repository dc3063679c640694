//! A listener that ends TLS sessions has no certificate, or one that cannot be used: the Secret does not exist, has
//! another type, or its `tls.crt` and `tls.key` cannot be read or do not belong together. `ResolvedRefs` of the
//! listener is `False` with the reason `InvalidCertificateRef`. The listener serves its other certificates; without
//! any, it is not programmed.
