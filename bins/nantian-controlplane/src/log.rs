//! What happens, as lines of JSON on standard error.

use std::io::Write as _;

use jiff::Timestamp;
use nantian_controller::Notice;
use serde::Serialize;

/// The process itself.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub(crate) enum Event<'a> {
    /// It runs, and has read nothing yet.
    Started {
        /// The name of this replica.
        identity: &'a str,
        /// Of this program.
        version: &'a str,
        /// Where xDS is served.
        xds: String,
    },
    /// A signal ends it.
    Stopping,
}

#[derive(Serialize)]
struct Line<'a, T> {
    time: String,
    #[serde(flatten)]
    event: &'a T,
}

/// Writes down what the process does.
pub(crate) fn tell(event: &Event<'_>) {
    write(event);
}

/// Writes down what the control plane says.
pub(crate) fn notice(notice: &Notice) {
    write(notice);
}

fn write<T: Serialize>(event: &T) {
    let line = Line { time: format!("{:.3}", Timestamp::now()), event };
    if let Ok(mut line) = serde_json::to_vec(&line) {
        line.push(b'\n');
        // Who closed standard error does not want to know.
        let _ = std::io::stderr().write_all(&line);
    }
}
