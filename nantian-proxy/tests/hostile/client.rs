//! A client that sends what it is told, and reads until the connection ends.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// Guards against hanging: far longer than any limit of the gateway.
pub(crate) const GUARD: Duration = Duration::from_secs(20);

/// What came back.
pub(crate) struct Heard {
    pub(crate) bytes: Vec<u8>,
    /// Whether the gateway ended the connection; if not, it held it longer than all its limits.
    pub(crate) ended: bool,
}

pub(crate) fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).expect("a connection");
    stream.set_read_timeout(Some(GUARD)).expect("a timeout");
    stream.set_write_timeout(Some(GUARD)).expect("a timeout");
    stream
}

/// Sends `payload` and listens to the end. The gateway may close while it is sent, so that is no error.
pub(crate) fn exchange(address: SocketAddr, payload: &[u8]) -> Heard {
    let mut stream = connect(address);
    let _ = stream.write_all(payload);
    let mut heard = Heard { bytes: Vec::new(), ended: false };
    let mut part = [0; 16 * 1024];
    loop {
        match stream.read(&mut part) {
            Ok(0) => heard.ended = true,
            Ok(read) => {
                heard.bytes.extend_from_slice(&part[..read]);
                continue;
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Err(_) => heard.ended = true,
        }
        return heard;
    }
}
