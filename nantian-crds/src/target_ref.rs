//! What a policy applies to: `targetRefs` (GEP-713), always in the policy's own namespace.

use schemars::{Schema, json_schema};
use serde_json::{Value, json};

use crate::gateway_api::GROUP;

pub use crate::gateway_api::shared::LocalPolicyTargetReferenceWithSectionName as TargetRef;

/// A kind that policies may apply to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TargetKind {
    /// API group; empty for the core group.
    pub group: &'static str,
    /// Kind.
    pub kind: &'static str,
    /// Whether a part of it can be named: a listener, a rule, a port.
    pub has_sections: bool,
}

/// A Gateway; a section is a listener of it.
pub const GATEWAY: TargetKind = TargetKind { group: GROUP, kind: "Gateway", has_sections: true };
/// An `HTTPRoute`; a section is a rule of it.
pub const HTTP_ROUTE: TargetKind = TargetKind { group: GROUP, kind: "HTTPRoute", has_sections: true };
/// A `GRPCRoute`; a section is a rule of it.
pub const GRPC_ROUTE: TargetKind = TargetKind { group: GROUP, kind: "GRPCRoute", has_sections: true };
/// A `TLSRoute`, which has one rule.
pub const TLS_ROUTE: TargetKind = TargetKind { group: GROUP, kind: "TLSRoute", has_sections: false };
/// A `TCPRoute`, which has one rule.
pub const TCP_ROUTE: TargetKind = TargetKind { group: GROUP, kind: "TCPRoute", has_sections: false };
/// A `UDPRoute`, which has one rule.
pub const UDP_ROUTE: TargetKind = TargetKind { group: GROUP, kind: "UDPRoute", has_sections: false };
/// A Service; a section is a port of it.
pub const SERVICE: TargetKind = TargetKind { group: "", kind: "Service", has_sections: true };
/// An `AIService`.
pub const AI_SERVICE: TargetKind = TargetKind { group: crate::GROUP, kind: "AIService", has_sections: false };

impl TargetKind {
    /// Whether the reference is to this kind.
    #[must_use]
    pub fn is_of(&self, target: &TargetRef) -> bool {
        self.group == target.group && self.kind == target.kind
    }
}

/// At most as many targets as a policy's status has room for (GEP-713).
const MAX_TARGETS: u32 = 16;

/// The schema of `targetRefs` that may name these kinds.
pub(crate) fn schema(kinds: &[TargetKind], min_items: u32) -> Schema {
    let mut rules = vec![
        json!({
            "rule": format!(
                "self.all(t, {})",
                join(kinds, " || ", |kind| format!("(t.group == '{}' && t.kind == '{}')", kind.group, kind.kind))
            ),
            "message": format!("a target must be of one of these kinds: {}", join(kinds, ", ", |kind| kind.kind.to_owned())),
        }),
        json!({
            "rule": "self.all(a, self.exists_one(b, a.group == b.group && a.kind == b.kind && a.name == b.name && \
                     (has(a.sectionName) ? a.sectionName : '') == (has(b.sectionName) ? b.sectionName : '')))",
            "message": "a target, or a section of it, must be named only once",
        }),
    ];
    let whole: Vec<TargetKind> = kinds.iter().copied().filter(|kind| !kind.has_sections).collect();
    if !whole.is_empty() {
        let quoted = join(&whole, ", ", |kind| format!("'{}'", kind.kind));
        rules.push(json!({
            "rule": format!("self.all(t, !has(t.sectionName) || !(t.kind in [{quoted}]))"),
            "message": format!("a target of these kinds has no sections: {}", join(&whole, ", ", |kind| kind.kind.to_owned())),
        }));
    }
    json_schema!({
        "type": "array",
        "minItems": min_items,
        "maxItems": MAX_TARGETS,
        "x-kubernetes-list-type": "atomic",
        "items": item(),
        "x-kubernetes-validations": rules,
    })
}

/// As upstream's `LocalPolicyTargetReferenceWithSectionName`.
fn item() -> Value {
    json!({
        "type": "object",
        "required": ["group", "kind", "name"],
        "properties": {
            "group": {"description": "API group of the target; empty for the core group.", "type": "string", "maxLength": 253},
            "kind": {"description": "Kind of the target.", "type": "string", "minLength": 1, "maxLength": 63},
            "name": {"description": "Name of the target.", "type": "string", "minLength": 1, "maxLength": 253},
            "sectionName": {
                "description": "A part of the target by name: a listener of a Gateway, a rule of a route, a port of a Service. \
                                All of it when absent.",
                "type": "string",
                "minLength": 1,
                "maxLength": 253,
            },
        },
    })
}

fn join(kinds: &[TargetKind], between: &str, write: impl Fn(&TargetKind) -> String) -> String {
    kinds.iter().map(write).collect::<Vec<_>>().join(between)
}
