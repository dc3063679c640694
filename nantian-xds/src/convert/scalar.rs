//! Values without fields.

use std::net::IpAddr;
use std::time::Duration;

use nantian_ir::{HeaderName, Hostname, HostnameMatch, SecretBytes, SmolStr};

use super::{Convert, FieldError, FieldProblem, required};
use crate::wire::ir;

/// What a message carries as it is.
macro_rules! same {
    ($($scalar:ty),*) => {$(
        impl Convert<$scalar> for $scalar {
            fn to_wire(&self) -> $scalar {
                Self::to_owned(self)
            }

            fn from_wire(wire: $scalar) -> Result<Self, FieldError> {
                Ok(wire)
            }
        }
    )*};
}

same!(String, bool, u32, i64);

/// Protobuf has no smaller number.
impl Convert<u32> for u16 {
    fn to_wire(&self) -> u32 {
        (*self).into()
    }

    fn from_wire(wire: u32) -> Result<Self, FieldError> {
        wire.try_into().map_err(|_| FieldProblem::TooLarge(wire).here())
    }
}

impl Convert<String> for Hostname {
    fn to_wire(&self) -> String {
        self.to_string()
    }

    fn from_wire(wire: String) -> Result<Self, FieldError> {
        Self::new(&wire).map_err(|error| FieldProblem::Name(error).here())
    }
}

impl Convert<String> for HostnameMatch {
    fn to_wire(&self) -> String {
        self.to_string()
    }

    fn from_wire(wire: String) -> Result<Self, FieldError> {
        Self::parse(&wire).map_err(|error| FieldProblem::Name(error).here())
    }
}

impl Convert<String> for HeaderName {
    fn to_wire(&self) -> String {
        self.to_string()
    }

    fn from_wire(wire: String) -> Result<Self, FieldError> {
        Self::new(&wire).map_err(|error| FieldProblem::Name(error).here())
    }
}

impl Convert<String> for IpAddr {
    fn to_wire(&self) -> String {
        self.to_string()
    }

    fn from_wire(wire: String) -> Result<Self, FieldError> {
        wire.parse().map_err(|source| FieldProblem::Address { address: wire, source }.here())
    }
}

impl Convert<String> for SmolStr {
    fn to_wire(&self) -> String {
        self.to_string()
    }

    fn from_wire(wire: String) -> Result<Self, FieldError> {
        Ok(wire.into())
    }
}

impl Convert<Vec<u8>> for SecretBytes {
    fn to_wire(&self) -> Vec<u8> {
        self.expose().to_vec()
    }

    fn from_wire(wire: Vec<u8>) -> Result<Self, FieldError> {
        Ok(Self::new(wire))
    }
}

impl Convert<ir::Duration> for Duration {
    fn to_wire(&self) -> ir::Duration {
        ir::Duration { seconds: self.as_secs(), nanos: self.subsec_nanos() }
    }

    fn from_wire(wire: ir::Duration) -> Result<Self, FieldError> {
        let ir::Duration { seconds, nanos } = wire;
        // `Duration::new` panics where the nanoseconds carry into seconds that are full.
        if nanos >= 1_000_000_000 {
            return Err(FieldProblem::Nanoseconds(nanos).here().in_field("nanos"));
        }
        Ok(Self::new(seconds, nanos))
    }
}

required!(Duration => ir::Duration);
