//! `nantian explain`: where a request goes, and why.

mod decision;
mod policies;
mod request;
mod tree;

use std::process::ExitCode;

use nantian_ir::compile::Compiler;

use crate::check::{all_findings, options};
use crate::cli::ExplainArgs;
use crate::exit;
use crate::finding::Finding;
use crate::render::{Reporter, Stream, json_line};
use crate::source;
use decision::decide;
pub(crate) use decision::{Answer, no_rule, sockets};
pub(crate) use request::Request;

/// Runs the command.
pub(crate) fn explain(args: &ExplainArgs) -> ExitCode {
    let request = match Request::parse(&args.request) {
        Ok(request) => request,
        Err(error) => return exit::usage(&error),
    };
    let loaded = match source::load(&args.source) {
        Ok(loaded) => loaded,
        Err(error) => return exit::usage(&error),
    };
    source::tell_skipped(&loaded.findings);
    let mut compiler = Compiler::new(options(&args.classes, loaded.origin));
    compiler.replace(loaded.objects);
    let decision = decide(&request, &compiler);
    let reporter = Reporter::new(args.output, Stream::Out);
    if reporter.is_human() {
        reporter.text(&tree::tree(&decision, reporter.style()));
        let errors = all_findings(loaded.findings, compiler.diagnostics())
            .iter()
            .filter(|finding| Finding::is_error(finding))
            .count();
        if errors > 0 {
            reporter.text(&format!("note: the objects have {errors} errors, which nantian check tells\n"));
        }
    } else {
        json_line(&decision);
    }
    if decision.route.is_some() { ExitCode::SUCCESS } else { exit::NOT_ACCEPTED.into() }
}
