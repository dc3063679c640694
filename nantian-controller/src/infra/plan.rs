//! What to write for a Gateway: a function of what is wanted and what is there.

use std::sync::Arc;

use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::{Resource, ResourceExt as _};
use nantian_ir::compile::GatewayService;
use serde::Serialize;
use serde_json::Value;

use super::objects::{self, Wanted};
use crate::apply::FIELD_MANAGER;

/// A kind of what is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Service,
    EndpointSlice,
}

/// A write.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Write {
    pub(super) kind: Kind,
    pub(super) name: String,
    pub(super) step: Step,
}

/// What is written.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Step {
    /// There is none of this name.
    Create(Value),
    /// The one that is there is otherwise.
    Change(Value),
    /// It is left over.
    Delete,
}

/// What there is of a Gateway's.
#[derive(Default)]
pub(super) struct There {
    pub(super) services: Vec<Arc<Service>>,
    pub(super) slices: Vec<Arc<EndpointSlice>>,
}

/// The writes, in their order: endpoints first, so that a Service that is new has them, and what is left over last.
pub(super) fn plan(
    service: &GatewayService,
    uid: &str,
    data_planes: &[Arc<EndpointSlice>],
    there: &There,
) -> Vec<Write> {
    // Endpoints of Pods that it selects are kept by Kubernetes.
    let shared = data_planes.iter().filter(|_| !service.is_dedicated);
    let slices: Vec<Wanted> = shared.map(|slice| objects::slice(service, uid, slice)).collect();
    let mut writes = Vec::new();
    compare(Kind::EndpointSlice, &slices, &there.slices, &mut writes);
    compare(Kind::Service, &[objects::service(service, uid)], &there.services, &mut writes);
    writes.sort_by_key(|write| write.step == Step::Delete);
    writes
}

fn compare<K: Resource + Serialize>(kind: Kind, wanted: &[Wanted], there: &[Arc<K>], writes: &mut Vec<Write>) {
    for Wanted { name, object } in wanted {
        let step = match there.iter().find(|held| held.name_any() == *name) {
            None => Step::Create(object.clone()),
            Some(held) if !is_as_wanted(object, &**held) => Step::Change(object.clone()),
            Some(_) => continue,
        };
        writes.push(Write { kind, name: name.clone(), step });
    }
    let left =
        there.iter().filter(|held| is_of_ours(&***held) && !wanted.iter().any(|one| one.name == held.name_any()));
    writes.extend(left.map(|held| Write { kind, name: held.name_any(), step: Step::Delete }));
}

/// Whether we applied it: a copy that somebody made has our labels, and is his.
fn is_of_ours(held: &impl Resource) -> bool {
    let managers = held.meta().managed_fields.iter().flatten();
    let mut ours = managers.filter(|entry| entry.manager.as_deref() == Some(FIELD_MANAGER));
    ours.any(|entry| entry.operation.as_deref() == Some("Apply"))
}

fn is_as_wanted(wanted: &Value, there: &impl Serialize) -> bool {
    serde_json::to_value(there).is_ok_and(|there| holds(&there, wanted))
}

/// Whether everything that is wanted is there. Others may have added fields, and elements of lists that have more than one
/// owner.
fn holds(there: &Value, wanted: &Value) -> bool {
    match (there, wanted) {
        (Value::Object(there), Value::Object(wanted)) => wanted.iter().all(|(field, wanted)| {
            let is_shared = matches!(field.as_str(), "ports" | "ownerReferences");
            match (there.get(field), wanted) {
                (Some(Value::Array(there)), Value::Array(wanted)) => {
                    let has = |one: &Value| there.iter().any(|held| holds(held, one));
                    (is_shared || there.len() == wanted.len()) && wanted.iter().all(has)
                }
                (Some(there), wanted) => holds(there, wanted),
                // What is empty is as good as absent.
                (None, Value::Array(wanted)) => wanted.is_empty(),
                (None, Value::Object(wanted)) => wanted.is_empty(),
                (None, _) => false,
            }
        }),
        _ => there == wanted,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use nantian_ir::ObjectRef;
    use nantian_ir::compile::GatewayPort;
    use serde_json::json;

    use super::*;

    fn wanted() -> GatewayService {
        let gateway = ObjectRef {
            group: "gateway.networking.k8s.io".into(),
            kind: "Gateway".into(),
            namespace: "n".into(),
            name: "gw".into(),
        };
        GatewayService {
            gateway,
            name: "gw-class".into(),
            labels: [("team", "web"), (GatewayService::GATEWAY_NAME, "gw")]
                .map(|(label, value)| (label.to_owned(), value.to_owned()))
                .into(),
            is_dedicated: false,
            annotations: BTreeMap::new(),
            fields: BTreeMap::from([("type", json!("LoadBalancer"))]),
            ports: vec![GatewayPort { port: 80, protocol: "TCP", bind_port: 12_345 }],
        }
    }

    /// Slices of two data planes, one of which is about to end.
    fn data_planes() -> Vec<Arc<EndpointSlice>> {
        let slice = json!({
            "metadata": {"name": "dp-abc", "namespace": "nantian-gw"}, "addressType": "IPv4",
            "ports": [{"name": "metrics", "port": 19080}],
            "endpoints": [
                {"addresses": ["10.1.0.1"], "nodeName": "node", "conditions": {"ready": true, "serving": true, "terminating": false}},
                {"addresses": ["10.1.0.2"], "hints": {"forZones": [{"name": "z"}]},
                    "conditions": {"ready": false, "serving": true, "terminating": true}},
            ],
        });
        vec![Arc::new(serde_json::from_value(slice).unwrap())]
    }

    /// What there is once these writes were done, and the API server has set fields of its own.
    fn done(writes: &[Write]) -> There {
        let mut there = There::default();
        for write in writes {
            let (Step::Create(object) | Step::Change(object)) = &write.step else { continue };
            let mut object = object.clone();
            object["metadata"]["resourceVersion"] = json!("7");
            object["metadata"]["managedFields"] = json!([{"manager": FIELD_MANAGER, "operation": "Apply"}]);
            if write.kind == Kind::Service {
                object["spec"]["clusterIP"] = json!("10.0.0.1");
                object["spec"]["ports"][0]["nodePort"] = json!(31_000);
                there.services.push(Arc::new(serde_json::from_value(object).unwrap()));
            } else {
                there.slices.push(Arc::new(serde_json::from_value(object).unwrap()));
            }
        }
        there
    }

    fn steps(writes: &[Write]) -> Vec<(Kind, &'static str)> {
        let word = |write: &Write| match write.step {
            Step::Create(_) => "create",
            Step::Change(_) => "change",
            Step::Delete => "delete",
        };
        writes.iter().map(|write| (write.kind, word(write))).collect()
    }

    #[test]
    fn a_service_leads_to_the_data_planes_with_the_conditions_that_they_have() {
        let writes = plan(&wanted(), "uid", &data_planes(), &There::default());
        assert_eq!(steps(&writes), [(Kind::EndpointSlice, "create"), (Kind::Service, "create")]);
        let [Write { step: Step::Create(slice), .. }, Write { step: Step::Create(service), .. }] = writes.as_slice()
        else {
            panic!("two are made");
        };
        assert_eq!(
            service["spec"]["ports"],
            json!([{"name": "tcp-80", "port": 80, "protocol": "TCP", "targetPort": 12_345}])
        );
        assert!(service["spec"].get("selector").is_none(), "its endpoints are in another namespace");
        assert_eq!(slice["metadata"]["labels"]["kubernetes.io/service-name"], "gw-class");
        assert_eq!(slice["ports"], json!([{"name": "tcp-80", "port": 12_345, "protocol": "TCP"}]));
        assert_eq!(slice["endpoints"][0]["nodeName"], "node");
        assert_eq!(slice["endpoints"][1]["conditions"], json!({"ready": false, "serving": true, "terminating": true}));
        assert!(slice["endpoints"][1].get("hints").is_none());
        for object in [slice, service] {
            assert_eq!(object["metadata"]["ownerReferences"][0]["uid"], "uid");
            let labels = object["metadata"]["labels"].as_object().unwrap().values();
            let is_value = |label: &Value| label.as_str().is_some_and(|text| text.len() < 64 && !text.contains('/'));
            assert!(labels.into_iter().all(is_value), "{object}");
            assert_eq!(
                (&object["metadata"]["namespace"], &object["metadata"]["labels"]["team"]),
                (&json!("n"), &json!("web"))
            );
        }
    }

    #[test]
    fn what_is_there_is_not_written_again_and_what_differs_alone_is() {
        let there = done(&plan(&wanted(), "uid", &data_planes(), &There::default()));
        assert_eq!(plan(&wanted(), "uid", &data_planes(), &there), []);
        let mut fewer = data_planes();
        Arc::make_mut(&mut fewer[0]).endpoints.as_mut().unwrap().truncate(1);
        assert_eq!(steps(&plan(&wanted(), "uid", &fewer, &there)), [(Kind::EndpointSlice, "change")]);
        assert_eq!(steps(&plan(&wanted(), "uid", &[], &there)), [(Kind::EndpointSlice, "delete")]);
        let unlabelled = GatewayService { labels: BTreeMap::new(), ..wanted() };
        let changes = [(Kind::EndpointSlice, "change"), (Kind::Service, "change")];
        assert_eq!(steps(&plan(&unlabelled, "uid", &data_planes(), &there)), changes, "a label that is gone");
        let restored = plan(&wanted(), "another uid", &data_planes(), &there);
        assert_eq!(steps(&restored), changes, "of a Gateway that was made anew");
    }

    #[test]
    fn a_gateway_with_data_planes_of_its_own_has_them_selected() {
        let dedicated = GatewayService { is_dedicated: true, ..wanted() };
        let there = done(&plan(&wanted(), "uid", &data_planes(), &There::default()));
        let writes = plan(&dedicated, "uid", &data_planes(), &there);
        assert_eq!(steps(&writes), [(Kind::Service, "change"), (Kind::EndpointSlice, "delete")]);
        let Step::Change(service) = &writes[0].step else { panic!("it is changed") };
        assert_eq!(service["spec"]["selector"], json!({"gateway.networking.k8s.io/gateway-name": "gw"}));
    }

    #[test]
    fn a_service_of_another_class_goes_and_a_copy_that_somebody_made_stays() {
        let mut there = done(&plan(&wanted(), "uid", &data_planes(), &There::default()));
        let renamed = GatewayService { name: "gw-other".into(), ..wanted() };
        let mut copy = Service::clone(&there.services[0]);
        copy.metadata.name = Some("copy".to_owned());
        copy.metadata.managed_fields = None;
        there.services.push(Arc::new(copy));
        let writes = plan(&renamed, "uid", &data_planes(), &there);
        let deleted: Vec<_> =
            writes.iter().filter(|write| write.step == Step::Delete).map(|write| &*write.name).collect();
        assert_eq!(deleted.len(), 2, "{deleted:?}");
        assert!(deleted.contains(&"gw-class") && !deleted.contains(&"copy"), "{deleted:?}");
    }
}
