//! Release builds that are guided by a profile of their work: `cargo xtask pgo`.
//!
//! The gateway is built with counters, does all jobs of `bench/`, and is built again by what was counted
//! (<https://doc.rust-lang.org/rustc/profile-guided-optimization.html>). The other programs share most of its code, so they
//! are built by the same profile.

use std::path::{Path, PathBuf};

use crate::arguments::Arguments;
use crate::process::{Failure, Step};
use crate::tools;
use crate::workspace::Workspace;

/// What is deployed. All are named in both builds: which features their dependencies have depends on it, and symbols on those.
const PROGRAMS: [&str; 3] = ["nantian", "nantian-dataplane", "nantian-controlplane"];

/// Functions are counted before the link, so that it may be a quick one. Neither another profile of cargo nor more codegen
/// units: both would give functions other names, by which the profile knows them.
const WITHOUT_LTO: &str = "-Clto=off -Clinker-plugin-lto=no";

/// The one that works for the profile.
const TRAINED: &str = "nantian";

/// `cargo xtask pgo`.
pub(crate) fn run(workspace: &Workspace, arguments: Arguments) -> Result<(), Failure> {
    arguments.finish()?;
    let folder = build(workspace)?;
    println!();
    for program in PROGRAMS {
        println!("{}", folder.join(program).display());
    }
    Ok(())
}

/// Makes the guided builds and returns their folder. What has not changed since the last time is not done again.
pub(crate) fn build(workspace: &Workspace) -> Result<PathBuf, Failure> {
    let rustc = Rustc::ask()?;
    let folders = Folders::of(workspace, &rustc.host);
    // What fails late is looked for first.
    let profdata = tools::llvm_profdata(&rustc.llvm)?;
    tools::install_peers()?;
    let counting = format!("-Cprofile-generate={} {WITHOUT_LTO}", folders.raw.display());
    let counting = folders.build(workspace, "counting", &counting, true)?;
    let trained = counting.join(TRAINED);
    if !is_newer(&folders.profile, &trained) {
        folders.clear()?;
        train(workspace, &trained)?;
        Step::new(profdata).args(["merge", "--output"]).args([&folders.profile, &folders.raw]).run()?;
    }
    folders.build(workspace, "guided", &format!("-Cprofile-use={}", folders.profile.display()), false)
}

/// Lets the program with counters do its work.
fn train(workspace: &Workspace, program: &Path) -> Result<(), Failure> {
    let bench = ["run", "--locked", "--quiet", "--package", "nantian-bench", "--", "--train", "--nantian"];
    workspace.cargo(bench).args([program]).run()
}

/// Of the compiler that cargo calls.
struct Rustc {
    /// The platform that it builds for.
    host: String,
    /// The major version of its LLVM, whose profiles only the same major version of LLVM's programs can read for sure.
    llvm: String,
}

impl Rustc {
    fn ask() -> Result<Self, Failure> {
        let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
        Self::read(&Step::new(rustc).args(["--version", "--verbose"]).read()?)
    }

    fn read(said: &str) -> Result<Self, Failure> {
        let line = |name: &str| said.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
        let host = line("host:").map(str::to_owned);
        let llvm = line("LLVM version:").and_then(|version| version.split('.').next()).map(str::to_owned);
        match (host, llvm) {
            (Some(host), Some(llvm)) => Ok(Self { host, llvm }),
            _ => Err(Failure::Found(format!("rustc does not say its host and its LLVM:\n{said}"))),
        }
    }
}

/// Below `pgo` in the target folder.
struct Folders {
    root: PathBuf,
    /// What programs with counters write when they end.
    raw: PathBuf,
    /// All of that together.
    profile: PathBuf,
    host: String,
}

impl Folders {
    fn of(workspace: &Workspace, host: &str) -> Self {
        let root = workspace.target.join("pgo");
        Self { raw: root.join("raw"), profile: root.join("nantian.profdata"), root, host: host.to_owned() }
    }

    /// Builds with that flag for rustc, in a folder of its own; returns where the programs are.
    fn build(&self, workspace: &Workspace, name: &str, flag: &str, only_trained: bool) -> Result<PathBuf, Failure> {
        let target = self.root.join(name);
        // With a platform named, build scripts and macros are not built by the flag.
        workspace
            .cargo(["build", "--locked", "--release", "--target", &self.host])
            .args(PROGRAMS.iter().flat_map(|program| ["--package", program]))
            .args(only_trained.then_some(["--bin", TRAINED]).into_iter().flatten())
            .env("CARGO_TARGET_DIR", &target)
            .env("RUSTFLAGS", flag)
            .run()?;
        Ok(target.join(&self.host).join("release"))
    }

    /// Removes what was made by an older profile: cargo does not look into it.
    fn clear(&self) -> Result<(), Failure> {
        for folder in [&self.raw, &self.root.join("guided")] {
            if folder.exists() {
                std::fs::remove_dir_all(folder).map_err(Failure::file(folder))?;
            }
        }
        Ok(())
    }
}

fn is_newer(made: &Path, of: &Path) -> bool {
    let changed = |path: &Path| path.metadata().and_then(|metadata| metadata.modified()).ok();
    matches!((changed(made), changed(of)), (Some(made), Some(of)) if made >= of)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_compiler_says_what_it_builds_for_and_by_which_llvm() {
        let said = "rustc 1.95.0 (59807616e 2026-04-14)\nbinary: rustc\nhost: x86_64-unknown-linux-gnu\nLLVM version: 22.1.2\n";
        let rustc = Rustc::read(said).unwrap();
        assert_eq!((rustc.host.as_str(), rustc.llvm.as_str()), ("x86_64-unknown-linux-gnu", "22"));
        assert!(Rustc::read("rustc 1.95.0").is_err());
    }

    #[test]
    fn a_profile_is_used_again_until_the_program_is_another_one() {
        let folder = std::env::temp_dir().join(format!("nantian-pgo-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let (profile, program) = (folder.join("profile"), folder.join("program"));
        std::fs::write(&program, "").unwrap();
        let never_made = is_newer(&profile, &program);
        std::fs::write(&profile, "").unwrap();
        let made = is_newer(&profile, &program);
        let later = std::time::SystemTime::now() + std::time::Duration::from_secs(60);
        std::fs::File::options().append(true).open(&program).unwrap().set_modified(later).unwrap();
        let built_anew = is_newer(&profile, &program);
        std::fs::remove_dir_all(&folder).unwrap();
        assert_eq!([never_made, made, built_anew], [false, true, false]);
    }
}
