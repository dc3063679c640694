//! Connections to one port.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Instant;

use http::{Method, Response, request};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use nantian_xds::transport::accept;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::answer::Answer;
use super::problem::Problem;
use super::{Limits, Port, State, routes};
use crate::metrics::AdminRequest;

/// Bytes of the head of a request.
pub(super) const MAX_HEAD: usize = 16 * 1024;

/// Fields of the head of a request.
pub(super) const MAX_FIELDS: usize = 64;

/// Serves a port until `shutdown` is over, and then what is being answered.
pub async fn serve(listener: TcpListener, port: Port, state: State, shutdown: impl Future<Output = ()>) {
    let most = state.limits.max_connections;
    let (stop, stopping) = watch::channel(());
    let state = Arc::new(state);
    let serve = |socket, _| converse(socket, port, Arc::clone(&state), stopping.clone());
    let open = accept(listener, most, shutdown, serve).await;
    drop(stop);
    open.ended().await;
}

/// Serves a connection. How its client went away is nobody's concern.
async fn converse(socket: TcpStream, port: Port, state: Arc<State>, mut stopping: watch::Receiver<()>) {
    let Limits { header_timeout, max_connection_age, .. } = state.limits;
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let (head, _) = request.into_parts();
        let state = Arc::clone(&state);
        async move { Ok::<_, Infallible>(respond(port, head, state).await) }
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

async fn respond(port: Port, head: request::Parts, state: Arc<State>) -> Response<Full<Bytes>> {
    let started = Instant::now();
    let (metrics, method) = (state.metrics.clone(), head.method.clone());
    // An answer may be long: making it must not keep the streams of data planes waiting.
    let answered = tokio::task::spawn_blocking(move || routes::answer(port, &head, &state)).await;
    let defect = || Answer::from(Problem::internal("the answer could not be made; please report it"));
    let (route, answer) = answered.unwrap_or_else(|_| (None, defect()));
    let status_class = match answer.status.as_u16() / 100 {
        2 => "2xx",
        4 => "4xx",
        _ => "5xx",
    };
    let request = AdminRequest {
        method: match method {
            Method::GET => "GET",
            Method::HEAD => "HEAD",
            _ => "other",
        },
        route: route.map_or("none", |route| route.path),
        status_class,
    };
    metrics.answered(request, started.elapsed());
    answer.into_response(&method)
}
