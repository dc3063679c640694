//! The smallest proxy of the crate `pingora`: `pingora-peer THREADS CERT KEY HTTP HTTPS H2C BACKEND BACKEND_H2C`.

use std::process::ExitCode;

use async_trait::async_trait;
use pingora::apps::HttpServerOptions;
use pingora::listeners::tls::TlsSettings;
use pingora::prelude::*;
use pingora::protocols::ALPN;
use pingora::proxy::{ProxyHttp, Session, http_proxy_service};
use pingora::server::Server;
use pingora::server::configuration::ServerConf;
use pingora::upstreams::peer::HttpPeer;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Sends everything to one backend.
struct One {
    backend: HttpPeer,
}

#[async_trait]
impl ProxyHttp for One {
    type CTX = ();

    fn new_ctx(&self) -> Self::CTX {}

    async fn upstream_peer(&self, _session: &mut Session, _context: &mut Self::CTX) -> Result<Box<HttpPeer>> {
        Ok(Box::new(self.backend.clone()))
    }
}

fn backend(port: &str, alpn: ALPN) -> HttpPeer {
    let mut peer = HttpPeer::new(format!("127.0.0.1:{port}"), false, String::new());
    peer.options.alpn = alpn;
    peer.options.max_h2_streams = 128;
    peer
}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [threads, cert, key, http, https, h2c, plain, plain_h2c] = words.as_slice() else {
        eprintln!("usage: pingora-peer THREADS CERT KEY HTTP HTTPS H2C BACKEND BACKEND_H2C");
        return ExitCode::FAILURE;
    };
    let configuration = ServerConf {
        threads: threads.parse().unwrap_or(1),
        upstream_keepalive_pool_size: 256,
        ..ServerConf::default()
    };
    let mut server = Server::new_with_opt_and_conf(None, configuration);
    server.bootstrap();
    let mut front = http_proxy_service(&server.configuration, One { backend: backend(plain, ALPN::H1) });
    front.add_tcp(&format!("127.0.0.1:{http}"));
    let mut tls = match TlsSettings::intermediate(cert, key) {
        Ok(tls) => tls,
        Err(error) => {
            eprintln!("pingora-peer: {error}");
            return ExitCode::FAILURE;
        }
    };
    tls.enable_h2();
    front.add_tls_with_settings(&format!("127.0.0.1:{https}"), None, tls);
    let mut front_h2c = http_proxy_service(&server.configuration, One { backend: backend(plain_h2c, ALPN::H2) });
    let mut options = HttpServerOptions::default();
    options.h2c = true;
    if let Some(logic) = front_h2c.app_logic_mut() {
        logic.server_options = Some(options);
    }
    front_h2c.add_tcp(&format!("127.0.0.1:{h2c}"));
    server.add_service(front);
    server.add_service(front_h2c);
    server.run_forever()
}
