//! A body with copies: what one reader takes, the others get too, as long as they keep up.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body as _, Frame, SizeHint};

use crate::http::buffered::{Account, Held};
use crate::http::{Body, BodyError};

/// Splits `body` into itself and `count` copies. The first one sets the pace: reading it never waits for a copy. A copy
/// that is more than `limit` bytes behind, or whose original is dropped before its end, ends with an error. What waits
/// for copies is counted on `account`.
pub(crate) fn tee(body: Body, count: usize, limit: usize, account: &Rc<Account>) -> (Body, Vec<Body>) {
    if body.is_end_stream() {
        return (body, std::iter::repeat_with(Body::empty).take(count).collect());
    }
    let queue = || Queue { held: Held::aside(account), ..Queue::default() };
    let queues: Vec<_> = (0..count).map(|_| Rc::new(RefCell::new(queue()))).collect();
    let hint = body.size_hint();
    let copies = queues.iter().map(|queue| Body::boxed(Copy { queue: Rc::clone(queue), hint })).collect();
    (Body::boxed(Original { body, queues, limit }), copies)
}

#[derive(Default)]
struct Queue {
    pieces: VecDeque<Piece>,
    held: Held,
    state: State,
    waker: Option<Waker>,
}

enum Piece {
    Data(Bytes),
    Trailers(HeaderMap),
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum State {
    #[default]
    Open,
    Ended,
    Cut,
    /// The copy's reader is gone.
    Closed,
}

impl Queue {
    fn push(&mut self, piece: Piece, limit: usize) {
        if self.state != State::Open {
            return;
        }
        if let Piece::Data(data) = &piece {
            self.held.add(data.len());
        }
        if self.held.bytes() > limit {
            self.clear();
            self.finish(State::Cut);
        } else {
            self.pieces.push_back(piece);
            self.wake();
        }
    }

    fn finish(&mut self, state: State) {
        if self.state == State::Open {
            self.state = state;
            self.wake();
        }
    }

    fn clear(&mut self) {
        self.pieces.clear();
        self.held.set(0);
    }

    fn wake(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}

struct Original {
    body: Body,
    queues: Vec<Rc<RefCell<Queue>>>,
    limit: usize,
}

impl http_body::Body for Original {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        if let Poll::Ready(ready) = &polled {
            for queue in &self.queues {
                let mut queue = queue.borrow_mut();
                match ready {
                    Some(Ok(frame)) => {
                        if let Some(data) = frame.data_ref() {
                            queue.push(Piece::Data(data.clone()), self.limit);
                        } else if let Some(trailers) = frame.trailers_ref() {
                            queue.push(Piece::Trailers(trailers.clone()), self.limit);
                        }
                    }
                    Some(Err(_)) => queue.finish(State::Cut),
                    None => queue.finish(State::Ended),
                }
            }
            // A reader may stop without asking for the end that it already knows of.
            if matches!(ready, Some(Ok(_))) && self.body.is_end_stream() {
                self.queues.iter().for_each(|queue| queue.borrow_mut().finish(State::Ended));
            }
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Original {
    fn drop(&mut self) {
        let state = if self.body.is_end_stream() { State::Ended } else { State::Cut };
        self.queues.iter().for_each(|queue| queue.borrow_mut().finish(state));
    }
}

struct Copy {
    queue: Rc<RefCell<Queue>>,
    hint: SizeHint,
}

impl http_body::Body for Copy {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = &mut *self;
        let mut queue = this.queue.borrow_mut();
        match queue.pieces.pop_front() {
            Some(Piece::Data(data)) => {
                queue.held.subtract(data.len());
                let taken = u64::try_from(data.len()).unwrap_or(u64::MAX);
                if let Some(exact) = this.hint.exact() {
                    this.hint.set_exact(exact.saturating_sub(taken));
                }
                Poll::Ready(Some(Ok(Frame::data(data))))
            }
            Some(Piece::Trailers(trailers)) => Poll::Ready(Some(Ok(Frame::trailers(trailers)))),
            None => match queue.state {
                State::Open | State::Closed => {
                    queue.waker = Some(cx.waker().clone());
                    Poll::Pending
                }
                State::Ended => Poll::Ready(None),
                State::Cut => Poll::Ready(Some(Err(BodyError::Truncated))),
            },
        }
    }

    fn is_end_stream(&self) -> bool {
        let queue = self.queue.borrow();
        queue.pieces.is_empty() && queue.state == State::Ended
    }

    fn size_hint(&self) -> SizeHint {
        self.hint
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        let mut queue = self.queue.borrow_mut();
        queue.state = State::Closed;
        queue.clear();
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;
    use http_body_util::{BodyExt as _, StreamBody};

    use super::*;

    fn stream(parts: &[&'static str], trailers: Option<HeaderMap>) -> Body {
        let data = parts.iter().map(|part| Ok(Frame::data(Bytes::from_static(part.as_bytes()))));
        let frames: Vec<_> = data.chain(trailers.map(|trailers| Ok(Frame::trailers(trailers)))).collect();
        Body::boxed(StreamBody::new(futures_util::stream::iter(frames)))
    }

    fn collect(body: Body) -> Option<Result<(Bytes, Option<HeaderMap>), BodyError>> {
        body.collect().now_or_never().map(|result| {
            result.map(|collected| {
                let trailers = collected.trailers().cloned();
                (collected.to_bytes(), trailers)
            })
        })
    }

    #[test]
    fn copies_get_every_byte_and_the_trailers() {
        let trailers: HeaderMap = [("x-sum".parse().unwrap(), "1".parse().unwrap())].into_iter().collect();
        let (original, copies) = tee(stream(&["ab", "cd"], Some(trailers.clone())), 2, 100, &Rc::default());
        assert_eq!(collect(original).unwrap().unwrap().0, "abcd");
        assert_eq!(copies.len(), 2);
        for copy in copies {
            let (data, found) = collect(copy).unwrap().unwrap();
            assert_eq!((data, found), ("abcd".into(), Some(trailers.clone())));
        }
    }

    #[test]
    fn a_copy_waits_for_the_original_but_not_the_other_way_round() {
        let (mut original, mut copies) = tee(stream(&["ab", "cd"], None), 1, 100, &Rc::default());
        let mut copy = copies.pop().unwrap();
        assert!(copy.frame().now_or_never().is_none());
        assert!(original.frame().now_or_never().is_some());
        assert!(copy.frame().now_or_never().is_some());
        assert!(copy.frame().now_or_never().is_none());
        assert_eq!(collect(original).unwrap().unwrap().0, "cd");
    }

    #[test]
    fn a_copy_that_is_too_far_behind_is_cut_and_the_original_is_not() {
        let (original, mut copies) = tee(stream(&["ab", "cd"], None), 1, 3, &Rc::default());
        assert_eq!(collect(original).unwrap().unwrap().0, "abcd");
        assert!(matches!(collect(copies.pop().unwrap()), Some(Err(BodyError::Truncated))));
    }

    #[test]
    fn a_copy_of_a_dropped_original_is_cut() {
        let (mut original, mut copies) = tee(stream(&["ab", "cd"], None), 1, 100, &Rc::default());
        let _ = original.frame().now_or_never();
        drop(original);
        assert!(matches!(collect(copies.pop().unwrap()), Some(Err(BodyError::Truncated))));
    }

    #[test]
    fn a_known_length_stays_known() {
        let (original, mut copies) = tee(Body::full("abcd"), 1, 100, &Rc::default());
        let copy = copies.pop().unwrap();
        assert_eq!((original.size_hint().exact(), copy.size_hint().exact()), (Some(4), Some(4)));
        let _ = collect(original);
        assert_eq!(collect(copy).unwrap().unwrap().0, "abcd");
        assert!(tee(Body::empty(), 1, 1, &Rc::default()).1.pop().unwrap().is_end_stream());
    }

    #[test]
    fn what_waits_for_a_copy_counts_until_it_is_taken_or_cannot_be() {
        let (telemetry, buffers) = crate::http::testing::buffers(1, 1);
        let account = buffers.open();
        let (mut original, mut copies) = tee(stream(&["ab", "cd"], None), 2, 2, &account);
        let _ = original.frame().now_or_never();
        assert_eq!(telemetry.buffered(), 4);
        let _ = copies[0].frame().now_or_never();
        assert_eq!(telemetry.buffered(), 2);
        // The second copy is too far behind now.
        let _ = original.frame().now_or_never();
        assert_eq!(telemetry.buffered(), 2);
        drop(copies);
        assert_eq!(telemetry.buffered(), 0);
    }
}
