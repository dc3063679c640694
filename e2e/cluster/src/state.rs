//! Where the things of a cluster lie.

use std::fmt;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use crate::ClusterError;

/// The name of a cluster: part of file names, of a network namespace and of a cgroup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterName(String);

impl FromStr for ClusterName {
    type Err = ClusterError;

    fn from_str(name: &str) -> Result<Self, ClusterError> {
        let letter = |c: char| c.is_ascii_lowercase();
        let valid = name.len() <= 32
            && name.starts_with(letter)
            && name.chars().all(|c| letter(c) || c.is_ascii_digit() || c == '-');
        if valid { Ok(Self(name.to_owned())) } else { Err(ClusterError::Name(name.to_owned())) }
    }
}

impl fmt::Display for ClusterName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The folder of everything that is kept: `${XDG_CACHE_HOME:-$HOME/.cache}/nantian`.
#[derive(Debug, Clone)]
pub struct Home(PathBuf);

impl Home {
    /// Finds it in the environment.
    ///
    /// # Errors
    /// [`ClusterError::NoHome`].
    pub fn find() -> Result<Self, ClusterError> {
        std::env::var_os("XDG_CACHE_HOME")
            .map(PathBuf::from)
            .or_else(|| std::env::var_os("HOME").map(|home| Path::new(&home).join(".cache")))
            .map(|cache| Self(cache.join("nantian")))
            .ok_or(ClusterError::NoHome)
    }

    /// Programs that are built once for all clusters.
    pub(crate) fn programs(&self) -> PathBuf {
        self.0.join("tools/cluster")
    }

    /// Images that are built once for all clusters, as archives.
    pub(crate) fn images(&self) -> PathBuf {
        self.0.join("images")
    }

    pub(crate) fn clusters(&self) -> PathBuf {
        self.0.join("clusters")
    }

    /// Waits until nobody else builds what all clusters share; others wait until the answer is dropped.
    pub(crate) fn build_alone(&self) -> Result<File, ClusterError> {
        std::fs::create_dir_all(&self.0).map_err(ClusterError::file(&self.0))?;
        let path = self.0.join("cluster.lock");
        let lock = File::create(&path).map_err(ClusterError::file(&path))?;
        lock.lock().map_err(ClusterError::file(&path))?;
        Ok(lock)
    }
}

/// The folder of one cluster.
#[derive(Debug, Clone)]
pub(crate) struct State {
    pub(crate) name: ClusterName,
    pub(crate) folder: PathBuf,
}

impl State {
    pub(crate) fn of(home: &Home, name: &ClusterName) -> Self {
        Self { name: name.clone(), folder: home.clusters().join(name.to_string()) }
    }

    pub(crate) fn exists(&self) -> bool {
        self.folder.is_dir()
    }

    /// Makes the folders that the parts expect.
    pub(crate) fn create(&self) -> Result<(), ClusterError> {
        for folder in [self.logs(), self.pids(), self.pki(), self.at("cni")] {
            std::fs::create_dir_all(&folder).map_err(ClusterError::file(&folder))?;
        }
        Ok(())
    }

    pub(crate) fn at(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    pub(crate) fn logs(&self) -> PathBuf {
        self.at("log")
    }

    pub(crate) fn pids(&self) -> PathBuf {
        self.at("pids")
    }

    pub(crate) fn pki(&self) -> PathBuf {
        self.at("pki")
    }

    pub(crate) fn kubeconfig(&self, user: &str) -> PathBuf {
        self.pki().join(format!("{user}.kubeconfig"))
    }

    pub(crate) fn containerd_socket(&self) -> PathBuf {
        self.at("containerd.sock")
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> Result<PathBuf, ClusterError> {
        let path = self.at(name);
        std::fs::write(&path, text).map_err(ClusterError::file(&path))?;
        Ok(path)
    }

    /// The network namespace, and the cgroup of all Pods.
    pub(crate) fn namespace(&self) -> String {
        format!("nantian-{}", self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_would_leave_their_folder_are_refused() {
        for name in ["", "Dev", "-a", "1a", "../x", "a/b", "a b", "a.b", &"a".repeat(33)] {
            assert!(name.parse::<ClusterName>().is_err(), "{name}");
        }
        for name in ["a", "dev-2", &"a".repeat(32)] {
            assert!(name.parse::<ClusterName>().is_ok(), "{name}");
        }
    }
}
