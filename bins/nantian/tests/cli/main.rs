//! The real binary: its commands, its files, its answers.

mod check;
mod drain;
mod edits;
mod explain;
mod harness;
mod help;
mod http;
mod manifest;
mod mistakes;
mod ports;
mod quickstart;
