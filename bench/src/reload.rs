//! Replacing all routes of a proxy each second, the way that its documentation names.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread::{scope, sleep};
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::client::{block_on, steady};
use crate::configure::haproxy_socket;
use crate::failure::Failure;
use crate::peer::{Peer, Running};
use crate::routes::Routes;
use crate::site::{Ports, Site};
use crate::workload::{Door, SMALL};

/// Time from one replacement to the next, and the longest that one may take to be seen.
const BETWEEN: Duration = Duration::from_secs(1);
const SEEN: Duration = Duration::from_secs(20);

/// Does `work` while the routes are replaced, and sees that the last ones are served in the end.
pub(crate) fn beside<T>(one: &Running, site: &Site, work: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
    let (done, wait) = channel::<()>();
    let (result, replaced) = scope(|scope| {
        let replacer = scope.spawn(move || {
            loop {
                let routes = replace(one, site)?;
                if wait.recv_timeout(BETWEEN) != Err(RecvTimeoutError::Timeout) {
                    return Ok(routes);
                }
            }
        });
        let result = work();
        drop(done);
        (result, replacer.join())
    });
    let routes = replaced.map_err(|_| Failure::Program("the replacing of routes panicked".to_owned()))??;
    see(one, routes)?;
    result
}

/// Replaces them once, by such as never were.
fn replace(one: &Running, site: &Site) -> Result<Routes, Failure> {
    static GENERATION: AtomicU32 = AtomicU32::new(1);
    let Routes::Paths(count) = one.setup.routes else {
        return Err(Failure::Program("only paths can be replaced".to_owned()));
    };
    let routes = Routes::Replaced(count, GENERATION.fetch_add(1, Ordering::Relaxed));
    match one.peer {
        // Both watch their files.
        Peer::Nantian | Peer::Envoy => one.peer.configure(site, one.ports, one.setup, routes).map(drop)?,
        // https://nginx.org/en/docs/control.html
        Peer::Nginx => {
            one.peer.configure(site, one.ports, one.setup, routes)?;
            one.server.signal(Signal::HUP)?;
        }
        Peer::Haproxy => replace_map(site, one, routes)?,
        Peer::Pingora | Peer::Floor => {
            return Err(Failure::Program(format!("{} has no routes", one.peer.name())));
        }
    }
    Ok(routes)
}

/// As a transaction, without a reload: <https://docs.haproxy.org/2.6/management.html#9.3-prepare%20map>.
fn replace_map(site: &Site, one: &Running, routes: Routes) -> Result<(), Failure> {
    let map = site.folder.join(format!("{}.map", one.ports.of(Door::Http))).display().to_string();
    let answer = command(site, one, &format!("prepare map {map}\n"))?;
    let version = answer.trim().strip_prefix("New version created: ").unwrap_or_default();
    let (_, entries) = routes.haproxy(&map);
    // A command fits into one of HAProxy's buffers, 16 KiB.
    for part in entries.lines().collect::<Vec<_>>().chunks(400) {
        said_nothing(&command(site, one, &format!("add map @{version} {map} <<\n{}\n\n", part.join("\n")))?)?;
    }
    said_nothing(&command(site, one, &format!("commit map @{version} {map}\n"))?)
}

fn said_nothing(answer: &str) -> Result<(), Failure> {
    if answer.trim().is_empty() { Ok(()) } else { Err(Failure::Program(format!("haproxy: {answer}"))) }
}

fn command(site: &Site, one: &Running, line: &str) -> Result<String, Failure> {
    let path = haproxy_socket(site, one.ports);
    let talk = || {
        let mut stream = UnixStream::connect(&path)?;
        stream.write_all(line.as_bytes())?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).map(|_| answer)
    };
    talk().map_err(|error| Failure::File(path.clone(), error))
}

/// Waits until the first of these routes, which is new, is served.
fn see(one: &Running, routes: Routes) -> Result<(), Failure> {
    see_path(one.peer.name(), one.ports, None, &routes.first())
}

/// Waits until a path of a host, or of any, is answered with the small body.
pub(crate) fn see_path(name: &str, ports: Ports, host: Option<&str>, path: &str) -> Result<(), Failure> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, ports.of(Door::Http)));
    let began = Instant::now();
    while !block_on(async { Ok(steady::is_served(address, host, path, SMALL).await) }).unwrap_or_default() {
        if began.elapsed() > SEEN {
            return Err(Failure::Program(format!("{name} does not serve `{path}`")));
        }
        sleep(Duration::from_millis(50));
    }
    Ok(())
}
