//! The proxies that are compared.

use std::path::Path;
use std::process::Command;

use crate::failure::Failure;
use crate::server::Server;
use crate::site::{Ports, Site, proxy_ports};

/// The core of the proxies.
const PROXY_CORE: &str = "0";

/// A proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Peer {
    /// This project.
    Nantian,
    /// nginx.
    Nginx,
    /// `HAProxy`.
    Haproxy,
}

/// All of them, in the order of a round.
pub(crate) const PEERS: [Peer; 3] = [Peer::Nantian, Peer::Nginx, Peer::Haproxy];

/// A proxy that runs.
#[derive(Debug)]
pub(crate) struct Running {
    /// Which one.
    pub(crate) peer: Peer,
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
        }
    }

    /// Starts it, with one worker on its core.
    pub(crate) fn start(self, site: &Site, nantian: &Path) -> Result<Running, Failure> {
        let ports = proxy_ports()?;
        let program = if self == Self::Nantian { nantian.display().to_string() } else { self.name().to_owned() };
        let (version_flag, file, template) = match self {
            Self::Nantian => ("--version", "nantian.yaml", include_str!("../configs/nantian.yaml")),
            Self::Nginx => ("-v", "nginx.conf", include_str!("../configs/nginx.conf")),
            Self::Haproxy => ("-v", "haproxy.cfg", include_str!("../configs/haproxy.cfg")),
        };
        let path = site.fill(file, template, Some(ports))?;
        let words: Vec<&str> = match self {
            Self::Nantian => {
                vec!["run", &path, "--workers", "1", "--bind", "127.0.0.1", "--admin", "127.0.0.1:0"]
            }
            Self::Nginx => vec!["-c", &path],
            Self::Haproxy => vec!["-f", &path],
        };
        let line: Vec<String> = std::iter::once(program.clone()).chain(words.into_iter().map(str::to_owned)).collect();
        let server = Server::start(PROXY_CORE, &line, &site.folder, &ports.all())?;
        let idle_kib = server.resident_kib()?;
        Ok(Running { peer: self, version: version(&program, version_flag)?, server, ports, idle_kib })
    }
}

/// The first line of what a program says about its version; nginx says it to standard error.
fn version(program: &str, flag: &str) -> Result<String, Failure> {
    let output = Command::new(program).arg(flag).output().map_err(|error| Failure::start(program, error))?;
    let text = [output.stdout, output.stderr].concat();
    Ok(String::from_utf8_lossy(&text).lines().next().unwrap_or_default().to_owned())
}
