//! A backend that answers with the frames that it is told, and judges what it is asked.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};

use crate::client::GUARD;
use crate::corpus::backends::{Ask, Hostile};
use crate::corpus::wire::{DATA, END_HEADERS, END_STREAM, HEADERS, PING, SETTINGS, WINDOW_UPDATE, block, frame};
use crate::strict::frames::{Direction, Event, Speaker};
use crate::strict::value_of;

pub(super) struct Backend {
    pub(super) address: SocketAddr,
    seen: Arc<Mutex<Seen>>,
    /// A connection was seen through, or has ended.
    changed: Arc<Condvar>,
}

#[derive(Default)]
struct Seen {
    /// Targets of the requests on each connection.
    targets: Vec<Vec<String>>,
    /// Connections whose hostile frames the gateway has looked at, all of them, or which have ended.
    through: BTreeSet<usize>,
    open: Vec<TcpStream>,
    /// What connections open with in place of SETTINGS.
    opening: Option<Vec<u8>>,
    violations: Vec<String>,
}

impl Backend {
    /// From now on connections open with these bytes; those that are open end.
    pub(super) fn open_next_with(&self, bytes: &[u8]) {
        self.close_all();
        self.seen.lock().expect("unpoisoned").opening = Some(bytes.to_vec());
    }

    /// Ends all connections; new ones open as they should.
    pub(super) fn close_all(&self) {
        let mut seen = self.seen.lock().expect("unpoisoned");
        seen.opening = None;
        for stream in seen.open.drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// Waits until the gateway has looked at all of a hostile answer.
    pub(super) fn wait_for(&self, id: &str) {
        let asked = format!("/h-{id}");
        let waits = |seen: &mut Seen| {
            let mut all = seen.targets.iter().enumerate();
            !all.any(|(index, targets)| targets.contains(&asked) && seen.through.contains(&index))
        };
        let seen = self.seen.lock().expect("unpoisoned");
        let (_seen, waited) = self.changed.wait_timeout_while(seen, GUARD, waits).expect("unpoisoned");
        assert!(!waited.timed_out(), "the gateway neither answers nor ends the connection of {id}");
    }

    /// Whether a probe came on the connection of the hostile answer.
    pub(super) fn was_reused(&self, id: &str) -> bool {
        let seen = self.seen.lock().expect("unpoisoned");
        let (asked, probe) = (format!("/h-{id}"), format!("/probe-{id}"));
        seen.targets.iter().any(|targets| targets.contains(&asked) && targets.contains(&probe))
    }

    /// What was wrong with what the gateway sent.
    pub(super) fn violations(&self) -> Vec<String> {
        self.seen.lock().expect("unpoisoned").violations.clone()
    }
}

pub(super) fn start(hostiles: &Arc<Vec<Hostile>>) -> Backend {
    let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a socket");
    let address = socket.local_addr().expect("an address");
    let (seen, changed) = (Arc::new(Mutex::new(Seen::default())), Arc::<Condvar>::default());
    let (kept, hostiles, notify) = (Arc::clone(&seen), Arc::clone(hostiles), Arc::clone(&changed));
    std::thread::spawn(move || {
        for stream in socket.incoming().map_while(Result::ok) {
            let (seen, hostiles, notify) = (Arc::clone(&kept), Arc::clone(&hostiles), Arc::clone(&notify));
            std::thread::spawn(move || {
                let index = begin(&stream, &seen)?;
                let through = || -> Option<()> {
                    seen.lock().ok()?.through.insert(index);
                    notify.notify_all();
                    Some(())
                };
                serve(stream, index, &hostiles, &seen, through);
                through()
            });
        }
    });
    Backend { address, seen, changed }
}

/// Gives a connection a number.
fn begin(stream: &TcpStream, seen: &Mutex<Seen>) -> Option<usize> {
    let _ = stream.set_nodelay(true);
    let mut seen = seen.lock().ok()?;
    seen.open.push(stream.try_clone().ok()?);
    seen.targets.push(Vec::new());
    Some(seen.targets.len() - 1)
}

/// Serves a connection to its end. `through` is told when all was looked at of what came after an answer.
fn serve(
    mut stream: TcpStream,
    index: usize,
    hostiles: &[Hostile],
    seen: &Mutex<Seen>,
    through: impl Fn() -> Option<()>,
) -> Option<()> {
    let opening = seen.lock().ok()?.opening.clone();
    stream.write_all(&opening.unwrap_or_else(|| frame(SETTINGS, 0, 0, &[]))).ok()?;
    let mut incoming = Direction::new(Speaker::Client);
    let mut part = [0; 16 * 1024];
    loop {
        let count = stream.read(&mut part).ok().filter(|count| *count > 0)?;
        let events = match incoming.read(&part[..count]) {
            Ok(events) => events,
            Err(reason) => {
                let mut seen = seen.lock().ok()?;
                let violation = format!("a backend got: {reason}, after {:?}", seen.targets[index]);
                seen.violations.push(violation);
                return None;
            }
        };
        for event in events {
            let answer = match event {
                Event::Settings => frame(SETTINGS, 1, 0, &[]),
                Event::Ping(payload) => frame(PING, 1, 0, &payload),
                Event::Pong => {
                    through()?;
                    continue;
                }
                Event::Data(id, count) if count > 0 => {
                    incoming.grant(id, count);
                    let count = u32::try_from(count).ok()?.to_be_bytes();
                    [frame(WINDOW_UPDATE, 0, 0, &count), frame(WINDOW_UPDATE, 0, id, &count)].concat()
                }
                Event::Head(id, fields) => {
                    let target = value_of(&fields, ":path").unwrap_or_default();
                    let mut seen = seen.lock().ok()?;
                    seen.through.remove(&index);
                    seen.targets[index].push(target.clone());
                    drop(seen);
                    match find(hostiles, &target) {
                        Some(hostile) if hostile.ask == Ask::Upload => frames(hostile, id),
                        _ => continue,
                    }
                }
                Event::Request(id, request) => match find(hostiles, &request.target) {
                    Some(hostile) if hostile.ask != Ask::Upload => {
                        stream.write_all(&frames(hostile, id)).ok()?;
                        if hostile.closes {
                            stream.shutdown(Shutdown::Write).ok()?;
                        }
                        continue;
                    }
                    Some(_) => continue,
                    None => probe(id, &request.target),
                },
                _ => continue,
            };
            stream.write_all(&answer).ok()?;
        }
    }
}

/// Whoever answers a PING has looked at all that came before it; an end that we make has no answer but the end.
fn frames(hostile: &Hostile, id: u32) -> Vec<u8> {
    let mut frames = (hostile.frames)(id);
    if hostile.late && !hostile.closes {
        frames.extend(frame(PING, 0, 0, b"through?"));
    }
    frames
}

fn find<'a>(hostiles: &'a [Hostile], target: &str) -> Option<&'a Hostile> {
    let name = target.strip_prefix("/h-")?;
    hostiles.iter().find(|hostile| hostile.name.replace('/', "-") == name)
}

fn probe(id: u32, target: &str) -> Vec<u8> {
    let body = target.strip_prefix('/').unwrap_or_default();
    let length = body.len().to_string();
    let head = block(&[(":status", "200"), ("content-length", &length)]);
    [frame(HEADERS, END_HEADERS, id, &head), frame(DATA, END_STREAM, id, body.as_bytes())].concat()
}
