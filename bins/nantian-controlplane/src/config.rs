//! Settings: the file of `--config`, then the environment, which wins.

use std::path::Path;

use nantian_controller::Settings;
use nantian_process::config::{self, ConfigError};

/// What of the environment overrides which field.
const NAMESPACE: &str = "POD_NAMESPACE";
const IDENTITY: &str = "POD_NAME";

/// Reads the file, if there is one, and then `environment`, whose empty variables say nothing.
pub(crate) fn read(file: Option<&Path>, environment: &dyn Fn(&str) -> Option<String>) -> Result<Settings, ConfigError> {
    let mut settings: Settings = file.map(config::read).transpose()?.unwrap_or_default();
    let variable = |name| environment(name).filter(|value| !value.is_empty());
    settings.namespace = variable(NAMESPACE).unwrap_or(settings.namespace);
    settings.identity = variable(IDENTITY).unwrap_or(settings.identity);
    if settings.identity.is_empty() {
        settings.identity = rustix::system::uname().nodename().to_string_lossy().into_owned();
    }
    Ok(settings)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(text: &str, environment: &[(&str, &str)]) -> Result<Settings, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.yaml");
        std::fs::write(&path, text).unwrap();
        let variable =
            |name: &str| environment.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        read(Some(&path), &variable).map_err(|error| error.to_string())
    }

    #[test]
    fn the_environment_wins_over_the_file_and_an_empty_variable_says_nothing() {
        let file = "namespace: a\nidentity: b\nwatch: {resyncPeriod: 1m}\n";
        let settings = read_text(file, &[(NAMESPACE, "infra"), (IDENTITY, "")]).unwrap();
        assert_eq!((settings.namespace.as_str(), settings.identity.as_str()), ("infra", "b"));
        assert_eq!(settings.watch.resync_period.as_secs(), 60);
    }

    #[test]
    fn without_a_file_and_without_an_environment_there_are_defaults() {
        let settings = read(None, &|_| None).unwrap();
        assert_eq!(settings.namespace, "nantian-gw");
        assert!(!settings.identity.is_empty());
        let error = read_text("wotch: {}", &[]).unwrap_err();
        assert!(error.contains("unknown field `wotch`"), "{error}");
    }
}
