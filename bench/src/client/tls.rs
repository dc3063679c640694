//! TLS 1.3 connections of our own: resumed ones, and such as rest.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use futures_util::future::try_join_all;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, HandshakeKind, ProtocolVersion, RootCertStore};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::{Answered, answer, joined, micros};
use crate::workload::Workload;

/// A client that trusts this certificate and keeps tickets of its own.
pub(crate) fn connector(certificate: &str) -> Answered<TlsConnector> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(certificate.as_bytes())?)?;
    let versions = [&rustls::version::TLS13];
    let config = ClientConfig::builder_with_protocol_versions(&versions).with_root_certificates(roots);
    Ok(TlsConnector::from(Arc::new(config.with_no_client_auth())))
}

/// Makes a connection secure, asks it once, and returns it as it rests.
pub(crate) async fn asked(
    connector: &TlsConnector,
    stream: TcpStream,
    path: &str,
    length: u64,
) -> Answered<TlsStream<TcpStream>> {
    stream.set_nodelay(true)?;
    let mut stream = connector.connect(ServerName::try_from("bench")?, stream).await?;
    stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: bench\r\n\r\n").as_bytes()).await?;
    answer(&mut stream, length).await?.ok_or("a connection was closed without an answer")?;
    Ok(stream)
}

/// A new connection for each request, each resumed by a ticket of one before.
pub(super) async fn resumed(workload: &Workload, address: SocketAddr, certificate: &str) -> Answered<Vec<u64>> {
    let clients = (0..workload.connections).map(|_| resume(workload, address, certificate));
    Ok(joined(try_join_all(clients).await?))
}

async fn resume(workload: &Workload, address: SocketAddr, certificate: &str) -> Answered<Vec<u64>> {
    let connector = connector(certificate)?;
    let mut took = Vec::new();
    for number in 0..workload.requests / workload.connections {
        let began = Instant::now();
        let stream = TcpStream::connect(address).await?;
        let stream = asked(&connector, stream, &workload.path, workload.body).await?;
        took.push(micros(began.elapsed()));
        let (_, session) = stream.get_ref();
        if session.protocol_version() != Some(ProtocolVersion::TLSv1_3) {
            return Err("not TLS 1.3".into());
        }
        // The first connection of each client gets the first tickets.
        if number > 0 && session.handshake_kind() != Some(HandshakeKind::Resumed) {
            return Err(format!("connection {number} was not resumed").into());
        }
    }
    Ok(took)
}
