//! A server process: started on one core, measured from `/proc`, ended by its id.

use std::fs::File;
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process};

use crate::failure::Failure;

/// Clock ticks in a second, as `/proc` counts them: fixed at 100 for programs (`USER_HZ`).
const MICROS_PER_TICK: u64 = 10_000;

/// Until a server listens, with many routes and on a machine that does other things, too. One that ends is not waited for.
const PATIENCE: Duration = Duration::from_secs(120);

/// Resident memory in KiB (proc(5)). What processes share with each other is in neither part.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Memory {
    /// `VmRSS`.
    pub(crate) resident: u64,
    /// `RssAnon`: heap, stacks and relocated data.
    pub(crate) anonymous: u64,
    /// `RssFile`: pages of the program, of its libraries and of other files.
    pub(crate) files: u64,
}

/// A running server. It is killed when this is dropped.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
}

impl Server {
    /// Starts `line` on a core and waits until it accepts connections on all `ports` of 127.0.0.1.
    pub(crate) fn start(core: &str, line: &[String], folder: &Path, ports: &[u16]) -> Result<Self, Failure> {
        let program = line.first().cloned().unwrap_or_default();
        let log = folder.join(format!("{}.out", program.rsplit('/').next().unwrap_or("server")));
        let out = File::create(&log).map_err(|error| Failure::file(&log, error))?;
        let err = out.try_clone().map_err(|error| Failure::file(&log, error))?;
        // Both replace themselves by the next program: the id stays. A server ends with us, however we end.
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", "taskset", "-c", core]).args(line).current_dir(folder);
        command.stdin(Stdio::null()).stdout(out).stderr(err);
        let child = command.spawn().map_err(|error| Failure::start(&program, error))?;
        let mut server = Self { child };
        for port in ports {
            server.wait_for(*port, &program, &log)?;
        }
        Ok(server)
    }

    fn wait_for(&mut self, port: u16, program: &str, log: &Path) -> Result<(), Failure> {
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let began = Instant::now();
        while began.elapsed() < PATIENCE {
            if TcpStream::connect(address).is_ok() {
                return Ok(());
            }
            if matches!(self.child.try_wait(), Ok(Some(_))) {
                break;
            }
            sleep(Duration::from_millis(50));
        }
        let said = std::fs::read_to_string(log).unwrap_or_default();
        Err(Failure::Program(format!("`{program}` does not listen on {address}:\n{said}")))
    }

    /// User and system time of all its threads and child processes, ended ones too, in µs (proc(5), `/proc/PID/stat`,
    /// fields 14 to 17).
    pub(crate) fn cpu_micros(&self) -> Result<u64, Failure> {
        self.processes().map(|id| cpu_micros(&proc(id, "stat")?)).sum()
    }

    /// Resident memory of it and its child processes in KiB (proc(5), `VmRSS`).
    pub(crate) fn resident_kib(&self) -> Result<u64, Failure> {
        self.memory().map(|memory| memory.resident)
    }

    /// The same, and what it consists of.
    pub(crate) fn memory(&self) -> Result<Memory, Failure> {
        self.processes().try_fold(Memory::default(), |sum, id| {
            let status = proc(id, "status")?;
            let kib = |field| kib(&status, field);
            Ok(Memory {
                resident: sum.resident + kib("VmRSS:")?,
                anonymous: sum.anonymous + kib("RssAnon:")?,
                files: sum.files + kib("RssFile:")?,
            })
        })
    }

    /// How many files it has open, connections included.
    pub(crate) fn open_files(&self) -> Result<usize, Failure> {
        let path = format!("/proc/{}/fd", self.child.id());
        let entries = std::fs::read_dir(&path).map_err(|error| Failure::File(path, error))?;
        Ok(entries.count())
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, signal: Signal) -> Result<(), Failure> {
        let id = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        let sent = id.map_or(Err(Errno::SRCH), |id| kill_process(id, signal));
        sent.map_err(|error| Failure::start("kill", error.into()))
    }

    /// Tells it to end, and waits until it has ended well.
    pub(crate) fn stop(mut self) -> Result<(), Failure> {
        self.signal(Signal::TERM)?;
        let failed = |error| Failure::start("wait", error);
        for _ in 0..600 {
            match self.child.try_wait().map_err(failed)? {
                Some(status) if status.success() => return Ok(()),
                Some(status) => return Err(Failure::Program(format!("a server that was told to end: {status}"))),
                None => sleep(Duration::from_millis(50)),
            }
        }
        Err(Failure::Program("a server that was told to end runs on after 30 s".to_owned()))
    }

    /// Its id, and those of its children: nginx with several workers has a process for each.
    fn processes(&self) -> impl Iterator<Item = u32> {
        std::iter::once(self.child.id()).chain(self.children())
    }

    fn children(&self) -> Vec<u32> {
        let id = self.child.id();
        let children = std::fs::read_to_string(format!("/proc/{id}/task/{id}/children")).unwrap_or_default();
        children.split_whitespace().filter_map(|word| word.parse().ok()).collect()
    }
}

fn proc(id: u32, name: &str) -> Result<String, Failure> {
    let path = format!("/proc/{id}/{name}");
    std::fs::read_to_string(&path).map_err(|error| Failure::File(path, error))
}

fn cpu_micros(stat: &str) -> Result<u64, Failure> {
    // The second field, the name, may hold blanks; it ends at the last bracket.
    let fields = stat.rsplit_once(')').map(|(_, rest)| rest).unwrap_or_default();
    let mut ticks = fields.split_whitespace().skip(11).take(4).map(str::parse::<u64>);
    let sum: Option<u64> = (0..4).map(|_| ticks.next()?.ok()).sum();
    sum.map(|ticks| ticks * MICROS_PER_TICK)
        .ok_or_else(|| Failure::Program("/proc/PID/stat has another format".to_owned()))
}

/// A line of `/proc/PID/status`.
fn kib(status: &str, field: &str) -> Result<u64, Failure> {
    let line = status.lines().find_map(|line| line.strip_prefix(field));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok())
        .ok_or_else(|| Failure::Program(format!("/proc/PID/status has no {field}")))
}

impl Drop for Server {
    fn drop(&mut self) {
        // All fail only for what has ended already. Workers outlive a master that is killed.
        for child in self.children() {
            let child = i32::try_from(child).ok().and_then(Pid::from_raw);
            let _ended = child.map(|child| kill_process(child, Signal::KILL));
        }
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::kib;

    #[test]
    fn memory_is_read_by_the_name_of_its_line() {
        let status = "Name:\tnginx\nVmRSS:\t   11776 kB\nRssAnon:\t    2048 kB\nRssFile:\t    9728 kB\n";
        assert_eq!(kib(status, "RssAnon:").ok(), Some(2_048));
        assert_eq!(kib(status, "VmRSS:").ok(), Some(11_776));
        assert!(kib(status, "RssShmem:").is_err());
    }
}
