//! The admin interface: health, metrics, and read-only views as JSON, on a thread of its own, so that it answers while
//! the workers are busy and takes nothing from them.

mod problem;
mod routes;
mod views;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::runtime::Builder;
use tokio::sync::{Semaphore, oneshot};
use tokio::task::LocalSet;

use crate::engine::view::View;
use crate::engine::{EngineConfig, EngineError};
use crate::listener::socket::BindProblem;

/// Connections at once: a scraper, probes, and a few people.
const CONNECTIONS: usize = 64;

/// Time for a request header, and that a connection may rest.
const HEADER_TIMEOUT: Duration = Duration::from_secs(30);

/// Waits after a failed accept.
const BACKOFF: Duration = Duration::from_millis(100);

/// A running admin interface; it ends when dropped.
#[derive(Debug)]
pub(crate) struct Admin {
    address: SocketAddr,
    _stop: oneshot::Sender<()>,
}

impl Admin {
    /// Binds the configured address and starts to serve.
    pub(crate) fn start(config: &Arc<EngineConfig>, view: Arc<View>) -> Result<Self, EngineError> {
        let address = config.admin.address;
        let failed = |error: std::io::Error| {
            let BindProblem { message, remedy } = BindProblem::new(address, &error);
            EngineError::Admin { address, problem: message, remedy: format!("{remedy} (admin.address)") }
        };
        // The standard library sets SO_REUSEADDR and not SO_REUSEPORT: a second instance is told that the port is taken.
        let listener = std::net::TcpListener::bind(address).map_err(failed)?;
        listener.set_nonblocking(true).map_err(failed)?;
        let bound = listener.local_addr().map_err(failed)?;

        let name = "nantian-admin".to_owned();
        let thread_failed = |source| EngineError::Thread { name: "nantian-admin".to_owned(), source };
        let runtime = Builder::new_current_thread().enable_all().build().map_err(thread_failed)?;
        let (stop, stopped) = oneshot::channel();
        let config = Arc::clone(config);
        let run = move || {
            let local = LocalSet::new();
            runtime.block_on(local.run_until(async {
                tokio::select! {
                    // Dropping the sender is the signal.
                    _ = stopped => {}
                    () = serve(listener, config, view) => {}
                }
            }));
        };
        std::thread::Builder::new().name(name).spawn(run).map_err(thread_failed)?;
        Ok(Self { address: bound, _stop: stop })
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

async fn serve(listener: std::net::TcpListener, config: Arc<EngineConfig>, view: Arc<View>) {
    let Ok(listener) = TcpListener::from_std(listener) else { return };
    let room = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        // The semaphore is never closed.
        let Ok(permit) = Arc::clone(&room).acquire_owned().await else { return };
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(BACKOFF).await;
            continue;
        };
        let (config, view) = (Arc::clone(&config), Arc::clone(&view));
        tokio::task::spawn_local(async move {
            let service = service_fn(move |request: Request<Incoming>| {
                let answer = routes::answer(request.method(), request.uri().path(), &config, &view);
                async move { Ok::<Response<Full<Bytes>>, Infallible>(answer) }
            });
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(HEADER_TIMEOUT)
                .serve_connection(TokioIo::new(stream), service);
            // How a client of the admin interface went away is nobody's concern.
            let _ = connection.await;
            drop(permit);
        });
    }
}

#[cfg(test)]
mod tests;
