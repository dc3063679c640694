//! A backend that answers with what it received, so that a folder of YAML can be tried out with nothing else running.
//!
//! It is another HTTP implementation (hyper) on a thread of its own: what the gateway sends is read by somebody else.

mod answer;
mod wanted;

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use nantian_ir::compile::Severity;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::task::AbortHandle;

use crate::finding::Finding;
pub(crate) use wanted::{Identity, wanted};

/// Open connections of all echo backends.
const MAX_CONNECTIONS: usize = 1024;
/// How long accepting waits after it failed.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The thread of the echo backends.
pub(crate) struct Echo {
    commands: mpsc::Sender<Command>,
}

struct Command {
    wanted: BTreeMap<SocketAddr, Identity>,
    reply: oneshot::Sender<Outcome>,
}

/// What became of a set of wanted backends.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// Backends that began to serve.
    pub(crate) started: Vec<(SocketAddr, Identity)>,
    /// Backends that could not.
    pub(crate) findings: Vec<Finding>,
}

impl Echo {
    /// Starts the thread. It serves nothing yet.
    pub(crate) fn start() -> io::Result<Self> {
        let (commands, received) = mpsc::channel(1);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        thread::Builder::new().name("echo".to_owned()).spawn(move || runtime.block_on(serve(received)))?;
        Ok(Self { commands })
    }

    /// Serves exactly these backends from now on.
    pub(crate) async fn apply(&self, wanted: BTreeMap<SocketAddr, Identity>) -> Outcome {
        let (reply, outcome) = oneshot::channel();
        if self.commands.send(Command { wanted, reply }).await.is_err() {
            return Outcome::default();
        }
        outcome.await.unwrap_or_default()
    }
}

struct Serving {
    identity: Identity,
    accepting: AbortHandle,
}

async fn serve(mut commands: mpsc::Receiver<Command>) {
    let connections = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let mut serving = BTreeMap::<SocketAddr, Serving>::new();
    while let Some(Command { wanted, reply }) = commands.recv().await {
        serving.retain(|address, backend| {
            let keep = wanted.get(address) == Some(&backend.identity);
            if !keep {
                backend.accepting.abort();
            }
            keep
        });
        // Sockets of aborted tasks are closed when those have run once more.
        tokio::task::yield_now().await;
        let mut outcome = Outcome::default();
        for (address, identity) in wanted {
            if serving.contains_key(&address) {
                continue;
            }
            match TcpListener::bind(address).await {
                Ok(listener) => {
                    let task = accept(listener, Arc::new(identity.clone()), Arc::clone(&connections));
                    let accepting = tokio::spawn(task).abort_handle();
                    outcome.started.push((address, identity.clone()));
                    serving.insert(address, Serving { identity, accepting });
                }
                Err(error) => outcome.findings.push(refused(address, &identity, &error)),
            }
        }
        // Whoever asked may be gone.
        let _ = reply.send(outcome);
    }
}

fn refused(address: SocketAddr, identity: &Identity, error: &io::Error) -> Finding {
    Finding::general(
        Severity::Error,
        "echo-refused",
        format!("the echo backend of {} cannot listen on {address}: {error}", identity.service),
        "stop the program that listens there, or write another port into the EndpointSlice",
    )
}

async fn accept(listener: TcpListener, identity: Arc<Identity>, connections: Arc<Semaphore>) {
    loop {
        // The semaphore is never closed.
        let Ok(permit) = Arc::clone(&connections).acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, _)) => {
                let identity = Arc::clone(&identity);
                tokio::spawn(async move {
                    connection(stream, identity).await;
                    drop(permit);
                });
            }
            Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
        }
    }
}

async fn connection(stream: TcpStream, identity: Arc<Identity>) {
    let service = service_fn(move |request| answer::answer(request, Arc::clone(&identity)));
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new());
    builder.http2().timer(TokioTimer::new());
    // A connection that breaks is the client's to tell.
    let _ = builder.serve_connection(TokioIo::new(stream), service).await;
}
