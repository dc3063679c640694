//! What TLS connections that rest cost in memory.

use std::fmt::Write;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};

use futures_util::{StreamExt, TryStreamExt, stream};
use socket2::{Domain, Protocol, Socket, Type};
use tokio_rustls::TlsConnector;

use crate::client::{Answered, block_on, tls};
use crate::failure::Failure;
use crate::peer::{Peer, Programs, Setup};
use crate::sample::{Spread, float};
use crate::site::Site;
use crate::workload::{Door, SMALL};

/// Connections that rest: `HAProxy` counts two files for each, and more for the room; 20,000 are a usual limit.
const CONNECTIONS: u16 = 9_000;
/// Connections that are made at once: each worker's backlog and pool stay small.
const AT_ONCE: usize = 32;

/// One proxy with them.
struct Found {
    peer: Peer,
    idle_kib: u64,
    with_kib: u64,
}

impl Found {
    /// KiB for each connection.
    fn each(&self) -> f64 {
        (float(self.with_kib) - float(self.idle_kib)) / f64::from(CONNECTIONS)
    }
}

/// Measures each proxy, started anew for each round, and returns the table.
pub(crate) fn compare(site: &Site, programs: &Programs, rounds: usize) -> Result<String, Failure> {
    println!("\nidle: {CONNECTIONS} TLS connections at rest");
    let mut found = Vec::new();
    for round in 1..=rounds {
        for peer in programs.peers() {
            let one = measure(peer, site, programs)?;
            println!("  round {round} {:<8} {:>6.1} KiB each", peer.name(), one.each());
            found.push(one);
        }
    }
    Ok(table(&programs.peers(), &found))
}

fn measure(peer: Peer, site: &Site, programs: &Programs) -> Result<Found, Failure> {
    // nginx closes resting connections when a sixteenth of the room is left.
    let setup = Setup { connections: CONNECTIONS + 800, ..Setup::PLAIN };
    let running = peer.start(site, programs, setup, &[])?;
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, running.ports.of(Door::Https)));
    let work = async {
        let connector = tls::connector(&site.certificate)?;
        let connections = stream::iter(0..CONNECTIONS).map(|number| rest(&connector, address, number));
        let connections: Vec<_> = connections.buffer_unordered(AT_ONCE).try_collect().await?;
        // Each is a file of the proxy: none has been closed.
        let (files, with_kib) = (running.server.open_files()?, running.server.resident_kib()?);
        if files < connections.len() {
            return Err(format!("{files} open files are not {CONNECTIONS} connections").into());
        }
        Ok(with_kib)
    };
    let with_kib =
        block_on(work).map_err(|wrong| Failure::Answers { workload: peer.name(), what: wrong.to_string() })?;
    Ok(Found { peer, idle_kib: running.idle_kib, with_kib })
}

/// A connection after its first request.
async fn rest(
    connector: &TlsConnector,
    address: SocketAddr,
    number: u16,
) -> Answered<tokio_rustls::client::TlsStream<tokio::net::TcpStream>> {
    let stream = connect(address, number)?;
    stream.set_nonblocking(true)?;
    tls::asked(connector, tokio::net::TcpStream::from_std(stream)?, "/1k", SMALL).await
}

/// Each hundred have an address of their own, as clients do.
pub(crate) fn connect(address: SocketAddr, number: u16) -> std::io::Result<TcpStream> {
    let source = Ipv4Addr::new(127, 0, 1, u8::try_from(number / 100 + 1).unwrap_or(u8::MAX));
    let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP))?;
    socket.bind(&SocketAddr::from((source, 0)).into())?;
    socket.connect(&address.into())?;
    Ok(socket.into())
}

fn table(peers: &[Peer], found: &[Found]) -> String {
    let mut text = format!(
        "\n## idle\n\nResident memory of one worker before the first request, and with {CONNECTIONS} TLS connections that \
         each have been answered once; started anew for each round.\n\n\
         | proxy | MiB idle | MiB with them | KiB each: median (min-max) |\n| --- | --- | --- | --- |\n"
    );
    for peer in peers {
        let of = |value: fn(&Found) -> f64| Spread::of(found.iter().filter(|one| one.peer == *peer).map(value));
        let each = of(Found::each);
        let _infallible = writeln!(
            text,
            "| {} | {:.1} | {:.1} | {:.1} ({:.1}-{:.1}) |",
            peer.name(),
            of(|one| float(one.idle_kib) / 1024.0).median,
            of(|one| float(one.with_kib) / 1024.0).median,
            each.median,
            each.min,
            each.max,
        );
    }
    text
}
