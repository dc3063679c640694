//! What is between the planes: it counts, and it can be cut.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// A wire to a control plane.
pub(crate) struct Wire {
    address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    to: Mutex<SocketAddr>,
    /// From the control plane to the data plane.
    received: AtomicU64,
    connections: Mutex<JoinSet<()>>,
}

impl Wire {
    pub(crate) async fn start(to: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let to = Mutex::new(to.parse().unwrap());
        let shared = Arc::new(Shared { to, received: AtomicU64::new(0), connections: Mutex::default() });
        let accepting = Arc::clone(&shared);
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let shared = Arc::clone(&accepting);
                let carry = carry(Arc::clone(&shared), near);
                shared.connections.lock().unwrap().spawn(carry);
            }
        });
        Self { address, shared }
    }

    pub(crate) fn address(&self) -> String {
        self.address.to_string()
    }

    /// Bytes that have come from the control plane.
    pub(crate) fn received(&self) -> u64 {
        self.shared.received.load(Ordering::SeqCst)
    }

    /// Ends every connection.
    pub(crate) fn cut(&self) {
        self.shared.connections.lock().unwrap().abort_all();
    }

    /// New connections go to another control plane.
    pub(crate) fn lead_to(&self, address: &str) {
        *self.shared.to.lock().unwrap() = address.parse().unwrap();
    }
}

async fn carry(shared: Arc<Shared>, near: TcpStream) {
    let to = *shared.to.lock().unwrap();
    let Ok(far) = TcpStream::connect(to).await else { return };
    let ((from_near, to_near), (from_far, to_far)) = (near.into_split(), far.into_split());
    let unread = AtomicU64::new(0);
    // Either end that closes closes the other.
    tokio::select! {
        () = copy(from_near, to_far, &unread) => {}
        () = copy(from_far, to_near, &shared.received) => {}
    }
}

async fn copy(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin, count: &AtomicU64) {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let Ok(length @ 1..) = from.read(&mut buffer).await else { return };
        // Before it arrives: whoever saw it arrive finds it counted.
        count.fetch_add(length as u64, Ordering::SeqCst);
        if to.write_all(&buffer[..length]).await.is_err() {
            return;
        }
    }
}
