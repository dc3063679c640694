use std::collections::BTreeSet;

use nantian_ir::compile::{Diagnostic, Severity, Status};
use nantian_ir::{RouteKey, RouteKind};
use schemars::JsonSchema;
use serde::Serialize;

use super::published_at;
use crate::Published;
use crate::admin::observed::Observed;
use crate::admin::problem::Problem;

/// Warnings that a summary has; `warningCount` tells how many there are.
pub(in crate::admin) const MAX_WARNINGS: usize = 100;

/// What there is, and what a person should look at.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(in crate::admin) struct Summary {
    /// The version of the snapshot that was published last.
    snapshot_version: String,
    /// When it was published.
    generated_at: String,
    /// How long compiling and encoding it took.
    build_duration_seconds: f64,
    /// The version of this control plane.
    version: &'static str,
    /// Whether this replica is the one that writes statuses.
    leader: bool,
    /// Gateways of ours.
    gateway_count: usize,
    /// Listeners that data planes serve.
    listener_count: usize,
    /// HTTPRoutes of which data planes have rules.
    http_route_count: usize,
    /// GRPCRoutes of which data planes have rules.
    grpc_route_count: usize,
    /// TLSRoutes, TCPRoutes and UDPRoutes of which data planes have rules.
    stream_route_count: usize,
    /// Rules of all of them.
    rule_count: usize,
    /// Ports of Services that rules send to.
    backend_count: usize,
    /// Endpoints of those backends.
    endpoint_count: usize,
    /// Secrets whose certificates data planes have.
    secret_count: usize,
    /// ConfigMaps with certificates of authorities that data planes have.
    ca_bundle_count: usize,
    /// Policies.
    policy_count: usize,
    /// AIServices.
    ai_service_count: usize,
    /// Data planes, those that went a short time ago among them.
    node_count: usize,
    /// Those that are connected to this replica.
    connected_node_count: usize,
    /// Those that are connected and serve a snapshot.
    ready_node_count: usize,
    /// Those that are connected and do not serve what was published last.
    drifted_node_count: usize,
    /// How many warnings there are.
    warning_count: usize,
    /// The first 100 of them, errors first.
    warnings: Vec<Warning>,
}

/// A diagnostic that is an error or a warning.
#[derive(Debug, Serialize, JsonSchema)]
struct Warning {
    /// How bad it is.
    severity: WarningSeverity,
    /// The code, which the manual has an entry for.
    code: &'static str,
    /// The object: `KIND/NAMESPACE/NAME`.
    #[serde(skip_serializing_if = "Option::is_none")]
    object: Option<String>,
    /// The field; empty for the object as a whole.
    field: String,
    /// What is wrong.
    message: String,
    /// What to do about it.
    remedy: String,
}

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum WarningSeverity {
    /// Something that was asked for is not served.
    Error,
    /// It is served, but probably not as meant.
    Warning,
}

impl Warning {
    fn of(diagnostic: &Diagnostic, severity: WarningSeverity) -> Self {
        Self {
            severity,
            code: diagnostic.code.name(),
            object: diagnostic.object.as_ref().map(ToString::to_string),
            field: diagnostic.field.clone(),
            message: diagnostic.message.clone(),
            remedy: diagnostic.remedy.clone(),
        }
    }
}

impl Summary {
    pub(in crate::admin) fn of(observed: &Observed<'_>) -> Result<Self, Problem> {
        let published = observed.published()?;
        let snapshot = &published.snapshot;
        let routes: BTreeSet<&RouteKey> = snapshot.rules.keys().map(|key| &key.route).collect();
        let of_kind = |kind| routes.iter().filter(|route| route.kind == kind).count();
        let streams: BTreeSet<&RouteKey> = snapshot.stream_rules.keys().map(|key| &key.route).collect();
        let reported = |counts: fn(&Status) -> bool| published.reported().filter(|(_, status)| counts(status)).count();
        let nodes = observed.nodes();
        let (warning_count, warnings) = warnings(published);
        Ok(Self {
            snapshot_version: published.version.clone(),
            generated_at: published_at(published),
            build_duration_seconds: published.build.as_secs_f64(),
            version: env!("CARGO_PKG_VERSION"),
            leader: observed.is_leader(),
            gateway_count: reported(|status| matches!(status, Status::Gateway(_))),
            listener_count: snapshot.listeners.len(),
            http_route_count: of_kind(RouteKind::Http),
            grpc_route_count: of_kind(RouteKind::Grpc),
            stream_route_count: streams.len(),
            rule_count: snapshot.rules.len() + snapshot.stream_rules.len(),
            backend_count: snapshot.backends.len(),
            endpoint_count: snapshot.endpoints.values().map(|set| set.endpoints.len()).sum(),
            secret_count: snapshot.certificates.len(),
            ca_bundle_count: snapshot.ca_bundles.len(),
            policy_count: reported(|status| matches!(status, Status::Policy(_))),
            ai_service_count: reported(|status| matches!(status, Status::AiService(_))),
            node_count: nodes.len(),
            connected_node_count: nodes.iter().filter(|(node, _)| node.connected).count(),
            ready_node_count: nodes.iter().filter(|(node, _)| node.ready).count(),
            drifted_node_count: nodes.iter().filter(|(_, state)| state.is_drifted()).count(),
            warning_count,
            warnings,
        })
    }
}

/// How many warnings there are, and the first of them.
fn warnings(published: &Published) -> (usize, Vec<Warning>) {
    let diagnostics = || published.diagnostics.values().flat_map(|findings| &findings.diagnostics);
    let of = |wanted: Severity| diagnostics().filter(move |diagnostic| diagnostic.severity == wanted);
    let count = of(Severity::Error).count() + of(Severity::Warning).count();
    let errors = of(Severity::Error).map(|diagnostic| Warning::of(diagnostic, WarningSeverity::Error));
    let warnings = of(Severity::Warning).map(|diagnostic| Warning::of(diagnostic, WarningSeverity::Warning));
    (count, errors.chain(warnings).take(MAX_WARNINGS).collect())
}
