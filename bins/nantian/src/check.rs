//! `nantian check`: what is accepted, and what is not.

use std::collections::HashSet;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use nantian_ir::ObjectRef;
use nantian_ir::compile::{BindPorts, Compiled, Diagnostic, Objects, Options, Severity, compile};
use nantian_proxy::runtime::Runtime;

use crate::cli::{CheckArgs, ClassArgs};
use crate::exit;
use crate::finding::Finding;
use crate::render::event::{self, Event, FindingState};
use crate::render::tree;
use crate::render::{Reporter, Stream};
use crate::run::refused;
use crate::source::{self, Loaded, Origin};

/// Compiler options of the command line. In a cluster the classes are there, and so are those of other controllers: what no
/// object gives to us is not ours, as for the control plane.
pub(crate) fn options(args: &ClassArgs, origin: Origin) -> Options {
    let mut options = Options::default();
    options.controller_name = args.controller_name.as_str().into();
    if !args.gateway_class.is_empty() {
        options.claimed_classes.clone_from(&args.gateway_class);
    } else if origin == Origin::Files {
        let Options { gateway_classes, adopt_unclaimed_classes, .. } = Options::standalone();
        (options.gateway_classes, options.adopt_unclaimed_classes) = (gateway_classes, adopt_unclaimed_classes);
    }
    if origin == Origin::Cluster {
        // As for its control plane: Gateways with the same port are not in each other's way.
        options.bind_ports = BindPorts::Assigned;
    }
    options.now = now();
    options.protocols = nantian_proxy::runtime::PROTOCOLS.to_vec();
    options
}

/// Seconds since 1970, for warnings about certificates.
pub(crate) fn now() -> Option<i64> {
    SystemTime::now().duration_since(UNIX_EPOCH).ok().and_then(|now| i64::try_from(now.as_secs()).ok())
}

/// Findings of files and of the compiler, errors first.
pub(crate) fn all_findings<'d>(
    of_files: Vec<Finding>,
    of_compiler: impl IntoIterator<Item = &'d Diagnostic>,
) -> Vec<Finding> {
    let mut findings = of_files;
    findings.extend(of_compiler.into_iter().cloned().map(Finding::from));
    findings.sort_by_key(|finding| finding.severity);
    findings
}

/// Runs the command.
pub(crate) fn check(args: &CheckArgs) -> ExitCode {
    let mut reporter = Reporter::new(args.output, Stream::Out);
    let Loaded { objects, mut findings, excerpts, origin } = match source::load(&args.source) {
        Ok(loaded) => loaded,
        Err(error) => return exit::usage(&error),
    };
    reporter.excerpts = excerpts;
    let compiled = compile(&objects, &options(&args.classes, origin));
    findings.extend(left_out(&objects, &compiled));
    let findings = all_findings(findings, &compiled.diagnostics);
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
    let alone = left_alone(&objects, &compiled);
    let accepted = errors == 0 && refused == 0;
    reporter.event(&Event::Checked { objects: objects.len(), errors, warnings, refused, alone, accepted });
    if accepted { ExitCode::SUCCESS } else { exit::NOT_ACCEPTED.into() }
}

/// What the engine would leave out of what the compiler accepts, for example a header that filters cannot name: `run`
/// tells it when it applies, and no port is needed to know.
fn left_out(objects: &Objects, compiled: &Compiled) -> Vec<Finding> {
    let runtime = Runtime::build(Arc::clone(&compiled.snapshot), None);
    runtime.refused().iter().map(|refused| refused::finding(&refused.into(), objects)).collect()
}

/// How many objects would have a status, but not from us: of another controller's class, or attached to no Gateway here.
fn left_alone(objects: &Objects, compiled: &Compiled) -> usize {
    let with_status: HashSet<&ObjectRef> = compiled.statuses.iter().map(|status| &status.object).collect();
    let has_status = |id: &ObjectRef| {
        id.group == "gateway.networking.k8s.io"
            && matches!(
                id.kind.as_str(),
                "GatewayClass"
                    | "Gateway"
                    | "ListenerSet"
                    | "HTTPRoute"
                    | "GRPCRoute"
                    | "TLSRoute"
                    | "TCPRoute"
                    | "UDPRoute"
            )
    };
    let ids = objects.iter().map(nantian_ir::compile::Object::id);
    ids.filter(|id| has_status(id) && !with_status.contains(id)).count()
}
