//! What the page backs up and restores: objects of every kind, their statuses, and what is answered because of them.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rcgen::{BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair};
use serde_json::Value;

use super::shell::Shell;

/// Kinds whose statuses are compared.
const KINDS: &str = "gatewayclasses,gateways,httproutes,grpcroutes,backendtlspolicies,aiservices,tokenpolicies,\
    wasmplugins,backendlbpolicies,routepolicies,securitypolicies";

/// How long things may take to be as they were: the page says 30 to 60 seconds for one object.
const PATIENCE: Duration = Duration::from_secs(60);

/// A request for each way to be answered, at the address of the Gateway; without one nobody answers at once.
const REQUESTS: &str = r#"
address=$(kubectl get gateway web -n $NAMESPACE -o jsonpath='{.status.addresses[0].value}')
address=${address:-0.0.0.0}
for host in shop secure news closed; do
  echo $host: $(curl -s -m 5 -w ' %{http_code}' --connect-to ::$address: http://$host.example.com/)
done
echo https: $(curl -s -m 5 -w ' %{http_code}' --connect-to ::$address: --cacert ca.crt https://shop.example.com/)
said=$(head -c 5 /dev/zero | curl -sv -m 20 --http2-prior-knowledge -H 'te: trailers' -H 'content-type: application/grpc' \
  --connect-to ::$address: --data-binary @- http://orders.example.com/orders.Orders/List -o /dev/null 2>&1; echo curl ends with $?)
echo "grpc: $(grep -ao 'grpc-status: .' <<<"$said" || echo "$said" | tr -d '\0' | tr '\n' ' ')"
"#;

/// Statuses and answers at one time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Seen {
    statuses: BTreeMap<String, Value>,
    pub(super) answers: BTreeMap<String, String>,
}

impl Seen {
    pub(super) fn now(shell: &Shell<'_>) -> Self {
        let answers = shell.must(REQUESTS);
        let answers = answers.lines().filter_map(|line| line.split_once(": "));
        let answers = answers.map(|(name, answer)| (name.to_owned(), answer.trim().to_owned())).collect();
        Self { statuses: statuses(shell), answers }
    }

    /// Waits until all is as it was then; returns how long that took.
    pub(super) fn again(&self, shell: &Shell<'_>) -> Duration {
        let began = Instant::now();
        loop {
            let now = Self::now(shell);
            let took = began.elapsed();
            if now == *self {
                return took;
            }
            assert!(took < PATIENCE, "{}", self.differences(&now));
        }
    }

    fn differences(&self, now: &Self) -> String {
        let names = self.statuses.keys().chain(now.statuses.keys());
        let both = names.map(|name| (name, self.statuses.get(name), now.statuses.get(name)));
        let changed = both.filter(|(_, then, now)| then != now);
        let statuses: Vec<String> =
            changed.map(|(name, then, now)| format!("{name}\n  was {then:?}\n  is  {now:?}")).collect();
        format!("answers were {:#?} and are {:#?}\n{}", self.answers, now.answers, statuses.join("\n"))
    }
}

/// The statuses of all objects, without what tells when and where.
fn statuses(shell: &Shell<'_>) -> BTreeMap<String, Value> {
    let typed = shell.types(&format!("kubectl get {KINDS} --all-namespaces -o json"));
    let Ok(mut list) = serde_json::from_str::<Value>(&typed.printed) else { return BTreeMap::new() };
    let mut statuses = BTreeMap::new();
    for object in list["items"].as_array_mut().into_iter().flatten() {
        let metadata = &object["metadata"];
        let name = format!("{} {} {}", object["kind"], metadata["namespace"], metadata["name"]);
        let mut status = object["status"].take();
        forget(&mut status);
        statuses.insert(name, status);
    }
    statuses
}

fn forget(status: &mut Value) {
    match status {
        Value::Object(fields) => {
            fields
                .retain(|name, _| !["lastTransitionTime", "observedGeneration", "addresses"].contains(&name.as_str()));
            fields.values_mut().for_each(forget);
        }
        Value::Array(elements) => elements.iter_mut().for_each(forget),
        _ => {}
    }
}

/// The namespace of the Gateway in manifests.
pub(super) const PRODUCTION: &str = "production";

/// Makes the objects, and what is behind them.
pub(super) fn create(shell: &Shell<'_>) {
    let namespace = shell.namespace;
    certificates(shell);
    for (name, manifest) in
        [("backends.yaml", include_str!("backends.yaml")), ("objects.yaml", include_str!("objects.yaml"))]
    {
        shell.file(name, &manifest.replace(PRODUCTION, namespace));
    }
    shell.must("kubectl apply -f backends.yaml");
    shell.must("kubectl create secret tls backend-tls -n $NAMESPACE --cert backend.crt --key backend.key");
    shell.must("kubectl create configmap backend-ca -n $NAMESPACE --from-file ca.crt");
    shell.must("kubectl create secret tls web-cert -n nantian-gw --cert web.crt --key web.key");
    shell.must("kubectl apply -f objects.yaml");
    for namespace in [namespace, "my-other-app"] {
        shell.must(&format!("kubectl rollout status deployment/backend -n {namespace} --timeout=120s"));
    }
}

/// An authority, and certificates of the gateway and of a backend.
fn certificates(shell: &Shell<'_>) {
    let key = KeyPair::generate().unwrap();
    let mut authority = CertificateParams::default();
    authority.distinguished_name = DistinguishedName::new();
    authority.distinguished_name.push(DnType::CommonName, "authority");
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    shell.file("ca.crt", &authority.self_signed(&key).unwrap().pem());
    let issuer = Issuer::new(authority, key);
    for (file, name) in [("web", "*.example.com"), ("backend", "backend.example.com")] {
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new([name.to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
        shell.file(&format!("{file}.crt"), &certificate.pem());
        shell.file(&format!("{file}.key"), &key.serialize_pem());
    }
}
