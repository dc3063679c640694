//! Finding an API server as `kubectl` does.

use std::path::PathBuf;
use std::time::Duration;

use kube::Client;
use kube::config::{Config, InferConfigError, KubeConfigOptions, Kubeconfig, KubeconfigError};
use thiserror::Error;

/// How long an API server may take to be reached.
const CONNECT_PATIENCE: Duration = Duration::from_secs(10);
/// How long it may say nothing in the middle of an answer.
const READ_PATIENCE: Duration = Duration::from_secs(60);

/// Which API server, and as whom.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Access {
    /// The kubeconfig. `None`: the files of `KUBECONFIG`, else `~/.kube/config`, else, in a Pod, its `ServiceAccount`.
    pub kubeconfig: Option<PathBuf>,
    /// The context of the kubeconfig. `None`: its current one.
    pub context: Option<String>,
}

/// Why there is no API server to ask.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The kubeconfig is no use.
    #[error("the kubeconfig cannot be used: {0}; name another file or context, or mend it")]
    Kubeconfig(#[from] KubeconfigError),
    /// There is none.
    #[error("no cluster is configured: {0}; name a kubeconfig, set KUBECONFIG, or run in a Pod with a ServiceAccount")]
    Nowhere(#[from] InferConfigError),
    /// What it says cannot be used, for example a certificate that is none.
    #[error("no client can be made of the kubeconfig: {0}; mend its certificates and credentials")]
    Client(#[from] kube::Error),
}

/// A client for the API server. Nothing is asked yet.
///
/// # Errors
///
/// There is no configuration, or it is no use.
pub async fn connect(access: &Access) -> Result<Client, ConnectError> {
    let options = KubeConfigOptions { context: access.context.clone(), ..KubeConfigOptions::default() };
    let mut config = match &access.kubeconfig {
        Some(file) => Config::from_custom_kubeconfig(Kubeconfig::read_from(file)?, &options).await?,
        // Whoever names a context means a kubeconfig, also in a Pod.
        None if options.context.is_some() => Config::from_kubeconfig(&options).await?,
        None => Config::infer().await?,
    };
    config.connect_timeout = Some(CONNECT_PATIENCE);
    config.read_timeout = Some(READ_PATIENCE);
    Ok(Client::try_from(config)?)
}
