//! Addresses for Services of type `LoadBalancer`: what a cloud does elsewhere. kube-proxy serves them once they stand in
//! the status.

use std::collections::HashMap;
use std::io::Read;
use std::net::Ipv4Addr;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde::Deserialize;

use crate::address::LOAD_BALANCERS;
use crate::control_plane::kubectl;
use crate::process::{line, run};
use crate::state::{Home, State};
use crate::{ClusterError, ClusterName, Programs};

/// Between the end of a watch and the next one.
const PAUSE: Duration = Duration::from_millis(500);
/// What the addresses of Services are chosen from, the last two bytes: neither the first nor the last.
const LAST: u16 = u16::MAX - 1;

/// Gives addresses until it is ended.
///
/// # Errors
/// If there is no such cluster.
pub fn give_addresses(home: &Home, name: &ClusterName) -> Result<(), ClusterError> {
    let state = State::of(home, name);
    if !state.exists() {
        return Err(ClusterError::Absent(name.to_string()));
    }
    let programs = Programs::installed(home);
    loop {
        let mut watch = kubectl(&state, &programs);
        watch.args(["get", "services", "--all-namespaces", "--watch", "--output-watch-events", "--output=json"]);
        if let Err(error) = follow(&mut watch, &state, &programs) {
            // The API server may be away for a while; each new watch begins with all that there is.
            eprintln!("{error}");
        }
        std::thread::sleep(PAUSE);
    }
}

fn follow(watch: &mut Command, state: &State, programs: &Programs) -> Result<(), ClusterError> {
    let started = watch.stdin(Stdio::null()).stdout(Stdio::piped()).spawn();
    let mut child = started.map_err(|error| ClusterError::start(watch, error))?;
    let outcome = match child.stdout.take() {
        Some(events) => serve(events, &line(watch), state, programs),
        None => Ok(()),
    };
    // It has ended, or what it says cannot be read.
    let _ended = child.kill();
    child.wait().map_err(|error| ClusterError::start(watch, error))?;
    outcome
}

fn serve(events: impl Read, line: &str, state: &State, programs: &Programs) -> Result<(), ClusterError> {
    let mut addresses = Addresses::default();
    for event in serde_json::Deserializer::from_reader(events).into_iter::<Event>() {
        let event = event.map_err(|source| ClusterError::Answer { line: line.to_owned(), source })?;
        if let Some(address) = addresses.after(&event)? {
            let Metadata { namespace, name, .. } = &event.object.metadata;
            let patch = format!(r#"{{"status":{{"loadBalancer":{{"ingress":[{{"ip":"{address}"}}]}}}}}}"#);
            let mut write = kubectl(state, programs);
            write.args(["--namespace", namespace, "patch", "service", name, "--subresource=status", "--type=merge"]);
            match run(write.args(["--patch", &patch])) {
                Ok(()) => println!("{namespace}/{name}: {address}"),
                // It may be gone again. Whatever else it was: its next change, or the next watch, brings it back.
                Err(error) => eprintln!("{namespace}/{name}: {error}"),
            }
        }
    }
    Ok(())
}

#[derive(Debug, Deserialize)]
struct Event {
    #[serde(rename = "type")]
    kind: String,
    object: Service,
}

#[derive(Debug, Deserialize)]
struct Service {
    metadata: Metadata,
    spec: Spec,
    #[serde(default)]
    status: Status,
}

#[derive(Debug, Deserialize)]
struct Metadata {
    namespace: String,
    name: String,
    uid: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Spec {
    r#type: Option<String>,
    #[serde(rename = "loadBalancerIP")]
    wanted: Option<Ipv4Addr>,
    /// A Service of this class is another's.
    load_balancer_class: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    #[serde(default)]
    load_balancer: Ingresses,
}

#[derive(Debug, Default, Deserialize)]
struct Ingresses {
    #[serde(default)]
    ingress: Vec<Ingress>,
}

#[derive(Debug, Deserialize)]
struct Ingress {
    ip: Option<Ipv4Addr>,
}

/// Who has which address, by the uid of the Service.
#[derive(Debug, Default)]
struct Addresses {
    held: HashMap<String, Ipv4Addr>,
    /// The last two bytes of the one that was given last: one that is free again is not given at once, so that
    /// nobody takes the new one for the old.
    last: u16,
}

impl Addresses {
    /// The address that a Service is to get after this event, if it has to be written.
    fn after(&mut self, event: &Event) -> Result<Option<Ipv4Addr>, ClusterError> {
        let Service { metadata, spec, status } = &event.object;
        let ours = spec.r#type.as_deref() == Some("LoadBalancer") && spec.load_balancer_class.is_none();
        if event.kind == "DELETED" || !ours {
            self.held.remove(&metadata.uid);
            return Ok(None);
        }
        if let Some(written) = status.load_balancer.ingress.first().and_then(|ingress| ingress.ip) {
            self.held.insert(metadata.uid.clone(), written);
            return Ok(None);
        }
        let address = match self.held.get(&metadata.uid) {
            Some(address) => *address,
            None => self.choose(spec.wanted)?,
        };
        self.held.insert(metadata.uid.clone(), address);
        Ok(Some(address))
    }

    fn choose(&mut self, wanted: Option<Ipv4Addr>) -> Result<Ipv4Addr, ClusterError> {
        if let Some(wanted) = wanted.filter(|wanted| !self.is_taken(*wanted)) {
            return Ok(wanted);
        }
        for _ in 0..LAST {
            self.last = self.last % LAST + 1;
            let ([a, b], [c, d]) = (LOAD_BALANCERS, self.last.to_be_bytes());
            let address = Ipv4Addr::new(a, b, c, d);
            if !self.is_taken(address) {
                return Ok(address);
            }
        }
        Err(ClusterError::NoAddress(usize::from(LAST)))
    }

    fn is_taken(&self, address: Ipv4Addr) -> bool {
        self.held.values().any(|held| *held == address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(kind: &str, uid: &str, spec: &str, status: &str) -> Event {
        let metadata = format!(r#"{{"namespace":"ns","name":"n","uid":"{uid}"}}"#);
        let object = format!(r#"{{"metadata":{metadata},"spec":{{{spec}}},"status":{{{status}}}}}"#);
        serde_json::from_str(&format!(r#"{{"type":"{kind}","object":{object}}}"#)).unwrap()
    }

    const BALANCED: &str = r#""type":"LoadBalancer""#;

    fn ip(address: &str) -> Ipv4Addr {
        address.parse().unwrap()
    }

    #[test]
    fn each_service_gets_an_address_of_its_own_and_keeps_it() {
        let mut addresses = Addresses::default();
        assert_eq!(addresses.after(&event("ADDED", "a", BALANCED, "")).unwrap(), Some(ip("10.93.0.1")));
        assert_eq!(addresses.after(&event("ADDED", "b", BALANCED, "")).unwrap(), Some(ip("10.93.0.2")));
        // Written meanwhile, or not yet.
        let written = r#""loadBalancer":{"ingress":[{"ip":"10.93.0.1"}]}"#;
        assert_eq!(addresses.after(&event("MODIFIED", "a", BALANCED, written)).unwrap(), None);
        assert_eq!(addresses.after(&event("MODIFIED", "b", BALANCED, "")).unwrap(), Some(ip("10.93.0.2")));
    }

    #[test]
    fn an_address_is_free_again_after_its_service_but_is_not_the_next() {
        let mut addresses = Addresses::default();
        addresses.after(&event("ADDED", "a", BALANCED, "")).unwrap();
        assert_eq!(addresses.after(&event("DELETED", "a", BALANCED, "")).unwrap(), None);
        assert_eq!(addresses.after(&event("ADDED", "b", BALANCED, "")).unwrap(), Some(ip("10.93.0.2")));
        let wanted = format!(r#"{BALANCED},"loadBalancerIP":"10.93.0.1""#);
        assert_eq!(addresses.after(&event("ADDED", "c", &wanted, "")).unwrap(), Some(ip("10.93.0.1")));
    }

    #[test]
    fn what_was_written_before_we_began_is_taken() {
        let mut addresses = Addresses::default();
        let written = r#""loadBalancer":{"ingress":[{"ip":"10.93.0.1"}]}"#;
        addresses.after(&event("ADDED", "a", BALANCED, written)).unwrap();
        assert_eq!(addresses.after(&event("ADDED", "b", BALANCED, "")).unwrap(), Some(ip("10.93.0.2")));
    }

    #[test]
    fn services_of_other_types_and_classes_get_none() {
        let mut addresses = Addresses::default();
        for spec in [r#""type":"ClusterIP""#, "", r#""type":"LoadBalancer","loadBalancerClass":"x/y""#] {
            assert_eq!(addresses.after(&event("ADDED", "a", spec, "")).unwrap(), None);
        }
    }
}
