//! The handshake.

use std::io;
use std::sync::Arc;

use rustls::{AlertDescription, HandshakeKind, InvalidMessage, ProtocolVersion, ServerConfig};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::server::{StartHandshake, TlsStream};

use super::store::{Answer, BindTls};
use crate::http::TlsInfo;
use crate::telemetry::HandshakeError;

/// A finished handshake.
pub(crate) struct Accepted<IO> {
    pub(crate) stream: TlsStream<IO>,
    pub(crate) info: TlsInfo,
    pub(crate) resumed: bool,
}

/// Makes a handshake with a client. The caller bounds its time.
pub(crate) async fn accept<IO>(tls: &BindTls, io: IO) -> Result<Accepted<IO>, HandshakeError>
where
    IO: AsyncRead + AsyncWrite + Unpin,
{
    let acceptor = LazyConfigAcceptor::new(rustls::server::Acceptor::default(), io);
    let start = acceptor.await.map_err(|error| classify(&error))?;
    let server_name = start.client_hello().server_name().map(str::to_ascii_lowercase);
    let config = match tls.answer(server_name.as_deref()) {
        Answer::Serve(configs) => Arc::clone(configs.choose(&start.client_hello())),
        // RFC 6066 section 3: a server that does not know the name SHOULD send a fatal unrecognized_name.
        Answer::UnknownName => {
            refuse(start, AlertDescription::UnrecognisedName).await;
            return Err(HandshakeError::UnknownName);
        }
        Answer::NoCertificate => {
            refuse(start, AlertDescription::HandshakeFailure).await;
            return Err(HandshakeError::Other);
        }
    };
    finish(start, config, server_name).await
}

async fn finish<IO>(
    start: StartHandshake<IO>,
    config: Arc<ServerConfig>,
    server_name: Option<String>,
) -> Result<Accepted<IO>, HandshakeError>
where
    IO: AsyncRead + AsyncWrite + Unpin,
{
    let mut stream = start.into_stream(config).await.map_err(|error| classify(&error))?;
    stream.get_mut().1.set_buffer_limit(Some(super::READ));
    let (_, connection) = stream.get_ref();
    let info = TlsInfo {
        server_name,
        protocol: match connection.protocol_version() {
            Some(ProtocolVersion::TLSv1_3) => Some("TLSv1.3"),
            Some(ProtocolVersion::TLSv1_2) => Some("TLSv1.2"),
            _ => None,
        },
        alpn: connection.alpn_protocol().map(|alpn| String::from_utf8_lossy(alpn).into_owned()),
    };
    let resumed = connection.handshake_kind() == Some(HandshakeKind::Resumed);
    Ok(Accepted { stream, info, resumed })
}

/// Sends a fatal alert ahead of any `ServerHello`, in the clear (RFC 8446 section 6).
async fn refuse<IO: AsyncRead + AsyncWrite + Unpin>(start: StartHandshake<IO>, alert: AlertDescription) {
    let mut io = start.io;
    let record = [0x15, 0x03, 0x03, 0x00, 0x02, 0x02, u8::from(alert)];
    // The client may be gone already; it is refused either way.
    let _ = io.write_all(&record).await;
    let _ = io.shutdown().await;
}

fn classify(error: &io::Error) -> HandshakeError {
    let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match tls {
        Some(rustls::Error::AlertReceived(_)) => HandshakeError::Alert,
        Some(rustls::Error::InvalidMessage(InvalidMessage::InvalidContentType)) => HandshakeError::NotTls,
        Some(
            rustls::Error::InvalidMessage(_)
            | rustls::Error::PeerIncompatible(_)
            | rustls::Error::PeerMisbehaved(_)
            | rustls::Error::InappropriateMessage { .. }
            | rustls::Error::InappropriateHandshakeMessage { .. }
            | rustls::Error::NoApplicationProtocol
            | rustls::Error::DecryptError
            | rustls::Error::PeerSentOversizedRecord,
        ) => HandshakeError::Protocol,
        Some(_) => HandshakeError::Other,
        None => match error.kind() {
            io::ErrorKind::UnexpectedEof
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::BrokenPipe => HandshakeError::Closed,
            _ => HandshakeError::Other,
        },
    }
}
