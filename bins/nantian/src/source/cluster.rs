//! The objects in a cluster, as they are now.

use std::collections::BTreeMap;

use nantian_controller::read::{self, AbsentKind, Access, ForbiddenKind, Reading};
use nantian_ir::compile::{Object, Objects, Severity};
use serde_json::Value;

use super::{Loaded, Origin, SourceError};
use crate::cli::KubeArgs;
use crate::finding::Finding;
use crate::render::Excerpts;

/// What findings of a kind that was left out are called.
const NOT_INSTALLED: &str = "kind-not-installed";
const FORBIDDEN: &str = "kind-forbidden";

/// What the API server gives an object, and keeps when somebody applies it again without.
const KEPT: [(&str, &str); 4] =
    [("/metadata", "creationTimestamp"), ("/metadata", "uid"), ("/spec", "clusterIP"), ("/spec", "clusterIPs")];

/// Reads a cluster once.
pub(crate) fn load_cluster(args: &KubeArgs) -> Result<Loaded, SourceError> {
    let access = Access { kubeconfig: args.kubeconfig.clone(), context: args.context.clone() };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| SourceError::NoRuntime(error.to_string()))?;
    let Reading { objects, absent, forbidden, .. } = runtime.block_on(async {
        let client = read::connect(&access).await.map_err(|error| SourceError::NoCluster(error.to_string()))?;
        read::read(&client).await.map_err(|error| SourceError::ClusterUnreadable(error.to_string()))
    })?;
    if !forbidden.is_empty() && !args.skip_forbidden {
        return Err(SourceError::Forbidden(forbidden.iter().map(in_words).collect::<Vec<_>>().join("\n")));
    }
    let mut findings: Vec<Finding> = forbidden.iter().map(skipped).collect();
    findings.extend(not_installed(&absent));
    Ok(Loaded { objects, findings, excerpts: Excerpts::default(), origin: Origin::Cluster })
}

fn in_words(kind: &ForbiddenKind) -> String {
    format!("  {}: {}", kind.kind, kind.message)
}

fn skipped(kind: &ForbiddenKind) -> Finding {
    Finding::general(
        Severity::Warning,
        FORBIDDEN,
        format!("{} is not among the objects: {}", kind.kind, kind.message),
        "do not rely on what is said of objects that name one; or get the right to list the kind in all namespaces",
    )
}

/// One finding for each group. A group of which nothing is installed was probably meant to be.
fn not_installed(absent: &[AbsentKind]) -> Vec<Finding> {
    let mut groups: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for kind in absent {
        groups.entry(kind.group).or_default().push(kind.kind);
    }
    let finding = |(group, kinds): (&str, Vec<&str>)| {
        let is_whole = kinds.iter().any(|kind| matches!(*kind, "Gateway" | "RoutePolicy"));
        let severity = if is_whole { Severity::Warning } else { Severity::Info };
        let message = format!("the cluster has no {} of {group}: there are no such objects", kinds.join(", "));
        Finding::general(severity, NOT_INSTALLED, message, "install the CRDs of the group if you want to use them")
    };
    groups.into_iter().map(finding).collect()
}

/// Tells what is not among the objects of a cluster, where a command has no place of its own for it.
pub(crate) fn tell_skipped(findings: &[Finding]) {
    for finding in findings.iter().filter(|finding| finding.code == FORBIDDEN) {
        eprintln!("{}: {}", finding.severity, finding.message);
    }
}

/// The objects of a cluster after `files` were applied to it: what is there and not in the files stays.
pub(crate) fn applied(cluster: &Objects, files: &Objects) -> Objects {
    let mut objects = cluster.clone();
    for object in files.iter() {
        // It takes the place of the live one, and is not the second of its name.
        objects.remove(object.id());
        let kept = cluster.get(object.id()).and_then(|live| keep(live, object));
        objects.insert(kept.unwrap_or_else(|| object.clone()));
    }
    objects.extend(files.refused().cloned());
    objects
}

/// The object with what it keeps of the live one.
fn keep(live: &Object, object: &Object) -> Option<Object> {
    let (mut value, live) = (object.value(), live.value());
    for (parent, field) in KEPT {
        let kept = live.pointer(parent).and_then(|parent| parent.get(field));
        if let (Some(kept), Some(fields)) = (kept, value.pointer_mut(parent).and_then(Value::as_object_mut)) {
            fields.entry(field).or_insert_with(|| kept.clone());
        }
    }
    object.with_value(&value).ok()
}

#[cfg(test)]
mod tests {
    use nantian_ir::compile::objects::Positions;
    use serde_json::json;

    use super::*;

    fn objects(values: Vec<Value>) -> Objects {
        values.into_iter().map(|value| Object::new(value).expect("an object")).collect()
    }

    fn service(name: &str, spec: &Value) -> Value {
        json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": "n"}, "spec": spec})
    }

    #[test]
    fn what_is_applied_keeps_its_age_and_address_and_the_rest_of_the_cluster_stays() {
        let mut live = service("a", &json!({"clusterIP": "10.0.0.1", "ports": [{"port": 80}]}));
        live["metadata"]["creationTimestamp"] = "2026-01-01T00:00:00Z".into();
        let cluster = objects(vec![live, service("b", &json!({}))]);
        let in_file = |value| Object::located(&value, Some("a.yaml".into()), &Positions::new()).expect("an object");
        let files = [service("a", &json!({"ports": [{"port": 81}]})), service("c", &json!({}))].map(in_file);
        let files = files.into_iter().collect();
        let after = applied(&cluster, &files);
        let names: Vec<_> = after.iter().map(|object| object.id().name.as_str()).collect();
        assert_eq!((names, after.refused().count()), (vec!["a", "b", "c"], 0));
        let a = after.iter().next().expect("an object").value();
        assert_eq!(a["spec"], json!({"clusterIP": "10.0.0.1", "ports": [{"port": 81}]}));
        assert_eq!(a["metadata"]["creationTimestamp"], "2026-01-01T00:00:00Z");
    }

    #[test]
    fn kinds_that_are_not_installed_are_told_by_group_and_louder_when_all_of_it_is_absent() {
        let absent = |group, kind| AbsentKind { group, kind };
        let ours = absent("nantian.dev", "RoutePolicy");
        let (tcp, udp) =
            (absent("gateway.networking.k8s.io", "TCPRoute"), absent("gateway.networking.k8s.io", "UDPRoute"));
        let findings = not_installed(&[tcp, udp, ours]);
        let severities: Vec<_> = findings.iter().map(|finding| finding.severity).collect();
        assert_eq!(severities, [Severity::Info, Severity::Warning]);
        assert!(findings[0].message.contains("no TCPRoute, UDPRoute of gateway.networking.k8s.io"));
    }
}
