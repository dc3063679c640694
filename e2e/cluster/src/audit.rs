//! What was asked of the API server, as that has written it down.

use serde_json::Value;

use crate::{Cluster, ClusterError};

/// Whom the API server takes control planes for.
const CONTROL_PLANE: &str = "system:serviceaccount:nantian-gw:nantian-gw-controlplane";

/// A request of a control plane that was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// The Pod of the control plane.
    pub pod: String,
    /// What was asked: `get`, `list`, `watch`, `patch`, ...
    pub verb: String,
    /// Of what. What is below a resource follows it: `httproutes/status`.
    pub resource: String,
    /// The name of the object; empty for requests about many.
    pub name: String,
    /// The status of the answer.
    pub code: u64,
    /// When it came, as RFC 3339 has it.
    pub received: String,
    /// When it was answered.
    pub answered: String,
}

impl Asked {
    fn of(event: &Value) -> Self {
        let text = |pointer: &str| event.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
        let below = text("/objectRef/subresource");
        let slash = if below.is_empty() { "" } else { "/" };
        Self {
            pod: text("/user/extra/authentication.kubernetes.io~1pod-name/0"),
            verb: text("/verb"),
            resource: text("/objectRef/resource") + slash + &below,
            name: text("/objectRef/name"),
            code: event.pointer("/responseStatus/code").and_then(Value::as_u64).unwrap_or_default(),
            received: text("/requestReceivedTimestamp"),
            answered: text("/stageTimestamp"),
        }
    }

    /// Whether it was to change something.
    #[must_use]
    pub fn writes(&self) -> bool {
        !["get", "list", "watch"].contains(&&*self.verb)
    }
}

impl Cluster {
    /// All requests of control planes so far that have an answer, in the order in which the API server wrote them down.
    ///
    /// # Errors
    /// If there is no such log.
    pub fn asked(&self) -> Result<Vec<Asked>, ClusterError> {
        let path = self.logs().join("audit.log");
        let log = std::fs::read_to_string(&path).map_err(ClusterError::file(&path))?;
        Ok(answered(&log))
    }
}

fn answered(log: &str) -> Vec<Asked> {
    // Its last line may be half-written.
    let events = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let is_ours = |event: &Value| event.pointer("/user/username").and_then(Value::as_str) == Some(CONTROL_PLANE);
    events.filter(is_ours).map(|event| Asked::of(&event)).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn requests_of_control_planes_are_read_to_the_last_whole_line() {
        let event = |user: &str, verb: &str, subresource: Option<&str>| {
            let mut event = json!({
                "verb": verb, "responseStatus": {"code": 200}, "stageTimestamp": "b", "requestReceivedTimestamp": "a",
                "user": {"username": user, "extra": {"authentication.kubernetes.io/pod-name": ["pod"]}},
                "objectRef": {"resource": "httproutes", "name": "r"},
            });
            if let Some(subresource) = subresource {
                event["objectRef"]["subresource"] = subresource.into();
            }
            event.to_string()
        };
        let lines = [
            event(CONTROL_PLANE, "patch", Some("status")),
            event("system:admin", "create", None),
            event(CONTROL_PLANE, "get", None),
            event(CONTROL_PLANE, "delete", None).split_at(40).0.to_owned(),
        ];
        let asked = answered(&lines.join("\n"));
        let [write, read] = asked.as_slice() else { panic!("two are whole and ours: {asked:?}") };
        assert_eq!((write.resource.as_str(), write.pod.as_str(), write.code), ("httproutes/status", "pod", 200));
        assert_eq!((write.received.as_str(), write.answered.as_str(), write.name.as_str()), ("a", "b", "r"));
        assert!(write.writes() && !read.writes());
        assert_eq!(read.resource, "httproutes");
    }
}
