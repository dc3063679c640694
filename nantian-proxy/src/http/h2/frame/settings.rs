//! SETTINGS (RFC 9113 section 6.5).

use super::{DEFAULT_MAX_FRAME_SIZE, FrameError, MAX_WINDOW};
use crate::http::h2::reason::Reason;

/// The settings of one SETTINGS frame; what it does not name is `None`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Settings {
    pub(crate) header_table_size: Option<u32>,
    pub(crate) enable_push: Option<bool>,
    pub(crate) max_concurrent_streams: Option<u32>,
    pub(crate) initial_window_size: Option<u32>,
    pub(crate) max_frame_size: Option<u32>,
    pub(crate) max_header_list_size: Option<u32>,
    /// RFC 8441.
    pub(crate) enable_connect_protocol: Option<bool>,
}

const HEADER_TABLE_SIZE: u16 = 0x1;
const ENABLE_PUSH: u16 = 0x2;
const MAX_CONCURRENT_STREAMS: u16 = 0x3;
const INITIAL_WINDOW_SIZE: u16 = 0x4;
const MAX_FRAME_SIZE: u16 = 0x5;
const MAX_HEADER_LIST_SIZE: u16 = 0x6;
const ENABLE_CONNECT_PROTOCOL: u16 = 0x8;

/// RFC 9113 section 6.5.2.
const LARGEST_FRAME_SIZE: u32 = 0x00ff_ffff;

fn invalid(what: &'static str) -> FrameError {
    FrameError { reason: Reason::PROTOCOL_ERROR, what, of_stream: false }
}

fn boolean(value: u32) -> Result<bool, FrameError> {
    match value {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(invalid("a setting that is 0 or 1 is neither")),
    }
}

impl Settings {
    pub(super) fn decode(payload: &[u8]) -> Result<Self, FrameError> {
        let (settings, []) = payload.as_chunks::<6>() else {
            let what = "SETTINGS of a size that is no multiple of 6";
            return Err(FrameError { reason: Reason::FRAME_SIZE_ERROR, what, of_stream: false });
        };
        let mut read = Self::default();
        for &[a, b, c, d, e, f] in settings {
            let value = u32::from_be_bytes([c, d, e, f]);
            match u16::from_be_bytes([a, b]) {
                HEADER_TABLE_SIZE => read.header_table_size = Some(value),
                ENABLE_PUSH => read.enable_push = Some(boolean(value)?),
                MAX_CONCURRENT_STREAMS => read.max_concurrent_streams = Some(value),
                INITIAL_WINDOW_SIZE if value > MAX_WINDOW => {
                    let reason = Reason::FLOW_CONTROL_ERROR;
                    return Err(FrameError { reason, ..invalid("an initial window that is too large") });
                }
                INITIAL_WINDOW_SIZE => read.initial_window_size = Some(value),
                MAX_FRAME_SIZE if !(DEFAULT_MAX_FRAME_SIZE..=LARGEST_FRAME_SIZE).contains(&value) => {
                    return Err(invalid("a largest frame size out of bounds"));
                }
                MAX_FRAME_SIZE => read.max_frame_size = Some(value),
                MAX_HEADER_LIST_SIZE => read.max_header_list_size = Some(value),
                ENABLE_CONNECT_PROTOCOL => read.enable_connect_protocol = Some(boolean(value)?),
                // RFC 9113 section 6.5.2: unknown settings MUST be ignored.
                _ => {}
            }
        }
        Ok(read)
    }

    /// Each setting that is named, as on the wire.
    pub(super) fn named(&self) -> impl Iterator<Item = (u16, u32)> {
        [
            (HEADER_TABLE_SIZE, self.header_table_size),
            (ENABLE_PUSH, self.enable_push.map(u32::from)),
            (MAX_CONCURRENT_STREAMS, self.max_concurrent_streams),
            (INITIAL_WINDOW_SIZE, self.initial_window_size),
            (MAX_FRAME_SIZE, self.max_frame_size),
            (MAX_HEADER_LIST_SIZE, self.max_header_list_size),
            (ENABLE_CONNECT_PROTOCOL, self.enable_connect_protocol.map(u32::from)),
        ]
        .into_iter()
        .filter_map(|(id, value)| Some((id, value?)))
    }
}
