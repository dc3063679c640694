//! `nantian diff`: what a change would change.

mod behaviour;
mod requests;
mod resources;
mod statuses;
mod text;

use std::path::PathBuf;
use std::process::ExitCode;

use nantian_ir::compile::{Compiled, Severity, compile};
use serde::Serialize;

use crate::check::options;
use crate::cli::DiffArgs;
use crate::exit;
use crate::render::{Reporter, Stream, json_line};
use crate::source::{self, SourceError};
use behaviour::Behaviour;
use resources::Resources;
use statuses::ConditionChange;

/// Everything that differs.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Difference {
    /// Resources of the snapshot.
    resources: Resources,
    /// Conditions of statuses.
    statuses: Vec<ConditionChange>,
    /// Answers to requests.
    behaviour: Behaviour,
    /// Errors among the diagnostics before and now.
    errors: Errors,
}

/// How many diagnostics are errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
struct Errors {
    old: usize,
    new: usize,
}

impl Difference {
    fn is_empty(&self) -> bool {
        self.resources.is_empty() && self.statuses.is_empty() && self.behaviour.changed.is_empty()
    }
}

/// Runs the command.
pub(crate) fn diff(args: &DiffArgs) -> ExitCode {
    let (old, new) = match (side(&args.old, args), side(&args.new, args)) {
        (Ok(old), Ok(new)) => (old, new),
        (Err(error), _) | (_, Err(error)) => return exit::usage(&error),
    };
    let difference = Difference {
        resources: Resources::between(&old.compiled.snapshot, &new.compiled.snapshot),
        statuses: statuses::between(&old.compiled.statuses, &new.compiled.statuses),
        behaviour: Behaviour::between(&old.compiled.snapshot, &new.compiled.snapshot),
        errors: Errors { old: old.errors, new: new.errors },
    };
    let reporter = Reporter::new(args.output, Stream::Out);
    if reporter.is_human() {
        reporter.text(&text::text(&difference, reporter.style()));
    } else {
        json_line(&difference);
    }
    if difference.is_empty() { ExitCode::SUCCESS } else { exit::NOT_ACCEPTED.into() }
}

/// One of the two.
struct Side {
    compiled: Compiled,
    errors: usize,
}

/// Objects that are there no more are a difference like any other: a folder without objects is empty, not wrong.
fn side(path: &PathBuf, args: &DiffArgs) -> Result<Side, SourceError> {
    let (objects, of_files) = match source::load_once(std::slice::from_ref(path)) {
        Ok(loaded) => (loaded.objects, loaded.findings),
        Err(SourceError::Empty(_)) => Default::default(),
        Err(error) => return Err(error),
    };
    let compiled = compile(&objects, &options(&args.classes));
    let severities = of_files.iter().map(|finding| finding.severity);
    let severities = severities.chain(compiled.diagnostics.iter().map(|diagnostic| diagnostic.severity));
    let errors = severities.filter(|severity| *severity == Severity::Error).count();
    Ok(Side { compiled, errors })
}
