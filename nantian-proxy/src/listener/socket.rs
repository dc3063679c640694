//! Listening sockets: one for each worker on the same port (`SO_REUSEPORT`), so that the kernel spreads connections and
//! no worker waits for another.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};

use nantian_ir::BindAddress;
use socket2::{Domain, Protocol, Socket, Type};

use crate::http::unsent;

/// Why an address cannot be listened on, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BindProblem {
    pub(crate) message: String,
    pub(crate) remedy: String,
}

impl fmt::Display for BindProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; {}", self.message, self.remedy)
    }
}

impl BindProblem {
    /// Words for the system's error.
    pub(crate) fn new(address: SocketAddr, error: &io::Error) -> Self {
        let port = address.port();
        let (message, remedy) = match error.kind() {
            io::ErrorKind::AddrInUse => (
                format!("port {port} is in use by another process"),
                format!("stop that process (`ss -ltnp 'sport = :{port}'` names it) or choose another port"),
            ),
            io::ErrorKind::PermissionDenied => (
                format!("no permission to listen on port {port}"),
                "choose a port above 1023, or give the program the right to use low ports (`setcap \
                 cap_net_bind_service=+ep PROGRAM`, in a container the capability NET_BIND_SERVICE)"
                    .to_owned(),
            ),
            io::ErrorKind::AddrNotAvailable => (
                format!("{} is not an address of this machine", address.ip()),
                "use an address that `ip address` shows, or none to listen on all of them".to_owned(),
            ),
            _ if is_file_limit(error) => (
                format!("too many open files to listen on port {port}"),
                "raise the limit of open files (`ulimit -n`, in systemd LimitNOFILE)".to_owned(),
            ),
            _ => (format!("cannot listen on {address}: {error}"), "see the system's message".to_owned()),
        };
        Self { message, remedy }
    }
}

/// Whether the process, or the system, has too many open files.
pub(crate) fn is_file_limit(error: &io::Error) -> bool {
    // EMFILE and ENFILE have no `io::ErrorKind`: 24 and 23 on every Unix that we build for.
    matches!(error.raw_os_error(), Some(23 | 24))
}

/// Opens `count` listening sockets on `bind`. `wildcard` is what an absent address means; `None`: all addresses of both
/// families. `shares_port`: other bind addresses of ours may have the same port, so the first socket does not ask for it
/// exclusively.
pub(crate) fn open(
    bind: BindAddress,
    wildcard: Option<IpAddr>,
    shares_port: bool,
    count: usize,
    backlog: i32,
) -> Result<Vec<TcpListener>, BindProblem> {
    let address = bind.address.or(wildcard).unwrap_or_else(|| {
        if has_ipv6() { IpAddr::V6(Ipv6Addr::UNSPECIFIED) } else { IpAddr::V4(Ipv4Addr::UNSPECIFIED) }
    });
    open_at(SocketAddr::new(address, bind.port), shares_port, count, backlog)
}

/// IPv6 may be missing from the kernel (no such family) or switched off (no such address, not even loopback).
fn has_ipv6() -> bool {
    let probe = || -> io::Result<()> {
        let socket = Socket::new(Domain::IPV6, Type::STREAM, Some(Protocol::TCP))?;
        socket.bind(&SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), 0).into())
    };
    probe().is_ok()
}

fn open_at(
    address: SocketAddr,
    shares_port: bool,
    count: usize,
    backlog: i32,
) -> Result<Vec<TcpListener>, BindProblem> {
    let problem = |error: io::Error| BindProblem::new(address, &error);
    let first = bind_one(address, shares_port).map_err(problem)?;
    // With port 0 the kernel has chosen one, which the others share.
    let address = first.local_addr().ok().and_then(|local| local.as_socket()).unwrap_or(address);
    let mut sockets = vec![first];
    while sockets.len() < count {
        sockets.push(bind_one(address, true).map_err(problem)?);
    }
    sockets
        .into_iter()
        .map(|socket| {
            socket.listen(backlog).map_err(problem)?;
            Ok(socket.into())
        })
        .collect()
}

/// Binds one socket. One that does not share asks for the port exclusively, so that a port which another process shares
/// (a second instance of ours has the same user, which is all that the kernel asks for) is an error and not half of the
/// traffic; it shares with our own other sockets from then on.
fn bind_one(address: SocketAddr, shares: bool) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_nonblocking(true)?;
    // Connections of an earlier process may still be in TIME_WAIT.
    socket.set_reuse_address(true)?;
    if address.ip() == IpAddr::V6(Ipv6Addr::UNSPECIFIED) {
        socket.set_only_v6(false)?;
    }
    if shares {
        socket.set_reuse_port(true)?;
    }
    // Accepted sockets inherit it.
    socket.set_tcp_notsent_lowat(unsent::LITTLE)?;
    socket.bind(&address.into())?;
    socket.set_reuse_port(true)?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use std::net::TcpStream;

    use super::*;

    const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    fn at(port: u16) -> BindAddress {
        BindAddress { address: Some(LOOPBACK), port }
    }

    #[test]
    fn all_sockets_of_a_bind_address_share_one_port_and_get_connections() {
        // Each has room for all: the kernel may give one of them most.
        let sockets = open(at(0), None, false, 3, 32).expect("sockets");
        let addresses: Vec<_> = sockets.iter().map(|socket| socket.local_addr().expect("an address")).collect();
        assert_eq!(addresses.len(), 3);
        assert!(addresses.iter().all(|address| *address == addresses[0] && address.port() != 0));
        let _clients: Vec<_> =
            (0..32).map(|_| TcpStream::connect(addresses[0]).expect("a connection to one of them")).collect();
        let got: Vec<_> = sockets.iter().map(|socket| std::iter::from_fn(|| socket.accept().ok()).count()).collect();
        assert_eq!(got.iter().sum::<usize>(), 32, "{got:?}");
    }

    #[test]
    fn the_kernel_takes_little_for_a_client_that_reads_slowly() {
        let sockets = open(at(0), None, false, 1, 16).expect("sockets");
        let address = sockets[0].local_addr().expect("an address");
        let _client = TcpStream::connect(address).expect("a connection");
        let accepted = std::iter::repeat_with(|| sockets[0].accept()).find_map(Result::ok).expect("a connection").0;
        assert_eq!(socket2::SockRef::from(&accepted).tcp_notsent_lowat().expect("the option"), unsent::LITTLE);
    }

    #[test]
    fn a_port_of_another_process_is_in_use_even_if_that_one_would_share_it() {
        let theirs = open(at(0), None, false, 2, 16).expect("sockets");
        let port = theirs[0].local_addr().expect("an address").port();
        for (address, count) in [(Some(LOOPBACK), 1), (Some(LOOPBACK), 2), (None, 2)] {
            let problem = open(BindAddress { address, port }, None, false, count, 16).expect_err("it is in use");
            assert_eq!(problem.message, format!("port {port} is in use by another process"));
            assert!(problem.remedy.contains("ss -ltnp"), "{problem}");
        }
        drop(theirs);
        open(at(port), None, false, 2, 16).expect("free again");
    }

    #[test]
    fn a_second_bind_address_of_ours_may_share_a_port() {
        let wide = open(BindAddress { address: None, port: 0 }, None, false, 2, 16).expect("sockets");
        let port = wide[0].local_addr().expect("an address").port();
        assert!(open(at(port), None, false, 1, 16).is_err());
        assert!(open(at(port), None, true, 1, 16).is_ok());
    }

    #[test]
    fn without_an_address_both_families_are_served_unless_restricted() {
        let sockets = open(BindAddress { address: None, port: 0 }, None, false, 1, 16).expect("sockets");
        let port = sockets[0].local_addr().expect("an address").port();
        TcpStream::connect((Ipv4Addr::LOCALHOST, port)).expect("IPv4");
        let restricted = open(BindAddress { address: None, port: 0 }, Some(LOOPBACK), false, 1, 16).expect("sockets");
        assert_eq!(restricted[0].local_addr().expect("an address").ip(), LOOPBACK);
    }

    #[test]
    fn an_address_that_is_not_ours_is_named() {
        // TEST-NET-1 (RFC 5737) is nobody's.
        let bind = BindAddress { address: Some(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1))), port: 0 };
        let problem = open(bind, None, false, 1, 16).expect_err("not our address");
        assert_eq!(problem.message, "192.0.2.1 is not an address of this machine");
    }

    #[test]
    fn a_low_port_without_permission_says_what_to_do() {
        let error = io::Error::from(io::ErrorKind::PermissionDenied);
        let problem = BindProblem::new("127.0.0.1:80".parse().expect("an address"), &error);
        assert!(problem.message.contains("80") && problem.remedy.contains("cap_net_bind_service"), "{problem}");
    }
}
