//! Which resources a resource names.

use std::fmt;

use nantian_ir::{
    Backend, BackendKey, BackendTls, CaBundle, CaBundleKey, Certificate, CertificateKey, EndpointSet, Filter, Listener,
    RouteRule, Snapshot, StreamRule, Target, Trust,
};

use crate::resource::Resource;

/// The name of a resource in another one.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Name<'r> {
    Backend(&'r BackendKey),
    Endpoints(&'r BackendKey),
    CaBundle(&'r CaBundleKey),
    Certificate(&'r CertificateKey),
}

impl Name<'_> {
    pub(crate) fn is_in(self, snapshot: &Snapshot) -> bool {
        match self {
            Self::Backend(key) => snapshot.backends.contains_key(key),
            Self::Endpoints(key) => snapshot.endpoints.contains_key(key),
            Self::CaBundle(key) => snapshot.ca_bundles.contains_key(key),
            Self::Certificate(key) => snapshot.certificates.contains_key(key),
        }
    }
}

impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Backend(key) => write!(f, "the backend {key}"),
            Self::Endpoints(key) => write!(f, "the endpoint set {key}"),
            Self::CaBundle(key) => write!(f, "the CA bundle {key}"),
            Self::Certificate(key) => write!(f, "the certificate {key}"),
        }
    }
}

/// A resource that names others. The listeners that a rule is attached to do not count: without one it gets no traffic.
pub(crate) trait Names: Resource {
    fn names<'r>(&'r self, visit: &mut dyn FnMut(Name<'r>));
}

impl Names for Backend {
    fn names<'r>(&'r self, visit: &mut dyn FnMut(Name<'r>)) {
        visit(Name::Endpoints(&self.key));
        if let Some(BackendTls::Verify(identity)) = &self.tls
            && let Trust::CaBundles(bundles) = &identity.trust
        {
            for bundle in bundles {
                visit(Name::CaBundle(bundle));
            }
        }
    }
}

impl Names for RouteRule {
    fn names<'r>(&'r self, visit: &mut dyn FnMut(Name<'r>)) {
        for target in &self.targets {
            name_target(&target.target, visit);
        }
        for filter in self.filters.iter().chain(self.targets.iter().flat_map(|target| &target.filters)) {
            if let Filter::RequestMirror(mirror) = filter {
                visit(Name::Backend(&mirror.backend));
            }
        }
    }
}

impl Names for StreamRule {
    fn names<'r>(&'r self, visit: &mut dyn FnMut(Name<'r>)) {
        for target in &self.targets {
            name_target(&target.target, visit);
        }
    }
}

fn name_target<'r>(target: &'r Target, visit: &mut dyn FnMut(Name<'r>)) {
    if let Target::Backend(key) = target {
        visit(Name::Backend(key));
    }
}

impl Names for Listener {
    fn names<'r>(&'r self, visit: &mut dyn FnMut(Name<'r>)) {
        self.client_certificate.iter().for_each(|key| visit(Name::Certificate(key)));
        let Some(tls) = &self.tls else { return };
        tls.certificates.iter().for_each(|key| visit(Name::Certificate(key)));
        let bundles = tls.client_validation.iter().flat_map(|validation| &validation.ca_bundles);
        bundles.for_each(|bundle| visit(Name::CaBundle(bundle)));
    }
}

/// What names nothing.
macro_rules! leaves {
    ($($resource:ident),* $(,)?) => {$(
        impl Names for $resource {
            fn names<'r>(&'r self, _: &mut dyn FnMut(Name<'r>)) {}
        }
    )*};
}

leaves! { EndpointSet, CaBundle, Certificate }
