//! Nantian Gateway on one machine: Kubernetes Gateway API objects from files, without a cluster;
//! and the objects of a cluster, checked and explained from outside.

mod check;
mod cli;
mod crds;
mod describe;
mod diff;
mod echo;
mod example;
mod exit;
mod explain;
mod finding;
mod render;
mod run;
mod sample;
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
        Command::Diff(args) => diff::diff(&args),
        Command::Run(args) => run::run(&args),
        Command::Crds => crds::crds(),
    }
}
