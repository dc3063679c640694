//! A finding for people: severity, code and message; place and source line with a caret; object, field and remedy.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufRead as _, BufReader};

use nantian_ir::compile::Source;

use super::style::{Safe, Style, Tone};
use crate::finding::Finding;

/// Source lines longer than this are cut.
const MAX_COLUMNS: usize = 160;
/// Lines farther down than this are not looked for.
const MAX_LINE: u32 = 1_000_000;

/// Where source lines come from: files as they are now, or the text that came from standard input.
#[derive(Debug, Default)]
pub(crate) struct Excerpts {
    /// The text of `-`.
    pub(crate) stdin: Option<String>,
}

impl Excerpts {
    /// The line that a finding is about; for a place behind the end, as of what was never closed, the last line with
    /// text. None where it could show key material: of Secrets, and of texts that hold one and cannot be read.
    fn line(&self, finding: &Finding, source: &Source) -> Option<(u32, String)> {
        if source.line == 0 || source.line > MAX_LINE || finding.object.as_ref().is_some_and(|id| id.kind == "Secret") {
            return None;
        }
        let wary = finding.object.is_none();
        if &*source.file == super::STDIN_NAME {
            return pick(self.stdin.as_deref()?.lines().map(str::to_owned), source.line, wary);
        }
        let file = File::open(&*source.file).ok()?;
        pick(BufReader::new(file).lines().map_while(Result::ok), source.line, wary)
    }
}

fn pick(lines: impl Iterator<Item = String>, wanted: u32, wary: bool) -> Option<(u32, String)> {
    let mut found = None;
    for (number, line) in (1..=MAX_LINE).zip(lines) {
        if wary && line.contains("kind") && line.contains("Secret") {
            return None;
        }
        if number == wanted || (number < wanted && !line.trim().is_empty()) {
            found = Some((number, line));
        } else if number > wanted && !wary {
            break;
        }
    }
    found
}

/// The text of a finding, with a line break at the end.
pub(crate) fn finding(finding: &Finding, style: Style, excerpts: &Excerpts) -> String {
    let tone = Tone::from(finding.severity);
    let mut out = String::new();
    let head = format!("{}[{}]", finding.severity, finding.code);
    // Writing to a String cannot fail; so all results here are dropped.
    let _ = writeln!(out, "{}: {}", style.paint(tone, &head), style.paint(Tone::Strong, &finding.message));
    let mut margin = 1;
    if let Some(source) = &finding.source {
        margin = source.line.to_string().len();
        let pad = " ".repeat(margin);
        let _ = writeln!(out, "{pad}{} {}", style.paint(Tone::Frame, "-->"), Safe(&source.to_string()));
        if let Some((number, line)) = excerpts.line(finding, source).filter(|(_, line)| !line.trim().is_empty()) {
            let column = if number == source.line { source.column } else { 0 };
            excerpt(&mut out, &line, (number, column), tone, style);
        }
    }
    let pad = " ".repeat(margin);
    let mut note = |name: &str, text: &str| {
        if !text.is_empty() {
            let _ = writeln!(out, "{pad} {} {name}: {}", style.paint(Tone::Frame, "="), Safe(text));
        }
    };
    note("object", &finding.object.as_ref().map(ToString::to_string).unwrap_or_default());
    note("field", &finding.field);
    note("help", &finding.remedy);
    out
}

/// `place`: line and column; column 0 points nowhere.
fn excerpt(out: &mut String, line: &str, place: (u32, u32), tone: Tone, style: Style) {
    let number = place.0.to_string();
    let pad = " ".repeat(number.len());
    let bar = style.paint(Tone::Frame, "|");
    let shown: String = line.chars().take(MAX_COLUMNS).map(|c| if c == '\t' { ' ' } else { c }).collect();
    let _ = writeln!(out, "{pad} {bar}");
    let _ = writeln!(out, "{} {bar} {}", style.paint(Tone::Frame, &number), Safe(&shown));
    let column = usize::try_from(place.1).unwrap_or(usize::MAX);
    if (1..=MAX_COLUMNS).contains(&column) {
        let carets = "^".repeat(token_length(&shown, column - 1));
        let _ = writeln!(out, "{pad} {bar} {}{}", " ".repeat(column - 1), style.paint(tone, &carets));
    }
}

/// How many characters from `start` belong together: up to the end of the value or of the key.
fn token_length(line: &str, start: usize) -> usize {
    let rest: String = line.chars().skip(start).collect();
    let end = [": ", " #", ", "].iter().filter_map(|stop| rest.find(stop)).min().unwrap_or(rest.len());
    let token = rest.get(..end).unwrap_or(&rest).trim_end().trim_end_matches(':');
    token.chars().count().max(1)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use nantian_ir::ObjectRef;
    use nantian_ir::compile::Severity;

    use super::*;

    #[test]
    fn a_finding_shows_place_line_caret_object_field_and_remedy() {
        let found = Finding {
            severity: Severity::Error,
            code: "backend-not-found",
            object: Some(ObjectRef {
                group: "gateway.networking.k8s.io".into(),
                kind: "HTTPRoute".into(),
                namespace: "default".into(),
                name: "shop".into(),
            }),
            field: "spec.rules[0].backendRefs[0].name".into(),
            message: "Service default/cart does not exist".into(),
            remedy: "create the Service".into(),
            source: Some(Source { file: Arc::from(super::super::STDIN_NAME), line: 2, column: 11 }),
        };
        let excerpts = Excerpts { stdin: Some("rules:\n  - name: cart # here\n".into()) };
        let text = finding(&found, Style::PLAIN, &excerpts);
        assert_eq!(
            text,
            "error[backend-not-found]: Service default/cart does not exist\n \
             --> <stdin>:2:11\n  \
               |\n\
             2 |   - name: cart # here\n  \
               |           ^^^^\n  \
               = object: HTTPRoute/default/shop\n  \
               = field: spec.rules[0].backendRefs[0].name\n  \
               = help: create the Service\n"
        );
    }

    #[test]
    fn key_material_is_never_shown() {
        let text = "a: [b\n---\nkind: Secret\ndata: {tls.key: c2VjcmV0}\n";
        let excerpts = Excerpts { stdin: Some(text.into()) };
        let source = |line| Some(Source { file: Arc::from(super::super::STDIN_NAME), line, column: 1 });
        let unread = Finding { source: source(4), ..Finding::general(Severity::Error, "x", "m".into(), "") };
        let id =
            |kind: &str| ObjectRef { group: "".into(), kind: kind.into(), namespace: "a".into(), name: "b".into() };
        let of = |kind: &str, line| Finding { object: Some(id(kind)), source: source(line), ..unread.clone() };
        for secret in [unread.clone(), Finding { source: source(1), ..unread.clone() }, of("Secret", 4)] {
            assert!(!finding(&secret, Style::PLAIN, &excerpts).contains('|'), "{secret:?}");
        }
        assert!(finding(&of("Service", 1), Style::PLAIN, &excerpts).contains("1 | a: [b"));
    }

    #[test]
    fn a_place_behind_the_end_shows_the_last_line_and_no_caret() {
        let text = |line, column| {
            let excerpts = Excerpts { stdin: Some("a: [\n\n".into()) };
            let source = Some(Source { file: Arc::from(super::super::STDIN_NAME), line, column });
            let found = Finding { source, ..Finding::general(Severity::Warning, "x", "m".into(), "") };
            finding(&found, Style::PLAIN, &excerpts)
        };
        assert!(text(9, 1).contains("1 | a: [\n") && !text(9, 1).contains('^'));
        for (line, column) in [(0, 0), (u32::MAX, u32::MAX)] {
            assert!(!text(line, column).contains('|'));
        }
    }
}
