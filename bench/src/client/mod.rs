//! Clients of our own, for what h2load cannot do. They run on the core of h2load.

mod echo;
mod events;
pub(crate) mod steady;
pub(crate) mod tls;

use std::error::Error;
use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt};

use crate::failure::Failure;
use crate::site::Site;
use crate::streams::Shape;
use crate::workload::{Client, Workload};

/// What a client did, or what was wrong with the answers that it got.
pub(crate) type Answered<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// No run lasts longer.
const LIMIT: Duration = Duration::from_secs(120);

/// One run; every answer is checked. Returns what each request, event or message took, in µs.
pub(crate) fn run(workload: &Workload, port: u16, rate: Option<u64>, site: &Site) -> Result<Vec<u64>, Failure> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let work = async {
        match workload.client {
            Client::H2load => Err("h2load is another program".into()),
            Client::Resumed => tls::resumed(workload, address, &site.certificate).await,
            Client::Events => events::run(workload, address, Shape::ServerSent).await,
            Client::Grpc => events::run(workload, address, Shape::Grpc).await,
            Client::Echo => echo::run(workload, address).await,
            Client::Steady => steady::run(workload, address, rate.unwrap_or(1)).await,
        }
    };
    block_on(work).map_err(|wrong| Failure::Answers { workload: workload.name, what: wrong.to_string() })
}

/// Runs on this thread, not for ever.
pub(crate) fn block_on<T>(work: impl Future<Output = Answered<T>>) -> Answered<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async { tokio::time::timeout(LIMIT, work).await? })
}

/// What several connections took, in one list.
fn joined(each: Vec<Vec<u64>>) -> Vec<u64> {
    each.into_iter().flatten().collect()
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// Reads the head of an answer and the part of its body that came with it: `None` at an end before the first byte.
async fn head(stream: &mut (impl AsyncRead + Unpin)) -> Answered<Option<(String, Vec<u8>)>> {
    let mut received = Vec::with_capacity(2_048);
    loop {
        if let Some(end) = received.windows(4).position(|four| four == b"\r\n\r\n") {
            let body = received.split_off(end + 4);
            return Ok(Some((String::from_utf8(received)?, body)));
        }
        match stream.read_buf(&mut received).await {
            Ok(0) if !received.is_empty() => return Err("an answer ends in its head".into()),
            Ok(0) => return Ok(None),
            Err(error) if received.is_empty() && error.kind() == ErrorKind::ConnectionReset => return Ok(None),
            read => read?,
        };
    }
}

/// Reads an answer with status 200 and a body of this length: `None` at an end before the first byte, else whether the
/// connection stays.
pub(crate) async fn answer(stream: &mut (impl AsyncRead + Unpin), length: u64) -> Answered<Option<bool>> {
    let Some((head, mut body)) = head(stream).await? else { return Ok(None) };
    let lower = head.to_ascii_lowercase();
    if !head.starts_with("HTTP/1.1 200 ") || !lower.contains(&format!("\r\ncontent-length: {length}\r\n")) {
        return Err(format!("not the answer that was asked for: {head}").into());
    }
    let length = usize::try_from(length)?;
    while body.len() < length {
        if stream.read_buf(&mut body).await? == 0 {
            return Err("an answer ends in its body".into());
        }
    }
    if body.len() > length || body.iter().any(|byte| *byte != b'x') {
        return Err("another body than the backend's".into());
    }
    Ok(Some(!lower.contains("\r\nconnection: close\r\n")))
}

#[cfg(test)]
mod tests {
    use super::{answer, block_on};

    fn read(text: &str) -> Result<Option<bool>, String> {
        block_on(async { answer(&mut text.as_bytes(), 2).await }).map_err(|wrong| wrong.to_string())
    }

    #[test]
    fn an_answer_is_right_or_fails() {
        let right = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nxx";
        assert_eq!(read(right), Ok(Some(true)));
        assert_eq!(read(&right.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n")), Ok(Some(false)));
        assert_eq!(read(""), Ok(None));
        for wrong in [&right[..right.len() - 1], &right[..9]] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
        assert!(read(&right.replace("200", "503")).is_err());
        assert!(read(&right.replace("xx", "xy")).is_err());
    }
}
