//! What a connection holds for its streams.

use super::*;
use crate::engine::LimitsConfig;
use crate::http::buffered::Buffers;
use crate::http::testing::{HandleFn, server_that_counts};
use crate::telemetry::Telemetry;

#[test]
fn a_connection_that_holds_its_bound_has_no_more_read_for_it() {
    local(async {
        let telemetry = Telemetry::new("test", 1);
        let limits = LimitsConfig { buffered_bytes_per_connection: 40_000, ..LimitsConfig::default() };
        let buffers = Buffers::new(&limits, telemetry.clone(), telemetry.recorder(0));
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
