//! HTTP/2 (RFC 9113): a core without I/O (`connection`, on `frame`, `hpack` and `message`), and the two drivers
//! that put it on a byte stream.

mod body;
mod budget;
pub(crate) mod client;
mod connection;
mod driver;
mod error;
mod exchange;
mod flow;
mod frame;
mod hpack;
mod keeper;
mod message;
mod reason;
mod reset;
mod reset_pace;
mod server;
mod stream;
#[cfg(test)]
mod tests;
mod websocket;

pub(crate) use body::Received;
pub use budget::Flood;
pub use error::ConnectionError;
pub(crate) use frame::PREFACE;
pub use reason::Reason;
pub use reset::StreamReset;
pub use server::serve;
pub(crate) use server::serve_read;
