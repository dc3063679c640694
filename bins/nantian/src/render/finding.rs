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
    fn line(&self, source: &Source) -> Option<String> {
        let index = usize::try_from(source.line.checked_sub(1)?).ok()?;
        if source.line > MAX_LINE {
            return None;
        }
        if &*source.file == super::STDIN_NAME {
            return self.stdin.as_deref()?.lines().nth(index).map(str::to_owned);
        }
        let file = File::open(&*source.file).ok()?;
        BufReader::new(file).lines().nth(index)?.ok()
    }
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
        if let Some(line) = excerpts.line(source).filter(|line| !line.trim().is_empty()) {
            excerpt(&mut out, &line, source, tone, style);
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

fn excerpt(out: &mut String, line: &str, source: &Source, tone: Tone, style: Style) {
    let number = source.line.to_string();
    let pad = " ".repeat(number.len());
    let bar = style.paint(Tone::Frame, "|");
    let shown: String = line.chars().take(MAX_COLUMNS).map(|c| if c == '\t' { ' ' } else { c }).collect();
    let _ = writeln!(out, "{pad} {bar}");
    let _ = writeln!(out, "{} {bar} {}", style.paint(Tone::Frame, &number), Safe(&shown));
    let column = usize::try_from(source.column).unwrap_or(usize::MAX);
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
    fn a_place_outside_the_text_shows_no_line() {
        let excerpts = Excerpts { stdin: Some("a\n".into()) };
        for (line, column) in [(0, 0), (9, 1), (u32::MAX, u32::MAX)] {
            let source = Some(Source { file: Arc::from(super::super::STDIN_NAME), line, column });
            let found = Finding { source, ..Finding::general(Severity::Warning, "x", "m".into(), "") };
            assert!(!finding(&found, Style::PLAIN, &excerpts).contains('|'));
        }
    }
}
