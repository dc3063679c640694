//! The body of a request, where another task than the connection's reads it, or keeps it for longer than its request.

use std::cell::RefCell;
use std::rc::Rc;

use http_body::Body as _;
use http_body_util::BodyExt as _;
use tokio::sync::oneshot;
use tokio::task::spawn_local;

use crate::http::testing::{Raw, local, reply, server, text};
use crate::http::{Body, BodyError, Request};

#[test]
fn a_task_of_its_own_gets_the_body_that_the_client_holds_back_until_100() {
    // RFC 9110 section 10.1.1: only the connection can write 100, and must be told that the body is wanted.
    local(async {
        let server = server(async |request: Request<Body>, _| {
            let (send, read) = oneshot::channel();
            spawn_local(async move { send.send(text(request.into_body()).await) });
            reply(read.await.unwrap())
        })
        .await;
        let mut client = Raw::connect(server.address).await;
        client.write("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n").await;
        assert_eq!(client.until("\r\n\r\n").await, "HTTP/1.1 100 Continue\r\n\r\n");
        client.write("hello").await;
        client.until("\r\n\r\n").await;
        assert_eq!(client.until("hello").await, "hello");
    });
}

#[test]
fn a_body_that_outlives_its_request_is_not_the_next_ones() {
    local(async {
        let kept: Rc<RefCell<Option<Body>>> = Rc::default();
        let keep = Rc::clone(&kept);
        let server = server(move |request: Request<Body>, _| {
            let keep = Rc::clone(&keep);
            async move {
                let path = request.uri().path().to_owned();
                if path == "/keep" {
                    *keep.borrow_mut() = Some(request.into_body());
                    return reply("kept");
                }
                reply(text(request.into_body()).await)
            }
        })
        .await;
        let mut client = Raw::connect(server.address).await;
        client.write("POST /keep HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc").await;
        client.until("kept").await;
        let mut body = kept.borrow_mut().take().unwrap();
        assert!(matches!(body.frame().await, Some(Err(BodyError::Truncated))));
        assert!(!body.is_end_stream());
        client.write("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\ndef").await;
        client.until("def").await;
    });
}

#[test]
fn a_body_is_known_to_have_ended_with_its_last_data() {
    local(async {
        let server = server(async |request: Request<Body>, _| {
            let mut body = request.into_body();
            let before = body.is_end_stream();
            let data = body.frame().await.unwrap().unwrap().into_data().unwrap();
            reply(format!("{before} {} {}", data.len(), body.is_end_stream()))
        })
        .await;
        let mut client = Raw::connect(server.address).await;
        client.write("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc").await;
        client.until("false 3 true").await;
    });
}
