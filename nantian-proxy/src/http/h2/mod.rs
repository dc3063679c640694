//! HTTP/2 on the `h2` crate: the frames are its, the rules about messages are ours.

mod body;
pub(crate) mod client;
mod fields;
mod guard;
mod part;
mod request;
mod reset;
mod server;
mod stream;
#[cfg(test)]
mod tests;
mod websocket;

pub(crate) use body::Received;
pub use guard::Flood;
pub use reset::StreamReset;
pub(crate) use reset::blames_client;
pub use server::serve;
