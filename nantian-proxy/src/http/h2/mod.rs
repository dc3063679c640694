//! HTTP/2 on the `h2` crate.

use std::rc::Rc;

use super::{ConnectionEnd, ConnectionInfo, Drain, Handler, HttpSettings, Transport};

/// Serves HTTP/2 on `io` until it ends.
pub async fn serve<H: Handler>(
    _io: Transport,
    _info: Rc<ConnectionInfo>,
    _settings: Rc<HttpSettings>,
    _handler: Rc<H>,
    _drain: Drain,
) -> ConnectionEnd {
    ConnectionEnd::Closed
}
