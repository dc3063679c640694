//! Colours, or none.

use std::fmt;
use std::io::IsTerminal;

use nantian_ir::compile::Severity;

use crate::cli::ColorChoice;

/// What a piece of text means; what it looks like follows from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    /// An error.
    Bad,
    /// A warning.
    Odd,
    /// Something that works.
    Good,
    /// A name to find again.
    Strong,
    /// Line numbers, arrows, tree branches.
    Frame,
    /// Less important.
    Faint,
}

impl From<Severity> for Tone {
    fn from(severity: Severity) -> Self {
        match severity {
            Severity::Error => Self::Bad,
            Severity::Warning => Self::Odd,
            Severity::Info => Self::Frame,
        }
    }
}

/// Whether to colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Style {
    coloured: bool,
}

impl Style {
    /// Decides for one stream. `NO_COLOR` with any value but the empty one means none (<https://no-color.org>).
    pub(crate) fn new(choice: ColorChoice, stream: &impl IsTerminal) -> Self {
        let wanted = || {
            let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
            let dumb = std::env::var_os("TERM").is_some_and(|value| value == "dumb");
            stream.is_terminal() && !refused && !dumb
        };
        let coloured = match choice {
            ColorChoice::Auto => wanted(),
            ColorChoice::Always => true,
            ColorChoice::Never => false,
        };
        Self { coloured }
    }

    /// No colours.
    pub(crate) const PLAIN: Self = Self { coloured: false };

    /// `text` in the given tone. Control characters are shown as escapes, so that no file content can steer a terminal.
    pub(crate) fn paint(self, tone: Tone, text: &str) -> Painted<'_> {
        Painted { code: self.coloured.then(|| code(tone)), text }
    }
}

const fn code(tone: Tone) -> &'static str {
    match tone {
        Tone::Bad => "1;31",
        Tone::Odd => "1;33",
        Tone::Good => "32",
        Tone::Strong => "1",
        Tone::Frame => "1;34",
        Tone::Faint => "2",
    }
}

/// Text with its colour.
pub(crate) struct Painted<'a> {
    code: Option<&'static str>,
    text: &'a str,
}

impl fmt::Display for Painted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.code {
            Some(code) => write!(f, "\x1b[{code}m{}\x1b[0m", Safe(self.text)),
            None => write!(f, "{}", Safe(self.text)),
        }
    }
}

/// Text whose control characters are escaped.
pub(crate) struct Safe<'a>(pub(crate) &'a str);

impl fmt::Display for Safe<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in self.0.split_inclusive(char::is_control) {
            match part.chars().next_back() {
                Some(last) if last.is_control() => {
                    let front = part.len() - last.len_utf8();
                    f.write_str(part.get(..front).unwrap_or_default())?;
                    write!(f, "{}", last.escape_default())?;
                }
                _ => f.write_str(part)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_do_not_reach_the_terminal() {
        assert_eq!(Safe("a\x1b[2Jb\nc").to_string(), "a\\u{1b}[2Jb\\nc");
        let coloured = Style { coloured: true };
        assert_eq!(coloured.paint(Tone::Bad, "x\x07").to_string(), "\x1b[1;31mx\\u{7}\x1b[0m");
        assert_eq!(Style::PLAIN.paint(Tone::Bad, "x").to_string(), "x");
    }
}
