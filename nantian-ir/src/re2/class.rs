//! Character classes.

use super::{Parser, Re2Error, Re2Problem};

/// Whether `\c` is a class of its own.
pub(super) const fn is_perl(c: char) -> bool {
    matches!(c, 'd' | 'D' | 's' | 'S' | 'w' | 'W')
}

/// `\d` and its like: ASCII in RE2, and `\s` without the vertical tab.
pub(super) const fn perl(c: char) -> &'static str {
    match c {
        'd' => "[0-9]",
        'D' => "[^0-9]",
        's' => r"[\t\n\f\r ]",
        'S' => r"[^\t\n\f\r ]",
        'w' => "[0-9A-Za-z_]",
        _ => "[^0-9A-Za-z_]",
    }
}

const POSIX: [&str; 14] = [
    "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct", "space", "upper", "word",
    "xdigit",
];

const CATEGORIES: [&str; 35] = [
    "Cc", "Cf", "Co", "L", "Ll", "Lm", "Lo", "Lt", "Lu", "M", "Mc", "Me", "Mn", "N", "Nd", "Nl", "No", "P", "Pc", "Pd",
    "Pe", "Pf", "Pi", "Po", "Ps", "S", "Sc", "Sk", "Sm", "So", "Z", "Zl", "Zp", "Zs", "Any",
];

impl Parser {
    /// `[...]`. What is written has no set operations in it: every character that could start one is escaped.
    pub(super) fn class(&mut self) -> Result<(), Re2Error> {
        let start = self.at;
        self.at += 1;
        self.out.push('[');
        if self.eat("^") {
            self.out.push('^');
        }
        let mut first = true;
        loop {
            match self.peek() {
                None => return Err(self.error_at(start, Re2Problem::ClassNotClosed)),
                Some(']') if !first => {
                    self.at += 1;
                    self.out.push(']');
                    return Ok(());
                }
                Some('[') if self.chars.get(self.at + 1) == Some(&':') => self.posix(start)?,
                Some('\\') if self.chars.get(self.at + 1).copied().is_some_and(is_perl) => {
                    self.at += 1;
                    let c = self.next().unwrap_or('d');
                    self.out.push_str(perl(c));
                }
                Some('\\') if matches!(self.chars.get(self.at + 1), Some('p' | 'P')) => self.unicode_class()?,
                Some(_) => self.range(start)?,
            }
            first = false;
        }
    }

    /// `[:alpha:]`, or a literal `[` if no `:]` follows.
    fn posix(&mut self, class: usize) -> Result<(), Re2Error> {
        let start = self.at;
        let rest: String = self.chars.get(start + 2..).unwrap_or_default().iter().collect();
        let Some((name, _)) = rest.split_once(":]") else { return self.range(class) };
        self.at += name.chars().count() + 4;
        if !POSIX.contains(&name.strip_prefix('^').unwrap_or(name)) {
            return Err(self.error_at(start, Re2Problem::Class(self.since(start))));
        }
        self.out.push_str("[:");
        self.out.push_str(name);
        self.out.push_str(":]");
        Ok(())
    }

    /// One character, or `low-high`.
    fn range(&mut self, class: usize) -> Result<(), Re2Error> {
        let start = self.at;
        let low = self.class_character(class)?;
        let mut high = low;
        if self.peek() == Some('-') && self.chars.get(self.at + 1).is_some_and(|c| *c != ']') {
            self.at += 1;
            high = self.class_character(class)?;
            if high < low {
                return Err(self.error_at(start, Re2Problem::Class(self.since(start))));
            }
        }
        self.class_literal(low);
        if high > low {
            self.out.push('-');
            self.class_literal(high);
        }
        Ok(())
    }

    fn class_character(&mut self, class: usize) -> Result<char, Re2Error> {
        match self.peek() {
            None => Err(self.error_at(class, Re2Problem::ClassNotClosed)),
            Some('\\') => self.character_escape(self.at),
            Some(c) => {
                self.at += 1;
                Ok(c)
            }
        }
    }

    fn class_literal(&mut self, c: char) {
        if c == '/' || c == ' ' { self.out.push(c) } else { self.literal(c) }
    }

    /// `\pN`, `\p{Greek}`, `\p{^Greek}`, `\PN`, `\P{Greek}`: general categories and scripts, spelt as Unicode does.
    pub(super) fn unicode_class(&mut self) -> Result<(), Re2Error> {
        let start = self.at;
        let mut negated = self.chars.get(self.at + 1) == Some(&'P');
        self.at += 2;
        let unknown = |parser: &Self| parser.error_at(start, Re2Problem::Class(parser.since(start)));
        let mut name = String::new();
        match self.next() {
            Some('{') => loop {
                match self.next() {
                    Some('}') => break,
                    Some('^') if name.is_empty() => negated = !negated,
                    Some(c) => name.push(c),
                    None => return Err(unknown(self)),
                }
            },
            Some(c) => name.push(c),
            None => return Err(unknown(self)),
        }
        let positive = match name.as_str() {
            // RE2's category C has no unassigned code points, and surrogates are in no text.
            "C" => r"[\p{Cc}\p{Cf}\p{Co}]".to_owned(),
            "Cs" => r"[^\x{0}-\x{10FFFF}]".to_owned(),
            _ if CATEGORIES.contains(&name.as_str()) => format!(r"[\p{{{name}}}]"),
            _ if is_script(&name) => format!(r"[\p{{sc={name}}}]"),
            _ => return Err(unknown(self)),
        };
        if negated {
            self.out.push_str("[^");
            self.out.push_str(&positive);
            self.out.push(']');
        } else {
            self.out.push_str(&positive);
        }
        Ok(())
    }
}

/// Script names are case-sensitive in RE2 (`Old_Italic`), which the regex crate does not insist on.
fn is_script(name: &str) -> bool {
    let spelt = |part: &str| part.chars().next().is_some_and(|c| c.is_ascii_uppercase());
    name.len() > 2
        && name.chars().all(|c| c.is_ascii_alphabetic() || c == '_')
        && name.split('_').all(|part| spelt(part) || part == "of")
        && regex_syntax::Parser::new().parse(&format!(r"\p{{sc={name}}}")).is_ok()
}
