//! The flags of a command: `--name value` pairs and at most one bare word.

use std::str::FromStr;

use crate::process::Failure;

/// What follows the command's name.
#[derive(Debug, Default)]
pub(crate) struct Arguments {
    words: Vec<String>,
}

impl Arguments {
    pub(crate) fn new(words: impl Iterator<Item = String>) -> Self {
        Self { words: words.collect() }
    }

    /// Takes `--name VALUE` or `--name=VALUE` out.
    pub(crate) fn option<T: FromStr>(&mut self, name: &str) -> Result<Option<T>, Failure> {
        let Some(at) = self.words.iter().position(|word| word == name || word.starts_with(&format!("{name}="))) else {
            return Ok(None);
        };
        let word = self.words.remove(at);
        let value = match word.split_once('=') {
            Some((_, value)) => value.to_owned(),
            None if at < self.words.len() => self.words.remove(at),
            None => return Err(Failure::Usage(format!("{name} needs a value"))),
        };
        value.parse().map(Some).map_err(|_| Failure::Usage(format!("{name} does not take `{value}`")))
    }

    /// Takes `--name` out; tells whether it was there.
    pub(crate) fn flag(&mut self, name: &str) -> bool {
        let at = self.words.iter().position(|word| word == name);
        at.map(|at| self.words.remove(at)).is_some()
    }

    /// Takes the bare word out, if there is one.
    pub(crate) fn word(&mut self) -> Option<String> {
        let at = self.words.iter().position(|word| !word.starts_with('-'))?;
        Some(self.words.remove(at))
    }

    /// All that nobody took, for a program that reads its arguments itself.
    pub(crate) fn words(self) -> Vec<String> {
        self.words
    }

    /// Refuses whatever nobody took.
    pub(crate) fn finish(self) -> Result<(), Failure> {
        match self.words.first() {
            None => Ok(()),
            Some(word) => Err(Failure::Usage(format!("`{word}` is not understood; `cargo xtask` lists what is"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Arguments;

    fn arguments(line: &str) -> Arguments {
        Arguments::new(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn options_are_taken_in_both_spellings_and_in_any_order() {
        let mut given = arguments("router --seconds 5 --suite=e2e");
        assert_eq!(given.option::<String>("--suite").unwrap().as_deref(), Some("e2e"));
        assert_eq!(given.option::<u64>("--seconds").unwrap(), Some(5));
        assert_eq!(given.word().as_deref(), Some("router"));
        assert!(given.finish().is_ok());
    }

    #[test]
    fn a_flag_is_taken_once() {
        let mut given = arguments("--peers --quick");
        assert!(given.flag("--quick"));
        assert!(!given.flag("--quick"));
        assert!(given.finish().is_err(), "--peers was not taken");
    }

    #[test]
    fn what_nobody_took_is_refused() {
        assert!(arguments("--sweet e2e").finish().is_err());
        assert!(arguments("--seconds").option::<u64>("--seconds").is_err());
        assert!(arguments("--seconds many").option::<u64>("--seconds").is_err());
    }
}
