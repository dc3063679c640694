//! Frames (RFC 9113 sections 4 and 6): bytes in, frames out, and the other way. No I/O, no state.

mod decode;
mod encode;
mod settings;

pub(crate) use decode::{Frame, FrameError, decode};
pub(crate) use encode::{
    put_data_head, put_go_away, put_headers, put_ping, put_reset, put_settings, put_settings_ack, put_window_update,
};
pub(crate) use settings::Settings;

/// What a client of HTTP/2 sends first (RFC 9113 section 3.4).
pub(crate) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Octets of a frame's header.
pub(crate) const HEAD: usize = 9;

/// What every endpoint takes, and the largest payload that we write.
pub(crate) const DEFAULT_MAX_FRAME_SIZE: u32 = 16_384;
pub(crate) const LARGEST_PAYLOAD: usize = 16_384;

/// What a window holds before SETTINGS or `WINDOW_UPDATE` say otherwise (RFC 9113 section 6.9.2).
pub(crate) const DEFAULT_WINDOW: u32 = 65_535;

/// The largest window (RFC 9113 section 6.9.1).
pub(crate) const MAX_WINDOW: u32 = 0x7fff_ffff;

/// The largest stream identifier.
pub(crate) const MAX_STREAM: u32 = 0x7fff_ffff;

/// Types of frames.
pub(crate) mod kind {
    pub(crate) const DATA: u8 = 0x0;
    pub(crate) const HEADERS: u8 = 0x1;
    pub(crate) const PRIORITY: u8 = 0x2;
    pub(crate) const RST_STREAM: u8 = 0x3;
    pub(crate) const SETTINGS: u8 = 0x4;
    pub(crate) const PUSH_PROMISE: u8 = 0x5;
    pub(crate) const PING: u8 = 0x6;
    pub(crate) const GOAWAY: u8 = 0x7;
    pub(crate) const WINDOW_UPDATE: u8 = 0x8;
    pub(crate) const CONTINUATION: u8 = 0x9;
}

/// Flags of frames.
pub(crate) mod flag {
    pub(crate) const END_STREAM: u8 = 0x1;
    pub(crate) const ACK: u8 = 0x1;
    pub(crate) const END_HEADERS: u8 = 0x4;
    pub(crate) const PADDED: u8 = 0x8;
    pub(crate) const PRIORITY: u8 = 0x20;
}

/// The header of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) length: usize,
    pub(crate) kind: u8,
    pub(crate) flags: u8,
    pub(crate) stream: u32,
}

impl Head {
    /// The header at the beginning of `bytes`; `None` if it is not there yet.
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        let (length, rest) = bytes.split_first_chunk::<3>()?;
        let ([kind, flags], rest) = rest.split_first_chunk::<2>()?;
        let [high, middle, low] = length.map(usize::from);
        // RFC 9113 section 4.1: the reserved bit MUST be ignored.
        let stream = u32::from_be_bytes(*rest.first_chunk::<4>()?) & MAX_STREAM;
        Some(Self { length: high << 16 | middle << 8 | low, kind: *kind, flags: *flags, stream })
    }

    fn has(self, flag: u8) -> bool {
        self.flags & flag != 0
    }
}

#[cfg(test)]
mod tests;
