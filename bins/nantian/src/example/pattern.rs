//! A text that a regular expression matches.

use regex_syntax::hir::{Class, Hir, HirKind};

/// Repetitions beyond this make no better example.
const MAX_LENGTH: usize = 256;

/// A short text that the whole expression matches; `None` where none is found by taking the first branch and the least
/// number of repetitions, for example because of `\b`.
pub(super) fn example(pattern: &str) -> Option<String> {
    let hir = regex_syntax::Parser::new().parse(pattern).ok()?;
    let mut text = String::new();
    append(&hir, &mut text)?;
    Some(text)
}

fn append(hir: &Hir, text: &mut String) -> Option<()> {
    if text.len() > MAX_LENGTH {
        return None;
    }
    match hir.kind() {
        // Anchors hold at the ends of the text, where most expressions have them; the router has the last word.
        HirKind::Empty | HirKind::Look(_) => {}
        HirKind::Literal(literal) => text.push_str(str::from_utf8(&literal.0).ok()?),
        HirKind::Class(class) => text.push(member(class)?),
        HirKind::Capture(capture) => append(&capture.sub, text)?,
        HirKind::Concat(parts) => parts.iter().try_for_each(|part| append(part, text))?,
        HirKind::Alternation(branches) => append(branches.first()?, text)?,
        HirKind::Repetition(repetition) => {
            // Something rather than nothing, where both match: `/users/.*` is about what comes behind the slash.
            let most = repetition.max.unwrap_or(u32::MAX);
            for _ in 0..repetition.min.max(1).min(most) {
                append(&repetition.sub, text)?;
            }
        }
    }
    Some(())
}

/// A letter or digit of the class, or else any character that can stand in a path.
fn member(class: &Class) -> Option<char> {
    let holds = |wanted: char| match class {
        Class::Unicode(class) => class.ranges().iter().any(|range| (range.start()..=range.end()).contains(&wanted)),
        Class::Bytes(class) => class
            .ranges()
            .iter()
            .any(|range| u8::try_from(wanted).is_ok_and(|byte| (range.start()..=range.end()).contains(&byte))),
    };
    ('a'..='z').chain('A'..='Z').chain('0'..='9').chain("-._~/!$&'()*+,;=:@".chars()).find(|&wanted| holds(wanted))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_example_is_matched_by_its_expression() {
        for pattern in
            ["/users/[0-9]+", "/(a|b)/.*", "v[12]", "^/x$", "/[^/]+/edit", r"\d{4}-\d\d", "a?b*c+", "(?i)bearer .+", ""]
        {
            let text = example(pattern).unwrap();
            let whole = regex::Regex::new(&format!("^(?:{pattern})$")).unwrap();
            assert!(whole.is_match(&text), "{pattern} makes {text:?}");
        }
    }

    #[test]
    fn no_example_is_made_where_there_is_none() {
        assert_eq!(example("[^\\x00-\\x{10FFFF}]"), None);
        assert_eq!(example("(unclosed"), None);
        assert_eq!(example("a{300}"), None);
    }
}
