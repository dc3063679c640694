//! Bytes in both directions, after an upgrade or CONNECT.

use super::{ByteStream, ConnectionEnd};

/// Copies both ways until both sides have ended; the end of one direction is passed on at once.
pub(crate) async fn copy(mut near: impl ByteStream, mut far: Box<dyn ByteStream>) -> ConnectionEnd {
    match tokio::io::copy_bidirectional(&mut near, &mut far).await {
        Ok(_) => ConnectionEnd::Tunnel,
        Err(error) => ConnectionEnd::Io(error),
    }
}
