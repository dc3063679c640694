//! The life of the process: it runs until a signal ends it.

use kube::Client;
use nantian_controller::{ControlPlane, ControlPlaneError, Listener, Settings};
use nantian_process::signals::{Request, Signals};
use nantian_process::{limits, memory};
use thiserror::Error;

use crate::log::{self, Event};

/// Threads for all that waits: streams, watches, the admin API. The compiler has a thread of its own.
const THREADS: usize = 2;

/// Why it could not start, or go on.
#[derive(Debug, Error)]
pub(crate) enum RunError {
    #[error("the API server cannot be found: {0}; set KUBECONFIG, or run in a Pod with a ServiceAccount")]
    Client(#[from] kube::Error),
    #[error(transparent)]
    ControlPlane(#[from] ControlPlaneError),
    #[error("the system refuses {what}: {source}; raise the limit of threads and open files")]
    System { what: &'static str, source: std::io::Error },
}

fn system(what: &'static str) -> impl Fn(std::io::Error) -> RunError {
    move |source| RunError::System { what, source }
}

/// Runs until a signal ends it.
pub(crate) fn run(settings: Settings) -> Result<(), RunError> {
    limits::raise_file_limit();
    memory::take_small_pages();
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(THREADS).enable_all().build().map_err(system("a runtime"))?;
    runtime.block_on(serve(settings))
}

async fn serve(settings: Settings) -> Result<(), RunError> {
    let mut signals = Signals::new().map_err(system("signal handlers"))?;
    let client = Client::try_default().await?;
    let identity = settings.identity.clone();
    let control_plane = ControlPlane::new(settings, client, Listener::new(log::notice)).await?;
    let xds = control_plane.xds_address().map_err(system("a socket"))?.to_string();
    log::tell(&Event::Started { identity: &identity, version: env!("CARGO_PKG_VERSION"), xds });
    tokio::spawn(memory::give_back());
    let stop = async {
        // Nothing is read on request here: everything is followed.
        while signals.next().await != Request::Stop {}
        log::tell(&Event::Stopping);
    };
    control_plane.run(stop).await?;
    Ok(())
}
