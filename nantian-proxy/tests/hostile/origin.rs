//! A backend that believes nothing: it records every byte of every connection, finds the ends of requests by the strict
//! reading alone, and answers each with a small 200.

mod http2;

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use crate::strict::{self, End, Request, Side, Stop};

/// What an origin speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    Http1,
    /// Cleartext with prior knowledge.
    Http2,
}

/// What one connection brought.
#[derive(Debug, Default, Clone)]
pub(crate) struct Record {
    pub(crate) bytes: Vec<u8>,
    pub(crate) requests: Vec<Request>,
    pub(crate) end: Option<End>,
}

/// All connections in the order in which they were opened.
#[derive(Debug, Default, Clone)]
pub(crate) struct Records(Arc<Mutex<Vec<Record>>>);

impl Records {
    fn open(&self) -> usize {
        let mut records = self.0.lock().expect("unpoisoned");
        records.push(Record::default());
        records.len() - 1
    }

    fn change(&self, index: usize, change: impl FnOnce(&mut Record)) {
        change(&mut self.0.lock().expect("unpoisoned")[index]);
    }

    /// What came so far.
    pub(crate) fn all(&self) -> Vec<Record> {
        self.0.lock().expect("unpoisoned").clone()
    }

    /// Complete requests so far, over all connections.
    pub(crate) fn requests(&self) -> Vec<Request> {
        self.all().into_iter().flat_map(|record| record.requests).collect()
    }

    /// What was wrong on any connection, the bytes around it included.
    pub(crate) fn violations(&self) -> Vec<String> {
        let mut found = Vec::new();
        for record in self.all() {
            if let Some(End::Violation(reason, at)) = record.end {
                let near = &record.bytes[at.saturating_sub(200)..record.bytes.len().min(at + 200)];
                found.push(format!("the origin got: {reason}, at {at} near {:?}", strict::text(near)));
            }
        }
        found
    }
}

/// Listens on a port that the kernel chooses; its threads end with the process.
pub(crate) fn start(protocol: Protocol) -> (SocketAddr, Records) {
    let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a socket");
    let address = socket.local_addr().expect("an address");
    let records = Records::default();
    let kept = records.clone();
    std::thread::spawn(move || {
        for stream in socket.incoming().map_while(Result::ok) {
            let records = kept.clone();
            let index = records.open();
            std::thread::spawn(move || {
                let end = match protocol {
                    Protocol::Http1 => serve(stream, &records, index),
                    Protocol::Http2 => http2::serve(stream, &records, index),
                };
                records.change(index, |record| record.end = Some(end));
            });
        }
    });
    (address, records)
}

fn serve(mut stream: TcpStream, records: &Records, index: usize) -> End {
    let (mut bytes, mut at) = (Vec::new(), 0);
    let (mut continued, mut early) = (false, false);
    loop {
        match strict::request(&bytes, at, Side::Origin) {
            Ok((request, end)) => {
                // The gateway waits for each answer before it sends another request (an early one may have come); whatever stands here was part of a
                // message that it took for one.
                if end < bytes.len() && !early {
                    return End::Violation("bytes beyond the end of a request", end);
                }
                at = end;
                let answer = if std::mem::take(&mut early) { String::new() } else { answer(&request.method) };
                let switches =
                    request.target.contains("/switch") && strict::value_of(&request.fields, "upgrade").is_some();
                records.change(index, |record| record.requests.push(request));
                continued = false;
                if switches {
                    let head = "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n";
                    let _ = stream.write_all(head.as_bytes());
                    return End::Other(at);
                }
                if stream.write_all(answer.as_bytes()).is_err() {
                    return End::Clean;
                }
                continue;
            }
            Err(Stop::Violation(reason, at)) => return End::Violation(reason, at),
            Err(Stop::Incomplete) => {}
        }
        let head = &bytes[at..];
        if !continued && strict::expects_continue(head) && !strict::text(head).contains("/mute") {
            continued = true;
            let _ = stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n");
        }
        if !early && strict::head_is_complete(head) && strict::text(head).contains("/early") {
            early = true;
            let _ = stream.write_all(answer("POST").as_bytes());
        }
        let mut part = [0; 16 * 1024];
        match stream.read(&mut part) {
            Ok(0) | Err(_) => return if at == bytes.len() { End::Clean } else { End::Incomplete },
            Ok(read) => {
                bytes.extend_from_slice(&part[..read]);
                records.change(index, |record| record.bytes.extend_from_slice(&part[..read]));
            }
        }
    }
}

fn answer(method: &str) -> String {
    let body = if method == "HEAD" { "" } else { "ok" };
    format!("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{body}")
}
