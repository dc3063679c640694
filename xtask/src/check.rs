//! `cargo xtask check`: what a reviewer should not have to look for.

use std::fs;
use std::path::PathBuf;

use crate::arguments::Arguments;
use crate::process::{Failure, timed};
use crate::workspace::Workspace;
use crate::{edges, tidy, tools};

/// The crates that are published, in the order of their edges.
const LIBRARIES: &[&str] =
    &["nantian-crds", "nantian-ir", "nantian-xds", "nantian-metrics", "nantian-proxy", "nantian-controller"];

/// One check.
struct Check {
    name: &'static str,
    run: fn(&Workspace) -> Result<(), Failure>,
}

/// All checks, the quick ones first.
const CHECKS: &[Check] = &[
    Check { name: "format", run: check_format },
    Check { name: "tidy", run: tidy::check },
    Check { name: "edges", run: edges::check },
    Check { name: "licences", run: licences },
    Check { name: "lints", run: lints },
    Check { name: "features", run: features },
    Check { name: "docs", run: build_docs },
    Check { name: "packages", run: packages },
];

/// Runs all checks, or the one that `--only` names, and tells of every one that fails.
pub(crate) fn run(workspace: &Workspace, mut arguments: Arguments) -> Result<(), Failure> {
    let only: Option<String> = arguments.option("--only")?;
    arguments.finish()?;
    let chosen: Vec<&Check> =
        CHECKS.iter().filter(|check| only.as_deref().is_none_or(|name| name == check.name)).collect();
    if chosen.is_empty() {
        let names: Vec<_> = CHECKS.iter().map(|check| check.name).collect();
        return Err(Failure::Usage(format!("--only takes one of: {}", names.join(", "))));
    }
    let mut lines = Vec::new();
    let mut failed = 0;
    for check in chosen {
        let (result, took) = timed(&format!("check {}", check.name), || (check.run)(workspace));
        let verdict = match result {
            Ok(()) => "ok".to_owned(),
            Err(failure) => {
                failed += 1;
                eprintln!("{failure}");
                format!("FAILED: {failure}")
            }
        };
        lines.push(format!("{:<10} {:>12}  {verdict}", check.name, took.to_string()));
    }
    println!("\n=== checks\n{}", lines.join("\n"));
    if failed == 0 { Ok(()) } else { Err(Failure::Found(format!("{failed} checks failed"))) }
}

/// `cargo xtask fmt`.
pub(crate) fn format(workspace: &Workspace, arguments: Arguments) -> Result<(), Failure> {
    arguments.finish()?;
    workspace.cargo(["fmt", "--all"]).run()?;
    workspace.cargo(["fmt", "--manifest-path", "fuzz/Cargo.toml"]).run()
}

/// `cargo xtask docs`.
pub(crate) fn docs(workspace: &Workspace, arguments: Arguments) -> Result<(), Failure> {
    arguments.finish()?;
    build_docs(workspace)?;
    println!("open {}", workspace.target.join("doc/nantian_proxy/index.html").display());
    Ok(())
}

fn check_format(workspace: &Workspace) -> Result<(), Failure> {
    workspace.cargo(["fmt", "--all", "--check"]).run()?;
    workspace.cargo(["fmt", "--manifest-path", "fuzz/Cargo.toml", "--check"]).run()
}

fn lints(workspace: &Workspace) -> Result<(), Failure> {
    workspace
        .cargo(["clippy", "--locked", "--workspace", "--all-targets", "--all-features", "--", "--deny", "warnings"])
        .run()?;
    lint_fuzz_targets(workspace)
}

/// The fuzz targets are a workspace of their own: what a change breaks in them would else be seen after all other tests.
fn lint_fuzz_targets(workspace: &Workspace) -> Result<(), Failure> {
    workspace
        .cargo(["clippy", "--locked", "--manifest-path", "fuzz/Cargo.toml", "--bins", "--", "--deny", "warnings"])
        // What the crates show to fuzz targets only. With other flags all is built anew, so elsewhere.
        .env("RUSTFLAGS", "--cfg fuzzing")
        .env("CARGO_TARGET_DIR", workspace.target.join("fuzz-lints"))
        .run()
}

/// The builds that embedders take: the model alone, the router alone; and what the data plane has of the model.
fn features(workspace: &Workspace) -> Result<(), Failure> {
    for (package, features) in [("nantian-ir", ""), ("nantian-ir", "yaml"), ("nantian-proxy", "")] {
        workspace
            .cargo(["clippy", "--locked", "--package", package, "--lib", "--no-default-features"])
            .args(["--features", features, "--", "--deny", "warnings"])
            .run()?;
    }
    Ok(())
}

fn build_docs(workspace: &Workspace) -> Result<(), Failure> {
    let mut words = vec!["doc", "--locked", "--no-deps"];
    for library in LIBRARIES {
        words.extend(["--package", library]);
    }
    workspace.cargo(words).env("RUSTDOCFLAGS", "--deny warnings").run()
}

/// Each library crate can be packed and built from its package: what is published is what was tested.
fn packages(workspace: &Workspace) -> Result<(), Failure> {
    // What is not committed yet is packed too; in CI nothing is uncommitted.
    let mut pack = vec!["package", "--locked", "--allow-dirty", "--quiet"];
    let mut clean = vec!["clean", "--quiet"];
    for library in LIBRARIES {
        forget_unpacked(library)?;
        pack.extend(["--package", library]);
        clean.extend(["--package", library]);
    }
    // A folder of its own, so that what is forgotten is not what the tests were about to use.
    let target = workspace.target.join("packages");
    workspace.cargo(clean).env("CARGO_TARGET_DIR", &target).run()?;
    workspace.cargo(pack).env("CARGO_TARGET_DIR", &target).run()
}

/// Cargo unpacks and builds a package for those that depend on it once for each version, and ours do not change their version
/// with their content: the next package would be built with the content of the last.
fn forget_unpacked(library: &str) -> Result<(), Failure> {
    let of_user = || std::env::home_dir().map(|home| home.join(".cargo"));
    let Some(home) = std::env::var_os("CARGO_HOME").map(PathBuf::from).or_else(of_user) else { return Ok(()) };
    let Ok(registries) = fs::read_dir(home.join("registry/src")) else { return Ok(()) };
    for registry in registries.filter_map(Result::ok) {
        for unpacked in fs::read_dir(registry.path()).into_iter().flatten().filter_map(Result::ok) {
            let name = unpacked.file_name();
            let version = name.to_str().and_then(|name| name.strip_prefix(library)?.strip_prefix('-'));
            if version.is_some_and(|version| version.starts_with(|first: char| first.is_ascii_digit())) {
                let path = unpacked.path();
                fs::remove_dir_all(&path).map_err(Failure::file(&path))?;
            }
        }
    }
    Ok(())
}

fn licences(workspace: &Workspace) -> Result<(), Failure> {
    let deny = tools::CARGO_DENY.install(workspace)?;
    let check = |what: &[&str]| {
        crate::Step::new(&deny)
            .args(["--locked", "--all-features", "--manifest-path"])
            .args([workspace.root.join("Cargo.toml")])
            .args(["check"])
            .args(what)
            .run()
    };
    check(&["licenses", "bans", "sources"])?;
    if std::env::var_os("NANTIAN_ADVISORIES").is_some() {
        return check(&["advisories"]);
    }
    println!("advisories were not checked: their database is not in a registry; NANTIAN_ADVISORIES=1 fetches it");
    Ok(())
}
