//! What a connection holds for its streams.

use tokio::sync::Notify;

use super::*;
use crate::http::buffered::Buffers;
use crate::http::testing::{HandleFn, buffers, server_that_counts, until_held};

#[test]
fn a_connection_that_holds_its_bound_has_no_more_read_for_it() {
    local(async {
        let (telemetry, buffers) = buffers(40_000, usize::MAX);
        let asked = Rc::new(Cell::new(0));
        let counter = Rc::clone(&asked);
        let endless = HandleFn(move |_, _| {
            let body = Body::boxed(Endless(Rc::clone(&counter)));
            async move { Response::new(body).into() }
        });
        let settings = HttpSettings::default();
        let server = server_that_counts(settings, Rc::new(endless), move || buffers.open()).await;
        let io = TcpStream::connect(server.address).await.unwrap();
        // Of each part that is read for a stream, one byte can be sent and the rest is held.
        let (send, connection) =
            h2::client::Builder::new().initial_window_size(1).handshake::<_, Bytes>(io).await.unwrap();
        spawn_local(async move {
            let _ = connection.await;
        });
        let mut bodies = Vec::new();
        for _ in 0..8 {
            let mut send = send.clone().ready().await.unwrap();
            bodies.push(send.send_request(get("/"), true).unwrap().0.await.unwrap().into_body());
        }
        for body in &mut bodies[..3] {
            assert_eq!(body.data().await.unwrap().unwrap().len(), 1);
        }
        assert_eq!((asked.get(), telemetry.buffered()), (3, 3 * 16_383));
        let text = telemetry.metrics_text();
        assert!(text.contains("buffered_bytes_actions_total{action=\"reading_paused\"} 5\n"), "{text}");
        // One that gives up makes room for another.
        drop(bodies.remove(0));
        assert_eq!(bodies[2].data().await.unwrap().unwrap().len(), 1);
        assert_eq!((asked.get(), telemetry.buffered()), (4, 3 * 16_383));
    });
}

/// A connection to a server that says back what it gets, once it is let go; that begins a request with 20,000 bytes.
async fn echo_of_20_000(buffers: Buffers, go: &Rc<Notify>) -> (h2::client::ResponseFuture, h2::SendStream<Bytes>) {
    let gate = Rc::clone(go);
    let echo = HandleFn(move |request: Request<Body>, _| {
        let gate = Rc::clone(&gate);
        async move {
            gate.notified().await;
            Response::new(request.into_body()).into()
        }
    });
    let server = server_that_counts(HttpSettings::default(), Rc::new(echo), move || buffers.open()).await;
    let io = TcpStream::connect(server.address).await.unwrap();
    let (send, connection) = h2::client::handshake(io).await.unwrap();
    spawn_local(async move {
        let _ = connection.await;
    });
    let request = http::Request::post("http://a/").header("x-large", "x".repeat(10_000)).body(()).unwrap();
    let (answer, mut body) = send.ready().await.unwrap().send_request(request, false).unwrap();
    body.send_data(Bytes::from(vec![b'x'; 20_000]), false).unwrap();
    (answer, body)
}

async fn read_echo(body: &mut h2::RecvStream, length: usize) {
    let mut read = 0;
    while read < length {
        let data = body.data().await.unwrap().unwrap();
        body.flow_control().release_capacity(data.len()).unwrap();
        read += data.len();
    }
    assert_eq!(read, length);
}

#[test]
fn what_a_request_brings_counts_until_it_is_taken_and_its_head_until_it_is_answered() {
    local(async {
        let (telemetry, buffers) = buffers(usize::MAX, usize::MAX);
        let go = Rc::new(Notify::new());
        let (answer, mut body) = echo_of_20_000(buffers, &go).await;
        until_held(&telemetry, |bytes| (30_000..30_500).contains(&bytes)).await;
        go.notify_one();
        let mut answer = answer.await.unwrap().into_body();
        read_echo(&mut answer, 20_000).await;
        until_held(&telemetry, |bytes| bytes == 0).await;
        body.send_data(Bytes::new(), true).unwrap();
    });
}

#[test]
fn what_a_request_that_is_given_up_has_brought_is_given_back() {
    local(async {
        let (telemetry, buffers) = buffers(usize::MAX, usize::MAX);
        let (answer, body) = echo_of_20_000(buffers, &Rc::default()).await;
        until_held(&telemetry, |bytes| (30_000..30_500).contains(&bytes)).await;
        drop((answer, body));
        until_held(&telemetry, |bytes| bytes == 0).await;
    });
}

#[test]
fn a_stream_in_both_directions_goes_on_when_its_requests_bytes_are_beyond_both_bounds() {
    local(async {
        let (telemetry, buffers) = buffers(5_000, 5_000);
        let go = Rc::new(Notify::new());
        let (answer, mut body) = echo_of_20_000(buffers, &go).await;
        until_held(&telemetry, |bytes| bytes >= 30_000).await;
        go.notify_one();
        let mut answer = answer.await.unwrap().into_body();
        read_echo(&mut answer, 20_000).await;
        for _ in 0..5 {
            body.send_data(Bytes::from(vec![b'x'; 7_000]), false).unwrap();
            read_echo(&mut answer, 7_000).await;
        }
        body.send_data(Bytes::new(), true).unwrap();
        while let Some(data) = answer.data().await {
            assert_eq!(data.unwrap(), "");
        }
        until_held(&telemetry, |bytes| bytes == 0).await;
    });
}
