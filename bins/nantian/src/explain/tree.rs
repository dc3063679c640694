//! A decision for people, as a tree.

use nantian_proxy::router::{CandidateMatch, CandidateOutcome, ListenerCandidate, ListenerOutcome};

use super::decision::{Answer, BackendView, Decision, RouteView};
use super::policies;
use crate::describe;
use crate::render::style::{Safe, Style, Tone};

/// Of the matches that lost, so many are shown.
const MAX_OTHERS: usize = 20;

/// A node: its text and what is below it.
pub(super) struct Node {
    pub(super) text: String,
    pub(super) below: Vec<Node>,
}

impl Node {
    pub(super) fn leaf(text: String) -> Self {
        Self { text, below: Vec::new() }
    }

    fn write(&self, out: &mut String, front: &str, style: Style) {
        let last = self.below.len().saturating_sub(1);
        for (index, node) in self.below.iter().enumerate() {
            let (branch, deeper) = if index == last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
            let branch = format!("{front}{branch}");
            out.push_str(&style.paint(Tone::Frame, &branch).to_string());
            out.push_str(&node.text);
            out.push('\n');
            node.write(out, &format!("{front}{deeper}"), style);
        }
    }
}

/// The decision as text.
pub(crate) fn tree(decision: &Decision, style: Style) -> String {
    let request = &decision.request;
    let query = request.query.as_ref().map(|query| format!("?{query}")).unwrap_or_default();
    let title = format!(
        "{} {}  (host {}, {} port {})",
        request.method,
        format_args!("{}{query}", request.path),
        request.host,
        request.protocol.as_str(),
        request.port
    );
    let mut root = Node { text: style.paint(Tone::Strong, &title).to_string(), below: Vec::new() };
    root.below.extend(listener_node(decision, style));
    if let Some(route) = &decision.route {
        root.below.push(route_node(route, style));
        root.below.extend(filters_node(&decision.answer.filters, "filters, in order"));
        root.below.extend(backends_node(&decision.answer.backends, style));
        root.below.extend(limits_node(&decision.answer));
        root.below.extend(policies::nodes(&decision.policies, style));
    }
    root.below.extend(others_node(decision, style));
    let tone = if decision.route.is_some() { Tone::Good } else { Tone::Bad };
    root.below.push(Node::leaf(format!("outcome: {}", style.paint(tone, &decision.answer.outcome))));
    let mut out = format!("{}\n", root.text);
    root.write(&mut out, "", style);
    out
}

fn listener_node(decision: &Decision, style: Style) -> Option<Node> {
    let bind = decision.bind.as_ref()?;
    let below = decision.listeners.iter().map(|candidate| Node::leaf(listener_text(candidate, style))).collect();
    let text = match &decision.listener {
        Some(listener) => format!("listener {} on {bind}", style.paint(Tone::Strong, &listener.to_string())),
        None => format!("no listener on {bind} serves the host"),
    };
    Some(Node { text, below })
}

fn listener_text(candidate: &ListenerCandidate, style: Style) -> String {
    let ListenerCandidate { listener, hostname, outcome } = candidate;
    match outcome {
        ListenerOutcome::Chosen => format!("{listener}: hostname {hostname} {}", style.paint(Tone::Good, "is chosen")),
        ListenerOutcome::LessSpecific => {
            format!("{listener}: hostname {hostname} covers the host, but less specifically")
        }
        ListenerOutcome::HostnameDiffers => format!("{listener}: hostname {hostname} does not cover the host"),
    }
}

fn rule_name(rule: &nantian_ir::RuleKey, name: Option<&str>, position: usize) -> String {
    let name = name.map(|name| format!(" ({name})")).unwrap_or_default();
    format!("{} rule {}{name} match {position}", rule.route, rule.rule)
}

fn route_node(route: &RouteView, style: Style) -> Node {
    let name = rule_name(&route.rule, route.name.as_deref(), route.position);
    let mut node = Node::leaf(format!("route {}", style.paint(Tone::Strong, &name)));
    if let Some(rule_match) = &route.rule_match {
        node.below.push(Node::leaf(format!("match: {}", Safe(&describe::rule_match(rule_match)))));
    }
    node.below.push(Node::leaf(format!("hostname: {}", route.hostname)));
    node.below
        .extend(route.source.as_ref().map(|source| Node::leaf(format!("written at {}", Safe(&source.to_string())))));
    node
}

fn filters_node(filters: &[nantian_ir::Filter], title: &str) -> Option<Node> {
    let numbered = |(index, filter)| Node::leaf(format!("{}. {}", index + 1, Safe(&describe::filter(filter))));
    let below: Vec<Node> = filters.iter().enumerate().map(numbered).collect();
    (!below.is_empty()).then(|| Node { text: title.to_owned(), below })
}

fn backends_node(backends: &[BackendView], style: Style) -> Option<Node> {
    let below: Vec<Node> = backends.iter().map(|backend| backend_node(backend, style)).collect();
    (!below.is_empty()).then(|| Node { text: "backends, drawn by weight".to_owned(), below })
}

fn backend_node(backend: &BackendView, style: Style) -> Node {
    let share = format!("{}% (weight {})", backend.percent, backend.weight);
    let text = match (&backend.backend, backend.refused) {
        (Some(name), _) if backend.endpoints.is_empty() => {
            format!("{share} {name}: {}", style.paint(Tone::Bad, "503, no ready endpoint"))
        }
        (Some(name), _) => {
            let protocol = match backend.protocol {
                Some(nantian_ir::BackendProtocol::H2c) => " over h2c",
                Some(nantian_ir::BackendProtocol::WebSocket) => " as WebSocket",
                _ => "",
            };
            format!("{share} {}{protocol} → {}", style.paint(Tone::Strong, name), backend.endpoints.join(", "))
        }
        (None, refused) => {
            let why = refused.map_or("", describe::refusal);
            format!("{share} {}", style.paint(Tone::Bad, &format!("500: {why}")))
        }
    };
    Node { text, below: filters_node(&backend.filters, "filters of this backend").into_iter().collect() }
}

fn limits_node(answer: &Answer) -> Option<Node> {
    let mut below = Vec::new();
    if let Some(limit) = answer.timeouts.request {
        below.push(Node::leaf(format!("whole request: {}", describe::duration(limit))));
    }
    if let Some(limit) = answer.timeouts.backend_request {
        below.push(Node::leaf(format!("one try: {}", describe::duration(limit))));
    }
    if let Some(retry) = &answer.retry {
        let codes = retry.codes.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
        below.push(Node::leaf(format!("up to {} more tries, on {codes}", retry.attempts)));
    }
    (!below.is_empty()).then(|| Node { text: "time limits and retries".to_owned(), below })
}

fn others_node(decision: &Decision, style: Style) -> Option<Node> {
    if decision.others.is_empty() {
        return None;
    }
    let mut below: Vec<Node> =
        decision.others.iter().take(MAX_OTHERS).map(|other| Node::leaf(other_text(other, style))).collect();
    if let Some(more @ 1..) = decision.others.len().checked_sub(MAX_OTHERS) {
        below.push(Node::leaf(format!("and {more} more; --output json lists all")));
    }
    Some(Node { text: "others that lost".to_owned(), below })
}

fn other_text(other: &CandidateMatch, style: Style) -> String {
    let name = rule_name(&other.rule, other.name.as_deref(), other.position);
    let why = match &other.outcome {
        CandidateOutcome::Wins => "matches".to_owned(),
        CandidateOutcome::Outranked { by, own, winner } => {
            format!("matches too, but loses by {by}: {own} against {winner}")
        }
        CandidateOutcome::Differs { criterion, expected, got } => {
            let got = got.as_ref().map_or("nothing".to_owned(), |got| format!("{got:?}"));
            format!("does not match: {criterion} must be {expected:?}, the request has {got}")
        }
        CandidateOutcome::Refused { message } => format!("is not served: {message}"),
    };
    format!("{} {}", name, style.paint(Tone::Faint, &why))
}
