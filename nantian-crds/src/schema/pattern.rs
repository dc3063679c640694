//! Go's regular expressions (RE2 syntax) by means of the `regex` crate.
//!
//! Both are automata with nearly the same syntax; what differs is rewritten: Perl classes and word boundaries are ASCII
//! in Go, `\Q...\E` quotes, and inside brackets `[`, `&` and `~` stand for themselves.

use std::fmt::Write as _;
use std::sync::OnceLock;

use regex::Regex;

/// A regular expression that is compiled when it is first used.
#[derive(Debug)]
pub(crate) struct Pattern {
    source: String,
    regex: OnceLock<Result<Regex, String>>,
}

impl Pattern {
    pub(crate) fn new(source: String) -> Self {
        Self { source, regex: OnceLock::new() }
    }

    pub(crate) fn source(&self) -> &str {
        &self.source
    }

    /// Whether the expression matches anywhere in `text`; the error says why it does not compile.
    pub(crate) fn is_match(&self, text: &str) -> Result<bool, &str> {
        match self.regex.get_or_init(|| compile(&self.source)) {
            Ok(regex) => Ok(regex.is_match(text)),
            Err(message) => Err(message),
        }
    }
}

/// Compiles an expression in RE2 syntax.
pub(crate) fn compile(source: &str) -> Result<Regex, String> {
    Regex::new(&translate(source)).map_err(|error| error.to_string())
}

fn translate(source: &str) -> String {
    let mut out = String::with_capacity(source.len() + 16);
    let mut chars = source.chars().peekable();
    let mut in_class = false;
    let mut class_start = false;
    while let Some(char) = chars.next() {
        let at_start = std::mem::take(&mut class_start);
        match char {
            '\\' => match chars.next() {
                Some('Q') if !in_class => quote(&mut chars, &mut out),
                Some(escaped) => escape(escaped, in_class, &mut out),
                None => out.push('\\'),
            },
            '[' if !in_class => {
                in_class = true;
                class_start = true;
                out.push('[');
                if chars.next_if_eq(&'^').is_some() {
                    out.push('^');
                }
            }
            '[' if chars.peek() == Some(&':') => out.push('['),
            ']' if in_class && at_start => out.push_str(r"\]"),
            ']' if in_class => {
                if out.ends_with(':') && chars.peek() == Some(&']') && posix_open(&out) {
                    out.push(']');
                } else {
                    in_class = false;
                    out.push(']');
                }
            }
            '[' | '&' | '~' if in_class => {
                out.push('\\');
                out.push(char);
            }
            _ => out.push(char),
        }
    }
    out
}

/// Whether the output ends in an unfinished `[:name:`.
fn posix_open(out: &str) -> bool {
    out.rfind("[:").is_some_and(|start| !out[start..].contains(']'))
}

fn quote(chars: &mut std::iter::Peekable<std::str::Chars<'_>>, out: &mut String) {
    let mut literal = String::new();
    while let Some(char) = chars.next() {
        if char == '\\' && chars.next_if_eq(&'E').is_some() {
            break;
        }
        literal.push(char);
    }
    out.push_str(&regex::escape(&literal));
}

fn escape(escaped: char, in_class: bool, out: &mut String) {
    let class = match escaped.to_ascii_lowercase() {
        'd' => "0-9",
        'w' => "0-9A-Za-z_",
        's' => r"\t\n\f\r ",
        'b' if !in_class => {
            let _ = write!(out, r"(?-u:\{escaped})");
            return;
        }
        _ => {
            out.push('\\');
            out.push(escaped);
            return;
        }
    };
    let _ = match (escaped.is_ascii_uppercase(), in_class) {
        (true, _) => write!(out, "[^{class}]"),
        (false, true) => write!(out, "{class}"),
        (false, false) => write!(out, "[{class}]"),
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    /// <https://pkg.go.dev/regexp/syntax>
    #[test]
    fn expressions_mean_what_they_mean_in_go() {
        for (source, text, expected) in [
            ("b", "abc", true),
            ("^b", "abc", false),
            (r"^\d+$", "123", true),
            (r"^\d+$", "١٢٣", false),
            (r"^[\d\-]+$", "1-2", true),
            (r"^\w+$", "é", false),
            (r"^[^\W]+$", "ab_", true),
            (r"^\S+$", "é", true),
            (r"^[[:alpha:]]+$", "abc", true),
            (r"^[[:alpha:]]+$", "ab1", false),
            (r"^[[a]+$", "[a", true),
            (r"^[]a]+$", "]a", true),
            (r"^[^]a]+$", "]", false),
            (r"^[a&&b]+$", "a&b", true),
            (r"^[a~~b]+$", "~", true),
            (r"^\Qa.b\E$", "a.b", true),
            (r"^\Qa.b\E$", "axb", false),
            (r"^[A-Za-z0-9\/\-._~%!$&'()*+,;=:]+$", "a/b-~&", true),
            ("^[A-Za-z0-9!#$%&'*+\\-.^_\\x60|~]+$", "x`y^", true),
            (r"^(?i)abc$", "ABC", true),
            (r"\bfoo\b", "a foo b", true),
            ("^a$", "a\n", false),
        ] {
            assert_eq!(compile(source).unwrap().is_match(text), expected, "{source} on {text}");
        }
    }

    #[test]
    fn an_expression_that_does_not_compile_says_why() {
        assert!(Pattern::new("a(".to_owned()).is_match("a").unwrap_err().contains("unclosed group"));
    }
}
