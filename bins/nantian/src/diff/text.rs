//! The difference for people.

use std::fmt::Write as _;

use serde_json::Value;

use super::Difference;
use super::behaviour::AnswerChange;
use super::resources::{ChangedResource, FieldChange, Resource};
use super::statuses::{ConditionChange, State};
use crate::describe;
use crate::explain::Answer;
use crate::render::style::{Safe, Style, Tone};
use crate::render::tree::plural;

/// Of each list so many entries are shown; JSON has all.
const MAX_SHOWN: usize = 40;
/// Longer values are cut.
const MAX_VALUE: usize = 120;

/// The whole difference.
pub(super) fn text(difference: &Difference, style: Style) -> String {
    let mut text = Text { out: String::new(), style };
    let Difference { resources, statuses, behaviour, errors } = difference;
    if difference.is_empty() {
        text.line(0, &style.paint(Tone::Good, "nothing differs: no resource, no condition, no answer").to_string());
    }
    if !resources.is_empty() {
        text.heading("resources");
        text.list(&resources.added, |text, one| text.resource(Tone::Good, "+", one));
        text.list(&resources.changed, Text::changed_resource);
        text.list(&resources.removed, |text, one| text.resource(Tone::Bad, "-", one));
    }
    if !statuses.is_empty() {
        text.heading("conditions");
        text.list(statuses, Text::condition);
    }
    if !behaviour.changed.is_empty() {
        text.heading(&format!("answers: {} of {} requests differ", behaviour.changed.len(), behaviour.tried));
        text.list(&behaviour.changed, Text::answer);
    } else if !difference.is_empty() {
        text.heading(&format!("answers: none of {} requests is answered otherwise", behaviour.tried));
    }
    if errors.new > 0 {
        let before = if errors.old == errors.new { String::new() } else { format!(" (before: {})", errors.old) };
        text.line(
            0,
            &format!("note: the new objects have {}{before}, which nantian check tells", plural(errors.new, "error")),
        );
    }
    text.out
}

struct Text {
    out: String,
    style: Style,
}

impl Text {
    fn line(&mut self, indent: usize, text: &str) {
        // Writing to a String cannot fail.
        let _ = writeln!(self.out, "{:indent$}{text}", "");
    }

    fn heading(&mut self, text: &str) {
        let painted = self.style.paint(Tone::Strong, text).to_string();
        self.line(0, &painted);
    }

    fn list<T>(&mut self, entries: &[T], mut show: impl FnMut(&mut Self, &T)) {
        for entry in entries.iter().take(MAX_SHOWN) {
            show(self, entry);
        }
        if let Some(more @ 1..) = entries.len().checked_sub(MAX_SHOWN) {
            self.line(2, &format!("and {more} more; --output json lists all"));
        }
    }

    fn resource(&mut self, tone: Tone, sign: &str, Resource { kind, key }: &Resource) {
        let sign = self.style.paint(tone, sign).to_string();
        self.line(2, &format!("{sign} {kind} {}", Safe(key)));
    }

    fn changed_resource(&mut self, ChangedResource { resource, fields }: &ChangedResource) {
        self.resource(Tone::Odd, "~", resource);
        for FieldChange { field, old, new } in fields {
            self.line(6, &format!("{}: {} → {}", Safe(field), Safe(&value(old)), Safe(&value(new))));
        }
    }

    fn condition(&mut self, change: &ConditionChange) {
        let about = if change.about.is_empty() { String::new() } else { format!(" ({})", change.about) };
        let said = |state: &Option<State>| {
            state.as_ref().map_or_else(|| "absent".to_owned(), |state| format!("{:?} ({})", state.status, state.reason))
        };
        let (old, new) = (said(&change.old), said(&change.new));
        self.line(2, &format!("{}{}: {} {old} → {new}", change.object, Safe(&about), change.kind));
        if let Some(State { message, .. }) = &change.new {
            let message = self.style.paint(Tone::Faint, &Safe(message).to_string()).to_string();
            self.line(6, &message);
        }
    }

    fn answer(&mut self, AnswerChange { request, old, new }: &AnswerChange) {
        let request = self.style.paint(Tone::Strong, &Safe(request).to_string()).to_string();
        self.line(2, &request);
        let (old, new) = (answer(old), answer(new));
        self.line(6, &format!("before: {}", Safe(&old)));
        self.line(6, &format!("now:    {}", Safe(&new)));
    }
}

fn value(value: &Value) -> String {
    let text = if value.is_null() { "absent".to_owned() } else { value.to_string() };
    match text.char_indices().nth(MAX_VALUE) {
        Some((end, _)) => format!("{}...", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

/// Everything that two answers can differ in.
fn answer(answer: &Answer) -> String {
    let mut parts = vec![answer.outcome.clone()];
    let shares = answer.backends.iter().map(|backend| {
        let name =
            backend.backend.clone().or_else(|| backend.refused.map(|why| format!("500: {}", describe::refusal(why))));
        let filters = filters(&backend.filters);
        format!("{}% {}{filters}", backend.percent, name.unwrap_or_default())
    });
    parts.extend(shares);
    let mut text = parts.join(", ");
    text.push_str(&filters(&answer.filters));
    for (name, limit) in [("request", answer.timeouts.request), ("one try", answer.timeouts.backend_request)] {
        if let Some(limit) = limit {
            // Writing to a String cannot fail.
            let _ = write!(text, "; {name} at most {}", describe::duration(limit));
        }
    }
    if let Some(retry) = &answer.retry {
        let codes = retry.codes.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
        let _ = write!(text, "; up to {} more tries, on {codes}", retry.attempts);
    }
    text
}

fn filters(filters: &[nantian_ir::Filter]) -> String {
    filters.iter().fold(String::new(), |text, filter| text + "; " + &describe::filter(filter))
}
