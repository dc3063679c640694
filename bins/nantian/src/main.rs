//! Nantian Gateway on one machine: Kubernetes Gateway API objects from files, without a cluster.

mod check;
mod cli;
mod describe;
mod exit;
mod explain;
mod finding;
mod render;
mod source;

use std::process::ExitCode;

use clap::Parser as _;

use cli::{Cli, Command};

// Request handling allocates and frees small objects on many threads: mimalloc keeps that off the system's locks.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match Cli::parse().command {
        Command::Check(args) => check::check(&args),
        Command::Explain(args) => explain::explain(&args),
        _ => ExitCode::from(2),
    }
}
