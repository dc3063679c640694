//! `WebSockets`: each sends a message as soon as the last one came back.

use std::net::SocketAddr;
use std::time::Instant;

use futures_util::future::try_join_all;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{Answered, head, joined, micros};
use crate::streams::{ECHO, KEY, MESSAGE, MESSAGE_HEAD};
use crate::workload::Workload;

/// Any will do: it is there against caches between client and server, RFC 6455, section 10.3.
const MASK: [u8; 4] = [0x5a, 0xa5, 0x3c, 0xc3];

/// All connections of a job, and what each message took there and back.
pub(super) async fn run(workload: &Workload, address: SocketAddr) -> Answered<Vec<u64>> {
    let count = workload.requests / workload.connections;
    let connection = |_| talk(address, count);
    Ok(joined(try_join_all((0..workload.connections).map(connection)).await?))
}

async fn talk(address: SocketAddr, count: u64) -> Answered<Vec<u64>> {
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let [key, accept] = KEY;
    let request = format!(
        "GET {ECHO} HTTP/1.1\r\nHost: bench\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await?;
    let (head, early) = head(&mut stream).await?.ok_or("no answer to a WebSocket's request")?;
    if !head.starts_with("HTTP/1.1 101 ") || !head.contains(accept) || !early.is_empty() {
        return Err(format!("not a WebSocket: {head}").into());
    }
    let mut took = Vec::new();
    for number in 0..count {
        let payload = format!("{number:0MESSAGE$}");
        let masked = payload.bytes().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask);
        // The second bit of the head's second byte says that there is a mask.
        let [first, length] = MESSAGE_HEAD;
        let message: Vec<u8> = [first, length | 0x80].into_iter().chain(MASK).chain(masked).collect();
        let began = Instant::now();
        stream.write_all(&message).await?;
        let mut echo = [0; MESSAGE_HEAD.len() + MESSAGE];
        stream.read_exact(&mut echo).await?;
        took.push(micros(began.elapsed()));
        if echo.strip_prefix(&MESSAGE_HEAD) != Some(payload.as_bytes()) {
            return Err("another message than the one that was sent".into());
        }
    }
    Ok(took)
}
