//! Clients that take long answers fast, in cleartext and over TLS: they are given plenty while they have them.

use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::long_bodies::{GET, LONG, before, in_parts, long};
use super::secured::{Authority, acceptor};
use super::*;
use crate::http::testing::pair;
use crate::http::{ConnectionInfo, Drain, TlsInfo, Transport, serve, unsent};

/// More than the sockets' buffers hold: when half of it has come, the rest is still on its way.
const PARTS: usize = 12;

/// Serves one connection by the gateway's rules.
fn serve_by(gateway: &Gateway, io: impl Into<Transport>, tls: bool) {
    let mut info = ConnectionInfo::new(gateway.address, gateway.address);
    info.tls = tls.then(TlsInfo::default);
    let pipeline = Rc::clone(&gateway.pipeline);
    tokio::task::spawn_local(serve(io.into(), Rc::new(info), Rc::default(), pipeline, Drain::new()));
}

/// The two ends of a session.
async fn session() -> (tokio_rustls::client::TlsStream<TcpStream>, tokio_rustls::server::TlsStream<TcpStream>) {
    let authority = Authority::new();
    let (near, far) = pair().await;
    let roots = rustls::ClientConfig::builder().with_root_certificates(authority.roots()).with_no_client_auth();
    let connector = TlsConnector::from(Arc::new(roots));
    let name = ServerName::try_from("shop.example.com").unwrap();
    let accept = acceptor(&authority.sign(&["shop.example.com"]), None, b"http/1.1");
    let (client, server) = tokio::join!(connector.connect(name, near), accept.accept(far));
    (client.unwrap(), server.unwrap())
}

async fn take(client: &mut (impl AsyncRead + Unpin), count: usize) -> Vec<u8> {
    let mut bytes = vec![0; count];
    client.read_exact(&mut bytes).await.unwrap();
    bytes
}

async fn skip_head(client: &mut (impl AsyncRead + Unpin)) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(client.read_u8().await.unwrap());
    }
}

/// Nobody is given plenty once the answers are there.
async fn until_it_rests() {
    let resting = async {
        while unsent::tests::have_plenty() > 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), resting).await.unwrap();
}

async fn is_given_plenty(mut client: impl AsyncRead + AsyncWrite + Unpin) {
    let whole = vec![long(); PARTS].concat();
    // A machine that is busy may not see at once how fast the client is.
    for tries in 1.. {
        client.write_all(GET.as_bytes()).await.unwrap();
        skip_head(&mut client).await;
        let mut answer = take(&mut client, PARTS * LONG / 2).await;
        let plenty = unsent::tests::have_plenty();
        answer.extend(take(&mut client, PARTS * LONG / 2).await);
        assert!(answer == whole, "what came is what was sent");
        until_it_rests().await;
        if plenty == 1 {
            return;
        }
        assert!(tries < 50, "no try was fast");
    }
}

#[test]
fn in_cleartext() {
    local(async {
        let gateway = before(in_parts(vec![long(); PARTS]).await).await;
        let (client, server) = pair().await;
        serve_by(&gateway, server, false);
        is_given_plenty(client).await;
    });
}

#[test]
fn over_tls() {
    local(async {
        let gateway = before(in_parts(vec![long(); PARTS]).await).await;
        let (client, server) = session().await;
        serve_by(&gateway, server, true);
        is_given_plenty(client).await;
    });
}

#[test]
fn answers_that_were_asked_for_together_follow_one_another() {
    local(async {
        let gateway = before(in_parts(vec![long(); PARTS]).await).await;
        let (mut client, server) = pair().await;
        serve_by(&gateway, server, false);
        client.write_all(GET.repeat(3).as_bytes()).await.unwrap();
        let part = long();
        for _ in 0..3 {
            skip_head(&mut client).await;
            for _ in 0..PARTS {
                assert!(take(&mut client, LONG).await == part);
            }
        }
        until_it_rests().await;
    });
}
