//! References: what they mean, and whether they may be made.

pub(crate) mod backend;
pub(crate) mod backend_tls;
pub(crate) mod ca_bundle;
pub(crate) mod certificate;
pub(crate) mod client_validation;
mod endpoints;
pub(crate) mod grant;
pub(crate) mod uses;
mod validity;
