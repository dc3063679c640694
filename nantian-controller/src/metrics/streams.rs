//! From what happens on the streams of data planes to times: how long a snapshot was on its way.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use nantian_xds::delta::Event;
use nantian_xds::transport::{Observation, StreamEnd};

/// The streams that there are, by the data plane.
#[derive(Debug, Default)]
pub(super) struct Streams(BTreeMap<String, Stream>);

#[derive(Debug)]
struct Stream {
    connected_at: SystemTime,
    /// The version that is on its way, and since when.
    sending: Option<(String, SystemTime)>,
}

/// What there is to count.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Told {
    /// A data plane answered for all of a snapshot.
    Answered {
        /// Whether it takes all of it.
        is_whole: bool,
        /// The time since it was published; or since the data plane connected, if that was later: it was not late then.
        lag: Option<Duration>,
        /// The time since the first response with something of it.
        send: Option<Duration>,
    },
    /// A stream ended.
    Ended(StreamEnd),
}

impl Streams {
    /// What an observation tells. `published_at` knows when a version was published, if that is not long ago.
    pub(super) fn observe(
        &mut self,
        node: &str,
        observation: &Observation,
        published_at: impl Fn(&str) -> Option<SystemTime>,
        now: SystemTime,
    ) -> Option<Told> {
        let since = |then: SystemTime| now.duration_since(then).unwrap_or_default();
        let (version, is_whole) = match observation {
            Observation::Connected => {
                self.0.insert(node.to_owned(), Stream { connected_at: now, sending: None });
                return None;
            }
            Observation::Sending(version) => {
                if let Some(stream) = self.0.get_mut(node) {
                    stream.sending = Some((version.clone(), now));
                }
                return None;
            }
            Observation::Disconnected { end, .. } => {
                self.0.remove(node);
                return Some(Told::Ended(*end));
            }
            // What it refuses it says once more when it has all.
            Observation::Said(Event::Rejected(_)) => return None,
            Observation::Said(Event::Applied { version, rejected }) => (version, rejected.is_empty()),
            Observation::Said(Event::Diverged { version, .. }) => (version, false),
        };
        let stream = self.0.get_mut(node)?;
        let sent = stream.sending.take_if(|(sent, _)| sent == version);
        let lag = published_at(version).map(|published| since(published.max(stream.connected_at)));
        Some(Told::Answered { is_whole, lag, send: sent.map(|(_, at)| since(at)) })
    }
}

#[cfg(test)]
mod tests {
    use nantian_xds::delta::Rejection;

    use super::*;

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    fn applied(version: &str, rejected: Vec<Rejection>) -> Observation {
        Observation::Said(Event::Applied { version: version.to_owned(), rejected })
    }

    /// What each observation tells, where `v1` was published at second 10.
    fn told(observations: impl IntoIterator<Item = (u64, Observation)>) -> Vec<Told> {
        let mut streams = Streams::default();
        let published = |version: &str| (version == "v1").then(|| at(10));
        let observed = observations.into_iter();
        observed.filter_map(|(second, observation)| streams.observe("n", &observation, published, at(second))).collect()
    }

    fn answered(is_whole: bool, lag: Option<u64>, send: Option<u64>) -> Told {
        Told::Answered { is_whole, lag: lag.map(Duration::from_secs), send: send.map(Duration::from_secs) }
    }

    #[test]
    fn an_answer_is_late_by_the_time_since_the_snapshot_was_published() {
        let sending = || Observation::Sending("v1".to_owned());
        let acknowledged = told([(1, Observation::Connected), (12, sending()), (13, applied("v1", Vec::new()))]);
        assert_eq!(acknowledged, [answered(true, Some(3), Some(1))]);
        let rejection = Rejection {
            type_url: "t".to_owned(),
            name: "n".to_owned(),
            version: "v".to_owned(),
            message: "m".to_owned(),
        };
        let rejected = Observation::Said(Event::Rejected(vec![rejection.clone()]));
        let refused =
            told([(1, Observation::Connected), (12, sending()), (13, rejected), (14, applied("v1", vec![rejection]))]);
        assert_eq!(refused, [answered(false, Some(4), Some(2))]);
    }

    #[test]
    fn a_data_plane_that_comes_later_is_not_late_from_the_beginning() {
        let told = told([(100, Observation::Connected), (101, applied("v1", Vec::new()))]);
        assert_eq!(told, [answered(true, Some(1), None)]);
    }

    #[test]
    fn a_version_that_nobody_remembers_tells_no_lag() {
        let told = told([(1, Observation::Connected), (2, applied("v0", Vec::new()))]);
        assert_eq!(told, [answered(true, None, None)]);
    }

    #[test]
    fn a_stream_that_ended_is_forgotten() {
        let disconnected = Observation::Disconnected { end: StreamEnd::Age, reason: String::new() };
        let told = told([(1, Observation::Connected), (2, disconnected), (3, applied("v1", Vec::new()))]);
        assert_eq!(told, [Told::Ended(StreamEnd::Age)]);
    }
}
