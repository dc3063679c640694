//! Response flags: why an answer was ours, or was not what the backend sent. This is the one table of them.

use std::fmt;

macro_rules! flags {
    ($($(#[doc = $doc:literal])+ $variant:ident = $code:literal;)*) => {
        /// One reason.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum ResponseFlag {
            $($(#[doc = $doc])+ $variant,)*
        }

        impl ResponseFlag {
            /// Every flag, in the order in which a log line names them.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The code in access logs and metrics.
            pub const fn code(self) -> &'static str {
                match self { $(Self::$variant => $code),* }
            }

            /// What it means, for people.
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$variant => concat!($($doc),+)),* }
            }
        }
    };
}

flags! {
    /// No route matched: 404.
    NoRoute = "NR";
    /// The connection's server name belongs to another listener than the host: 421.
    Misdirected = "MD";
    /// The chosen backend reference could not be resolved, or the rule has no usable backend: 500.
    UnresolvedBackend = "NC";
    /// The backend has no healthy endpoint: 503.
    NoHealthyUpstream = "UH";
    /// Connecting to the endpoint failed: 503.
    UpstreamConnectFailure = "UF";
    /// The backend or the whole request took longer than its time limit: 504.
    UpstreamTimeout = "UT";
    /// The endpoint closed the connection before its answer was complete: 502 if nothing of it was sent.
    UpstreamClosed = "UC";
    /// The endpoint reset the stream: 502 if nothing of its answer was sent.
    UpstreamReset = "UR";
    /// The endpoint broke the HTTP specification: 502.
    UpstreamProtocolError = "UPE";
    /// It was tried again, and no try that may be made succeeded.
    RetriesExhausted = "URX";
    /// The client went away before the answer was complete.
    ClientGone = "DC";
    /// The client was too slow: 408, or the connection was cut.
    ClientTimeout = "DT";
    /// The client broke the HTTP specification: 400.
    ClientProtocolError = "DPE";
    /// The request came back through the gateway too often: 508.
    Loop = "LP";
    /// A rate limit refused the request: 429.
    RateLimited = "RL";
    /// A circuit breaker was open, or the backend had as many requests in work as it may: 503.
    CircuitOpen = "CB";
    /// The gateway is overloaded: 503, or the connection was refused.
    Overload = "OL";
    /// The client had as many connections, or streams of one connection, as it may have: closed or refused at once.
    ClientLimit = "CL";
    /// A fault was injected by policy.
    FaultInjected = "FI";
    /// Authentication or authorisation refused the request: 401 or 403.
    Unauthorized = "UA";
    /// A body, a head or a request target was larger than a limit: 413, 431 or 414.
    TooLarge = "TL";
    /// The gateway's own code panicked while it served the request: 500.
    Panic = "PN";
    /// The request was cut because draining took longer than its time limit.
    DrainCut = "DR";
}

/// A set of flags.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct ResponseFlags(u32);

impl ResponseFlags {
    /// No flag.
    pub const NONE: Self = Self(0);

    /// The set of one flag.
    #[must_use]
    pub const fn of(flag: ResponseFlag) -> Self {
        Self(1 << flag as u32)
    }

    /// Adds a flag.
    pub const fn insert(&mut self, flag: ResponseFlag) {
        self.0 |= 1 << flag as u32;
    }

    /// Whether a flag is set.
    pub const fn contains(self, flag: ResponseFlag) -> bool {
        self.0 & (1 << flag as u32) != 0
    }

    /// Whether no flag is set.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The flags of the set, in table order.
    pub fn iter(self) -> impl Iterator<Item = ResponseFlag> {
        // Nearly every request has none.
        let possible: &[ResponseFlag] = if self == Self::NONE { &[] } else { ResponseFlag::ALL };
        possible.iter().copied().filter(move |flag| self.contains(*flag))
    }
}

impl From<ResponseFlag> for ResponseFlags {
    fn from(flag: ResponseFlag) -> Self {
        Self::of(flag)
    }
}

/// The codes, comma-separated; `-` for none.
impl fmt::Display for ResponseFlags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str("-");
        }
        for (index, flag) in self.iter().enumerate() {
            if index > 0 {
                f.write_str(",")?;
            }
            f.write_str(flag.code())?;
        }
        Ok(())
    }
}

impl fmt::Debug for ResponseFlags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_set_prints_its_codes_in_table_order() {
        let mut flags = ResponseFlags::NONE;
        assert_eq!(flags.to_string(), "-");
        flags.insert(ResponseFlag::ClientGone);
        flags.insert(ResponseFlag::NoRoute);
        assert_eq!(flags.to_string(), "NR,DC");
        assert!(flags.contains(ResponseFlag::NoRoute) && !flags.contains(ResponseFlag::Panic));
    }

    #[test]
    fn codes_are_unique_and_fit_the_set() {
        let codes: BTreeSet<_> = ResponseFlag::ALL.iter().map(|flag| flag.code()).collect();
        assert_eq!(codes.len(), ResponseFlag::ALL.len());
        assert!(ResponseFlag::ALL.len() <= 32);
    }
}
