//! The real binary and real clients.
