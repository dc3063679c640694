//! Tables of what is a message and what is not, and properties of the codec. No I/O.

mod corpus;
mod edges;
mod incoming;
mod output;
mod properties;
mod server;
mod written;
