//! The folder of one comparison: ports, certificate, and the configurations filled in.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::failure::Failure;
use crate::load::LOAD_CORE;
use crate::server::Server;
use crate::streams;
use crate::workload::{Door, LARGE, SMALL};

/// The ports of one proxy.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ports {
    http: u16,
    https: u16,
    h2c: u16,
}

impl Ports {
    /// The port behind a door.
    pub(crate) fn of(self, door: Door) -> u16 {
        match door {
            Door::Http => self.http,
            Door::Https => self.https,
            Door::H2c => self.h2c,
        }
    }

    /// All of them.
    pub(crate) fn all(self) -> [u16; 3] {
        [self.http, self.https, self.h2c]
    }
}

/// What the proxies send requests to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Backends {
    /// Servers of small and large files.
    Files,
    /// The server of events and `WebSockets`.
    Streams,
}

/// A folder with a certificate, and the backends.
#[derive(Debug)]
pub(crate) struct Site {
    /// Where everything is written.
    pub(crate) folder: PathBuf,
    files: [u16; 2],
    streams: [u16; 2],
    /// The certificate, which every proxy has.
    pub(crate) certificate: String,
    key: String,
}

impl Site {
    /// Makes the folder anew, with a P-256 certificate.
    pub(crate) fn new(folder: PathBuf) -> Result<Self, Failure> {
        if folder.exists() {
            std::fs::remove_dir_all(&folder).map_err(|error| Failure::file(&folder, error))?;
        }
        std::fs::create_dir_all(&folder).map_err(|error| Failure::file(&folder, error))?;
        let mut command = Command::new("openssl");
        command.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]);
        command.args(["-days", "2", "-subj", "/CN=bench", "-addext", "subjectAltName=DNS:bench,IP:127.0.0.1"]);
        // Clients trust it as it is, and take no authority for a server.
        command.args(["-addext", "basicConstraints=critical,CA:FALSE"]);
        command.args(["-keyout", "key.pem", "-out", "cert.pem"]).current_dir(&folder);
        let output = command.output().map_err(|error| Failure::start("openssl", error))?;
        if !output.status.success() {
            return Err(Failure::Program(format!("openssl: {}", String::from_utf8_lossy(&output.stderr))));
        }
        let certificate = read(&folder.join("cert.pem"))?;
        let key = read(&folder.join("key.pem"))?;
        write(&folder.join("both.pem"), &format!("{certificate}{key}"))?;
        let [http, h2c, streams, streams_h2c] = free_ports()?;
        Ok(Self { folder, files: [http, h2c], streams: [streams, streams_h2c], certificate, key })
    }

    /// Starts the backends, beside h2load: nginx for HTTP/1.1, nghttpd for h2c with trailers, our own for streams.
    pub(crate) fn backends(&self) -> Result<[Server; 2], Failure> {
        let body = "x".repeat(usize::try_from(SMALL).unwrap_or_default());
        let [http, h2c] = self.files;
        let extra = [("@BODY@", body.as_str()), ("@BACKEND@", &http.to_string())];
        let path = self.fill("backend.conf", include_str!("../configs/backend.conf"), None, &extra)?;
        let htdocs = self.folder.join("htdocs");
        std::fs::create_dir_all(&htdocs).map_err(|error| Failure::file(&htdocs, error))?;
        write(&htdocs.join("1k"), &body)?;
        write(&htdocs.join("10m"), &"x".repeat(usize::try_from(LARGE).unwrap_or_default()))?;
        let nginx = ["nginx", "-c", &path].map(str::to_owned);
        let port = h2c.to_string();
        streams::serve(self.streams)?;
        let folder = htdocs.display().to_string();
        let nghttpd =
            ["nghttpd", "--no-tls", "-m256", "--address=127.0.0.1", "--trailer=grpc-status: 0", "-d", &folder, &port];
        Ok([
            Server::start(LOAD_CORE, &nginx, &self.folder, &[http])?,
            Server::start(LOAD_CORE, &nghttpd.map(str::to_owned), &self.folder, &[h2c])?,
        ])
    }

    /// The ports of the backends: HTTP/1.1 and h2c.
    pub(crate) fn ports_of(&self, backends: Backends) -> [u16; 2] {
        match backends {
            Backends::Files => self.files,
            Backends::Streams => self.streams,
        }
    }

    /// A configuration with its placeholders and those of `extra` replaced.
    pub(crate) fn filled(&self, template: &str, ports: Option<Ports>, extra: &[(&str, &str)]) -> String {
        let mut text = template.to_owned();
        // What is put in may itself hold the placeholders of ports.
        for (mark, replacement) in extra {
            text = text.replace(mark, replacement);
        }
        text = text
            .replace("@FOLDER@", &self.folder.display().to_string())
            .replace("@CERT@", &self.certificate.replace('\n', "\\n"))
            .replace("@KEY@", &self.key.replace('\n', "\\n"));
        if let Some(Ports { http, https, h2c }) = ports {
            for (mark, port) in [("@HTTP@", http), ("@HTTPS@", https), ("@H2C@", h2c)] {
                text = text.replace(mark, &port.to_string());
            }
        }
        text
    }

    /// Writes a configuration filled in so, and returns its path.
    pub(crate) fn fill(
        &self,
        name: &str,
        template: &str,
        ports: Option<Ports>,
        extra: &[(&str, &str)],
    ) -> Result<String, Failure> {
        let text = self.filled(template, ports, extra);
        // A folder for each: nantian watches the one of its file, and a log that grows beside it would be its work.
        let folder = self.folder.join(format!("{name}.d"));
        std::fs::create_dir_all(&folder).map_err(|error| Failure::file(&folder, error))?;
        let path = folder.join(name);
        // Moved there, as a file that is watched asks for.
        let draft = self.folder.join("draft");
        write(&draft, &text)?;
        std::fs::rename(&draft, &path).map_err(|error| Failure::file(&path, error))?;
        Ok(path.display().to_string())
    }

    /// The arguments of `bench/pingora`, which has no configuration.
    pub(crate) fn pingora_words(&self, ports: Ports, workers: &str, backends: Backends) -> Vec<String> {
        let file = |name: &str| self.folder.join(name).display().to_string();
        let [backend, backend_h2c] = self.ports_of(backends);
        let numbers = [ports.http, ports.https, ports.h2c, backend, backend_h2c];
        let files = [workers.to_owned(), file("cert.pem"), file("key.pem")];
        files.into_iter().chain(numbers.iter().map(u16::to_string)).collect()
    }

    /// The arguments of the loop that copies bytes: [`crate::floor`].
    pub(crate) fn floor_words(&self, ports: Ports, backends: Backends) -> Vec<String> {
        let [backend, backend_h2c] = self.ports_of(backends);
        let pairs = [ports.http, backend, ports.h2c, backend_h2c];
        std::iter::once("--floor".to_owned()).chain(pairs.iter().map(u16::to_string)).collect()
    }
}

/// Free ports for a proxy.
pub(crate) fn proxy_ports() -> Result<Ports, Failure> {
    let [http, https, h2c] = free_ports()?;
    Ok(Ports { http, https, h2c })
}

fn free_ports<const N: usize>() -> Result<[u16; N], Failure> {
    let start = |error| Failure::File("127.0.0.1:0".to_owned(), error);
    let mut ports = [0; N];
    // All are held until the last is known, so that they differ.
    let mut held = Vec::new();
    for port in &mut ports {
        let listener = TcpListener::bind(("127.0.0.1", 0)).map_err(start)?;
        *port = listener.local_addr().map_err(start)?.port();
        held.push(listener);
    }
    Ok(ports)
}

/// Reads a file.
pub(crate) fn read(path: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(path).map_err(|error| Failure::file(path, error))
}

/// Writes a file.
pub(crate) fn write(path: &Path, text: &str) -> Result<(), Failure> {
    std::fs::write(path, text).map_err(|error| Failure::file(path, error))
}
