//! `cargo xtask cluster`: a cluster for hands.

use std::os::unix::process::CommandExt as _;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use nantian_cluster::{Cluster, ClusterError, ClusterName, Home, Parts, give_addresses};

/// A real single-node Kubernetes in a network namespace.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask cluster", bin_name = "cargo xtask cluster")]
struct Arguments {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Make it (minutes the first time, then seconds), and print the path of its kubeconfig
    Up {
        #[command(flatten)]
        which: Which,
        /// The API server without a node: nothing runs
        #[arg(long)]
        objects_only: bool,
        /// Nantian Gateway in it, of the binaries beside this one: the CRDs of the Gateway API, images, and the chart
        #[arg(long, conflicts_with = "objects_only")]
        install: bool,
    },
    /// End it, and remove all that it was
    Down(Which),
    /// Tell which of its parts run
    Status(Which),
    /// Run kubectl
    Kubectl {
        #[command(flatten)]
        which: Which,
        /// What it is told
        #[arg(last = true)]
        arguments: Vec<String>,
    },
    /// Run any command where the addresses of the cluster are, with kubectl and helm on its PATH
    Exec {
        #[command(flatten)]
        which: Which,
        /// A program and its arguments, such as `curl 10.93.0.1`
        #[arg(last = true, required = true)]
        command: Vec<String>,
    },
    /// Give Services of type `LoadBalancer` their addresses, until ended: part of each cluster
    #[command(hide = true)]
    LoadBalancer(Which),
}

#[derive(Debug, Args)]
struct Which {
    /// Several may run side by side
    #[arg(long, default_value = "dev")]
    name: ClusterName,
}

fn main() -> ExitCode {
    match run(Arguments::parse().action) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("cargo xtask cluster: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(action: Action) -> Result<ExitCode, ClusterError> {
    let home = Home::find()?;
    match action {
        Action::Up { which, objects_only, install } => {
            let parts = if objects_only { Parts::ObjectsOnly } else { Parts::Node };
            let ourselves = std::env::current_exe();
            let ourselves = ourselves.map_err(|source| ClusterError::Start {
                line: "cargo xtask cluster load-balancer".to_owned(),
                source,
            })?;
            let cluster = Cluster::up(&home, &which.name, parts, &ourselves)?;
            if install {
                cluster.install(&home, ourselves.parent().unwrap_or(&ourselves))?;
            }
            println!("{}", cluster.kubeconfig().display());
        }
        Action::Down(which) => Cluster::find(&home, &which.name)?.down()?,
        Action::Status(which) => return Ok(status(&Cluster::find(&home, &which.name)?)),
        Action::Kubectl { which, arguments } => {
            let mut command = Cluster::find(&home, &which.name)?.command("kubectl");
            return become_program(command.args(arguments));
        }
        Action::Exec { which, command } => {
            let cluster = Cluster::find(&home, &which.name)?;
            let mut words = command.iter();
            let mut command = cluster.command(words.next().map_or("true", String::as_str));
            return become_program(command.args(words));
        }
        Action::LoadBalancer(which) => give_addresses(&home, &which.name)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn status(cluster: &Cluster) -> ExitCode {
    let mut all = true;
    for (part, runs) in cluster.parts() {
        println!("{part:<20} {}", if runs { "runs" } else { "has ended" });
        all &= runs;
    }
    println!("kubeconfig           {}", cluster.kubeconfig().display());
    println!("logs                 {}", cluster.logs().display());
    if all { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Becomes the command, so that its input, its output, its signals and its end are its own.
fn become_program(command: &mut std::process::Command) -> Result<ExitCode, ClusterError> {
    let error = command.exec();
    Err(ClusterError::start(command, error))
}
