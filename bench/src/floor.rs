//! What no proxy gets below with little answers: a loop that copies bytes from each client to a backend connection of its own, and
//! back.
//!
//! It understands nothing of what it copies: no head is read, nothing is limited, counted or chosen, no connection is kept for
//! another client. What it needs is the system's share of a request, with the system calls of a proxy: a read and a write each way.
//! Long answers it copies through its memory, which a proxy need not (splice(2)).

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::os::fd::AsFd;

use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};

use crate::failure::Failure;

/// Bytes that are copied at once.
const BUFFER: usize = 64 << 10;

/// Events that are taken at once.
const EVENTS: usize = 256;

/// Everything is told of once: when it becomes so.
const INTEREST: EventFlags = EventFlags::IN.union(EventFlags::OUT).union(EventFlags::RDHUP).union(EventFlags::ET);

/// A client or its backend connection.
#[derive(Debug)]
struct End {
    stream: TcpStream,
    /// What its other end has sent and it has not taken, and from where on.
    waiting: (Vec<u8>, usize),
    /// Whether there may be more to read.
    readable: bool,
    /// Whether its end, or its failure, comes after what there is to read.
    last: bool,
    /// Whether it has sent all that it will, and that was read.
    ended: bool,
}

impl End {
    fn new(stream: TcpStream) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, waiting: (Vec::new(), 0), readable: false, last: false, ended: false })
    }

    /// Writes what waits. Whether it is gone.
    fn flush(&mut self) -> io::Result<bool> {
        let (bytes, from) = &mut self.waiting;
        while let Some(rest) = bytes.get(*from..).filter(|rest| !rest.is_empty()) {
            let Some(count) = if_ready(self.stream.write(rest))? else { return Ok(false) };
            *from += count;
        }
        bytes.clear();
        *from = 0;
        Ok(true)
    }

    /// Writes what it takes; the rest waits. Nothing waits already.
    fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        let taken = if_ready(self.stream.write(bytes))?.unwrap_or(0);
        self.waiting.0.extend_from_slice(bytes.get(taken..).unwrap_or_default());
        Ok(())
    }

    /// Copies what can be read here to the other end, until there is nothing more to read or the other takes no more.
    fn copy_to(&mut self, other: &mut Self, buffer: &mut [u8]) -> io::Result<()> {
        while other.flush()? && self.readable {
            let Some(count) = if_ready(self.stream.read(buffer))? else {
                self.readable = false;
                break;
            };
            if count == 0 {
                (self.readable, self.ended) = (false, true);
                // Nothing waits: all was written before this was read.
                return other.stream.shutdown(Shutdown::Write);
            }
            // A read that left room has taken all that was there (epoll(7)): more comes with an event, but no second one tells of
            // the end.
            self.readable = self.last || count == buffer.len();
            other.send(buffer.get(..count).unwrap_or_default())?;
        }
        Ok(())
    }
}

/// Nothing where the socket is not ready.
fn if_ready<T>(done: io::Result<T>) -> io::Result<Option<T>> {
    match done {
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(None),
        done => done.map(Some),
    }
}

/// Events carry a number: first those of the doors by their places, then two for each pair, the client's and the backend's.
#[derive(Debug)]
struct Floor {
    epoll: rustix::fd::OwnedFd,
    /// What is listened on, and the port of the backend behind it.
    doors: Vec<(TcpListener, u16)>,
    /// Clients, each with its backend connection.
    pairs: Vec<Option<[End; 2]>>,
    /// Places of pairs that have ended.
    free: Vec<usize>,
    buffer: Vec<u8>,
}

/// Copies between pairs of ports of 127.0.0.1, `LISTEN BACKEND ...`, until the process is ended.
pub(crate) fn run(words: &[String]) -> Result<(), Failure> {
    let ports: Option<Vec<u16>> = words.iter().map(|word| word.parse().ok()).collect();
    let (pairs @ [_, ..], []) = ports.as_deref().unwrap_or_default().as_chunks() else {
        return Err(Failure::Usage("--floor takes pairs of ports: LISTEN BACKEND".to_owned()));
    };
    let served = Floor::new(pairs).and_then(|mut floor| floor.serve());
    served.map_err(|error| Failure::start("the floor", error))
}

impl Floor {
    fn new(ports: &[[u16; 2]]) -> io::Result<Self> {
        let epoll = epoll::create(CreateFlags::CLOEXEC)?;
        let mut doors = Vec::new();
        for ([listen, backend], event) in ports.iter().zip(0..) {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, *listen))?;
            listener.set_nonblocking(true)?;
            epoll::add(&epoll, listener.as_fd(), EventData::new_u64(event), INTEREST)?;
            doors.push((listener, *backend));
        }
        Ok(Self { epoll, doors, pairs: Vec::new(), free: Vec::new(), buffer: vec![0; BUFFER] })
    }

    fn serve(&mut self) -> io::Result<()> {
        let none = Event { flags: EventFlags::empty(), data: EventData::new_u64(0) };
        let mut events = [none; EVENTS];
        loop {
            let told = epoll::wait(&self.epoll, &mut events, None)?;
            for Event { flags, data } in events.iter().take(told).copied() {
                let event = usize::try_from(data.u64()).unwrap_or(usize::MAX);
                match event.checked_sub(self.doors.len()) {
                    None => self.accept(event)?,
                    Some(end) => self.work(end, flags),
                }
            }
        }
    }

    fn accept(&mut self, door: usize) -> io::Result<()> {
        let Some((listener, backend)) = self.doors.get(door) else { return Ok(()) };
        while let Some((client, _)) = if_ready(listener.accept())? {
            // A client without a backend is closed by being dropped.
            let Ok(backend) = TcpStream::connect((Ipv4Addr::LOCALHOST, *backend)) else { continue };
            let pair = [End::new(client)?, End::new(backend)?];
            let place = self.free.pop().unwrap_or(self.pairs.len());
            let first = u64::try_from(self.doors.len() + 2 * place).unwrap_or(u64::MAX);
            for (end, event) in pair.iter().zip(first..) {
                epoll::add(&self.epoll, end.stream.as_fd(), EventData::new_u64(event), INTEREST)?;
            }
            match self.pairs.get_mut(place) {
                Some(slot) => *slot = Some(pair),
                None => self.pairs.push(Some(pair)),
            }
        }
        Ok(())
    }

    fn work(&mut self, end: usize, flags: EventFlags) {
        let place = end / 2;
        let Some(slot) = self.pairs.get_mut(place) else { return };
        let Some([client, backend]) = slot else { return };
        let (this, other) = if end.is_multiple_of(2) { (client, backend) } else { (backend, client) };
        this.last |= flags.intersects(EventFlags::RDHUP | EventFlags::HUP | EventFlags::ERR);
        this.readable |= !this.ended && (this.last || flags.contains(EventFlags::IN));
        let mut copied = this.copy_to(other, &mut self.buffer);
        if flags.contains(EventFlags::OUT) {
            copied = copied.and_then(|()| other.copy_to(this, &mut self.buffer));
        }
        if copied.is_err() || this.ended && other.ended {
            *slot = None;
            self.free.push(place);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{Shutdown, TcpListener, TcpStream};
    use std::thread;

    use super::{Floor, run};

    /// A floor in front of a backend that sends back all that it gets, once it has it all.
    fn echo() -> u16 {
        let listen = |_| TcpListener::bind("127.0.0.1:0").unwrap();
        let [backend, free] = [0, 1].map(listen);
        let [to, port] = [&backend, &free].map(|listener| listener.local_addr().unwrap().port());
        drop(free);
        let mut floor = Floor::new(&[[port, to]]).unwrap();
        thread::spawn(move || floor.serve());
        thread::spawn(move || {
            for stream in backend.incoming() {
                let mut stream = stream.unwrap();
                thread::spawn(move || {
                    let mut all = Vec::new();
                    stream.read_to_end(&mut all).unwrap();
                    stream.write_all(&all).unwrap();
                });
            }
        });
        port
    }

    #[test]
    fn bytes_arrive_as_they_were_sent_both_ways_whoever_is_slow() {
        let port = echo();
        // More than the sockets of four connections hold.
        let sent: Vec<u8> = (0..30_000_000_u32).map(|number| (number % 251).to_le_bytes()[0]).collect();
        for length in [1, 70_000, sent.len()] {
            let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
            stream.write_all(&sent[..length]).unwrap();
            stream.shutdown(Shutdown::Write).unwrap();
            let mut got = Vec::new();
            stream.read_to_end(&mut got).unwrap();
            assert!(got == sent[..length], "{} of {length} bytes", got.len());
        }
    }

    #[test]
    fn a_client_without_a_backend_is_closed() {
        let listen = |_| TcpListener::bind("127.0.0.1:0").unwrap();
        let [port, nobody] = [0, 1].map(listen).map(|listener| listener.local_addr().unwrap().port());
        let mut floor = Floor::new(&[[port, nobody]]).unwrap();
        thread::spawn(move || floor.serve());
        let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        assert!(matches!(stream.read(&mut [0]), Ok(0) | Err(_)));
    }

    #[test]
    fn ports_come_in_pairs() {
        for words in [vec![], vec!["1"], vec!["1", "x"], vec!["1", "70000"]] {
            let words: Vec<String> = words.into_iter().map(str::to_owned).collect();
            assert!(run(&words).is_err());
        }
    }
}
