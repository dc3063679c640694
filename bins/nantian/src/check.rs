//! `nantian check`: what is accepted, and what is not.

use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use nantian_ir::compile::{Compiled, Options, Severity, compile};

use crate::cli::{CheckArgs, SourceArgs};
use crate::exit;
use crate::finding::Finding;
use crate::render::event::{self, Event, FindingState};
use crate::render::tree;
use crate::render::{Reporter, Stream};
use crate::source::{self, Loaded};

/// Compiler options of the command line.
pub(crate) fn options(args: &SourceArgs) -> Options {
    let mut options = Options::default();
    options.controller_name.clone_from(&args.controller_name);
    options.gateway_classes.clone_from(&args.gateway_class);
    options.now = now();
    options
}

/// Seconds since 1970, for warnings about certificates.
pub(crate) fn now() -> Option<i64> {
    SystemTime::now().duration_since(UNIX_EPOCH).ok().and_then(|now| i64::try_from(now.as_secs()).ok())
}

/// Findings of files and of the compiler, errors first.
pub(crate) fn all_findings(of_files: Vec<Finding>, compiled: &Compiled) -> Vec<Finding> {
    let mut findings = of_files;
    findings.extend(compiled.diagnostics.iter().cloned().map(Finding::from));
    findings.sort_by_key(|finding| finding.severity);
    findings
}

/// Runs the command.
pub(crate) fn check(args: &CheckArgs) -> ExitCode {
    let mut reporter = Reporter::new(args.output, Stream::Out);
    let Loaded { objects, findings, excerpts } = match source::load_once(&args.source.paths) {
        Ok(loaded) => loaded,
        Err(error) => return exit::usage(&error),
    };
    reporter.excerpts = excerpts;
    let compiled = compile(&objects, &options(&args.source));
    let findings = all_findings(findings, &compiled);
    for finding in &findings {
        reporter.event(&Event::Diagnostic { state: FindingState::New, finding });
        reporter.text("\n");
    }
    for status in &compiled.statuses {
        reporter.event(&event::status(status));
    }
    reporter.text(&tree::statuses(&compiled.statuses, &compiled.snapshot, reporter.style()));

    let of = |severity| findings.iter().filter(|finding| finding.severity == severity).count();
    let (errors, warnings) = (of(Severity::Error), of(Severity::Warning));
    let refused = compiled.statuses.iter().filter(|status| !tree::is_accepted(status)).count();
    let accepted = errors == 0 && refused == 0;
    reporter.event(&Event::Checked { objects: objects.len(), errors, warnings, refused, accepted });
    if accepted { ExitCode::SUCCESS } else { exit::NOT_ACCEPTED.into() }
}
