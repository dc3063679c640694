//! `nantian diff`: what a change would change.

mod behaviour;
mod requests;
mod resources;
mod statuses;
mod text;

use std::path::Path;
use std::process::ExitCode;

use nantian_ir::compile::{Compiled, Objects, Severity, compile};
use serde::Serialize;

use crate::check::options;
use crate::cli::DiffArgs;
use crate::exit;
use crate::finding::Finding;
use crate::render::{Reporter, Stream, json_line};
use crate::source::{self, Origin, SourceError};
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
    let (old, new) = match sides(args) {
        Ok(sides) => sides,
        Err(error) => return exit::usage(&error),
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

/// What was named; with `--kube`, the cluster as it is and after the files were applied to it.
fn sides(args: &DiffArgs) -> Result<(Side, Side), SourceError> {
    let (new, of_files) = files(&args.new)?;
    let Some(old) = &args.old else {
        let cluster = source::load_cluster(&args.kube)?;
        source::tell_skipped(&cluster.findings);
        let new = source::applied(&cluster.objects, &new);
        let side = |objects, findings| side(objects, findings, args, Origin::Cluster);
        return Ok((side(&cluster.objects, &[]), side(&new, &of_files)));
    };
    let (old, of_old_files) = files(old)?;
    let side = |objects, findings| side(objects, findings, args, Origin::Files);
    Ok((side(&old, &of_old_files), side(&new, &of_files)))
}

/// Objects that are there no more are a difference like any other: a folder without objects is empty, not wrong.
fn files(path: &Path) -> Result<(Objects, Vec<Finding>), SourceError> {
    match source::load_once(&[path.to_owned()]) {
        Ok(loaded) => Ok((loaded.objects, loaded.findings)),
        Err(SourceError::Empty(_)) => Ok(Default::default()),
        Err(error) => Err(error),
    }
}

fn side(objects: &Objects, findings: &[Finding], args: &DiffArgs, origin: Origin) -> Side {
    let compiled = compile(objects, &options(&args.classes, origin));
    let severities = findings.iter().map(|finding| finding.severity);
    let severities = severities.chain(compiled.diagnostics.iter().map(|diagnostic| diagnostic.severity));
    let errors = severities.filter(|severity| *severity == Severity::Error).count();
    Side { compiled, errors }
}
