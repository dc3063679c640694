//! Bytes that are taken from a backend for a client beyond what was sent: in the kernel (`TCP_NOTSENT_LOWAT`, `tcp(7)`), and
//! on the way there.
//!
//! They are few by default: a client that reads nothing holds little, and one that moves is seen to move. A client that
//! takes a long answer fast is given plenty, in large parts. In cleartext that is as much as its socket's buffer holds: what
//! waits there goes out when the client acknowledges what came before, many segments at once, while what finds the way free
//! is sent part by part. Over TLS it is what is read, encrypted and written at once.

use std::cell::Cell;
use std::time::Duration;

use socket2::SockRef;
use tokio::time::Instant;

use super::Transport;
use crate::tls;

/// What the kernel takes for each connection at first. Without a bound it would be megabytes, of which the kernel says
/// nothing until a third is gone: a client that reads 50 KB a second would seem to read nothing for half a minute, and one
/// that reads nothing would hold those megabytes.
pub(crate) const LITTLE: u32 = 16 * 1024;
/// No bound but the socket's buffer, which grows with what is under way to the client, to 4 MB on most systems.
const PLENTY: u32 = u32::MAX;
/// Bytes of an answer that a client is to take within [`SPAN`] before it is given plenty.
const PROOF: u64 = 1024 * 1024;
const SPAN: Duration = Duration::from_millis(250);
/// Bytes that an answer must have for that to be worth it.
const WORTH: u64 = 2 * PROOF;
/// Connections of a worker that have plenty at once: who stops reading then holds megabytes of the kernel's until it is cut.
const MOST: usize = 32;

thread_local! {
    static HAVE_PLENTY: Cell<usize> = const { Cell::new(0) };
}

/// How fast a client takes a long answer, and whether it is given plenty for that.
#[derive(Debug)]
pub(crate) struct Unsent {
    /// Bytes of the answer that the client has not taken.
    left: u64,
    /// When the bytes began that count as proof.
    since: Instant,
    taken: u64,
    plenty: bool,
}

impl Unsent {
    /// For an answer that has so many bytes, if they are enough.
    pub(crate) fn of(left: u64) -> Option<Box<Self>> {
        (left >= WORTH).then(|| Box::new(Self { left, since: Instant::now(), taken: 0, plenty: false }))
    }

    /// The same for one that follows on the same connection, before the client was seen to have taken all of the last one.
    pub(crate) fn go_on(&mut self, left: u64) {
        self.left = left;
    }

    /// What is left now of the answer that goes out on `io`.
    pub(crate) fn left(&mut self, left: u64, io: &mut Transport) {
        self.taken += self.left.saturating_sub(left);
        self.left = left;
        if self.plenty || self.taken < PROOF {
            return;
        }
        let now = Instant::now();
        let is_fast = now.duration_since(self.since) <= SPAN;
        (self.since, self.taken) = (now, 0);
        if is_fast && HAVE_PLENTY.get() < MOST && bound(io, true) {
            HAVE_PLENTY.set(HAVE_PLENTY.get() + 1);
            self.plenty = true;
        }
    }

    /// Whether the client is given plenty.
    pub(crate) fn is_plenty(&self) -> bool {
        self.plenty
    }

    /// Once the client has its answers.
    pub(crate) fn end(self, io: &mut Transport) {
        if self.plenty {
            bound(io, false);
        }
    }
}

impl Drop for Unsent {
    fn drop(&mut self) {
        if self.plenty {
            // A worker that ends may have dropped its count before its connections.
            let _ended = HAVE_PLENTY.try_with(|count| count.set(count.get().saturating_sub(1)));
        }
    }
}

/// False where nothing can be bounded, or the socket has ended.
fn bound(io: &mut Transport, plenty: bool) -> bool {
    match io {
        Transport::Tcp(socket) => {
            SockRef::from(&*socket).set_tcp_notsent_lowat(if plenty { PLENTY } else { LITTLE }).is_ok()
        }
        Transport::Tls(io) => {
            io.get_mut().1.set_buffer_limit(Some(if plenty { tls::LARGE_READ } else { tls::READ }));
            true
        }
        Transport::Other(_) | Transport::Closed => false,
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::http::testing::{local, pair};

    /// Connections of this worker that have it.
    pub(crate) fn have_plenty() -> usize {
        HAVE_PLENTY.get()
    }

    fn bound_of(io: &Transport) -> u32 {
        SockRef::from(io.socket().unwrap()).tcp_notsent_lowat().unwrap()
    }

    #[test]
    fn who_takes_a_mebibyte_fast_is_given_plenty_until_it_rests() {
        local(async {
            let (socket, _client) = pair().await;
            let mut io = Transport::Tcp(socket);
            assert!(Unsent::of(WORTH - 1).is_none());
            let mut unsent = Unsent::of(WORTH).unwrap();
            unsent.left(WORTH, &mut io);
            unsent.left(WORTH - PROOF + 1, &mut io);
            assert_ne!(bound_of(&io), PLENTY);
            unsent.left(WORTH - PROOF, &mut io);
            assert_eq!((bound_of(&io), unsent.is_plenty(), have_plenty()), (PLENTY, true, 1));
            unsent.end(&mut io);
            assert_eq!((bound_of(&io), have_plenty()), (LITTLE, 0));
        });
    }

    #[test]
    fn who_takes_it_slowly_is_not_and_may_become_fast() {
        local(async {
            let (socket, _client) = pair().await;
            let mut io = Transport::Tcp(socket);
            let mut unsent = Unsent::of(4 * PROOF).unwrap();
            unsent.since -= SPAN * 2;
            unsent.left(3 * PROOF, &mut io);
            assert_ne!(bound_of(&io), PLENTY);
            unsent.left(2 * PROOF, &mut io);
            assert_eq!(bound_of(&io), PLENTY);
        });
    }

    #[test]
    fn so_many_have_plenty_at_once() {
        local(async {
            let (socket, _client) = pair().await;
            let mut io = Transport::Tcp(socket);
            let mut fast = || {
                let mut unsent = Unsent::of(WORTH).unwrap();
                unsent.left(0, &mut io);
                unsent
            };
            let mut all: Vec<_> = (0..=MOST).map(|_| fast()).collect();
            assert_eq!(have_plenty(), MOST);
            assert!(!all.last().unwrap().is_plenty());
            drop(all.remove(0));
            assert!(fast().is_plenty(), "one has left");
        });
    }
}
