//! Makes connections.

use tokio::net::TcpStream;
use tokio::time::timeout;

use super::{SendErrorKind, Upstream};
use crate::http::Transport;

/// Opens a connection within the upstream's time.
pub(crate) async fn connect(upstream: &Upstream) -> Result<Transport, SendErrorKind> {
    match timeout(upstream.connect_timeout, TcpStream::connect(upstream.address)).await {
        Ok(Ok(stream)) => {
            // Small writes must not wait for acknowledgements; a socket that cannot do that still works.
            let _ = stream.set_nodelay(true);
            Ok(stream.into())
        }
        Ok(Err(error)) => Err(SendErrorKind::Connect(error)),
        Err(_) => Err(SendErrorKind::ConnectTimeout),
    }
}
