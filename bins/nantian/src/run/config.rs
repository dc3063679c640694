//! Engine settings: the file of `--config`, then the flags, which win.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use nantian_proxy::engine::EngineConfig;
use nantian_proxy::telemetry::AccessLogFormat;
use serde::Deserialize;
use thiserror::Error;

use crate::cli::{AccessLog, AdminAddress, RunArgs};

/// Why a configuration file cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub(crate) enum ConfigError {
    /// It cannot be read.
    #[error("{path}: the configuration file cannot be read: {source}; check the path and its permissions")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// It is not YAML.
    #[error("{0}")]
    Syntax(String),
    /// A field is unknown or has a wrong value.
    #[error("{path}: {message}; docs/configuration.md lists the fields")]
    Field {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        message: String,
    },
}

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
        read(path)?.engine
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

fn read(path: &Path) -> Result<ConfigFile, ConfigError> {
    let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
    let value = nantian_ir::compile::yaml::value(&path.display().to_string(), &text)
        .map_err(|diagnostic| ConfigError::Syntax(format!("{diagnostic}; {}", diagnostic.remedy)))?;
    if value.is_null() {
        return Ok(ConfigFile::default());
    }
    serde_json::from_value(value)
        .map_err(|error| ConfigError::Field { path: path.to_owned(), message: error.to_string() })
}
