//! The core Kubernetes kinds, with the fields that a gateway reads (Kubernetes API v1.36).

pub mod config_map;
pub mod custom_resource_definition;
pub mod endpoint_slice;
pub mod namespace;
pub mod secret;
pub mod service;

pub use config_map::ConfigMap;
pub use custom_resource_definition::CustomResourceDefinition;
pub use endpoint_slice::EndpointSlice;
pub use namespace::Namespace;
pub use secret::{Secret, SecretValue};
pub use service::Service;

pub use crate::meta::ObjectMeta;
