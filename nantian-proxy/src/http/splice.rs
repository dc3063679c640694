//! Long bodies that go from socket to socket inside the kernel, through a pipe (`splice(2)`): no byte of them is copied.
//!
//! Only Linux has it. Elsewhere, and where no pipe can be had, bodies are read and written as ever.

use std::cell::{Cell, RefCell};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::task::{Context, Poll, ready};

use tokio::io::Interest;
use tokio::net::TcpStream;

/// Bytes that a body must have left for a pipe to be worth its calls.
pub(crate) const WORTH: u64 = 64 * 1024;
/// Most bytes in a pipe. A peer that stops reading leaves as much in it.
const ROOM: usize = 64 * 1024;
/// The same in one for a client that takes much ([`crate::http::unsent`]): parts are as large as what waits, so that there
/// are fewer of them.
const WIDE: usize = 256 * 1024;
/// Pipes that a worker keeps for the next body.
const KEPT: usize = 16;
/// Pipes that a worker has at once, since each takes two descriptors; further bodies are copied.
const MOST: usize = 256;

thread_local! {
    static RESTING: RefCell<Vec<Pipe>> = const { RefCell::new(Vec::new()) };
    static OPEN: Cell<usize> = const { Cell::new(0) };
}

/// A pipe that holds bytes on their way from one socket to another.
#[derive(Debug)]
pub(crate) struct Pipe {
    taking: OwnedFd,
    giving: OwnedFd,
    held: usize,
    /// Most bytes that are put into it.
    room: usize,
    /// Whether the system was asked for one that takes [`WIDE`].
    asked: bool,
}

impl Pipe {
    /// An empty one, unless the system has none for us or the worker has enough.
    pub(crate) fn take() -> Option<Self> {
        if let Some(mut pipe) = RESTING.with_borrow_mut(Vec::pop) {
            pipe.room = ROOM;
            return Some(pipe);
        }
        if OPEN.get() >= MOST {
            return None;
        }
        let (giving, taking) = system::pipe().ok()?;
        OPEN.set(OPEN.get() + 1);
        Some(Self { taking, giving, held: 0, room: ROOM, asked: false })
    }

    /// Takes larger parts.
    pub(crate) fn widen(&mut self) {
        if !std::mem::replace(&mut self.asked, true) {
            // Where a user may have no more (`pipe-user-pages-soft`), it takes what it took.
            let _kept = system::resize(&self.taking, WIDE);
        }
        self.room = WIDE;
    }

    /// Gives an empty one back; one that holds bytes ends with them.
    pub(crate) fn rest(self) {
        if self.held == 0 {
            RESTING.with_borrow_mut(|resting| {
                if resting.len() < KEPT {
                    resting.push(self);
                }
            });
        }
    }

    /// Bytes in it.
    pub(crate) fn len(&self) -> usize {
        self.held
    }

    /// Moves what has arrived at `from`, at most `most` bytes, into this empty pipe. 0: the peer has ended its side.
    pub(crate) fn poll_fill(&mut self, from: &TcpStream, most: u64, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let most = usize::try_from(most).unwrap_or(usize::MAX).min(self.room);
        loop {
            ready!(from.poll_read_ready(cx))?;
            match from.try_io(Interest::READABLE, || system::splice(from, &self.taking, most)) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                moved => {
                    self.held = *moved.as_ref().unwrap_or(&0);
                    return Poll::Ready(moved);
                }
            }
        }
    }

    /// Moves what `to` takes without asking whether the system calls it writable; returns how much that was.
    pub(crate) fn drain_unasked(&mut self, to: &TcpStream) -> io::Result<usize> {
        let moved = system::splice(&self.giving, to, self.held)?;
        self.held = self.held.saturating_sub(moved);
        Ok(moved)
    }

    /// Moves all of it to `to`.
    pub(crate) fn poll_drain(&mut self, to: &TcpStream, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.held > 0 {
            ready!(to.poll_write_ready(cx))?;
            match to.try_io(Interest::WRITABLE, || system::splice(&self.giving, to, self.held)) {
                Ok(0) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Ok(moved) => self.held = self.held.saturating_sub(moved),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl Drop for Pipe {
    fn drop(&mut self) {
        // A worker that ends may have dropped its count before its pipes.
        let _ended = OPEN.try_with(|open| open.set(open.get().saturating_sub(1)));
    }
}

#[cfg(target_os = "linux")]
mod system {
    use super::{AsFd, OwnedFd, io};
    use rustix::pipe::{PipeFlags, SpliceFlags};

    /// Its ends: what comes out, and what goes in.
    pub(super) fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
        Ok(rustix::pipe::pipe_with(PipeFlags::NONBLOCK | PipeFlags::CLOEXEC)?)
    }

    pub(super) fn resize(pipe: impl AsFd, size: usize) -> io::Result<()> {
        rustix::pipe::fcntl_setpipe_size(pipe, size)?;
        Ok(())
    }

    pub(super) fn splice(from: impl AsFd, to: impl AsFd, most: usize) -> io::Result<usize> {
        Ok(rustix::pipe::splice(from, None, to, None, most, SpliceFlags::NONBLOCK)?)
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    use super::{AsFd, OwnedFd, io};

    pub(super) fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(super) fn resize(_pipe: impl AsFd, _size: usize) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(super) fn splice(_from: impl AsFd, _to: impl AsFd, _most: usize) -> io::Result<usize> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;
    use crate::http::testing::{local, pair};

    /// Pipes that this worker has.
    pub(crate) fn open() -> usize {
        OPEN.get()
    }

    /// Those of them that nobody uses.
    pub(crate) fn resting() -> usize {
        RESTING.with_borrow(Vec::len)
    }

    /// All that a worker may have.
    pub(crate) fn take_all() -> Vec<Pipe> {
        std::iter::from_fn(Pipe::take).collect()
    }

    #[test]
    fn a_worker_has_so_many_pipes_and_keeps_some_of_them() {
        let taken = take_all();
        assert_eq!((taken.len(), open()), (MOST, MOST));
        taken.into_iter().for_each(Pipe::rest);
        assert_eq!((open(), resting()), (KEPT, KEPT));
        let mut used = Pipe::take().unwrap();
        used.widen();
        assert_eq!((used.room, rustix::pipe::fcntl_getpipe_size(&used.taking)), (WIDE, Ok(WIDE)));
        used.rest();
        let mut used = Pipe::take().unwrap();
        assert_eq!(used.room, ROOM, "the next one is asked for it again");
        used.held = 1;
        used.rest();
        assert_eq!((open(), resting()), (KEPT - 1, KEPT - 1), "one with bytes is not kept");
    }

    #[test]
    fn what_is_moved_is_at_most_what_was_asked_for_and_an_end_is_zero() {
        local(async {
            let ((mut from, near), (far, mut to)) = (pair().await, pair().await);
            from.write_all(b"twelve bytes").await.unwrap();
            let mut pipe = Pipe::take().unwrap();
            let count = std::future::poll_fn(|cx| pipe.poll_fill(&near, 6, cx)).await.unwrap();
            assert_eq!((count, pipe.len()), (6, 6));
            std::future::poll_fn(|cx| pipe.poll_drain(&far, cx)).await.unwrap();
            let mut read = [0; 6];
            to.read_exact(&mut read).await.unwrap();
            assert_eq!((&read, pipe.len()), (b"twelve", 0));
            drop(from);
            let mut counts = Vec::new();
            while counts.last() != Some(&0) {
                counts.push(std::future::poll_fn(|cx| pipe.poll_fill(&near, u64::MAX, cx)).await.unwrap());
                pipe.held = 0;
            }
            assert_eq!(counts, [6, 0]);
        });
    }
}
