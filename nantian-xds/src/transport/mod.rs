//! gRPC around the state machines: sockets, TLS, clocks and tasks are here, decisions are in [`crate::delta`].

mod accept;
mod backoff;
mod client;
mod files;
mod identity;
mod security;
mod server;
mod stream;

pub use accept::{OpenConnections, accept};
pub use client::{Apply, ClientSettings, Connection, DiscoveryClient, Resync};
pub use files::{CredentialFiles, CredentialFilesError, FollowedCredentials, TlsSettings};
pub use identity::{CertificateNames, Unidentified};
pub use security::{Credentials, CredentialsError, Security};
pub use server::{DiscoveryServer, ServerSettings};
pub use stream::{DataPlanes, Denied, DiscoveryService, Observation, Peer, StreamEnd};
