//! Programs that are run to their end, and daemons that outlive us, known by process id and time of start.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::ClusterError;
use crate::namespace::Namespace;
use crate::state::State;

/// Between two looks at something that is waited for.
const LOOK: Duration = Duration::from_millis(50);
/// How long the system may take to remove a process that was killed.
pub(crate) const AFTER_KILL: Duration = Duration::from_secs(10);
/// How much of a log is shown.
const LAST_LINES: usize = 12;

/// Runs a program; what it prints is shown if it fails.
pub(crate) fn run(command: &mut Command) -> Result<(), ClusterError> {
    read(command).map(drop)
}

/// Runs a program and returns what it prints to standard output.
pub(crate) fn read(command: &mut Command) -> Result<String, ClusterError> {
    let output = command.stdin(Stdio::null()).output().map_err(|error| ClusterError::start(command, error))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = last_lines(&String::from_utf8_lossy(&output.stderr));
    Err(ClusterError::Failed { line: line(command), status: output.status.to_string(), said })
}

/// What a person would have typed.
pub(crate) fn line(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
}

fn last_lines(text: &str) -> String {
    let skipped = text.lines().count().saturating_sub(LAST_LINES);
    text.lines().skip(skipped).collect::<Vec<_>>().join("\n")
}

/// Waits until `done` says so.
pub(crate) fn wait_until(
    what: &str,
    state: &State,
    limit: Duration,
    mut done: impl FnMut() -> Result<bool, ClusterError>,
) -> Result<(), ClusterError> {
    let began = Instant::now();
    while !done()? {
        if began.elapsed() > limit {
            return Err(ClusterError::Late { what: what.to_owned(), seconds: limit.as_secs(), logs: state.logs() });
        }
        sleep(LOOK);
    }
    Ok(())
}

/// A process of the system. The time of its start tells it from a later one with the same id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Process {
    id: i32,
    /// Clock ticks after the system's start.
    started: u64,
}

impl Process {
    /// The process that has this id now.
    pub(crate) fn with_id(id: i32) -> Option<Self> {
        let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
        // The name is in parentheses and may hold any character; the state follows it, and the start is the 20th after.
        let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace();
        let ended = matches!(fields.next()?, "Z" | "X");
        let started = fields.nth(18)?.parse().ok()?;
        (!ended).then_some(Self { id, started })
    }

    pub(crate) fn id(self) -> i32 {
        self.id
    }

    pub(crate) fn is_running(self) -> bool {
        Self::with_id(self.id) == Some(self)
    }

    /// Asks it to end. One that has ended already is no error.
    pub(crate) fn signal(self, signal: Signal) {
        if self.is_running()
            && let Some(id) = Pid::from_raw(self.id)
        {
            // It may have ended since.
            let _ended = kill_process(id, signal);
        }
    }

    /// Waits for its end; says whether it came in time.
    pub(crate) fn ends_within(self, limit: Duration) -> bool {
        let began = Instant::now();
        while self.is_running() {
            if began.elapsed() > limit {
                return false;
            }
            sleep(LOOK);
        }
        true
    }

    /// Ends it: kindly, then not.
    pub(crate) fn end(self, patience: Duration) {
        self.signal(Signal::TERM);
        if !self.ends_within(patience) {
            self.signal(Signal::KILL);
            self.ends_within(AFTER_KILL);
        }
    }
}

/// A part of a cluster that runs until it is ended, in the namespace, with a log.
pub(crate) struct Daemon<'a> {
    state: &'a State,
    part: &'a str,
}

impl<'a> Daemon<'a> {
    pub(crate) fn of(state: &'a State, part: &'a str) -> Self {
        Self { state, part }
    }

    fn record(&self) -> PathBuf {
        self.state.pids().join(self.part)
    }

    fn log(&self) -> PathBuf {
        self.state.logs().join(format!("{}.log", self.part))
    }

    /// Starts it in a session of its own, so that neither the end of ours nor Ctrl-C ends it.
    pub(crate) fn start(&self, program: &Path, adjust: impl FnOnce(&mut Command)) -> Result<(), ClusterError> {
        let log = File::create(self.log()).map_err(ClusterError::file(&self.log()))?;
        let errors = log.try_clone().map_err(ClusterError::file(&self.log()))?;
        let inside = Namespace::of(self.state).command(&program.to_string_lossy());
        let mut command = Command::new("setsid");
        command.arg(inside.get_program()).args(inside.get_args());
        adjust(&mut command);
        command.stdin(Stdio::null()).stdout(log).stderr(errors);
        let child = command.spawn().map_err(|error| ClusterError::start(&command, error))?;
        let id = i32::try_from(child.id()).unwrap_or_default();
        // `setsid` and `nsenter` become the program that they start: the id stays, and so does the time of start.
        let Some(process) = Process::with_id(id) else { return Err(self.ended()) };
        let record = format!("{} {}\n", process.id, process.started);
        std::fs::write(self.record(), record).map_err(ClusterError::file(&self.record()))
    }

    /// The process, if it runs.
    pub(crate) fn process(&self) -> Option<Process> {
        let record = std::fs::read_to_string(self.record()).ok()?;
        let (id, started) = record.trim().split_once(' ')?;
        let process = Process { id: id.parse().ok()?, started: started.parse().ok()? };
        process.is_running().then_some(process)
    }

    /// An error if it has ended.
    pub(crate) fn check(&self) -> Result<(), ClusterError> {
        self.process().map(drop).ok_or_else(|| self.ended())
    }

    fn ended(&self) -> ClusterError {
        let said = std::fs::read_to_string(self.log()).map(|text| last_lines(&text)).unwrap_or_default();
        ClusterError::Ended { part: self.part.to_owned(), log: self.log(), said }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_known_by_its_start_and_not_by_its_id_alone() {
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        let process = Process::with_id(i32::try_from(child.id()).unwrap()).unwrap();
        assert!(process.is_running());
        let earlier = Process { started: process.started - 1, ..process };
        earlier.end(Duration::ZERO);
        assert!(!earlier.is_running() && process.is_running());
        process.end(Duration::from_secs(60));
        assert!(!process.is_running());
        child.wait().unwrap();
    }

    #[test]
    fn a_failure_says_what_was_run_and_the_end_of_what_it_said() {
        let error = run(Command::new("sh").args(["-c", "seq 100 >&2; exit 3"])).unwrap_err().to_string();
        assert!(error.starts_with("`sh -c seq 100 >&2; exit 3` failed (exit status: 3): 89\n"), "{error}");
    }
}
