//! Engine settings: the file of `--config`, then the flags, which win.

use std::num::NonZeroUsize;

use nantian_process::config::{self, ConfigError};
use nantian_proxy::engine::EngineConfig;
use nantian_proxy::telemetry::AccessLogFormat;
use serde::Deserialize;

use crate::cli::{AccessLog, AdminAddress, RunArgs};

/// A configuration file.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct ConfigFile {
    /// The engine.
    engine: EngineConfig,
}

/// The engine's settings.
pub(super) fn engine_config(args: &RunArgs) -> Result<EngineConfig, ConfigError> {
    let mut config = if let Some(path) = &args.config {
        config::read::<ConfigFile>(path)?.engine
    } else {
        let mut config = EngineConfig::default();
        // On a laptop, a line for each request is noise until it is asked for.
        config.access_log.format = AccessLogFormat::Off;
        config
    };
    if let Some(workers) = args.workers {
        config.workers = NonZeroUsize::new(workers.into());
    }
    if let Some(format) = args.access_log {
        config.access_log.format = match format {
            AccessLog::Json => AccessLogFormat::Json,
            AccessLog::Text => AccessLogFormat::Text,
            AccessLog::Off => AccessLogFormat::Off,
        };
    }
    match args.admin {
        Some(AdminAddress::Off) => config.admin.enabled = false,
        Some(AdminAddress::At(address)) => {
            config.admin.enabled = true;
            config.admin.address = address;
        }
        None => {}
    }
    if args.bind.is_some() {
        config.bind_address = args.bind;
    }
    if let Some(timeout) = args.drain_timeout {
        config.drain.timeout = timeout;
    }
    Ok(config)
}
