//! The life of the process: it follows a control plane until a signal ends it.

use std::process::ExitCode;

use nantian_process::signals::{Request, Signals};
use nantian_process::{limits, memory};
use nantian_proxy::engine::{DrainConfig, Engine, EngineError, Source};
use nantian_xds::transport::{
    ClientSettings, Connection, CredentialFilesError, DiscoveryClient, FollowedCredentials, Security,
};
use thiserror::Error;
use tokio::sync::watch;

use crate::config::{Config, SettingsError};
use crate::event::{Event, tell};
use crate::plane::DataPlane;

/// Why it could not start.
#[derive(Debug, Error)]
pub(crate) enum RunError {
    #[error(transparent)]
    Settings(#[from] SettingsError),
    #[error(transparent)]
    Credentials(#[from] CredentialFilesError),
    #[error(transparent)]
    Engine(#[from] EngineError),
    #[error("the system refuses {what}: {source}; raise the limit of threads and open files")]
    System { what: &'static str, source: std::io::Error },
}

fn system(what: &'static str) -> impl Fn(std::io::Error) -> RunError {
    move |source| RunError::System { what, source }
}

/// Serves until a signal ends it.
pub(crate) fn run(config: Config) -> Result<ExitCode, RunError> {
    limits::raise_file_limit();
    memory::take_small_pages();
    // What talks to the control plane has a thread of its own; the engine's workers never wait for it.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(system("a runtime"))?;
    runtime.block_on(serve(config))
}

async fn serve(config: Config) -> Result<ExitCode, RunError> {
    let mut signals = Signals::new().map_err(system("signal handlers"))?;
    let settings = config.client()?;
    let mut credentials = config.control_plane.tls.files().map(FollowedCredentials::open).transpose()?;
    let security = credentials.as_ref().map_or(Security::Plaintext, FollowedCredentials::security);
    let (node, drain_config) = (config.engine.node.clone(), config.engine.drain.clone());
    let engine = Engine::start(config.engine)?;
    let admin = engine.admin_address().map(|address| address.to_string());
    tell(&Event::Started { node: &node, version: env!("CARGO_PKG_VERSION"), admin });
    tokio::spawn(memory::give_back());
    {
        let following = follow(&engine, settings, security);
        tokio::pin!(following);
        let mut looks = tokio::time::interval(FollowedCredentials::LOOK);
        loop {
            tokio::select! {
                () = &mut following => break,
                request = signals.next() => match request {
                    Request::Stop => break,
                    Request::Reread => renew(credentials.as_mut()),
                },
                _ = looks.tick() => renew(credentials.as_mut()),
            }
        }
    }
    Ok(drain(&engine, &drain_config, &mut signals).await)
}

/// Follows the control plane, for ever.
async fn follow(engine: &Engine, settings: ClientSettings, security: Security) {
    let data_plane = DataPlane::new(engine.clone());
    let address = settings.address.clone();
    let client = DiscoveryClient::new(settings, security);
    let (connection, resync) = (client.connection(), client.resync());
    tokio::join!(client.run(&data_plane), data_plane.retry(&resync), tell_connection(engine, &address, connection));
}

/// Tells how things stand with the control plane: once for each change, however often it is tried.
async fn tell_connection(engine: &Engine, address: &str, mut connection: watch::Receiver<Connection>) {
    let mut told = None;
    loop {
        let now = connection.borrow_and_update().clone();
        let source = match &now {
            Connection::Connecting => Source { connected: false, message: format!("connecting to {address}") },
            Connection::Connected => Source { connected: true, message: format!("connected to {address}") },
            Connection::Waiting(reason) => Source { connected: false, message: reason.clone() },
        };
        if told.as_ref() != Some(&now) {
            match &now {
                Connection::Connecting => {}
                Connection::Connected => tell(&Event::Connected { control_plane: address }),
                Connection::Waiting(message) => tell(&Event::Disconnected { control_plane: address, message }),
            }
            told = Some(now);
        }
        engine.set_source(source);
        if connection.changed().await.is_err() {
            return;
        }
    }
}

fn renew(credentials: Option<&mut FollowedCredentials>) {
    match credentials.map(FollowedCredentials::refresh) {
        None | Some(Ok(false)) => {}
        Some(Ok(true)) => tell(&Event::CredentialsRenewed),
        Some(Err(error)) => tell(&Event::CredentialsKept { message: &error.to_string() }),
    }
}

/// Not ready at once, then as `LIFECYCLE.md` of the engine has it; a second interrupt ends it.
async fn drain(engine: &Engine, config: &DrainConfig, signals: &mut Signals) -> ExitCode {
    tell(&Event::Draining { delay_ms: config.delay.as_millis(), timeout_ms: config.timeout.as_millis() });
    tokio::select! {
        report = engine.drain(config.timeout) => {
            tell(&Event::Stopped { cut: report.cut });
            ExitCode::SUCCESS
        }
        () = signals.interrupted() => INTERRUPTED.into(),
    }
}

/// 128 and the number of SIGINT, as shells have it.
const INTERRUPTED: u8 = 130;
