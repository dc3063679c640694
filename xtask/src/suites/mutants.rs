//! Whether a test notices when the framing code is changed: `cargo-mutants` on it.

use std::path::PathBuf;

use crate::arguments::Arguments;
use crate::process::{Failure, Step};
use crate::tools;
use crate::workspace::Workspace;

/// What decides where a message ends and what of it goes on, below `nantian-proxy/src/http`.
const FRAMING: &[&str] = &[
    "h1/fields.rs",
    "h1/framing.rs",
    "h1/chunked.rs",
    "h1/head.rs",
    "h1/incoming.rs",
    "h1/encode.rs",
    "h1/io.rs",
    "h2/budget.rs",
    "hop_by_hop.rs",
    "normalize.rs",
];

/// Tests that may notice, by the start of their names.
const TESTS: &[&str] = &["http::", "upstream::"];

/// `cargo xtask mutants`: hours, so it is no part of the tests. The verdict on each mutant is below `mutants` in the
/// cache folder. `--since COMMIT` tries only what has changed after it.
pub(crate) fn run(workspace: &Workspace, mut arguments: Arguments) -> Result<(), Failure> {
    let since: Option<String> = arguments.option("--since")?;
    let chosen = arguments.word();
    arguments.finish()?;
    let files: Vec<_> = FRAMING.iter().filter(|file| chosen.as_ref().is_none_or(|name| name == *file)).collect();
    if files.is_empty() {
        return Err(Failure::Usage(format!("the framing code is in: {}", FRAMING.join(", "))));
    }
    let program = tools::CARGO_MUTANTS.install(workspace)?;
    let mut step = Step::new(program)
        .env("CARGO_TARGET_DIR", workspace.target.join("mutants"))
        // What is built for one run of a few seconds need not be fast, nor carry symbols.
        .env("CARGO_PROFILE_DEV_DEBUG", "0")
        .env("PROPTEST_CASES", "48")
        .args(["mutants", "--package", "nantian-proxy", "--no-shuffle", "--timeout", "120", "--dir"])
        .args([&workspace.root])
        .args(["--output".as_ref(), workspace.cache_folder()?.join("mutants").as_os_str()]);
    if let Some(since) = since {
        step = step.args(["--in-diff"]).args([changes(workspace, &since)?]);
    }
    for file in files {
        step = step.args(["--file".to_owned(), format!("nantian-proxy/src/http/{file}")]);
    }
    step.args(["--", "--lib", "--"]).args(TESTS).run()
}

/// The file with what has changed of the code since a commit.
fn changes(workspace: &Workspace, since: &str) -> Result<PathBuf, Failure> {
    let diff = Step::new("git").inside(&workspace.root).args(["diff", since, "--", "nantian-proxy/src/http"]).read()?;
    let path = workspace.cache_folder()?.join("mutants.diff");
    std::fs::write(&path, diff).map_err(Failure::file(&path))?;
    Ok(path)
}
