//! What waits to be written: when it is written, and what memory it keeps.

use std::cell::Cell;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::http::h1::encode::{COPY_UP_TO, Output, take_front};
use crate::http::h1::io::{HIGH_WATER, poll_turn, poll_write};
use crate::http::{Transport, buffers};

/// A session that takes what is written, and has it still at the first flush.
struct Session {
    flushes: Rc<Cell<usize>>,
}

impl AsyncRead for Session {
    fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, _: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Poll::Pending
    }
}

impl AsyncWrite for Session {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.flushes.set(self.flushes.get() + 1);
        if self.flushes.get() == 1 { Poll::Pending } else { Poll::Ready(Ok(())) }
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[test]
fn what_a_session_has_taken_and_the_system_has_not_is_not_written() {
    let flushes = Rc::<Cell<usize>>::default();
    let mut io = Transport::other(Session { flushes: Rc::clone(&flushes) });
    let mut cx = Context::from_waker(Waker::noop());
    let mut out = Output::default();
    out.push(Bytes::from_static(b"the last part"));
    assert!(poll_write(&mut io, &mut out, &mut cx).is_pending());
    assert!(out.is_empty() && !out.is_written());
    assert!(matches!(poll_write(&mut io, &mut out, &mut cx), Poll::Ready(Ok(()))));
    assert!(out.is_written());
    assert_eq!(flushes.get(), 2);
}

#[test]
fn a_little_lets_others_go_first_once_each_time_that_it_is_written() {
    let mut io = Transport::other(Session { flushes: Rc::new(Cell::new(1)) });
    let mut cx = Context::from_waker(Waker::noop());
    let mut out = Output::default();
    assert!(poll_turn(&mut out, &mut cx).is_ready(), "nothing waits");
    for _ in 0..2 {
        out.push(Bytes::from_static(b"a head"));
        assert!(poll_turn(&mut out, &mut cx).is_pending());
        out.push(Bytes::from_static(b" and what came meanwhile"));
        assert!(poll_turn(&mut out, &mut cx).is_ready());
        assert!(poll_write(&mut io, &mut out, &mut cx).is_ready());
    }
    out.push(Bytes::from(vec![b'x'; HIGH_WATER]));
    assert!(poll_turn(&mut out, &mut cx).is_ready(), "much is worth a write of its own");
}

#[test]
fn what_a_peer_does_not_take_keeps_no_buffer_that_is_larger_than_it() {
    let mut out = Output::default();
    let buffer = out.tail().as_ptr();
    out.tail().extend_from_slice(b"a head ");
    out.push(Bytes::from(vec![b'x'; 8 * 1024]));
    out.settle();
    assert_eq!(buffers::take(5 * 1024).as_ptr(), buffer, "others have it, whole");
    let waits: Vec<u8> = out.parts().flatten().copied().collect();
    assert!(waits.starts_with(b"a head xx"));
    assert_eq!((waits.len(), out.len()), (7 + 8 * 1024, 7 + 8 * 1024));
}

#[test]
fn a_little_that_is_left_of_a_read_does_not_keep_it() {
    let mut read = Bytes::from(vec![b'x'; 16 * 1024]);
    let front = take_front(&mut read, 16 * 1024 - 1);
    assert_eq!((front.len(), read.len()), (16 * 1024 - 1, 1));
    assert!(front.is_unique());
    // What is left is copied once it is little, and only if what it came with was more.
    for (whole, taken, copied) in [
        (COPY_UP_TO + 1, 1, true),
        (COPY_UP_TO + 1, COPY_UP_TO, true),
        (2 * COPY_UP_TO, COPY_UP_TO - 1, false),
        (COPY_UP_TO, 1, false),
    ] {
        let mut read = Bytes::from(vec![b'x'; whole]);
        let front = take_front(&mut read, taken);
        assert_eq!((front.len(), read.len(), read.is_unique()), (taken, whole - taken, copied));
    }
}

#[test]
fn a_connection_that_rests_keeps_neither_its_buffer_nor_its_queue() {
    let mut out = Output::default();
    let buffer = out.tail().as_ptr();
    out.release();
    assert_eq!(buffers::take(5 * 1024).as_ptr(), buffer, "others have it");
}
