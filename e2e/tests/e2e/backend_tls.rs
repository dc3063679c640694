//! TLS to backends, checked as a `BackendTLSPolicy` says (GEP-1897).

use crate::backend::Backend;
use crate::certificate::Authority;
use crate::curl::{Answer, curl};
use crate::gateway::{Gateway, eventually};
use crate::manifest::{self, Listener};
use crate::{port, raw};

/// The gateway before a backend within TLS.
struct Site {
    gateway: Gateway,
    backend: Backend,
    port: u16,
    /// Who signed the certificate of the backend, which is for `app.internal` and `other.internal`.
    authority: Authority,
}

/// What a policy trusts, whom it asks for, and which names the certificate has to have.
type Policy<'p> = (&'p Authority, &'p str, &'p [&'p str]);

fn yaml(port: u16, backend: &Backend, (authority, hostname, names): Policy<'_>) -> String {
    let objects = [
        manifest::gateway(&[Listener::http("http", port)]),
        manifest::service("app", backend.port, None),
        manifest::http_route("all", &[], &manifest::to("app")),
        manifest::backend_tls("app", &authority.certificate, hostname, names),
    ];
    objects.concat()
}

impl Site {
    fn start() -> Self {
        let authority = Authority::new();
        let certificate = authority.sign(&["app.internal", "other.internal"]);
        let (backend, port) = (Backend::start_secured("secured", &certificate), port::free());
        let gateway = Gateway::start(&yaml(port, &backend, (&authority, "app.internal", &[])));
        Self { gateway, backend, port, authority }
    }

    fn get(&self) -> Answer {
        curl(&[&format!("http://127.0.0.1:{}/", self.port)])
    }

    /// Puts another policy in the place of the one that there is, and waits until it is asked for.
    fn decide(&self, policy: Policy<'_>, is_trusted: bool) {
        self.gateway.write("gateway.yaml", &yaml(self.port, &self.backend, policy));
        eventually("the policy decides", || ((self.get().status == 200) == is_trusted).then_some(()));
    }
}

#[test]
fn requests_go_to_a_backend_within_tls_that_the_policy_trusts() {
    let site = Site::start();
    let answer = site.get();
    assert_eq!((answer.status, answer.json()["backend"].as_str()), (200, Some("secured")));
    // It takes nothing without TLS, so that the answer did come through a session.
    assert!(raw::get(site.backend.port, "app.internal", "/").is_none_or(|answer| answer.status != 200));
}

#[test]
fn a_certificate_for_another_name_or_of_another_authority_gets_no_request() {
    let site = Site::start();
    let stranger = Authority::new();
    assert_eq!(site.get().status, 200);
    let refused: [Policy<'_>; 3] = [
        (&site.authority, "elsewhere.internal", &[]),
        (&stranger, "app.internal", &[]),
        // "If specified, the certificate MUST have at least one of these names": that of the handshake does not count.
        (&site.authority, "app.internal", &["elsewhere.internal"]),
    ];
    for policy in refused {
        site.decide(policy, false);
        let seen = site.backend.requests();
        assert!(site.get().status >= 500);
        assert_eq!(site.backend.requests(), seen, "nothing is sent to a backend that is not trusted");
        site.decide((&site.authority, "app.internal", &[]), true);
    }
}

#[test]
fn a_subject_alternative_name_counts_in_the_place_of_the_name_that_is_asked_for() {
    let site = Site::start();
    // `elsewhere.internal` is only what the handshake asks for: which certificate is right, `subjectAltNames` say.
    site.decide((&site.authority, "elsewhere.internal", &["other.internal"]), true);
    assert_eq!(site.get().json()["backend"], "secured");
}
