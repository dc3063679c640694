//! `Namespace`, for its labels.

use serde::{Deserialize, Serialize};

use crate::meta::{ObjectMeta, resource};

/// A namespace (`v1`, cluster-scoped).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Namespace {
    /// Metadata; the labels are what selectors of listeners match.
    pub metadata: ObjectMeta,
}

resource!(Namespace, "", "v1", "Namespace", "namespaces");
