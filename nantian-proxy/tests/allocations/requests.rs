//! What a request costs in allocations.
//!
//! One keep-alive connection in, HTTP/1.1 or HTTP/2, and one keep-alive connection out, HTTP/1.1, with the settings as they
//! come.

use std::net::{SocketAddr, TcpListener};
use std::thread;

use allocation_counter::AllocationInfo;
use nantian_proxy::http::{ConnectionEnd, HttpSettings};
use nantian_proxy::telemetry::{AccessLog, AccessLogFormat};

use crate::one_connection::{answer, ask, ask_on_streams};
use crate::serve;

/// What one request may cost. A change that needs more says why here; one that needs less lowers the number.
struct Most {
    allocations: u64,
    bytes: u64,
}

/// The future of the handler in a box, so that connections that rest have no room for it, is most of the bytes. Two are tasks
/// that write the request, and the answer, together with all others that are ready: a lone request has them to itself;
/// each has room to wait for more, 128 bytes.
const HTTP1: Most = Most { allocations: 8, bytes: 6_100 };
/// The task of a stream, and the future of its handler in a box of its own, are most of the bytes. One is the task that
/// writes the request towards the backend.
const HTTP2: Most = Most { allocations: 18, bytes: 8_800 };

#[test]
fn a_request_on_kept_connections_allocates_no_more_than_it_did() {
    hold(ask, &HTTP1);
}

#[test]
fn a_request_on_a_stream_allocates_no_more_than_it_did() {
    hold(ask_on_streams, &HTTP2);
}

/// Buffers are made, not lines: three at most, and the text of a second.
#[test]
fn a_line_of_the_access_log_allocates_nothing() {
    for format in [AccessLogFormat::Json, AccessLogFormat::Text] {
        let log = AccessLog::start(format, std::io::sink()).unwrap().unwrap();
        let (without, with) = (requests(ask, None, 500), requests(ask, Some(&log), 500));
        log.finish();
        let more = with.count_total.saturating_sub(without.count_total);
        println!("{more} more allocations for 500 lines");
        assert!(more <= 25, "{more} more allocations for 500 lines");
    }
}

fn hold(ask: fn(SocketAddr, usize), most: &Most) {
    let (few, many) = (requests(ask, None, 50), requests(ask, None, 250));
    let allocations = (many.count_total - few.count_total).div_ceil(200);
    let bytes = (many.bytes_total - few.bytes_total).div_ceil(200);
    println!("{allocations} allocations and {bytes} bytes for each request");
    assert!(allocations <= most.allocations, "{allocations} allocations for each request");
    assert!(bytes <= most.bytes, "{bytes} bytes for each request");
}

/// What the worker's thread allocates for a connection with `count` requests.
fn requests(ask: fn(SocketAddr, usize), log: Option<&AccessLog>, count: usize) -> AllocationInfo {
    let backend = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = backend.local_addr().unwrap().port();
    let backend = thread::spawn(move || answer(backend.accept().unwrap().0));
    let (counted, end) = serve(HttpSettings::default(), port, log, move |address| ask(address, count));
    assert!(matches!(end, ConnectionEnd::Closed), "{end}");
    backend.join().unwrap();
    counted
}
