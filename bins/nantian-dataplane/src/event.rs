//! What happens, as lines of JSON on standard error. The access log has standard output for itself.

use std::io::Write as _;

use jiff::Timestamp;
use serde::Serialize;

/// One event.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub(crate) enum Event<'a> {
    /// It runs, and serves nothing yet.
    Started {
        /// Its name.
        node: &'a str,
        /// Of this program.
        version: &'a str,
        /// Where the admin interface listens; absent if it is off.
        #[serde(skip_serializing_if = "Option::is_none")]
        admin: Option<String>,
    },
    /// There is a control plane.
    Connected {
        /// Its address.
        control_plane: &'a str,
    },
    /// There is none. What is served is served on.
    Disconnected {
        /// Its address.
        control_plane: &'a str,
        /// Why.
        message: &'a str,
    },
    /// A snapshot serves, apart from what is refused.
    Applied {
        /// As the control plane names it.
        version: &'a str,
        /// Of its resources, so many are not served as they stand.
        refused: usize,
        /// The time it took.
        duration_ms: f64,
    },
    /// A resource is not served as it stands.
    Refused {
        /// Which one.
        resource: &'a str,
        /// Why, and what to do.
        message: &'a str,
    },
    /// The files with the certificates hold others now.
    CredentialsRenewed,
    /// They hold what cannot be used; the old ones stay.
    CredentialsKept {
        /// What is wrong.
        message: &'a str,
    },
    /// Not ready any more; requests in flight may end.
    Draining {
        /// Time until no more connections are accepted.
        delay_ms: u128,
        /// Time for requests after that.
        timeout_ms: u128,
    },
    /// The end.
    Stopped {
        /// Connections whose requests did not end in time.
        cut: usize,
    },
}

#[derive(Serialize)]
struct Line<'a> {
    time: String,
    #[serde(flatten)]
    event: &'a Event<'a>,
}

/// Writes one down.
pub(crate) fn tell(event: &Event<'_>) {
    let line = Line { time: format!("{:.3}", Timestamp::now()), event };
    if let Ok(mut line) = serde_json::to_vec(&line) {
        line.push(b'\n');
        // Who closed standard error does not want to know.
        let _ = std::io::stderr().write_all(&line);
    }
}
