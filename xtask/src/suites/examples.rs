//! The programs in `examples/`: each runs to its end, as an embedder would run it.

use super::{Counts, Settings};
use crate::process::Failure;
use crate::workspace::Workspace;

/// Each program, and the features that it is built with: no more than its part of the gateway needs.
const PROGRAMS: &[(&str, &[&str])] = &[
    ("router_alone", &["--no-default-features"]),
    ("compiler_alone", &["--no-default-features", "--features", "compiler"]),
    ("engine_alone", &[]),
];

/// Runs each program in `examples/`.
pub(crate) fn run(workspace: &Workspace, _settings: Settings) -> Result<Counts, Failure> {
    let mut counts = Counts::default();
    for (program, features) in PROGRAMS {
        let step = workspace.cargo(["run", "--locked", "--quiet", "--package", "nantian-examples", "--bin", program]);
        match step.args(*features).run() {
            Ok(()) => counts.passed += 1,
            Err(failure) => {
                eprintln!("example {program}: {failure}");
                counts.failed += 1;
            }
        }
    }
    for forgotten in
        workspace.programs("examples/src/bin")?.iter().filter(|name| PROGRAMS.iter().all(|(known, _)| known != name))
    {
        eprintln!("examples/src/bin/{forgotten}.rs is not run: add it to `PROGRAMS` in xtask/src/suites/examples.rs");
        counts.failed += 1;
    }
    Ok(counts)
}
