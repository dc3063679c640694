//! The admin API, asked over sockets.

mod documents;
mod lists;
mod plane;
mod protocol;
mod schema;
mod views;
mod whatever;
