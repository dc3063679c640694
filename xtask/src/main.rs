//! Every habit of this repository as one command: `cargo xtask`.

mod arguments;
mod check;
mod checkout;
mod edges;
mod pgo;
mod process;
mod suites;
mod tidy;
mod tools;
mod workspace;

use std::process::ExitCode;

use crate::arguments::Arguments;
use crate::process::{Failure, Step};
use crate::workspace::Workspace;

/// A command: its name, what it takes, what it is for, and what it runs.
struct Command {
    name: &'static str,
    takes: &'static str,
    purpose: &'static str,
    run: fn(&Workspace, Arguments) -> Result<(), Failure>,
}

/// All commands. The list that a bare `cargo xtask` prints is this table.
const COMMANDS: &[Command] = &[
    Command {
        name: "check",
        takes: "[--only NAME]",
        purpose: "formatting, lints, tidiness, dependency edges, licences, docs, packages",
        run: check::run,
    },
    Command {
        name: "test",
        takes: "[--suite NAME] [--fuzz-seconds N]",
        purpose: "every test: workspace, examples, end to end with real clients, fuzz; installs what it needs",
        run: suites::run,
    },
    Command {
        name: "fuzz",
        takes: "[TARGET] [--seconds N]",
        purpose: "run one fuzz target, or each in turn (60 seconds each)",
        run: suites::fuzz::run_by_hand,
    },
    Command {
        name: "mutants",
        takes: "[FILE] [--since COMMIT]",
        purpose: "which changes of the framing code no test notices; takes hours",
        run: suites::mutants::run,
    },
    Command {
        name: "soak",
        takes: "[--requests N] [--reloads N]",
        purpose: "memory of the release binary idle, after a million requests and after a thousand reloads",
        run: suites::end_to_end::soak,
    },
    Command {
        name: "bench",
        takes: "[FILTER] | --peers [--part NAME] [--jobs LETTERS] [--rounds N] | --hostile; [--quick] [--profile NAME]",
        purpose: "criterion benchmarks; nantian beside other proxies, into bench/RESULTS.md; or a client beside hostile ones",
        run: suites::bench,
    },
    Command {
        name: "pgo",
        takes: "",
        purpose: "release builds of the programs, guided by a profile of what they do under load; takes half an hour",
        run: pgo::run,
    },
    Command {
        name: "cluster",
        takes: "up|down|status|kubectl|exec [--name NAME]",
        purpose: "a real Kubernetes in a network namespace, to be used by hand",
        run: suites::cluster::run,
    },
    Command {
        name: "golden",
        takes: "",
        purpose: "rewrite the compiler's golden files; read the diff before you commit",
        run: suites::rewrite_golden,
    },
    Command {
        name: "reference",
        takes: "",
        purpose: "write the reference pages in docs/ again from the code",
        run: suites::rewrite_reference,
    },
    Command {
        name: "crds",
        takes: "",
        purpose: "write nantian-crds/crds/*.yaml again from the Rust types",
        run: suites::rewrite_crds,
    },
    Command {
        name: "proto",
        takes: "",
        purpose: "write nantian-xds/src/wire/codegen again from the .proto files",
        run: suites::rewrite_proto,
    },
    Command { name: "docs", takes: "", purpose: "API documentation of the library crates", run: check::docs },
    Command { name: "fmt", takes: "", purpose: "format all Rust code", run: check::format },
];

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let Some(name) = arguments.next() else {
        print_commands();
        return ExitCode::SUCCESS;
    };
    if matches!(name.as_str(), "help" | "--help" | "-h") {
        print_commands();
        return ExitCode::SUCCESS;
    }
    let Some(command) = COMMANDS.iter().find(|command| command.name == name) else {
        eprintln!("there is no command `{name}`; these exist:\n");
        print_commands();
        return ExitCode::from(2);
    };
    let outcome = Workspace::locate().and_then(|workspace| {
        checkout::claim_builds(&workspace)?;
        (command.run)(&workspace, Arguments::new(arguments))
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("cargo xtask {name}: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn print_commands() {
    println!("cargo xtask COMMAND\n");
    for Command { name, takes, purpose, .. } in COMMANDS {
        println!("  {:<42} {purpose}", format!("{name} {takes}"));
    }
}
