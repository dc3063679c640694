//! Pools against real servers.

use http::Request;
use nantian_ir::model::BackendProtocol;

use super::*;
use crate::http::testing::{local, reply, server, text};
use crate::http::{Body, HttpSettings};

fn pools() -> Pools {
    Pools::new(PoolSettings::default(), &HttpSettings::default())
}

#[test]
fn a_connection_is_used_again_once_its_answer_was_read() {
    local(async {
        let backend =
            server(async |request, _| reply(format!("{} {:?}", request.uri(), request.headers()["host"]))).await;
        let pools = pools();
        let upstream = Upstream::new(backend.address, BackendProtocol::Http1);
        for turn in 0..3 {
            let request = Request::get("/a?b").header("host", "example.com").body(Body::empty()).unwrap();
            let sent = pools.send(&upstream, request, None).await.unwrap();
            assert_eq!(sent.reused, turn > 0);
            assert_eq!(text(sent.response.into_body()).await, "/a?b \"example.com\"");
            assert_eq!(pools.idle_count(), 1);
        }
    });
}
