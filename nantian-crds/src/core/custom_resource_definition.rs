//! `CustomResourceDefinition`, for its annotations.

use serde::{Deserialize, Serialize};

use crate::meta::{ObjectMeta, resource};

/// The definition of a kind (`apiextensions.k8s.io/v1`, cluster-scoped).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CustomResourceDefinition {
    /// Metadata; the name is that of the kind, in the plural, and its group.
    pub metadata: ObjectMeta,
}

resource!(
    CustomResourceDefinition,
    "apiextensions.k8s.io",
    "v1",
    "CustomResourceDefinition",
    "customresourcedefinitions"
);

/// The annotation of CRDs of the Gateway API that has their version.
pub const BUNDLE_VERSION_ANNOTATION: &str = "gateway.networking.k8s.io/bundle-version";
