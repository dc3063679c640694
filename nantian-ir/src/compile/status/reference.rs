//! References to parents, as routes have them.

use std::fmt;

use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;

use crate::compile::objects::Object;

/// A reference to a parent, as the route has it. Cloning is cheap.
#[derive(Clone)]
pub struct WrittenReference(Place);

#[derive(Clone)]
enum Place {
    /// Item of `spec.parentRefs` of the route.
    InRoute(Object, usize),
    /// One that the route does not have, as it asks for default Gateways.
    Apart(Value),
}

impl WrittenReference {
    pub(crate) fn in_route(route: Object, index: usize) -> Self {
        Self(Place::InRoute(route, index))
    }

    pub(crate) fn apart(reference: Value) -> Self {
        Self(Place::Apart(reference))
    }

    /// The reference as JSON, read anew from the text of the route.
    pub fn value(&self) -> Value {
        match &self.0 {
            Place::InRoute(route, index) => {
                let route = route.decode::<Route>().ok();
                let mut references = route.map(|route| route.spec.parent_refs).unwrap_or_default();
                references.get_mut(*index).map(Value::take).unwrap_or_default()
            }
            Place::Apart(reference) => reference.clone(),
        }
    }
}

/// What is read of a route.
#[derive(Deserialize)]
struct Route {
    spec: Spec,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Spec {
    parent_refs: Vec<Value>,
}

impl PartialEq for WrittenReference {
    fn eq(&self, other: &Self) -> bool {
        let is_same = match (&self.0, &other.0) {
            (Place::InRoute(one, index), Place::InRoute(other, place)) => index == place && one == other,
            _ => false,
        };
        is_same || self.value() == other.value()
    }
}

impl Eq for WrittenReference {}

impl fmt::Debug for WrittenReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.value(), f)
    }
}

impl Serialize for WrittenReference {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.value().serialize(serializer)
    }
}
