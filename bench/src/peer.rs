//! The proxies that are compared.

use std::fmt::Write;
use std::path::PathBuf;
use std::process::Command;

use crate::failure::Failure;
use crate::routes::Routes;
use crate::server::Server;
use crate::site::{Ports, Site, proxy_ports, write};

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
}

/// All of them, in the order of a round.
pub(crate) const PEERS: [Peer; 5] = [Peer::Nantian, Peer::Nginx, Peer::Haproxy, Peer::Envoy, Peer::Pingora];

/// The programs that are not found by their names.
#[derive(Debug, Clone, Default)]
pub(crate) struct Programs {
    /// This project's.
    pub(crate) nantian: PathBuf,
    /// Envoy's, if it is to take part.
    pub(crate) envoy: Option<PathBuf>,
    /// The one of `bench/pingora`, if it is to take part.
    pub(crate) pingora: Option<PathBuf>,
}

impl Programs {
    /// The proxies that take part.
    pub(crate) fn peers(&self) -> Vec<Peer> {
        let there = |peer: &Peer| match peer {
            Peer::Envoy => self.envoy.is_some(),
            Peer::Pingora => self.pingora.is_some(),
            Peer::Nantian | Peer::Nginx | Peer::Haproxy => true,
        };
        PEERS.into_iter().filter(there).collect()
    }

    fn of(&self, peer: Peer) -> String {
        let path = match peer {
            Peer::Nantian => Some(&self.nantian),
            Peer::Envoy => self.envoy.as_ref(),
            Peer::Pingora => self.pingora.as_ref(),
            Peer::Nginx | Peer::Haproxy => None,
        };
        path.map_or_else(|| peer.name().to_owned(), |path| path.display().to_string())
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
}

impl Setup {
    /// One worker, one route, no access log.
    pub(crate) const PLAIN: Self = Self { routes: Routes::One, workers: 1, access_log: false };

    /// The cores of the proxies: as many as they have workers, from the first.
    fn cores(self) -> String {
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
        }
    }

    /// Whether it can be given that. Pingora has neither routes nor an access log of its own.
    pub(crate) fn takes(self, setup: Setup) -> bool {
        self != Self::Pingora || (setup.routes == Routes::One && !setup.access_log)
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
        let program = programs.of(self);
        let words = self.words(site, ports, setup)?;
        let arguments = arguments.iter().map(|word| (*word).to_owned());
        let line: Vec<String> = std::iter::once(program.clone()).chain(words).chain(arguments).collect();
        let server = Server::start(&setup.cores(), &line, &site.folder, &ports.all())?;
        let idle_kib = server.resident_kib()?;
        Ok(Running { peer: self, setup, version: self.version(&program)?, server, ports, idle_kib })
    }

    /// What follows the program's name, after the configuration was written.
    fn words(self, site: &Site, ports: Ports, setup: Setup) -> Result<Vec<String>, Failure> {
        let Setup { routes, workers, access_log } = setup;
        let workers = workers.to_string();
        let log = site.folder.join(format!("{}.access.log", self.name())).display().to_string();
        let fill = |file: &str, template: &str, extra: &[(&str, &str)]| {
            let name = format!("{}-{workers}-{access_log}-{file}", routes.name().replace(' ', "-"));
            site.fill(&name, template, Some(ports), extra)
        };
        let words: Vec<String> = match self {
            Self::Nantian => {
                let text = include_str!("../configs/nantian.yaml");
                let path = fill("nantian.yaml", text, &[("@ROUTES@", &routes.nantian())])?;
                let mut words =
                    vec!["run", &path, "--workers", &workers, "--bind", "127.0.0.1", "--admin", "127.0.0.1:0"];
                if access_log {
                    words.extend(["--access-log", "json"]);
                }
                words.into_iter().map(str::to_owned).collect()
            }
            Self::Nginx => {
                let text = include_str!("../configs/nginx.conf");
                let head = include_str!("../configs/nginx.server.conf");
                let log = if access_log { format!("{log} combined") } else { "off".to_owned() };
                // Without a master, nginx has one worker: more of them need one.
                let master = if setup.workers > 1 { "on" } else { "off" };
                let servers = routes.nginx(head);
                let extra =
                    [("@SERVERS@", servers.as_str()), ("@WORKERS@", &workers), ("@LOG@", &log), ("@MASTER@", master)];
                vec!["-c".to_owned(), fill("nginx.conf", text, &extra)?]
            }
            Self::Haproxy => {
                let text = include_str!("../configs/haproxy.cfg");
                let map = site.folder.join(format!("{}.map", routes.name().replace(' ', "-")));
                let (line, entries) = routes.haproxy(&map.display().to_string());
                write(&map, &entries)?;
                let log = if access_log { "log stdout format raw daemon\n    option httplog" } else { "no log" };
                let extra = [("@USE_BACKEND@", line.as_str()), ("@WORKERS@", &workers), ("@LOG@", log)];
                vec!["-f".to_owned(), fill("haproxy.cfg", text, &extra)?]
            }
            Self::Envoy => {
                let text = include_str!("../configs/envoy.yaml");
                let mut lines = String::new();
                if access_log {
                    let _infallible = write!(
                        lines,
                        "access_log: [{{name: file, typed_config: {{\"@type\": type.googleapis.com/\
                         envoy.extensions.access_loggers.file.v3.FileAccessLog, path: {log}}}}}]"
                    );
                }
                let hosts = routes.envoy();
                let path = fill("envoy.yaml", text, &[("@VIRTUAL_HOSTS@", &hosts), ("@ACCESS_LOG@", &lines)])?;
                ["-c", &path, "--concurrency", &workers, "--disable-hot-restart", "--log-level", "error"]
                    .map(str::to_owned)
                    .to_vec()
            }
            Self::Pingora => site.pingora_words(ports, &workers),
        };
        Ok(words)
    }

    /// The first line of what it says about its version; nginx says it to standard error.
    fn version(self, program: &str) -> Result<String, Failure> {
        let flag = match self {
            // Its own program has no flags; `bench/pingora/Cargo.lock` has its version.
            Self::Pingora => return Ok(pingora_version().to_owned()),
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
    use super::{Peer, Programs, pingora_version};

    #[test]
    fn the_lock_file_tells_pingoras_version() {
        assert!(pingora_version().starts_with("0."), "{}", pingora_version());
    }

    #[test]
    fn envoy_and_pingora_take_part_where_they_were_installed() {
        let programs = Programs::default();
        assert_eq!(programs.peers(), [Peer::Nantian, Peer::Nginx, Peer::Haproxy]);
        assert_eq!(Programs { envoy: Some("envoy".into()), ..programs }.peers().last(), Some(&Peer::Envoy));
    }
}
