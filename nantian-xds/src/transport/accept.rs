//! Accepting connections, up to a bound.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

/// The wait after an `accept` that failed: for want of file descriptors, mostly.
const PAUSE: Duration = Duration::from_millis(100);

/// Gives each connection of a socket to a task of its own until `stop` is over, `most` at one time: others wait to be
/// accepted. Then the socket is closed, and what is left are connections that are still served.
pub async fn accept<F>(
    listener: TcpListener,
    most: usize,
    stop: impl Future<Output = ()>,
    mut serve: impl FnMut(TcpStream, SocketAddr) -> F,
) -> OpenConnections
where
    F: Future<Output = ()> + Send + 'static,
{
    let room = Arc::new(Semaphore::new(most));
    let open = OpenConnections { room: Arc::clone(&room), most: u32::try_from(most).unwrap_or(u32::MAX) };
    tokio::pin!(stop);
    loop {
        let accepted = async {
            let permit = Arc::clone(&room).acquire_owned().await;
            (permit, listener.accept().await)
        };
        let (permit, accepted) = tokio::select! {
            accepted = accepted => accepted,
            () = &mut stop => return open,
        };
        match accepted {
            Ok((socket, address)) => {
                let connection = serve(socket, address);
                tokio::spawn(async move {
                    connection.await;
                    drop(permit);
                });
            }
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
    }
}

/// Connections of a socket that is closed.
#[derive(Debug)]
#[must_use]
pub struct OpenConnections {
    room: Arc<Semaphore>,
    most: u32,
}

impl OpenConnections {
    /// Until every one of them is over.
    pub async fn ended(self) {
        // Every permit is back then. The semaphore is never closed.
        let _ = self.room.acquire_many(self.most).await;
    }
}
