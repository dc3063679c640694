//! Streams of small events, each taken as it comes.

use std::net::SocketAddr;

use bytes::{Bytes, BytesMut};
use futures_util::future::try_join_all;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper::header::{CONTENT_TYPE, HOST, TE};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;

use super::{Answered, joined};
use crate::streams::Shape;
use crate::workload::Workload;

/// All streams of a job, and what each event was under way.
pub(super) async fn run(workload: &Workload, address: SocketAddr, shape: Shape) -> Answered<Vec<u64>> {
    let count = workload.requests / (workload.connections * workload.streams);
    let connections = (0..workload.connections).map(|_| connection(address, shape, workload.streams, count));
    Ok(joined(try_join_all(connections).await?))
}

async fn connection(address: SocketAddr, shape: Shape, streams: u64, count: u64) -> Answered<Vec<u64>> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let stream = TokioIo::new(stream);
    match shape {
        Shape::ServerSent => {
            let (mut sender, connection) = http1::handshake(stream).await?;
            tokio::spawn(connection);
            let request = Request::get(format!("/events/{count}")).header(HOST, "bench");
            let response = sender.send_request(request.body(Full::<Bytes>::default())?).await?;
            follow(response, shape, count).await
        }
        Shape::Grpc => {
            let (sender, connection) = http2::handshake(TokioExecutor::new(), stream).await?;
            tokio::spawn(connection);
            Ok(joined(try_join_all((0..streams).map(|_| call(sender.clone(), count))).await?))
        }
    }
}

async fn call(mut sender: http2::SendRequest<Full<Bytes>>, count: u64) -> Answered<Vec<u64>> {
    let request = Request::post(format!("http://bench/events/{count}"))
        .header(CONTENT_TYPE, Shape::Grpc.media_type())
        .header(TE, "trailers");
    // A message without a field.
    let request = request.body(Full::from(Bytes::from_static(&[0; 5])))?;
    follow(sender.send_request(request).await?, Shape::Grpc, count).await
}

/// Reads an answer to its end; it has all events in their order, and gRPC's trailers.
async fn follow(response: Response<Incoming>, shape: Shape, count: u64) -> Answered<Vec<u64>> {
    if response.status() != StatusCode::OK || response.headers().get(CONTENT_TYPE) != Some(&shape.media_type()) {
        return Err(format!("not a stream of events: {:?} {:?}", response.status(), response.headers()).into());
    }
    let (mut body, mut rest) = (response.into_body(), BytesMut::new());
    let (mut ages, mut status) = (Vec::new(), None);
    while let Some(frame) = body.frame().await {
        match frame?.into_data() {
            Ok(data) => rest.extend_from_slice(&data),
            Err(frame) => status = frame.trailers_ref().and_then(|trailers| trailers.get("grpc-status").cloned()),
        }
        while rest.len() >= shape.length() {
            let (event, number) = (rest.split_to(shape.length()), u64::try_from(ages.len())?);
            ages.push(shape.age_micros(&event, number).ok_or("an event is not the next one")?);
        }
    }
    if u64::try_from(ages.len())? != count || !rest.is_empty() {
        return Err(format!("{} events and {} bytes, not {count} events", ages.len(), rest.len()).into());
    }
    if shape == Shape::Grpc && status.is_none_or(|status| status != "0") {
        return Err("no `grpc-status: 0`".into());
    }
    Ok(ages)
}
