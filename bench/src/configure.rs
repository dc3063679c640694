//! The configurations of the proxies, and the words that start them with these.

use std::fmt::Write;

use crate::failure::Failure;
use crate::peer::{Peer, Setup};
use crate::routes::Routes;
use crate::site::{Ports, Site, write};
use crate::workload::Door;

impl Peer {
    /// What follows the program's name, after the configuration was written.
    pub(crate) fn words(self, site: &Site, ports: Ports, setup: Setup) -> Result<Vec<String>, Failure> {
        let workers = setup.workers.to_string();
        let path = self.configure(site, ports, setup, setup.routes)?;
        let words: Vec<&str> = match self {
            Self::Nantian => {
                let mut words =
                    vec!["run", &path, "--workers", &workers, "--bind", "127.0.0.1", "--admin", "127.0.0.1:0"];
                if setup.access_log {
                    words.extend(["--access-log", "json"]);
                }
                words
            }
            Self::Nginx => vec!["-c", &path],
            Self::Haproxy => vec!["-f", &path],
            Self::Envoy => {
                vec!["-c", &path, "--concurrency", &workers, "--disable-hot-restart", "--log-level", "error"]
            }
            Self::Floor => return Ok(site.floor_words(ports, setup.backends)),
            Self::Pingora => return Ok(site.pingora_words(ports, &workers, setup.backends)),
        };
        Ok(words.into_iter().map(str::to_owned).collect())
    }

    /// Writes the configuration, with these routes, and returns its path: the same for the same ports.
    pub(crate) fn configure(self, site: &Site, ports: Ports, setup: Setup, routes: Routes) -> Result<String, Failure> {
        let [http, h2c] = site.ports_of(setup.backends).map(|port| port.to_string());
        let (workers, connections) = (setup.workers.to_string(), setup.connections.to_string());
        let port = ports.of(Door::Http);
        let fill = |file: &str, template: &str, extra: &[(&str, &str)]| {
            let common: [(&str, &str); 4] = [
                ("@BACKEND@", &http),
                ("@BACKEND_H2C@", &h2c),
                ("@WORKERS@", &workers),
                ("@CONNECTIONS@", &connections),
            ];
            site.fill(&format!("{port}-{file}"), template, Some(ports), &[extra, &common].concat())
        };
        let log = site.folder.join(format!("{}.access.log", self.name())).display().to_string();
        match self {
            Self::Nantian => {
                fill("nantian.yaml", include_str!("../configs/nantian.yaml"), &[("@ROUTES@", &routes.nantian())])
            }
            Self::Nginx => {
                let log = if setup.access_log { format!("{log} combined") } else { "off".to_owned() };
                // Without a master, nginx has one worker, and reads its configuration once.
                let master = if setup.workers > 1 || setup.reloads { "on" } else { "off" };
                let servers = routes.nginx(include_str!("../configs/nginx.server.conf"));
                let extra = [("@SERVERS@", servers.as_str()), ("@LOG@", &log), ("@MASTER@", master)];
                fill("nginx.conf", include_str!("../configs/nginx.conf"), &extra)
            }
            Self::Haproxy => {
                let map = site.folder.join(format!("{port}.map"));
                let (line, entries) = routes.haproxy(&map.display().to_string());
                write(&map, &entries)?;
                let log = if setup.access_log { "log stdout format raw daemon\n    option httplog" } else { "no log" };
                let socket = if setup.reloads {
                    format!("stats socket {} level admin", haproxy_socket(site, ports))
                } else {
                    String::new()
                };
                let extra = [("@USE_BACKEND@", line.as_str()), ("@LOG@", log), ("@SOCKET@", &socket)];
                fill("haproxy.cfg", include_str!("../configs/haproxy.cfg"), &extra)
            }
            Self::Envoy => {
                let mut lines = String::new();
                if setup.access_log {
                    let _infallible = write!(
                        lines,
                        "access_log: [{{name: file, typed_config: {{\"@type\": type.googleapis.com/\
                         envoy.extensions.access_loggers.file.v3.FileAccessLog, path: {log}}}}}]"
                    );
                }
                let mut source = format!("route_config:\n                  virtual_hosts:\n{}", routes.envoy());
                if setup.reloads {
                    let path = fill(
                        "routes.yaml",
                        include_str!("../configs/envoy.routes.yaml"),
                        &[("@VIRTUAL_HOSTS@", &routes.envoy())],
                    )?;
                    source = format!(
                        "rds: {{route_config_name: plain, config_source: {{resource_api_version: V3, \
                         path_config_source: {{path: {path}}}}}}}\n"
                    );
                }
                let extra = [("@ROUTES@", source.as_str()), ("@ACCESS_LOG@", &lines)];
                fill("envoy.yaml", include_str!("../configs/envoy.yaml"), &extra)
            }
            // They are told by their arguments.
            Self::Pingora | Self::Floor => Ok(String::new()),
        }
    }
}

/// Where `HAProxy` takes commands.
pub(crate) fn haproxy_socket(site: &Site, ports: Ports) -> String {
    let port = ports.of(Door::Http);
    site.folder.join(format!("{port}.sock")).display().to_string()
}
