//! Kubernetes, containerd, `CoreDNS` and Helm, and Velero for whoever wants it, built from their published Go modules.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::ClusterError;
use crate::process::{read, run};
use crate::state::Home;

/// The modules that pin them, beside this crate's manifest: each has one `go.mod` with the tools that it builds. They are
/// apart because what they need does not go together.
const MODULES: &[&str] = &[KUBERNETES, "containerd", "coredns", "helm"];

/// Those that need Pods: without a node, the first is enough.
const OBJECTS_ONLY: &[&str] = &[KUBERNETES];
const KUBERNETES: &str = "kubernetes";

/// Velero with its plugin for S3, and an S3 server: minutes to build, for one test that is run by hand.
const VELERO: &[&str] = &["velero", "versitygw"];

/// Programs of our own, which run in Pods and need Go's standard library alone: what holds the namespaces of a Pod, and what
/// answers requests.
const PROGRAMS: &[&str] = &["pause", "backend"];

/// Programs of Debian that a cluster calls, and their packages.
const PACKAGES: &[(&str, &str)] = &[
    ("ip", "iproute2"),
    ("nsenter", "util-linux"),
    ("sysctl", "procps"),
    ("runc", "runc"),
    ("nft", "nftables"),
    ("buildah", "buildah"),
    ("conntrack", "conntrack"),
    ("mmdebstrap", "mmdebstrap"),
    ("strip", "binutils"),
    ("curl", "curl"),
    ("jq", "jq"),
];

/// Where Debian keeps the plugins that give Pods their network, and the package.
pub(crate) const CNI_PLUGINS: (&str, &str) = ("/usr/lib/cni", "containernetworking-plugins");

/// The programs that a cluster is made of.
#[derive(Debug, Clone)]
pub struct Programs {
    folder: PathBuf,
}

impl Programs {
    /// Builds and installs what is missing. Minutes the first time; nothing when nothing changed.
    ///
    /// # Errors
    /// If a registry cannot be reached, or something does not build.
    pub fn install(home: &Home, objects_only: bool) -> Result<Self, ClusterError> {
        let _alone = home.build_alone()?;
        install_packages()?;
        let folder = home.programs();
        std::fs::create_dir_all(&folder).map_err(ClusterError::file(&folder))?;
        for module in if objects_only { OBJECTS_ONLY } else { MODULES } {
            build(&folder, module)?;
        }
        for program in if objects_only { &[] } else { PROGRAMS } {
            build_program(&folder, program)?;
        }
        Ok(Self { folder })
    }

    /// Builds `velero`, `velero-plugin-for-aws` and `versitygw` beside them, if they are missing.
    ///
    /// # Errors
    /// If a registry cannot be reached, or something does not build.
    pub fn add_velero(&self, home: &Home) -> Result<(), ClusterError> {
        let _alone = home.build_alone()?;
        VELERO.iter().try_for_each(|module| build(&self.folder, module))
    }

    /// Those that are there, without a look at whether they are the right ones.
    #[must_use]
    pub fn installed(home: &Home) -> Self {
        Self { folder: home.programs() }
    }

    /// The folder that they are in: to be put on the `PATH`.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The path of one.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// The `PATH` with them in front.
    pub(crate) fn search_path(&self) -> std::ffi::OsString {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let folders = std::iter::once(self.folder.clone()).chain(std::env::split_paths(&path));
        std::env::join_paths(folders).unwrap_or(path)
    }
}

fn sources() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("go")
}

fn go(folder: &Path, module: &str) -> Command {
    let mut command = Command::new("go");
    command.current_dir(sources().join(module)).env("GOBIN", folder);
    // A file of checksums that lacks one must fail here, not be mended in silence.
    command.env("CGO_ENABLED", "0").env("GOFLAGS", "-mod=readonly");
    command
}

fn build(folder: &Path, module: &str) -> Result<(), ClusterError> {
    // Symbols are half of the size, and nobody debugs these.
    let mut flags = "-ldflags=-s -w".to_owned();
    if module == KUBERNETES {
        // Charts ask for it, and the source does not know it.
        let version = read(go(folder, module).args(["list", "-m", "-f", "{{.Version}}", "k8s.io/kubernetes"]))?;
        flags = format!("{flags} -X k8s.io/component-base/version.gitVersion={}", version.trim());
    }
    run(go(folder, module).args(["install", &flags, "tool"]))
}

/// The folder of the Gateway API's own CRDs, from its Go module: `standard` or `experimental`.
///
/// # Errors
/// If the module cannot be fetched.
pub fn gateway_api_crds(channel: &str) -> Result<PathBuf, ClusterError> {
    let go = |line: &[&str]| {
        let mut command = Command::new("go");
        read(command.current_dir(sources().join("gateway-api")).env("GOFLAGS", "-mod=readonly").args(line))
    };
    go(&["mod", "download", "sigs.k8s.io/gateway-api"])?;
    let folder = go(&["list", "-m", "-f", "{{.Dir}}", "sigs.k8s.io/gateway-api"])?;
    Ok(Path::new(folder.trim()).join("config/crd").join(channel))
}

/// Builds one of [`PROGRAMS`].
fn build_program(folder: &Path, name: &str) -> Result<(), ClusterError> {
    run(go(folder, name).args(["build", "-ldflags=-s -w", "-o"]).arg(folder.join(name)).arg("."))
}

fn install_packages() -> Result<(), ClusterError> {
    let (plugins, plugins_package) = CNI_PLUGINS;
    let mut missing: Vec<&str> =
        PACKAGES.iter().filter(|(program, _)| !is_on_path(program)).map(|(_, name)| *name).collect();
    if !Path::new(plugins).join("bridge").is_file() {
        missing.push(plugins_package);
    }
    if missing.is_empty() {
        return Ok(());
    }
    let apt = || {
        let mut command = Command::new("apt-get");
        command.arg("-qq").env("DEBIAN_FRONTEND", "noninteractive");
        command
    };
    run(apt().arg("update"))?;
    run(apt().args(["install", "--yes", "--no-install-recommends"]).args(missing))
}

fn is_on_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin".into(), "/sbin".into()])
        .any(|folder| folder.join(program).is_file())
}
