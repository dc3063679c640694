//! Makes connections.

use tokio::net::TcpStream;
use tokio::time::timeout;

use super::{SendErrorKind, Upstream};
use crate::http::Transport;

/// Opens a connection, and the session in it, within the upstream's time.
pub(crate) async fn connect(upstream: &Upstream) -> Result<Transport, SendErrorKind> {
    let connecting = async {
        let stream = TcpStream::connect(upstream.address).await.map_err(SendErrorKind::Connect)?;
        // Small writes must not wait for acknowledgements; a socket that cannot do that still works.
        let _ = stream.set_nodelay(true);
        match &upstream.tls {
            None => Ok(stream.into()),
            Some(tls) => tls.handshake(stream).await.map(Transport::other).map_err(SendErrorKind::Tls),
        }
    };
    timeout(upstream.connect_timeout, connecting).await.unwrap_or(Err(SendErrorKind::ConnectTimeout))
}
