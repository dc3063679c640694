//! A request body that can be sent again from its start, while what was taken of it fits a bound.

use std::cell::RefCell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Frame, SizeHint};

use crate::http::buffered::Held;
use crate::http::{Body, BodyError};

/// The keeper of a body for several tries.
pub(crate) struct Replay(Rc<RefCell<Shared>>);

struct Shared {
    source: Body,
    /// What was taken of the source so far; kept while `keep` is true.
    taken: Vec<Piece>,
    /// The bytes of that.
    held: Held,
    limit: usize,
    keep: bool,
    /// The source failed or is kept no longer: no further try.
    spent: bool,
    /// The number of the try that may read; bodies of earlier tries are dead.
    current: u64,
}

#[derive(Clone)]
enum Piece {
    Data(Bytes),
    Trailers(HeaderMap),
}

impl Replay {
    /// Keeps up to `limit` bytes of `body`, which `held` counts.
    pub(crate) fn new(body: Body, limit: usize, held: Held) -> Self {
        let shared = Shared { source: body, taken: Vec::new(), held, limit, keep: true, spent: false, current: 0 };
        Self(Rc::new(RefCell::new(shared)))
    }

    /// Whether another try would get the whole body.
    pub(crate) fn possible(&self) -> bool {
        !self.0.borrow().spent
    }

    /// The body for the next try, from its start; the body of the try before ends with an error from now on. With `last`
    /// nothing is kept for yet another one. `None` if it is not [`possible`](Self::possible).
    pub(crate) fn next(&self, last: bool) -> Option<Body> {
        let mut shared = self.0.borrow_mut();
        if shared.spent {
            return None;
        }
        shared.current += 1;
        let replayed = shared.taken.clone();
        if last {
            shared.keep = false;
            shared.spent = true;
            shared.taken = Vec::new();
        }
        let number = shared.current;
        drop(shared);
        Some(Body::boxed(Try { shared: Rc::clone(&self.0), replayed: replayed.into_iter(), number }))
    }
}

impl Shared {
    fn remember(&mut self, frame: &Frame<Bytes>) {
        if !self.keep {
            return;
        }
        if let Some(data) = frame.data_ref() {
            self.held.add(data.len());
            self.taken.push(Piece::Data(data.clone()));
        } else if let Some(trailers) = frame.trailers_ref() {
            self.taken.push(Piece::Trailers(trailers.clone()));
        }
        if self.held.bytes() > self.limit {
            self.held.set(0);
            self.keep = false;
            self.spent = true;
            self.taken = Vec::new();
        }
    }
}

struct Try {
    shared: Rc<RefCell<Shared>>,
    replayed: std::vec::IntoIter<Piece>,
    number: u64,
}

impl http_body::Body for Try {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = &mut *self;
        let mut shared = this.shared.borrow_mut();
        if shared.current != this.number {
            return Poll::Ready(Some(Err(BodyError::Truncated)));
        }
        match this.replayed.next() {
            Some(Piece::Data(data)) => return Poll::Ready(Some(Ok(Frame::data(data)))),
            Some(Piece::Trailers(trailers)) => return Poll::Ready(Some(Ok(Frame::trailers(trailers)))),
            None if !shared.keep => shared.held.set(0),
            None => {}
        }
        let polled = Pin::new(&mut shared.source).poll_frame(cx);
        match &polled {
            Poll::Ready(Some(Ok(frame))) => shared.remember(frame),
            Poll::Ready(Some(Err(_))) => shared.spent = true,
            Poll::Ready(None) | Poll::Pending => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.replayed.as_slice().is_empty() && self.shared.borrow().source.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let replayed: u64 = self
            .replayed
            .as_slice()
            .iter()
            .map(|piece| match piece {
                Piece::Data(data) => u64::try_from(data.len()).unwrap_or(u64::MAX),
                Piece::Trailers(_) => 0,
            })
            .sum();
        let rest = self.shared.borrow().source.size_hint();
        let mut hint = SizeHint::new();
        hint.set_lower(rest.lower().saturating_add(replayed));
        if let Some(upper) = rest.upper() {
            hint.set_upper(upper.saturating_add(replayed));
        }
        hint
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;
    use http_body::Body as _;
    use http_body_util::{BodyExt as _, StreamBody};

    use super::*;

    fn stream(parts: &[&'static str]) -> Body {
        let frames: Vec<_> = parts.iter().map(|part| Ok(Frame::data(Bytes::from_static(part.as_bytes())))).collect();
        Body::boxed(StreamBody::new(futures_util::stream::iter(frames)))
    }

    fn text(body: Body) -> Result<Bytes, BodyError> {
        body.collect().now_or_never().expect("no waiting").map(http_body_util::Collected::to_bytes)
    }

    #[test]
    fn every_try_gets_the_whole_body() {
        let replay = Replay::new(stream(&["ab", "cd", "ef"]), 100, Held::default());
        let mut first = replay.next(false).unwrap();
        let _ = first.frame().now_or_never();
        let _ = first.frame().now_or_never();
        assert_eq!(text(replay.next(false).unwrap()).unwrap(), "abcdef");
        assert_eq!(text(replay.next(true).unwrap()).unwrap(), "abcdef");
        assert!(replay.next(true).is_none());
    }

    #[test]
    fn the_body_of_an_earlier_try_is_dead() {
        let replay = Replay::new(stream(&["ab", "cd"]), 100, Held::default());
        let first = replay.next(false).unwrap();
        let second = replay.next(false).unwrap();
        assert!(matches!(text(first), Err(BodyError::Truncated)));
        assert_eq!(text(second).unwrap(), "abcd");
    }

    #[test]
    fn a_body_beyond_the_bound_is_sent_once() {
        let replay = Replay::new(stream(&["ab", "cd"]), 3, Held::default());
        assert_eq!(text(replay.next(false).unwrap()).unwrap(), "abcd");
        assert!(!replay.possible());
        assert!(replay.next(false).is_none());
    }

    #[test]
    fn trailers_and_length_are_replayed() {
        let trailers: HeaderMap = [("x".parse().unwrap(), "1".parse().unwrap())].into_iter().collect();
        let frames = vec![Ok(Frame::data(Bytes::from_static(b"ab"))), Ok(Frame::trailers(trailers.clone()))];
        let replay =
            Replay::new(Body::boxed(StreamBody::new(futures_util::stream::iter(frames))), 100, Held::default());
        let _ = text(replay.next(false).unwrap());
        let again = replay.next(true).unwrap().collect().now_or_never().unwrap().unwrap();
        assert_eq!(again.trailers(), Some(&trailers));

        let replay = Replay::new(Body::full("abcd"), 100, Held::default());
        let mut first = replay.next(false).unwrap();
        assert_eq!(first.size_hint().exact(), Some(4));
        let _ = first.frame().now_or_never();
        assert_eq!(replay.next(true).unwrap().size_hint().exact(), Some(4));
    }

    #[test]
    fn a_body_that_failed_cannot_be_sent_again() {
        let frames = vec![Ok(Frame::data(Bytes::from_static(b"ab"))), Err(BodyError::Timeout)];
        let replay =
            Replay::new(Body::boxed(StreamBody::new(futures_util::stream::iter(frames))), 100, Held::default());
        assert!(text(replay.next(false).unwrap()).is_err());
        assert!(!replay.possible());
    }

    #[test]
    fn what_is_kept_counts_until_the_last_try_has_it() {
        let (telemetry, buffers) = crate::http::testing::buffers(1, 1);
        let counted = |limit| Replay::new(stream(&["ab", "cd"]), limit, Held::aside(&buffers.open()));
        let replay = counted(100);
        assert_eq!(text(replay.next(false).unwrap()).unwrap(), "abcd");
        assert_eq!(telemetry.buffered(), 4);
        let last = replay.next(true).unwrap();
        assert_eq!(telemetry.buffered(), 4);
        assert_eq!((text(last).unwrap().len(), telemetry.buffered()), (4, 0));
        let small = counted(3);
        assert_eq!((text(small.next(false).unwrap()).unwrap().len(), telemetry.buffered()), (4, 0));
    }
}
