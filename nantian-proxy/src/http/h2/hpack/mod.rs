//! Field compression (RFC 7541). No I/O; one decoder and one encoder for each connection.

mod decode;
mod encode;
mod entry;
mod huffman;
mod integer;
mod statics;
mod table;

pub(crate) use decode::{Decoder, Field};
pub(crate) use encode::Encoder;
pub(crate) use entry::Name;

#[cfg(test)]
mod tests;

/// Bytes of a table that peers may rely on without SETTINGS (RFC 9113 section 6.5.2).
pub(crate) const DEFAULT_TABLE_SIZE: usize = 4_096;

/// RFC 7541 section 4.1: what a field costs beside its bytes.
pub(crate) const OVERHEAD: usize = 32;

/// Why a field block cannot be decoded. All state is lost with it: the connection ends with `COMPRESSION_ERROR`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Malformed(pub(crate) &'static str);
