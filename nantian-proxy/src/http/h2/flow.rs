//! Flow control (RFC 9113 section 5.2) of what we receive.

use super::frame::MAX_WINDOW;

/// A window that we give. What was taken out of it and used is given back when it is half of the window: an update for
/// each frame would cost more than the frame.
#[derive(Debug)]
pub(crate) struct Window {
    /// What the peer may still send; negative after the window has become smaller (RFC 9113 section 6.9.2).
    left: i64,
    /// What was used and not given back yet.
    used: u32,
    size: u32,
}

impl Window {
    /// A window of which the peer knows no more than `known`.
    pub(crate) fn new(known: u32, size: u32) -> Self {
        Self { left: i64::from(known), used: 0, size }
    }

    /// The peer sent so much. False if that is more than it may.
    pub(crate) fn take(&mut self, length: usize) -> bool {
        let length = i64::try_from(length).unwrap_or(i64::MAX);
        if length > self.left {
            return false;
        }
        self.left -= length;
        true
    }

    /// So much was used. Returns what the peer has to be told, if it has.
    pub(crate) fn release(&mut self, length: usize) -> Option<u32> {
        self.used = self.used.saturating_add(u32::try_from(length).unwrap_or(u32::MAX)).min(MAX_WINDOW);
        if self.used == 0 || self.used < self.size / 2 {
            return None;
        }
        let update = std::mem::take(&mut self.used);
        self.left += i64::from(update);
        Some(update)
    }

    /// The peer has learned another size than it knew.
    pub(crate) fn adjust(&mut self, by: i64) {
        self.left += by;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_may_send_what_the_window_holds_and_no_more() {
        let mut window = Window::new(10, 10);
        assert!(window.take(4) && window.take(6) && window.take(0));
        assert!(!window.take(1));
    }

    #[test]
    fn half_of_a_window_is_given_back_at_once() {
        let mut window = Window::new(10, 10);
        assert!(window.take(10));
        assert_eq!([window.release(0), window.release(4), window.release(1)], [None, None, Some(5)]);
        assert!(window.take(5) && !window.take(1));
        assert_eq!(window.release(10), Some(10));
    }

    #[test]
    fn a_window_that_becomes_smaller_may_be_overdrawn() {
        let mut window = Window::new(10, 4);
        assert!(window.take(8));
        window.adjust(-6);
        assert!(!window.take(1));
        assert_eq!(window.release(8), Some(8));
        assert!(window.take(4) && !window.take(1));
    }
}
