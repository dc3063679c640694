//! RE2 expressions, as the Gateway API's `RegularExpression` matches mean them here, for the `regex` crate.
//!
//! Both engines are automata and agree on most of the syntax, but not on all of it: RE2's `\d`, `\w`, `\s` and `\b` are
//! ASCII, its character classes have no set operations, it refuses stacked repetitions and counts over 1,000. So a
//! pattern is parsed as RE2 does (<https://github.com/google/re2/wiki/Syntax>) and written anew. The result has to match
//! the whole value (`\A(?:...)\z`), as Envoy's `safe_regex` does. Greediness and captures cannot change whether a whole
//! value matches and are left out.

mod class;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::fmt::Write as _;

use thiserror::Error;

/// Why a pattern is not an RE2 expression, and where.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{problem}, at character {at}")]
pub struct Re2Error {
    /// Position in the pattern, in characters from 1.
    pub at: usize,
    /// What is wrong.
    pub problem: Re2Problem,
}

/// What can be wrong with a pattern.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Re2Problem {
    /// `(?=`, `(?!`, `(?<=`, `(?<!`.
    #[error("RE2 has no look-around: write the expression without it, or use several matches")]
    LookAround,
    /// `\1`, `(?P=name)`.
    #[error("RE2 has no backreferences")]
    Backreference,
    /// `(?` with something that RE2 does not know.
    #[error("{0:?} is not a group that RE2 knows")]
    Group(String),
    /// A group name with other characters than word characters, or one used twice.
    #[error("{0:?} is not usable as a group name: names are unique and have letters, digits and _ only")]
    GroupName(String),
    /// A `(` without `)`.
    #[error("a group is not closed")]
    GroupNotClosed,
    /// A `)` without `(`.
    #[error("')' has no '('")]
    GroupNotOpened,
    /// Groups within groups beyond the bound.
    #[error("groups are nested more than {MAX_DEPTH} deep")]
    Depth,
    /// A repetition with nothing before it.
    #[error("{0:?} repeats nothing: put an expression before it, or escape it with \\")]
    NothingToRepeat(String),
    /// A repetition of a repetition.
    #[error("{0:?} repeats a repetition: put a group around what comes before it")]
    StackedRepetition(String),
    /// `{n,m}` with too large or swapped numbers, alone or within others.
    #[error("a repetition count is over 1000 (nested ones are multiplied) or its bounds are swapped")]
    Count,
    /// `\` and something that RE2 does not know.
    #[error("{0:?} is not an escape that RE2 knows")]
    Escape(String),
    /// A character class without `]`.
    #[error("a character class is not closed")]
    ClassNotClosed,
    /// A range or class name in brackets that cannot be.
    #[error("{0:?} is not a range or class that RE2 knows")]
    Class(String),
    /// Valid RE2 that the engine at hand cannot take.
    #[error("the expression cannot be used: {0}")]
    Unsupported(String),
}

/// Memory that a compiled pattern may take, in bytes: enough for thousands of characters, not for huge repetitions of
/// large classes. Whoever compiles a translated pattern sets this limit (`RegexBuilder::size_limit`), so that what the
/// compiler of configurations accepts, every data plane accepts.
pub const MAX_COMPILED: usize = 1 << 20;

const MAX_DEPTH: usize = 100;
const MAX_COUNT: u32 = 1000;

/// Checks an RE2 pattern and writes it for the `regex` crate, to match whole values.
///
/// ```
/// assert_eq!(nantian_ir::re2::translate("/v[12]/.*")?, r"\A(?:/v[12]/.*)\z");
/// assert!(nantian_ir::re2::translate("(?=a)b").is_err());
/// # Ok::<(), nantian_ir::re2::Re2Error>(())
/// ```
pub fn translate(pattern: &str) -> Result<String, Re2Error> {
    let mut parser =
        Parser { chars: pattern.chars().collect(), at: 0, out: String::from(r"\A(?:"), names: BTreeSet::new() };
    parser.alternation(0)?;
    if parser.at < parser.chars.len() {
        return Err(parser.error(Re2Problem::GroupNotOpened));
    }
    parser.out.push_str(r")\z");
    // A guard, not a rule: whatever was missed above must be an error here and not in a data plane.
    match regex_syntax::Parser::new().parse(&parser.out) {
        Ok(_) => Ok(parser.out),
        Err(error) => Err(Re2Error { at: 1, problem: Re2Problem::Unsupported(last_line(&error.to_string())) }),
    }
}

fn last_line(text: &str) -> String {
    text.lines().last().unwrap_or(text).trim_start_matches("error: ").to_owned()
}

struct Parser {
    chars: Vec<char>,
    at: usize,
    out: String,
    names: BTreeSet<String>,
}

/// What stands before the next element, as far as a repetition wants to know.
#[derive(Clone, Copy)]
enum Before {
    Nothing,
    /// An expression, with the product of the counts inside it.
    Expression(u32),
    Repetition(u32),
}

impl Parser {
    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn next(&mut self) -> Option<char> {
        let c = self.peek();
        self.at += usize::from(c.is_some());
        c
    }

    fn eat(&mut self, text: &str) -> bool {
        let found = text.chars().enumerate().all(|(i, c)| self.chars.get(self.at + i) == Some(&c));
        if found {
            self.at += text.chars().count();
        }
        found
    }

    fn error(&self, problem: Re2Problem) -> Re2Error {
        self.error_at(self.at, problem)
    }

    fn error_at(&self, at: usize, problem: Re2Problem) -> Re2Error {
        Re2Error { at: at.min(self.chars.len()) + 1, problem }
    }

    fn since(&self, start: usize) -> String {
        self.chars.get(start..self.at).unwrap_or_default().iter().collect()
    }

    fn literal(&mut self, c: char) {
        if c.is_ascii_alphanumeric() || "/_ \"'%,:;=@!<>`".contains(c) || (!c.is_ascii() && !c.is_control()) {
            self.out.push(c);
        } else if c.is_ascii_punctuation() {
            self.out.push('\\');
            self.out.push(c);
        } else {
            // Writing to a String cannot fail.
            let _ = write!(self.out, "\\x{{{:X}}}", u32::from(c));
        }
    }

    /// Everything up to `)` or the end. The result is the largest product of nested repetition counts.
    fn alternation(&mut self, depth: usize) -> Result<u32, Re2Error> {
        if depth > MAX_DEPTH {
            return Err(self.error(Re2Problem::Depth));
        }
        let mut before = Before::Nothing;
        let mut product = 1;
        while let Some(c) = self.peek() {
            let start = self.at;
            match c {
                ')' => break,
                '|' => {
                    self.at += 1;
                    self.out.push('|');
                    before = Before::Nothing;
                    continue;
                }
                '*' | '+' | '?' => {
                    self.at += 1;
                    before = self.repetition(start, before, &c.to_string(), 1)?;
                }
                '{' => before = self.counted(start, before)?,
                '(' => match self.group(depth)? {
                    Some(inner) => before = Before::Expression(inner),
                    None => before = Before::Nothing,
                },
                _ => {
                    self.atom(c)?;
                    before = Before::Expression(1);
                }
            }
            if let Before::Expression(inner) | Before::Repetition(inner) = before {
                product = product.max(inner);
            }
        }
        Ok(product)
    }

    fn repetition(&mut self, start: usize, before: Before, operator: &str, count: u32) -> Result<Before, Re2Error> {
        self.eat("?");
        match before {
            Before::Nothing => Err(self.error_at(start, Re2Problem::NothingToRepeat(self.since(start)))),
            Before::Repetition(_) => Err(self.error_at(start, Re2Problem::StackedRepetition(self.since(start)))),
            Before::Expression(inner) => {
                let product = inner.saturating_mul(count.max(1));
                if product > MAX_COUNT {
                    return Err(self.error_at(start, Re2Problem::Count));
                }
                self.out.push_str(operator);
                Ok(Before::Repetition(product))
            }
        }
    }

    /// `{n}`, `{n,}`, `{n,m}`; anything else that starts with `{` is literal.
    fn counted(&mut self, start: usize, before: Before) -> Result<Before, Re2Error> {
        self.at += 1;
        let Some((min, max)) = self.bounds() else {
            self.at = start + 1;
            self.literal('{');
            return Ok(Before::Expression(1));
        };
        if min > MAX_COUNT || max.is_some_and(|max| max > MAX_COUNT || max < min) {
            return Err(self.error_at(start, Re2Problem::Count));
        }
        let operator = match max {
            Some(max) => format!("{{{min},{max}}}"),
            None => format!("{{{min},}}"),
        };
        self.repetition(start, before, &operator, max.unwrap_or(min))
    }

    fn bounds(&mut self) -> Option<(u32, Option<u32>)> {
        let min = self.number()?;
        let max = match self.next()? {
            '}' => return Some((min, Some(min))),
            ',' if self.peek() == Some('}') => None,
            ',' => Some(self.number()?),
            _ => return None,
        };
        (self.next()? == '}').then_some((min, max))
    }

    /// A decimal number without leading zeros; huge ones saturate.
    fn number(&mut self) -> Option<u32> {
        let start = self.at;
        let mut value: u32 = 0;
        while let Some(digit) = self.peek().and_then(|c| c.to_digit(10)) {
            value = value.saturating_mul(10).saturating_add(digit);
            self.at += 1;
        }
        let leading_zero = self.at > start + 1 && self.chars.get(start) == Some(&'0');
        (self.at > start && !leading_zero).then_some(value)
    }

    /// A group, or flags for the rest of the enclosing one (then `None`).
    fn group(&mut self, depth: usize) -> Result<Option<u32>, Re2Error> {
        let start = self.at;
        self.at += 1;
        if self.eat("?") {
            if ["=", "!", "<=", "<!"].iter().any(|look| self.eat(look)) {
                return Err(self.error_at(start, Re2Problem::LookAround));
            }
            if self.eat("P=") || self.eat("P>") {
                return Err(self.error_at(start, Re2Problem::Backreference));
            }
            if self.eat("P<") || self.eat("<") {
                self.name(start)?;
                self.out.push_str("(?:");
            } else if !self.flags(start)? {
                return Ok(None);
            }
        } else {
            self.out.push_str("(?:");
        }
        let product = self.alternation(depth + 1)?;
        if self.next() != Some(')') {
            return Err(self.error_at(start, Re2Problem::GroupNotClosed));
        }
        self.out.push(')');
        Ok(Some(product))
    }

    fn name(&mut self, group: usize) -> Result<(), Re2Error> {
        let start = self.at;
        while self.peek().is_some_and(|c| c != '>') {
            self.at += 1;
        }
        let name = self.since(start);
        let word = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        if self.next() != Some('>') || !word || !self.names.insert(name.clone()) {
            return Err(self.error_at(group, Re2Problem::GroupName(name)));
        }
        Ok(())
    }

    /// `ims-U:` or `ims-U)` after `(?`. True where a group follows.
    fn flags(&mut self, start: usize) -> Result<bool, Re2Error> {
        let mut set: Vec<(char, bool)> = Vec::new();
        let (mut on, mut any) = (true, false);
        loop {
            match self.next() {
                Some(flag @ ('i' | 'm' | 's' | 'U')) => {
                    set.retain(|(name, _)| *name != flag);
                    set.push((flag, on));
                    any = true;
                }
                Some('-') if on => (on, any) = (false, false),
                Some(end @ (':' | ')')) if on || any => {
                    set.retain(|(flag, _)| *flag != 'U');
                    self.write_flags(&set, end);
                    return Ok(end == ':');
                }
                _ => return Err(self.error_at(start, Re2Problem::Group(self.since(start)))),
            }
        }
    }

    fn write_flags(&mut self, set: &[(char, bool)], end: char) {
        if set.is_empty() && end == ')' {
            return;
        }
        let pick = |on: bool| set.iter().filter(|(_, state)| *state == on).map(|(flag, _)| *flag).collect::<String>();
        let (on, off) = (pick(true), pick(false));
        self.out.push_str("(?");
        self.out.push_str(&on);
        if !off.is_empty() {
            self.out.push('-');
            self.out.push_str(&off);
        }
        self.out.push(end);
    }

    /// One element other than a group.
    fn atom(&mut self, c: char) -> Result<(), Re2Error> {
        match c {
            '[' => return self.class(),
            '\\' => return self.escape(),
            '^' | '$' | '.' => self.out.push(c),
            _ => self.literal(c),
        }
        self.at += 1;
        Ok(())
    }

    fn escape(&mut self) -> Result<(), Re2Error> {
        let start = self.at;
        match self.chars.get(self.at + 1) {
            Some('A') => self.out.push_str(r"\A"),
            Some('z') => self.out.push_str(r"\z"),
            Some('b') => self.out.push_str(r"(?-u:\b)"),
            Some('B') => self.out.push_str(r"(?-u:\B)"),
            Some('Q') => {
                self.at += 2;
                self.quoted();
                return Ok(());
            }
            Some(c) if class::is_perl(*c) => self.out.push_str(class::perl(*c)),
            Some('p' | 'P') => return self.unicode_class(),
            _ => {
                let c = self.character_escape(start)?;
                self.literal(c);
                return Ok(());
            }
        }
        self.at += 2;
        Ok(())
    }

    /// `\Q...\E`, or to the end. An empty one is an expression of nothing.
    fn quoted(&mut self) {
        let start = self.at;
        while self.at < self.chars.len() && !self.eat(r"\E") {
            self.at += 1;
        }
        let text: Vec<char> = self.since(start).chars().collect();
        let text = text.strip_suffix(&['\\', 'E']).unwrap_or(&text).to_vec();
        if text.is_empty() {
            self.out.push_str("(?:)");
        }
        for c in text {
            self.literal(c);
        }
    }

    /// An escape that stands for one character.
    fn character_escape(&mut self, start: usize) -> Result<char, Re2Error> {
        self.at += 1;
        let unknown = |parser: &Self| parser.error_at(start, Re2Problem::Escape(parser.since(start)));
        let Some(c) = self.next() else { return Err(unknown(self)) };
        let octal = |c: Option<char>| c.and_then(|c| c.to_digit(8));
        match c {
            'a' => Ok('\u{7}'),
            'f' => Ok('\u{c}'),
            'n' => Ok('\n'),
            'r' => Ok('\r'),
            't' => Ok('\t'),
            'v' => Ok('\u{b}'),
            '1'..='7' if octal(self.peek()).is_none() => Err(self.error_at(start, Re2Problem::Backreference)),
            '0'..='7' => {
                let mut value = octal(Some(c)).unwrap_or_default();
                for _ in 0..2 {
                    let Some(digit) = octal(self.peek()) else { break };
                    value = value * 8 + digit;
                    self.at += 1;
                }
                char::from_u32(value).ok_or_else(|| unknown(self))
            }
            '8' | '9' => Err(self.error_at(start, Re2Problem::Backreference)),
            'x' => self.hexadecimal().ok_or_else(|| unknown(self)),
            c if c.is_ascii() && !c.is_ascii_alphanumeric() => Ok(c),
            _ => Err(unknown(self)),
        }
    }

    /// `7F` or `{10FFFF}` after `\x`.
    fn hexadecimal(&mut self) -> Option<char> {
        let digits = if self.eat("{") {
            let start = self.at;
            while self.peek()? != '}' {
                self.at += 1;
            }
            let digits = self.since(start);
            self.at += 1;
            digits
        } else {
            let start = self.at;
            self.at = (self.at + 2).min(self.chars.len());
            let digits = self.since(start);
            if digits.chars().count() != 2 {
                return None;
            }
            digits
        };
        let hexadecimal = !digits.is_empty() && digits.chars().all(|c| c.is_ascii_hexdigit());
        hexadecimal.then(|| u32::from_str_radix(&digits, 16).ok()).flatten().and_then(char::from_u32)
    }
}
