//! The client of the suite (`conformance/utils/roundtripper`).

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode, Version};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::cluster;

/// How to ask.
#[derive(Clone, Copy)]
pub(crate) struct Way<'w> {
    pub(crate) address: SocketAddr,
    /// TLS with this name, if any.
    pub(crate) server_name: Option<&'w str>,
    pub(crate) http2: bool,
}

/// A response, read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) version: Version,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) trailers: HeaderMap,
}

/// Sends a request on a connection of its own. Its URI is absolute; a `host` header wins over the URI's host.
pub(crate) async fn send(way: Way<'_>, request: Request<Full<Bytes>>) -> Result<Answer, String> {
    let stream = TcpStream::connect(way.address).await.map_err(|error| error.to_string())?;
    let asking = async {
        let Some(name) = way.server_name else { return exchange(stream, way.http2, request).await };
        let mut config = tls_config();
        config.alpn_protocols = if way.http2 { vec![b"h2".to_vec()] } else { vec![b"http/1.1".to_vec()] };
        let name = ServerName::try_from(name.to_owned()).map_err(|error| error.to_string())?;
        let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
        let stream = connector.connect(name, stream).await.map_err(|error| error.to_string())?;
        exchange(stream, way.http2, request).await
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), asking).await.map_err(|_| "no answer".to_owned())?
}

async fn exchange<S>(stream: S, http2: bool, mut request: Request<Full<Bytes>>) -> Result<Answer, String>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let io = TokioIo::new(stream);
    let response = if http2 {
        if let Some(host) = request.headers_mut().remove("host") {
            let target = request.uri().path_and_query().unwrap().to_string();
            let scheme = request.uri().scheme_str().unwrap().to_owned();
            *request.uri_mut() = format!("{scheme}://{}{target}", host.to_str().unwrap()).parse().unwrap();
        }
        let handshake = hyper::client::conn::http2::handshake(TokioExecutor::new(), io).await;
        let (mut sender, connection) = handshake.map_err(|error| error.to_string())?;
        tokio::spawn(connection);
        sender.send_request(request).await
    } else {
        let host = request.uri().authority().unwrap().to_string();
        request.headers_mut().entry("host").or_insert(host.parse().unwrap());
        *request.uri_mut() = request.uri().path_and_query().unwrap().to_string().parse().unwrap();
        let handshake = hyper::client::conn::http1::handshake(io).await;
        let (mut sender, connection) = handshake.map_err(|error| error.to_string())?;
        tokio::spawn(connection);
        sender.send_request(request).await
    };
    read(response.map_err(|error| error.to_string())?).await
}

async fn read(response: http::Response<Incoming>) -> Result<Answer, String> {
    let (head, body) = response.into_parts();
    let body = body.collect().await.map_err(|error| error.to_string())?;
    let trailers = body.trailers().cloned().unwrap_or_default();
    Ok(Answer { status: head.status, version: head.version, headers: head.headers, body: body.to_bytes(), trailers })
}

/// Opens a WebSocket and sends bytes through it: whether they come back.
pub(crate) async fn websocket(address: SocketAddr, host: &str, path: &str) -> Result<(), String> {
    let mut stream = TcpStream::connect(address).await.map_err(|error| error.to_string())?;
    let head = format!(
        "GET {path} HTTP/1.1\r\nhost: {host}\r\nupgrade: websocket\r\nconnection: upgrade\r\n\
         sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.map_err(|error| error.to_string())?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.map_err(|error| format!("{error} after {head:?}"))?);
    }
    if !head.starts_with(b"HTTP/1.1 101 ") {
        return Err(format!("no upgrade: {}", String::from_utf8_lossy(&head)));
    }
    // A masked text frame and a masked binary frame.
    for frame in [&b"\x81\x83\x01\x02\x03\x04abc"[..], b"\x82\x82\x00\x00\x00\x00\x01\x02"] {
        stream.write_all(frame).await.map_err(|error| error.to_string())?;
        let mut back = vec![0; frame.len()];
        stream.read_exact(&mut back).await.map_err(|error| error.to_string())?;
        if back != frame {
            return Err(format!("{back:?} came back instead of {frame:?}"));
        }
    }
    Ok(())
}

fn tls_config() -> ClientConfig {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder =
        ClientConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions().unwrap();
    builder.dangerous().with_custom_certificate_verifier(Arc::new(TheOne(provider))).with_no_client_auth()
}

/// Trusts the suite's certificate only, whatever the name: names such as `*` are not for verifiers.
#[derive(Debug)]
struct TheOne(Arc<CryptoProvider>);

impl ServerCertVerifier for TheOne {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let same = end_entity.as_ref() == cluster::certificate().certificate;
        same.then(ServerCertVerified::assertion).ok_or(rustls::Error::General("another certificate".to_owned()))
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
