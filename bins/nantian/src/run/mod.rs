//! `nantian run`: read, compile, apply, watch; until a signal ends it.

mod config;
mod gateway;
pub(crate) mod refused;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use thiserror::Error;

use crate::cli::RunArgs;
use crate::echo::Echo;
use crate::exit;
use crate::render::event::Event;
use crate::render::{Reporter, Stream};
use crate::sample::Place;
use crate::source::{Dirty, Followed, Origin, SourceError, shown};
use config::engine_config;
use gateway::Gateway;
use nantian_process::config::ConfigError;
use nantian_process::signals::{Request, Signals};
use nantian_process::{limits, memory, priority};
use nantian_proxy::engine::{Engine, EngineError};

/// How often listeners that could not be opened are tried again.
const RETRY: Duration = Duration::from_secs(1);

/// Why it could not start.
#[derive(Debug, Error)]
#[non_exhaustive]
enum RunError {
    /// The paths.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The configuration file.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The engine.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// A runtime, a thread or a signal handler.
    #[error("the system refuses {what}: {source}; raise the limit of threads and open files")]
    System {
        /// What.
        what: &'static str,
        /// Why.
        source: std::io::Error,
    },
}

fn system(what: &'static str) -> impl Fn(std::io::Error) -> RunError {
    move |source| RunError::System { what, source }
}

/// Runs the command.
pub(crate) fn run(args: &RunArgs) -> ExitCode {
    match start(args) {
        Ok(code) => code,
        Err(error @ (RunError::Source(_) | RunError::Config(_))) => exit::usage(&error),
        Err(error) => exit::failure(&error),
    }
}

fn start(args: &RunArgs) -> Result<ExitCode, RunError> {
    let followed = Followed::new(&args.source.paths)?;
    let config = engine_config(args)?;
    limits::raise_file_limit();
    memory::take_small_pages();
    // The control loop has a thread of its own; the engine's workers never wait for it, also where they share a core.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(system("a runtime"))?;
    runtime.block_on(serve(args, followed, config))
}

async fn serve(
    args: &RunArgs,
    mut followed: Followed,
    config: nantian_proxy::engine::EngineConfig,
) -> Result<ExitCode, RunError> {
    let mut signals = Signals::new().map_err(system("signal handlers"))?;
    let drain_timeout = config.drain.timeout;
    let place = Place::new(config.bind_address);
    let engine = Engine::start(config)?;
    priority::go_last();
    tokio::spawn(memory::give_back());
    let echo = Echo::start().map_err(system("a thread"))?;
    let reporter = Reporter::new(args.output, Stream::Err);
    if let Some(problem) = followed.watch_problem() {
        reporter.notice(&format!("changes are not notified ({problem}): files are looked at every half second"));
    }
    let options = crate::check::options(&args.classes, Origin::Files);
    let mut gateway = Gateway::new(engine, echo, reporter, options, place);
    let begin = Instant::now();
    followed.refresh(&Dirty::everything()).await;
    gateway.update(followed.objects(), followed.findings(), begin).await;
    gateway.welcome(&shown(&args.source.paths));

    loop {
        let retry = async {
            if gateway.is_complete() { std::future::pending().await } else { tokio::time::sleep(RETRY).await }
        };
        let dirty = tokio::select! {
            request = signals.next() => match request {
                Request::Stop => break,
                Request::Reread => Dirty::everything(),
            },
            dirty = followed.changed() => dirty,
            () = retry => {
                gateway.retry().await;
                continue;
            }
        };
        let begin = Instant::now();
        let limited = followed.watch_problem().is_some();
        if followed.refresh(&dirty).await {
            gateway.update(followed.objects(), followed.findings(), begin).await;
        }
        if let (false, Some(problem)) = (limited, followed.watch_problem()) {
            gateway.reporter().notice(&format!(
                "changes are not notified any more ({problem}): files are looked at every half second; \
                 raise fs.inotify.max_user_watches to be faster"
            ));
        }
    }
    Ok(drain(&gateway, &mut signals, drain_timeout).await)
}

async fn drain(gateway: &Gateway, signals: &mut Signals, timeout: Duration) -> ExitCode {
    gateway.reporter().event(&Event::Draining { timeout_ms: timeout.as_millis() });
    tokio::select! {
        report = gateway.engine().drain(timeout) => {
            gateway.reporter().event(&Event::Stopped { complete: report.cut == 0 });
            ExitCode::SUCCESS
        }
        () = signals.interrupted() => ExitCode::from(exit::INTERRUPTED),
    }
}
