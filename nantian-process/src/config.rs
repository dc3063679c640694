//! Configuration files.

use std::path::{Path, PathBuf};

use nantian_ir::yaml::{self, SyntaxError};
use serde::de::DeserializeOwned;
use thiserror::Error;

/// Why a configuration file cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// It cannot be read.
    #[error("{path}: the configuration file cannot be read: {source}; check the path and its permissions")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// It is not YAML.
    #[error("{path}:{source}")]
    Syntax {
        /// The file.
        path: PathBuf,
        /// What is wrong, and where.
        source: SyntaxError,
    },
    /// A field is unknown or has a wrong value.
    #[error("{path}: {message}; docs/configuration.md lists the fields")]
    Field {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        message: String,
    },
}

/// Reads a configuration from a file of YAML or JSON. An empty file is the default.
///
/// # Errors
///
/// It cannot be read, or is not what `T` says.
pub fn read<T: DeserializeOwned + Default>(path: &Path) -> Result<T, ConfigError> {
    let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
    let value = yaml::value(&text).map_err(|source| ConfigError::Syntax { path: path.to_owned(), source })?;
    if value.is_null() {
        return Ok(T::default());
    }
    serde_json::from_value(value)
        .map_err(|error| ConfigError::Field { path: path.to_owned(), message: error.to_string() })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    type Numbers = BTreeMap<String, u16>;

    fn read_text(text: &str) -> Result<Numbers, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.yaml");
        std::fs::write(&path, text).unwrap();
        read(&path).map_err(|error| error.to_string().replace(&*path.to_string_lossy(), "config.yaml"))
    }

    #[test]
    fn an_empty_file_is_the_default() {
        assert_eq!(read_text("# nothing yet\n"), Ok(Numbers::new()));
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        let error = read_text("a: 1\na: 2\n").unwrap_err();
        assert!(error.starts_with("config.yaml:2:1: "), "{error}");
        let error = read_text("a: many\n").unwrap_err();
        assert!(error.starts_with("config.yaml: invalid type: string \"many\""), "{error}");
        let error = read::<Numbers>(Path::new("/nowhere")).unwrap_err().to_string();
        assert!(error.starts_with("/nowhere: the configuration file cannot be read: "), "{error}");
    }
}
