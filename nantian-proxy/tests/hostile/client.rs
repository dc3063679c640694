//! A client that sends what it is told, and reads until the connection ends.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};

/// Guards against hanging: far longer than any limit of the gateway.
pub(crate) const GUARD: Duration = Duration::from_secs(60);

/// Where a listener is, and how it is spoken to.
#[derive(Debug, Clone)]
pub(crate) struct Door {
    pub(crate) address: SocketAddr,
    pub(crate) tls: Option<Arc<ClientConfig>>,
    /// Whether clients of it speak HTTP/2.
    pub(crate) http2: bool,
}

/// A connection to a listener.
pub(crate) enum Connection {
    Cleartext(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

impl Read for Connection {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Cleartext(stream) => stream.read(buf),
            Self::Tls(stream) => match stream.read(buf) {
                // HTTP has its own end: a session without close_notify is no more than a socket that is closed.
                Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(0),
                other => other,
            },
        }
    }
}

impl Write for Connection {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        match self {
            Self::Cleartext(stream) => stream.write(buf),
            Self::Tls(stream) => stream.write(buf),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Cleartext(stream) => stream.flush(),
            Self::Tls(stream) => stream.flush(),
        }
    }
}

/// What came back.
pub(crate) struct Heard {
    pub(crate) bytes: Vec<u8>,
    /// Whether the gateway ended the connection; if not, it held it longer than all its limits.
    pub(crate) ended: bool,
}

pub(crate) fn connect(door: &Door) -> Connection {
    let stream = TcpStream::connect(door.address).expect("a connection");
    stream.set_read_timeout(Some(GUARD)).expect("a timeout");
    stream.set_write_timeout(Some(GUARD)).expect("a timeout");
    let Some(config) = &door.tls else { return Connection::Cleartext(stream) };
    let _ = stream.set_nodelay(true);
    let name = ServerName::try_from("a.test").expect("a name");
    let session = ClientConnection::new(Arc::clone(config), name).expect("a session");
    Connection::Tls(Box::new(StreamOwned::new(session, stream)))
}

/// Sends `payload` and listens to the end. The gateway may close while it is sent, so that is no error.
pub(crate) fn exchange(door: &Door, payload: &[u8]) -> Heard {
    let mut stream = connect(door);
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
