#![doc = include_str!("../README.md")]

mod config;
mod event;
mod plane;
mod rejection;
mod run;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;

use config::Config;

/// Serves what a control plane sends it.
#[derive(Debug, Parser)]
#[command(version, about)]
struct Arguments {
    /// Settings: a file of YAML or JSON, see docs/data-plane.md. Without it: the defaults, and the environment.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

// Request handling allocates and frees small objects on many threads: mimalloc keeps that off the system's locks.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// As `nantian --help` has them: wrong usage, and what cannot start.
const USAGE: u8 = 2;
const FAILURE: u8 = 1;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let config = match Config::read(arguments.config.as_deref(), &|name| std::env::var(name).ok()) {
        Ok(config) => config,
        Err(error) => return refuse(&error, USAGE),
    };
    run::run(config).unwrap_or_else(|error| refuse(&error, FAILURE))
}

fn refuse(error: &dyn std::error::Error, code: u8) -> ExitCode {
    eprintln!("error: {error}");
    code.into()
}
