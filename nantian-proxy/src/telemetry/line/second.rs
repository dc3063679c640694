//! The time of a line.

use std::io::Write;
use std::time::{SystemTime, UNIX_EPOCH};

use jiff::Timestamp;

use super::value;

/// The second of the line before: of the next one, mostly only the milliseconds differ.
#[derive(Debug, Default)]
pub(crate) struct Second {
    /// Since 1970.
    number: Option<u64>,
    /// `1970-01-01T00:00:00.`, or nothing for a second that has no such text.
    text: Vec<u8>,
}

impl Second {
    /// Writes `time` in UTC as RFC 3339 has it, with milliseconds; `-` for what is beyond its years.
    pub(super) fn write(&mut self, out: &mut Vec<u8>, time: SystemTime) {
        let Ok(since) = time.duration_since(UNIX_EPOCH) else { return write_whole(out, time) };
        if self.number != Some(since.as_secs()) {
            self.become_second(since.as_secs());
        }
        if self.text.is_empty() {
            return write_whole(out, time);
        }
        out.extend_from_slice(&self.text);
        value::three_digits(out, since.subsec_millis());
        out.push(b'Z');
    }

    fn become_second(&mut self, number: u64) {
        self.number = Some(number);
        self.text.clear();
        if let Some(time) = i64::try_from(number).ok().and_then(|number| Timestamp::from_second(number).ok()) {
            // Writing to a Vec cannot fail.
            let _ = write!(self.text, "{time:.0}");
            // Its `Z` stands behind the milliseconds.
            self.text.pop();
            self.text.push(b'.');
        }
    }
}

fn write_whole(out: &mut Vec<u8>, time: SystemTime) {
    match Timestamp::try_from(time) {
        Ok(time) => _ = write!(out, "{time:.3}"),
        Err(_) => out.push(b'-'),
    }
}
