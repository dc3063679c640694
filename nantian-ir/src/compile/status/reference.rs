//! References to parents, as routes have them.

use std::fmt;
use std::ops::Deref;

use serde::{Serialize, Serializer};
use serde_json::Value;

use crate::compile::objects::Object;

/// A reference to a parent, as the route has it: what it points at is the JSON. Cloning is cheap.
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
}

impl Deref for WrittenReference {
    type Target = Value;

    fn deref(&self) -> &Value {
        match &self.0 {
            Place::InRoute(route, index) => {
                let references = route.value().get("spec").and_then(|spec| spec.get("parentRefs"));
                references.and_then(|references| references.get(index)).unwrap_or(&Value::Null)
            }
            Place::Apart(reference) => reference,
        }
    }
}

impl PartialEq for WrittenReference {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for WrittenReference {}

impl fmt::Debug for WrittenReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

impl Serialize for WrittenReference {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        (**self).serialize(serializer)
    }
}
