//! The admin API: health, metrics, and read-only views as JSON.
//!
//! `routes.rs` is the table of all there is. A request is answered from one snapshot (`observed.rs`) by a view (`views`),
//! lists by the page that is wanted (`page.rs`); errors are problems (`problem.rs`). `openapi.rs` and `reference.rs` describe
//! the same table.

mod answer;
mod bearer;
mod observed;
mod openapi;
mod page;
mod problem;
mod query;
mod reference;
mod routes;
mod settings;
#[cfg(test)]
mod tests;
mod views;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::{Method, Response};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};

pub use bearer::{BearerToken, TokenError};
pub use reference::admin_reference;
pub use settings::Settings;

use crate::metrics::{AdminRequest, Metrics};
use crate::{Nodes, Published};

/// The wait after an `accept` that failed: for want of file descriptors, mostly.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Bytes and fields of the head of a request.
const MAX_HEAD: usize = 16 * 1024;
const MAX_FIELDS: usize = 64;

/// A port of the control plane. Each serves a part of the same table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Port {
    /// Everything, to whoever has the token (18081).
    Admin,
    /// `/metrics` alone, to everybody (18082).
    Metrics,
    /// `/livez` and `/readyz` alone, to everybody (18083).
    Health,
}

/// What answers are made of.
#[derive(Debug, Clone)]
pub struct State {
    /// The snapshot that was published last; none until everything was read once.
    pub published: watch::Receiver<Option<Arc<Published>>>,
    /// The data planes.
    pub nodes: Nodes,
    /// Whether this replica writes statuses.
    pub leader: watch::Receiver<bool>,
    /// What is counted.
    pub metrics: Metrics,
    /// The token that requests to the admin port need, if they need one.
    pub token: Option<BearerToken>,
    /// Bounds, and what cannot be told from the rest.
    pub settings: Settings,
}

/// Serves one of the ports until `shutdown` is over, and then what is being answered.
pub async fn serve(listener: TcpListener, port: Port, state: State, shutdown: impl Future<Output = ()>) {
    let connections = Arc::new(Semaphore::new(state.settings.max_connections));
    let whole = u32::try_from(state.settings.max_connections).unwrap_or(u32::MAX);
    let (stop, stopping) = watch::channel(());
    let state = Arc::new(state);
    tokio::pin!(shutdown);
    loop {
        let accepted = async {
            let permit = Arc::clone(&connections).acquire_owned().await;
            (permit, listener.accept().await)
        };
        let (permit, accepted) = tokio::select! {
            accepted = accepted => accepted,
            () = &mut shutdown => break,
        };
        match accepted {
            Ok((socket, _)) => {
                let (state, stopping) = (Arc::clone(&state), stopping.clone());
                tokio::spawn(async move {
                    converse(socket, port, state, stopping).await;
                    drop(permit);
                });
            }
            Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
        }
    }
    drop((listener, stop));
    // Every permit is back once every connection is over.
    let _ = connections.acquire_many(whole).await;
}

/// Serves a connection. How its client went away is nobody's concern.
async fn converse(socket: TcpStream, port: Port, state: Arc<State>, mut stopping: watch::Receiver<()>) {
    let Settings { header_timeout, max_connection_age, .. } = state.settings;
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let response = respond(port, request, &state);
        async { Ok::<_, Infallible>(response) }
    });
    let mut http1 = http1::Builder::new();
    http1.timer(TokioTimer::new()).header_read_timeout(header_timeout).max_buf_size(MAX_HEAD).max_headers(MAX_FIELDS);
    let connection = http1.serve_connection(TokioIo::new(socket), service);
    tokio::pin!(connection);
    let until_old = tokio::time::sleep(max_connection_age);
    tokio::pin!(until_old);
    tokio::select! {
        _ = connection.as_mut() => return,
        // Also a client that does not read its answer.
        () = &mut until_old => return,
        // Dropping the sender is the signal.
        _ = stopping.changed() => connection.as_mut().graceful_shutdown(),
    }
    tokio::select! {
        _ = connection => {}
        () = until_old => {}
    }
}

fn respond(port: Port, request: hyper::Request<Incoming>, state: &State) -> Response<Full<Bytes>> {
    let started = Instant::now();
    let (head, _) = request.into_parts();
    let (route, answer) = routes::answer(port, &head, state);
    let method = match head.method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        _ => "other",
    };
    let status_class = match answer.status.as_u16() / 100 {
        2 => "2xx",
        4 => "4xx",
        _ => "5xx",
    };
    let route = route.map_or("none", |route| route.path);
    state.metrics.answered(AdminRequest { method, route, status_class }, started.elapsed());
    answer.into_response(&head.method)
}
