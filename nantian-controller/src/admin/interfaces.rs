//! The three ports together.

use std::io;
use std::net::SocketAddr;

use thiserror::Error;
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::bearer::{FollowedToken, TokenFileError};
use super::{AdminSettings, Port, State, serve};
use crate::notice::Listener;
use crate::renewal::{Renewals, Renewed};

/// Why the admin interface cannot be served.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum AdminError {
    /// An address cannot be listened on.
    #[error("{address}: {source}; choose another address for {setting}")]
    Listen {
        /// Which one.
        address: SocketAddr,
        /// The setting that names it.
        setting: &'static str,
        /// What the system says.
        source: io::Error,
    },
    /// The token cannot be had.
    #[error(transparent)]
    Token(#[from] TokenFileError),
}

/// The ports, bound, and the token.
#[derive(Debug)]
pub struct Interfaces {
    admin: TcpListener,
    metrics: TcpListener,
    health: TcpListener,
    token: FollowedToken,
}

impl Interfaces {
    /// Binds the ports and reads the token.
    ///
    /// # Errors
    ///
    /// A port cannot be had, or a token is asked for and cannot be read: nothing is served without it then.
    pub async fn bind(settings: &AdminSettings) -> Result<Self, AdminError> {
        Ok(Self {
            token: FollowedToken::open(settings.token_file.clone())?,
            admin: listen(settings.address, "admin.address").await?,
            metrics: listen(settings.metrics_address, "admin.metricsAddress").await?,
            health: listen(settings.health_address, "admin.healthAddress").await?,
        })
    }

    /// Where a port is served.
    ///
    /// # Errors
    ///
    /// The system does not say.
    pub fn address(&self, port: Port) -> io::Result<SocketAddr> {
        match port {
            Port::Admin => &self.admin,
            Port::Metrics => &self.metrics,
            Port::Health => &self.health,
        }
        .local_addr()
    }

    /// The token, as it is from time to time: for [`State::token`].
    pub fn token(&self) -> watch::Receiver<Option<super::BearerToken>> {
        self.token.newest()
    }

    /// Serves all of them until `stopping` is true or its sender is gone. A new token is taken as it comes; `listener`
    /// hears of one, or that it is no use.
    pub async fn serve(self, state: State, listener: Listener, stopping: watch::Receiver<bool>) {
        let Self { admin, metrics, health, mut token } = self;
        let renewals = Renewals { listener, metrics: state.metrics.clone() };
        let until_stop = || {
            let mut stopping = stopping.clone();
            async move {
                // Without a sender it is over too.
                let _ = stopping.wait_for(|stopping| *stopping).await;
            }
        };
        let serving = async {
            tokio::join!(
                serve(admin, Port::Admin, state.clone(), until_stop()),
                serve(metrics, Port::Metrics, state.clone(), until_stop()),
                serve(health, Port::Health, state.clone(), until_stop()),
            )
        };
        tokio::select! {
            _ = serving => {}
            never = renewals.follow(Renewed::Token, || token.refresh()) => match never {},
        }
    }
}

async fn listen(address: SocketAddr, setting: &'static str) -> Result<TcpListener, AdminError> {
    TcpListener::bind(address).await.map_err(|source| AdminError::Listen { address, setting, source })
}
