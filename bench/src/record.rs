//! What a comparison has found so far: printed, and written after each part, so that a run that is ended keeps what it had.

use std::path::PathBuf;

use crate::failure::Failure;
use crate::report::{self, Conditions};
use crate::site;

/// The tables so far.
#[derive(Debug)]
pub(crate) struct Record {
    conditions: Conditions,
    tables: String,
    /// Where they are written.
    results: Option<PathBuf>,
}

impl Record {
    /// Of a comparison that begins under these conditions.
    pub(crate) fn new(conditions: Conditions, results: Option<PathBuf>) -> Self {
        Self { conditions, tables: String::new(), results }
    }

    /// What proxies are compared, once some have been started.
    pub(crate) fn name(&mut self, versions: impl IntoIterator<Item = (&'static str, String)>) {
        if self.conditions.versions.is_empty() {
            self.conditions.versions.extend(versions);
        }
    }

    /// Adds the table of a part that has ended while the machine's load was that.
    pub(crate) fn add(&mut self, table: &str, load: String) -> Result<(), Failure> {
        println!("{table}");
        self.tables.push_str(table);
        let [_, last] = &mut self.conditions.load;
        *last = load;
        self.write(false)
    }

    /// Nothing follows.
    pub(crate) fn end(&self) -> Result<(), Failure> {
        println!("\n{}", self.text(true));
        self.write(true)
    }

    fn write(&self, ended: bool) -> Result<(), Failure> {
        match &self.results {
            Some(path) => site::write(path, &self.text(ended)),
            None => Ok(()),
        }
    }

    fn text(&self, ended: bool) -> String {
        let unfinished = if ended { "" } else { "\nThe run did not end: parts are missing.\n" };
        report::head(&self.conditions) + unfinished + &self.tables
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_that_is_ended_keeps_the_parts_that_it_had_and_says_so() {
        let path = std::env::temp_dir().join(format!("nantian-bench-record-{}.md", std::process::id()));
        let load = ["1 1 1".to_owned(), String::new()];
        let (binary, machine) = ("nantian".to_owned(), "one".to_owned());
        let conditions = Conditions { rounds: 3, binary, load, machine, versions: Vec::new() };
        let mut record = Record::new(conditions, Some(path.clone()));
        record.name([("nantian", "0.1.0".to_owned())]);
        record.add("## jobs\n", "2 2 2".to_owned()).unwrap();
        let cut = std::fs::read_to_string(&path).unwrap();
        assert!(cut.contains("did not end") && cut.ends_with("## jobs\n"), "{cut}");
        assert!(cut.contains("before: 1 1 1; after: 2 2 2") && cut.contains("- nantian: `0.1.0`"), "{cut}");
        record.add("## log\n", "3 3 3".to_owned()).unwrap();
        record.end().unwrap();
        let whole = std::fs::read_to_string(&path).unwrap();
        assert!(!whole.contains("did not end") && whole.ends_with("## jobs\n## log\n"), "{whole}");
        std::fs::remove_file(path).unwrap();
    }
}
