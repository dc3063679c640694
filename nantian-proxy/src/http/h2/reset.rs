//! Streams that we reset, and why.

use super::reason::Reason;

/// Why we reset a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum StreamReset {
    /// The client gave no window for its answer within the time limit.
    Stalled,
    /// The tunnel on it carried nothing within its time limit.
    TunnelIdle,
    /// The body of the answer failed.
    AnswerFailed,
    /// It was one too many (`REFUSED_STREAM`).
    Refused,
    /// The client broke the protocol (`PROTOCOL_ERROR`).
    Protocol,
    /// The client sent more than its window had room for, or gave a window that is too large (`FLOW_CONTROL_ERROR`).
    FlowControl,
    /// The client sent frames for a stream that it had ended (`STREAM_CLOSED`).
    Closed,
    /// A frame had the wrong size (`FRAME_SIZE_ERROR`).
    FrameSize,
}

impl StreamReset {
    /// All reasons.
    pub const ALL: [Self; 8] = [
        Self::Stalled,
        Self::TunnelIdle,
        Self::AnswerFailed,
        Self::Refused,
        Self::Protocol,
        Self::FlowControl,
        Self::Closed,
        Self::FrameSize,
    ];

    /// As metrics name it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stalled => "stalled",
            Self::TunnelIdle => "tunnel_idle",
            Self::AnswerFailed => "answer_failed",
            Self::Refused => "refused",
            Self::Protocol => "protocol",
            Self::FlowControl => "flow_control",
            Self::Closed => "stream_closed",
            Self::FrameSize => "frame_size",
        }
    }

    /// What an error code says that blames the client; we send the others for reasons of our own.
    pub(crate) const fn blaming(code: Reason) -> Option<Self> {
        match code {
            Reason::PROTOCOL_ERROR => Some(Self::Protocol),
            Reason::FLOW_CONTROL_ERROR => Some(Self::FlowControl),
            Reason::STREAM_CLOSED => Some(Self::Closed),
            Reason::FRAME_SIZE_ERROR => Some(Self::FrameSize),
            Reason::REFUSED_STREAM => Some(Self::Refused),
            _ => None,
        }
    }
}
