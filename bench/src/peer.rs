//! The proxies that are compared.

use std::path::PathBuf;
use std::process::Command;

use crate::failure::Failure;
use crate::routes::Routes;
use crate::server::Server;
use crate::site::{Backends, Ports, Site, proxy_ports};
use crate::workload::{Client, Door, Workload};

/// A proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Peer {
    /// This project.
    Nantian,
    /// nginx.
    Nginx,
    /// `HAProxy`.
    Haproxy,
    /// Envoy.
    Envoy,
    /// The smallest proxy of the crate `pingora`.
    Pingora,
    /// No proxy: a loop that copies bytes.
    Floor,
}

/// All of them, in the order of a round.
pub(crate) const PEERS: [Peer; 6] =
    [Peer::Nantian, Peer::Nginx, Peer::Haproxy, Peer::Envoy, Peer::Pingora, Peer::Floor];

/// The programs that are not found by their names.
#[derive(Debug, Clone, Default)]
pub(crate) struct Programs {
    /// This project's.
    pub(crate) nantian: PathBuf,
    /// Envoy's, if it is to take part.
    pub(crate) envoy: Option<PathBuf>,
    /// The one of `bench/pingora`, if it is to take part.
    pub(crate) pingora: Option<PathBuf>,
    /// This project's data plane alone, where its memory is asked for.
    pub(crate) dataplane: Option<PathBuf>,
    /// Whether nobody but this project's takes part.
    pub(crate) alone: bool,
}

impl Programs {
    /// Who does that job, set up so: proxies, and beside them what none of them gets below.
    pub(crate) fn doing(&self, setup: Setup, workload: &Workload) -> Vec<Peer> {
        let floor = (!self.alone).then_some(Peer::Floor);
        self.peers().into_iter().chain(floor).filter(|peer| peer.takes(setup, workload)).collect()
    }

    /// The proxies that take part.
    pub(crate) fn peers(&self) -> Vec<Peer> {
        let there = |peer: &Peer| match peer {
            Peer::Envoy => self.envoy.is_some(),
            Peer::Pingora => self.pingora.is_some(),
            Peer::Nginx | Peer::Haproxy => !self.alone,
            Peer::Nantian => true,
            Peer::Floor => false,
        };
        PEERS.into_iter().filter(there).collect()
    }

    fn of(&self, peer: Peer) -> Result<String, Failure> {
        let path = match peer {
            Peer::Nantian => Some(&self.nantian),
            Peer::Envoy => self.envoy.as_ref(),
            Peer::Pingora => self.pingora.as_ref(),
            Peer::Nginx | Peer::Haproxy => None,
            Peer::Floor => {
                let path = std::env::current_exe().map_err(|error| Failure::start("the floor", error))?;
                return Ok(path.display().to_string());
            }
        };
        Ok(path.map_or_else(|| peer.name().to_owned(), |path| path.display().to_string()))
    }
}

/// How proxies are started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Setup {
    /// What they route.
    pub(crate) routes: Routes,
    /// How many workers each has.
    pub(crate) workers: u8,
    /// Whether each writes a line for each request.
    pub(crate) access_log: bool,
    /// What they send requests to.
    pub(crate) backends: Backends,
    /// Connections that they are to have room for, those to backends included.
    pub(crate) connections: u16,
    /// Whether their routes can be replaced while they run.
    pub(crate) reloads: bool,
}

impl Setup {
    /// One worker, one route, no access log.
    pub(crate) const PLAIN: Self = Self {
        routes: Routes::One,
        workers: 1,
        access_log: false,
        backends: Backends::Files,
        connections: 8_192,
        reloads: false,
    };

    /// The cores of the proxies: as many as they have workers, from the first.
    pub(crate) fn cores(self) -> String {
        format!("0-{}", self.workers.saturating_sub(1))
    }
}

/// A proxy that runs.
#[derive(Debug)]
pub(crate) struct Running {
    /// Which one.
    pub(crate) peer: Peer,
    /// How it was started.
    pub(crate) setup: Setup,
    /// Its version, as it says itself.
    pub(crate) version: String,
    /// Its process.
    pub(crate) server: Server,
    /// Its ports.
    pub(crate) ports: Ports,
    /// KiB resident before the first request.
    pub(crate) idle_kib: u64,
}

impl Peer {
    /// Its name in reports.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Nantian => "nantian",
            Self::Nginx => "nginx",
            Self::Haproxy => "haproxy",
            Self::Envoy => "envoy",
            Self::Pingora => "pingora",
            Self::Floor => "floor",
        }
    }

    /// Whether it can be given that, and takes part. Pingora has neither routes nor an access log of its own; in what h2load
    /// does not do it has not been tried. A loop that copies bytes has no TLS either, and one worker.
    pub(crate) fn takes(self, setup: Setup, workload: &Workload) -> bool {
        let plain = setup.routes == Routes::One && !setup.access_log && workload.client == Client::H2load;
        match self {
            Self::Pingora => plain,
            Self::Floor => plain && setup.workers == 1 && workload.door != Door::Https,
            Self::Nantian | Self::Nginx | Self::Haproxy | Self::Envoy => true,
        }
    }

    /// Starts it on its cores, with these arguments besides.
    pub(crate) fn start(
        self,
        site: &Site,
        programs: &Programs,
        setup: Setup,
        arguments: &[&str],
    ) -> Result<Running, Failure> {
        let ports = proxy_ports()?;
        let program = programs.of(self)?;
        let words = self.words(site, ports, setup)?;
        let arguments = arguments.iter().map(|word| (*word).to_owned());
        let line: Vec<String> = std::iter::once(program.clone()).chain(words).chain(arguments).collect();
        let server = Server::start(&setup.cores(), &line, &site.folder, &self.listens_on(ports))?;
        let idle_kib = server.resident_kib()?;
        Ok(Running { peer: self, setup, version: self.version(&program)?, server, ports, idle_kib })
    }

    fn listens_on(self, ports: Ports) -> Vec<u16> {
        match self {
            Self::Floor => [Door::Http, Door::H2c].map(|door| ports.of(door)).to_vec(),
            _ => ports.all().to_vec(),
        }
    }

    /// The first line of what it says about its version; nginx says it to standard error.
    fn version(self, program: &str) -> Result<String, Failure> {
        let flag = match self {
            // Its own program has no flags; `bench/pingora/Cargo.lock` has its version.
            Self::Pingora => return Ok(pingora_version().to_owned()),
            Self::Floor => return Ok("a loop that copies bytes (src/floor.rs)".to_owned()),
            Self::Nantian | Self::Envoy => "--version",
            Self::Nginx | Self::Haproxy => "-v",
        };
        let output = Command::new(program).arg(flag).output().map_err(|error| Failure::start(program, error))?;
        let text = [output.stdout, output.stderr].concat();
        let text = String::from_utf8_lossy(&text);
        Ok(text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default().to_owned())
    }
}

/// The version of the crate `pingora` that the peer's lock file names.
fn pingora_version() -> &'static str {
    let lock = include_str!("../pingora/Cargo.lock");
    let (_, rest) = lock.split_once("name = \"pingora\"\nversion = \"").unwrap_or_default();
    rest.split('"').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{Peer, Programs, Setup, pingora_version};
    use crate::workload;

    #[test]
    fn the_lock_file_tells_pingoras_version() {
        assert!(pingora_version().starts_with("0."), "{}", pingora_version());
    }

    #[test]
    fn envoy_and_pingora_take_part_where_they_were_installed() {
        let programs = Programs::default();
        assert_eq!(programs.peers(), [Peer::Nantian, Peer::Nginx, Peer::Haproxy]);
        assert_eq!(Programs { envoy: Some("envoy".into()), ..programs }.peers().last(), Some(&Peer::Envoy));
        assert_eq!(Programs { alone: true, ..Programs::default() }.peers(), [Peer::Nantian]);
    }

    #[test]
    fn the_loop_that_copies_is_in_no_list_of_proxies_and_in_jobs_without_tls() {
        let programs = Programs::default();
        assert!(!programs.peers().contains(&Peer::Floor));
        let jobs = workload::all().into_iter().filter(|job| programs.doing(Setup::PLAIN, job).contains(&Peer::Floor));
        assert_eq!(jobs.map(|job| job.name).collect::<Vec<_>>(), ["a", "d", "f"]);
        let two = Setup { workers: 2, ..Setup::PLAIN };
        assert!(!programs.doing(two, &workload::http1()).contains(&Peer::Floor));
        let alone = Programs { alone: true, ..programs };
        assert_eq!(alone.doing(Setup::PLAIN, &workload::http1()), [Peer::Nantian]);
    }
}
