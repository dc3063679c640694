//! Requests at a fixed rate, by clients that connect again when they are told to leave, as browsers do.

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::future::try_join_all;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until};

use super::{Answered, answer, joined, micros};
use crate::workload::Workload;

/// All connections of a job. What each request took since the time at which it was due: one that had to wait for the
/// last one counts that too.
pub(super) async fn run(workload: &Workload, address: SocketAddr, rate: u64) -> Answered<Vec<u64>> {
    let began = Instant::now();
    let connections = (0..workload.connections).map(|place| connection(workload, address, rate, began, place));
    Ok(joined(try_join_all(connections).await?))
}

async fn connection(
    workload: &Workload,
    address: SocketAddr,
    rate: u64,
    began: Instant,
    place: u64,
) -> Answered<Vec<u64>> {
    let request = format!("GET {} HTTP/1.1\r\nHost: bench\r\n\r\n", workload.path);
    let (mut kept, mut took) = (None, Vec::new());
    for number in 0..workload.requests / workload.connections {
        let due = began + Duration::from_micros((number * workload.connections + place) * 1_000_000 / rate);
        sleep_until(due).await;
        ask(&mut kept, address, &request, workload.body).await?;
        took.push(micros(due.elapsed()));
    }
    Ok(took)
}

/// A GET may be sent again where the connection ended before the answer began: RFC 9110, section 9.2.2.
async fn ask(kept: &mut Option<TcpStream>, address: SocketAddr, request: &str, length: u64) -> Answered<()> {
    if let Some(mut stream) = kept.take()
        && stream.write_all(request.as_bytes()).await.is_ok()
        && let Some(stays) = answer(&mut stream, length).await?
    {
        *kept = stays.then_some(stream);
        return Ok(());
    }
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    stream.write_all(request.as_bytes()).await?;
    let stays = answer(&mut stream, length).await?.ok_or("a new connection was closed without an answer")?;
    *kept = stays.then_some(stream);
    Ok(())
}

/// Whether a path of a host, or of any, is answered with a body of this length.
pub(crate) async fn is_served(address: SocketAddr, host: Option<&str>, path: &str, length: u64) -> bool {
    let host = host.unwrap_or("bench");
    let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n");
    ask(&mut None, address, &request, length).await.is_ok()
}
