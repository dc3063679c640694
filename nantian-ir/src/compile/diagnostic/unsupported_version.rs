//! A CRD of the Gateway API is of a version that is not supported, or does not say of which it is
//! (`gateway.networking.k8s.io/bundle-version`). A GatewayClass has `SupportedVersion` `False` (`UnsupportedVersion`); what is
//! known of the objects is served all the same.
