//! References to other objects.

pub(crate) mod backend;
pub(crate) mod certificate;
pub(crate) mod endpoints;
pub(crate) mod grant;
mod validity;
