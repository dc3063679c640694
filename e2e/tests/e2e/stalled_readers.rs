//! What clients cost that stop reading.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use crate::certificate::Certificate;
use crate::gateway::{Gateway, eventually};
use crate::manifest::{self, Listener};
use crate::port;
use crate::python::Session;

const CLIENTS: u64 = 200;
const ANSWER: usize = 20 * 1024 * 1024;
/// KiB of the gateway's memory for each of them, everything included.
const MOST_EACH: u64 = 64;
/// KiB that may stay when they have gone, of all of them together: a few buffers that the next client finds, and pages where
/// something small is left. It is another amount each time, 0.1 to 1.1 MiB seen over HTTP/2, and does not grow with the times.
const MOST_KEPT: u64 = 2048;

/// An origin that answers everything with [`ANSWER`] bytes.
fn origin() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            // It ends with an error when the gateway hangs up.
            thread::spawn(move || answer(&stream).is_ok());
        }
    });
    port
}

fn answer(mut stream: &TcpStream) -> std::io::Result<()> {
    let mut request = BufReader::new(stream);
    let mut line = String::new();
    while request.read_line(&mut line)? > 2 {
        line.clear();
    }
    write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {ANSWER}\r\n\r\n")?;
    let block = vec![0; 64 * 1024];
    for _ in 0..ANSWER / block.len() {
        stream.write_all(&block)?;
    }
    Ok(())
}

/// The memory in KiB once it has not changed for a while.
fn resident(gateway: &Gateway, still_for: Duration) -> u64 {
    let (mut last, mut since) = (gateway.anonymous_kib(), Instant::now());
    while since.elapsed() < still_for {
        thread::sleep(Duration::from_millis(50));
        let now = gateway.anonymous_kib();
        if now.abs_diff(last) > 64 {
            (last, since) = (now, Instant::now());
        }
    }
    gateway.anonymous_kib()
}

fn measure(protocol: &str) {
    let (plain, tls) = (port::free(), port::free());
    let certificate = Certificate::for_names(&["shop.example.com"]);
    let yaml = [
        manifest::gateway(&[Listener::http("web", plain), Listener::https("tls", tls, "shop.example.com", "shop")]),
        manifest::service("a", origin(), None),
        manifest::http_route("all", &[], &manifest::to("a")),
        manifest::secret("shop", &certificate),
    ];
    // So that nobody is cut while he is measured, however slow the machine is.
    let gateway = Gateway::start_configured(&yaml.concat(), "engine: {http: {bodyIdleTimeout: 10m}}\n");
    let port = if protocol.contains("-tls") { tls } else { plain };
    let stall = |count: u64| Session::start("stalled_readers.py", &[protocol, &port.to_string(), &count.to_string()]);
    // Code and the allocator's own tables are touched once; what 200 handshakes need at once is returned like the rest.
    drop(stall(CLIENTS));
    let before = resident(&gateway, Duration::from_secs(5));
    let clients = stall(CLIENTS);
    let during = resident(&gateway, Duration::from_secs(1));
    drop(clients);
    let each = during.saturating_sub(before) / CLIENTS;
    let after = eventually("their memory is given back", || {
        Some(gateway.anonymous_kib()).filter(|kept| *kept <= before + MOST_KEPT)
    });
    println!("{protocol}: {before} KiB before, {during} KiB with them, {each} KiB each, {after} KiB after");
    assert!(each <= MOST_EACH, "{protocol}: {each} KiB each");
}

#[test]
fn a_client_that_stops_reading_costs_at_most_64_kib_and_gives_them_back() {
    for protocol in ["h1", "h1-tls", "h2", "h2-tls", "h2-window", "h2-tls-window"] {
        measure(protocol);
    }
}
