#![doc = include_str!("../README.md")]

mod config;
mod log;
mod run;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;

/// Reads a Kubernetes API, serves snapshots to data planes, and writes statuses.
#[derive(Debug, Parser)]
#[command(version, about)]
struct Arguments {
    /// Settings: a file of YAML or JSON, see docs/control-plane.md. Without it: the defaults, and the environment.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// `spec.controllerName` of the `GatewayClass`es that are ours; wins over the file.
    #[arg(long, value_name = "NAME")]
    controller_name: Option<String>,
}

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// As `nantian --help` has them: wrong usage, and what cannot start.
const USAGE: u8 = 2;
const FAILURE: u8 = 1;

fn main() -> ExitCode {
    let Arguments { config, controller_name } = Arguments::parse();
    let mut settings = match config::read(config.as_deref(), &|name| std::env::var(name).ok()) {
        Ok(settings) => settings,
        Err(error) => return refuse(&error, USAGE),
    };
    if let Some(name) = controller_name {
        settings.controller_name = name;
    }
    match run::run(settings) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => refuse(&error, FAILURE),
    }
}

fn refuse(error: &dyn std::error::Error, code: u8) -> ExitCode {
    eprintln!("error: {error}");
    code.into()
}
