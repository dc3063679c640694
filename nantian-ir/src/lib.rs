#![doc = include_str!("../README.md")]

pub mod diff;
pub mod hash;
pub mod key;
pub mod model;
pub mod name;
pub mod precedence;
pub mod re2;
pub mod secret;
#[cfg(feature = "yaml")]
pub mod yaml;

#[cfg(feature = "compile")]
pub mod compile;

pub use diff::SnapshotChanges;
pub use hash::ContentHash;
pub use key::{
    BackendKey, BackendKind, CaBundleKey, CertificateKey, GatewayKey, ListenerKey, ListenerSetKey, ObjectRef, RouteKey,
    RouteKind, RuleKey,
};
pub use model::*;
pub use name::{HeaderName, Hostname, HostnameMatch, NameError};
pub use precedence::{Age, MatchRank, RouteName};
pub use secret::SecretBytes;
pub use smol_str::SmolStr;
