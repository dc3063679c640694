//! Policies and their settings, as a tree.

use nantian_ir::compile::{
    AppliedPolicy, Governance, OverriddenPolicy, PolicyLevel, PolicyPrecedence, PolicySetting, SettingOutcome,
};
use serde_json::Value;

use super::tree::Node;
use crate::render::style::{Safe, Style, Tone};

/// So much of a value is shown.
const MAX_VALUE: usize = 60;

/// A node for the policies of the rule, and one for those of each backend that has some.
pub(super) fn nodes(governance: &Governance, style: Style) -> Vec<Node> {
    let group = |text: String, policies: &[AppliedPolicy]| {
        let below: Vec<Node> = policies.iter().map(|policy| policy_node(policy, style)).collect();
        (!below.is_empty()).then_some(Node { text, below })
    };
    let of_rule = group("policies for the rule, the more specific first".to_owned(), &governance.rule);
    let of_backends = governance.backends.iter().filter_map(|of_backend| {
        let backend = style.paint(Tone::Strong, &of_backend.backend.to_string()).to_string();
        group(format!("policies for the backend {backend}"), &of_backend.policies)
    });
    of_rule.into_iter().chain(of_backends).collect()
}

fn policy_node(policy: &AppliedPolicy, style: Style) -> Node {
    let section = policy.target.section_name.as_ref().map(|name| format!(" ({name})")).unwrap_or_default();
    let target = format!("{} {}{section}", policy.target.kind, policy.target.name);
    let source = policy.source.as_ref().map(|source| format!(" at {source}")).unwrap_or_default();
    let text = format!(
        "{} {} {}, by {}{}",
        style.paint(Tone::Strong, &policy.policy.to_string()),
        place(policy.level),
        Safe(&target),
        policy.field,
        Safe(&source)
    );
    let refused = policy.refused.iter().map(|refused| {
        let why = format!("not accepted, {}: {}", refused.reason, refused.message);
        Node::leaf(style.paint(Tone::Bad, &why).to_string())
    });
    let settings = policy.settings.iter().map(|setting| Node::leaf(setting_text(setting, style)));
    Node { text, below: refused.chain(settings).collect() }
}

const fn place(level: PolicyLevel) -> &'static str {
    match level {
        PolicyLevel::Rule => "for this rule of",
        PolicyLevel::Listener => "for this listener of",
        PolicyLevel::Port => "for this port of",
        PolicyLevel::Namespace => "for all routes of",
        PolicyLevel::Route | PolicyLevel::Gateway | PolicyLevel::Service => "for",
    }
}

fn setting_text(setting: &PolicySetting, style: Style) -> String {
    let value = setting.value.as_ref().map(|value| format!(": {}", shown(value))).unwrap_or_default();
    let outcome = match &setting.outcome {
        SettingOutcome::Decides => style.paint(Tone::Good, "decides").to_string(),
        SettingOutcome::Overridden { by, precedence } => {
            style.paint(Tone::Faint, &format!("loses to {by}: {}", wins(*precedence))).to_string()
        }
        SettingOutcome::NoEffect { message } => {
            style.paint(Tone::Bad, &format!("has no effect: {message}")).to_string()
        }
        SettingOutcome::Unsupported { denies } => {
            let consequence = if *denies { ", and nothing passes until it has" } else { ", so it has no effect" };
            style.paint(Tone::Bad, &format!("the data plane has no part for it{consequence}")).to_string()
        }
        SettingOutcome::Refused => style.paint(Tone::Bad, "not accepted").to_string(),
    };
    let losers = setting.overrides.iter().map(loser).collect::<Vec<_>>().join(", ");
    let before = if losers.is_empty() { losers } else { format!(", before {losers}") };
    format!("{}{}  {outcome}{before}", setting.field, Safe(&value))
}

fn loser(loser: &OverriddenPolicy) -> String {
    let why = match loser.precedence {
        PolicyPrecedence::RuleItself | PolicyPrecedence::MoreSpecific => "less specific",
        PolicyPrecedence::Older => "younger",
        PolicyPrecedence::Name => "as old, and its name comes later",
    };
    format!("{} ({why})", loser.policy)
}

/// Why the one that has precedence has it.
const fn wins(precedence: PolicyPrecedence) -> &'static str {
    match precedence {
        PolicyPrecedence::RuleItself => "the rule says it itself",
        PolicyPrecedence::MoreSpecific => "more specific",
        PolicyPrecedence::Older => "older",
        PolicyPrecedence::Name => "as old, and its name comes first",
    }
}

/// A value in one line.
fn shown(value: &Value) -> String {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    if text.chars().count() <= MAX_VALUE {
        return text;
    }
    text.chars().take(MAX_VALUE).chain("...".chars()).collect()
}
