//! Clusters, made and used for real: `cargo xtask test --suite cluster`.

#![cfg(test)]

mod burst;
mod check;
mod crds;
mod dedicated;
mod faults;
mod load;
#[cfg(feature = "neighbours")]
mod neighbours;
mod node;
mod page;
mod planes;
mod proxied;
mod recovery;
mod refused;
mod seen;
mod two_controllers;

use std::path::Path;
use std::process::Command;

use nantian_cluster::{Cluster, Home, Parts};

/// A cluster that is removed at the end of its test; if that fails, its folder stays, with the logs.
struct Live(Option<Cluster>);

impl Live {
    fn up(name: &str, parts: Parts) -> Self {
        let load_balancer = Path::new(env!("CARGO_BIN_EXE_nantian-cluster"));
        let home = Home::find().unwrap();
        let cluster = Cluster::up(&home, &name.parse().unwrap(), parts, load_balancer);
        Self(Some(cluster.unwrap_or_else(|error| panic!("{error}"))))
    }

    fn cluster(&self) -> &Cluster {
        self.0.as_ref().expect("it is up until the end of its test")
    }

    /// What `kubectl` prints; it must succeed.
    fn kubectl<const N: usize>(&self, line: [&str; N]) -> String {
        said(self.cluster().kubectl().args(line))
    }

    fn apply(&self, manifest: &str) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("objects.yaml");
        std::fs::write(&file, manifest).unwrap();
        self.kubectl(["apply", "--server-side", "--filename", &file.to_string_lossy()]);
    }

    /// Installs Nantian Gateway, or upgrades it.
    fn install(&self) {
        let installed = self.cluster().install(&Home::find().unwrap(), binaries());
        installed.unwrap_or_else(|error| panic!("{error}"));
    }

    fn down(mut self) {
        self.0.take().unwrap().down().unwrap_or_else(|error| panic!("{error}"));
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        if let Some(cluster) = self.0.take() {
            eprintln!("logs are in {}", cluster.logs().display());
            let _stopped = cluster.stop();
        }
    }
}

/// The folder of the programs of this build.
fn binaries() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_nantian-cluster")).parent().unwrap()
}

/// What a program prints; it must succeed.
fn said(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}
