//! The Service of a Gateway as the record of its bind ports: whoever computes them anew, be it after years and without any
//! memory, finds them there.

use std::collections::BTreeMap;

use nantian_crds::core::Service;
use nantian_crds::core::service::IntOrString;

use crate::compile::decode::Name;
use crate::compile::memo::Reader;
use crate::hash::ContentHash;

/// The label of GEP-1762 by which objects say whose they are.
pub(crate) const GATEWAY_NAME: &str = "gateway.networking.k8s.io/gateway-name";
/// The label that says who made an object, and its value for ours.
pub(crate) const MANAGED_BY: (&str, &str) = ("app.kubernetes.io/managed-by", "nantian-gw");

/// What has the name of a Gateway's Service.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Record {
    /// Its Service, with the bind port of each public port.
    Ports(BTreeMap<u16, u16>),
    /// Nothing.
    None,
    /// A Service of somebody else.
    Foreign,
}

/// Looks for the Service of a Gateway.
pub(crate) fn read(gateway: &Name, class: &str, reader: &Reader<'_>) -> Record {
    let name = (gateway.0.clone(), service_name(&gateway.1, class).into());
    let Some(entry) = reader.get::<Service>(&name) else { return Record::None };
    let labels = &entry.value.metadata.labels;
    let says = |label: &str, value: &str| labels.get(label).is_some_and(|held| held == value);
    if !says(MANAGED_BY.0, MANAGED_BY.1) || !says(GATEWAY_NAME, &label_value(&gateway.1)) {
        return Record::Foreign;
    }
    let ports = entry.value.spec.ports.iter().filter_map(|port| match port.target_port {
        Some(IntOrString::Int(target)) => Some((port.port, u16::try_from(target).ok()?)),
        _ => None,
    });
    Record::Ports(ports.collect())
}

/// `GATEWAY-CLASS` (GEP-1762), for as long as that is a DNS label.
#[must_use]
pub fn service_name(gateway: &str, class: &str) -> String {
    const MOST: usize = 63;
    shortened(&format!("{gateway}-{class}").replace('.', "-"), &[gateway, class], MOST)
}

/// The name of a Gateway as the value of a label: names may be longer than values.
#[must_use]
pub fn label_value(gateway: &str) -> String {
    const MOST: usize = 63;
    shortened(gateway, &[gateway], MOST)
}

/// The text, if it is short enough and says all of `parts`; else its beginning with a hash of them.
fn shortened(text: &str, parts: &[&str], most: usize) -> String {
    const DIGITS: usize = 10;
    let is_whole = !parts.iter().any(|part| part.contains('.')) || parts == [text];
    if text.len() <= most && is_whole {
        return text.to_owned();
    }
    let hash = ContentHash::of(parts);
    let beginning: String = text.chars().take(most - DIGITS - 1).collect();
    let digits: String = hash.as_str().chars().take(DIGITS).collect();
    format!("{}-{digits}", beginning.trim_end_matches(['-', '.']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_is_named_by_gateway_and_class_as_long_as_that_is_a_label() {
        assert_eq!(service_name("web", "nantian-gw"), "web-nantian-gw");
        let long = service_name(&"a".repeat(80), "nantian-gw");
        assert_eq!((long.len(), long.starts_with("aaa")), (63, true), "{long}");
        assert_ne!(long, service_name(&"a".repeat(81), "nantian-gw"));
        let dotted = service_name("a.b", "nantian-gw");
        assert!(dotted.starts_with("a-b-nantian-gw-") && !dotted.contains('.'), "{dotted}");
        assert_ne!(dotted, service_name("a-b", "nantian-gw"));
        assert_eq!(label_value("a.b"), "a.b");
    }
}
