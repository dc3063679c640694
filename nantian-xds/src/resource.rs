//! The types of resources: their URLs, their order, and which type of the model each is.

use std::fmt;

use nantian_ir::{
    Backend, CaBundle, Certificate, EndpointSet, Keyed, Listener, ResourceMap, RouteRule, Snapshot, StreamRule,
};
use prost::Message;
use thiserror::Error;

use crate::convert::{Convert, FieldError};
use crate::wire::ir;

/// The types of resources, in the order in which they are sent: what is named before what names it, so that everything
/// that a resource names is there when it comes. Removals go the other way round, after all that is new.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum ResourceType {
    /// [`Certificate`].
    Certificate,
    /// [`CaBundle`].
    CaBundle,
    /// [`EndpointSet`].
    EndpointSet,
    /// [`Backend`].
    Backend,
    /// [`RouteRule`].
    RouteRule,
    /// [`StreamRule`].
    StreamRule,
    /// [`Listener`].
    Listener,
}

impl ResourceType {
    /// All of them, in their order.
    pub const ALL: [Self; 7] = [
        Self::Certificate,
        Self::CaBundle,
        Self::EndpointSet,
        Self::Backend,
        Self::RouteRule,
        Self::StreamRule,
        Self::Listener,
    ];

    /// The type URL of its resources.
    pub const fn url(self) -> &'static str {
        match self {
            Self::Certificate => "type.nantian.dev/nantian.ir.v1.Certificate",
            Self::CaBundle => "type.nantian.dev/nantian.ir.v1.CaBundle",
            Self::EndpointSet => "type.nantian.dev/nantian.ir.v1.EndpointSet",
            Self::Backend => "type.nantian.dev/nantian.ir.v1.Backend",
            Self::RouteRule => "type.nantian.dev/nantian.ir.v1.RouteRule",
            Self::StreamRule => "type.nantian.dev/nantian.ir.v1.StreamRule",
            Self::Listener => "type.nantian.dev/nantian.ir.v1.Listener",
        }
    }

    /// The type of this URL; `None` for those of other builds, and for [`MANIFEST_URL`].
    pub fn of_url(url: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|resource_type| resource_type.url() == url)
    }

    /// Its place in [`ResourceType::ALL`].
    pub(crate) const fn index(self) -> usize {
        self as usize
    }
}

impl fmt::Display for ResourceType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.url().rsplit('.').next().unwrap_or_default())
    }
}

/// The type URL of the [`Manifest`](ir::Manifest), of which there is one: [`MANIFEST_NAME`].
pub const MANIFEST_URL: &str = "type.nantian.dev/nantian.ir.v1.Manifest";

/// The name of the only manifest.
pub const MANIFEST_NAME: &str = "snapshot";

/// Why a resource cannot be read.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Unreadable {
    /// The bytes are no message of the type.
    #[error("is not a {resource_type}: {source}")]
    Malformed {
        /// The type that it should have.
        resource_type: ResourceType,
        /// Where the bytes end to be one.
        source: prost::DecodeError,
    },
    /// Nothing in the model for what a field says.
    #[error(transparent)]
    Field(#[from] FieldError),
    /// Fields that a newer peer knows. What they say may be what keeps somebody out, so that nothing of the resource is
    /// served.
    #[error("has {bytes} bytes of fields that this build does not know: update this side to the other's version")]
    UnknownFields {
        /// How many bytes.
        bytes: usize,
    },
    /// The name of the resource is not that of its key.
    #[error("has the key of {key}")]
    Name {
        /// What the key prints as.
        key: String,
    },
    /// No resource in the answer, or of another type than the answer.
    #[error("comes as {url:?}")]
    Url {
        /// What is there in place of the type's URL.
        url: String,
    },
}

/// A resource of the model: which map of a [`Snapshot`] holds it, and what it is on the wire.
pub trait Resource: Keyed<Key: fmt::Display> + PartialEq + serde::Serialize + Send + Sync + Sized + 'static {
    /// Its type.
    const TYPE: ResourceType;
    /// Its resources in a snapshot.
    fn of(snapshot: &Snapshot) -> &ResourceMap<Self>;
    /// The same, to change.
    fn of_mut(snapshot: &mut Snapshot) -> &mut ResourceMap<Self>;
    /// As the bytes of a message.
    fn encode(&self) -> Vec<u8>;
    /// From the bytes of a message.
    fn decode(body: &[u8]) -> Result<Self, Unreadable>;
}

/// Reads a message that this build knows every field of.
fn read<T: Convert<W>, W: Message + Default>(resource_type: ResourceType, body: &[u8]) -> Result<T, Unreadable> {
    let message = W::decode(body).map_err(|source| Unreadable::Malformed { resource_type, source })?;
    // What prost does not know it drops, and so what it kept is shorter.
    let unknown = body.len().saturating_sub(message.encoded_len());
    // Unknown choices and values first: they say where.
    let resource = T::from_wire(message)?;
    if unknown > 0 { Err(Unreadable::UnknownFields { bytes: unknown }) } else { Ok(resource) }
}

macro_rules! resources {
    ($($resource:ident in $field:ident),* $(,)?) => {$(
        impl Resource for $resource {
            const TYPE: ResourceType = ResourceType::$resource;

            fn of(snapshot: &Snapshot) -> &ResourceMap<Self> {
                &snapshot.$field
            }

            fn of_mut(snapshot: &mut Snapshot) -> &mut ResourceMap<Self> {
                &mut snapshot.$field
            }

            fn encode(&self) -> Vec<u8> {
                let message: ir::$resource = self.to_wire();
                message.encode_to_vec()
            }

            fn decode(body: &[u8]) -> Result<Self, Unreadable> {
                read::<Self, ir::$resource>(Self::TYPE, body)
            }
        }
    )*};
}

/// Calls a macro with each type of the model, and the field of a [`Snapshot`] that holds its resources.
macro_rules! with_resources {
    ($declare:ident) => {
        $declare! {
            Certificate in certificates,
            CaBundle in ca_bundles,
            EndpointSet in endpoints,
            Backend in backends,
            RouteRule in rules,
            StreamRule in stream_rules,
            Listener in listeners,
        }
    };
}

pub(crate) use with_resources;

with_resources!(resources);

/// An expression with `$resource` as the type of the model that a [`ResourceType`] stands for.
macro_rules! with_type {
    ($resource_type:expr, $resource:ident => $body:expr) => {
        match $resource_type {
            $crate::ResourceType::Certificate => {
                type $resource = nantian_ir::Certificate;
                $body
            }
            $crate::ResourceType::CaBundle => {
                type $resource = nantian_ir::CaBundle;
                $body
            }
            $crate::ResourceType::EndpointSet => {
                type $resource = nantian_ir::EndpointSet;
                $body
            }
            $crate::ResourceType::Backend => {
                type $resource = nantian_ir::Backend;
                $body
            }
            $crate::ResourceType::RouteRule => {
                type $resource = nantian_ir::RouteRule;
                $body
            }
            $crate::ResourceType::StreamRule => {
                type $resource = nantian_ir::StreamRule;
                $body
            }
            $crate::ResourceType::Listener => {
                type $resource = nantian_ir::Listener;
                $body
            }
        }
    };
}

pub(crate) use with_type;
