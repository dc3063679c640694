//! How many tests passed and failed, read from what cargo printed.

use std::ops::Add;

use crate::process::{Failure, Step};

/// Tests that ran.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) passed: usize,
    pub(crate) failed: usize,
}

impl Add for Counts {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { passed: self.passed + other.passed, failed: self.failed + other.failed }
    }
}

impl Counts {
    /// Runs `cargo test` and counts.
    pub(crate) fn of_run(step: Step) -> Result<Self, Failure> {
        let (well, output) = step.watch()?;
        Ok(Self::of_cargo(&output, well))
    }

    /// The sum over all summary lines of a `cargo test` run. A test that was ignored counts as failed, and so does a
    /// run that ended badly although no test failed: something did not compile or was killed.
    fn of_cargo(output: &str, ended_well: bool) -> Self {
        let mut sum = output.lines().filter_map(Self::of_summary).fold(Self::default(), Add::add);
        if !ended_well && sum.failed == 0 {
            sum.failed = 1;
        }
        sum
    }

    /// `test result: ok. 12 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.01s`
    fn of_summary(line: &str) -> Option<Self> {
        let (_, parts) = line.trim().strip_prefix("test result: ")?.split_once(". ")?;
        let mut counts = Self::default();
        for part in parts.split(';') {
            let Some((number, what)) = part.trim().split_once(' ') else { continue };
            match (number.parse::<usize>(), what) {
                (Ok(number), "passed") => counts.passed += number,
                (Ok(number), "failed" | "ignored") => counts.failed += number,
                _ => {}
            }
        }
        Some(counts)
    }
}

#[cfg(test)]
mod tests {
    use super::Counts;

    #[test]
    fn summary_lines_are_added_up() {
        let output = "running 2 tests\n\
            test result: ok. 12 passed; 0 failed; 0 ignored; 0 measured; 3 filtered out; finished in 0.01s\n\
            test result: FAILED. 1 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.01s\n";
        assert_eq!(Counts::of_cargo(output, false), Counts { passed: 13, failed: 2 });
    }

    #[test]
    fn a_test_that_did_not_run_is_a_failure() {
        let ignored = "test result: ok. 1 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0s\n";
        assert_eq!(Counts::of_cargo(ignored, true), Counts { passed: 1, failed: 1 });
        assert_eq!(Counts::of_cargo("error: could not compile\n", false), Counts { passed: 0, failed: 1 });
        assert_eq!(Counts::of_cargo("", true), Counts::default());
    }
}
