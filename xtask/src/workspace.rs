//! Where things lie.

use std::path::{Path, PathBuf};

use crate::process::Failure;

/// The tree that this program was built from, and the folders outside it that it may fill.
#[derive(Debug, Clone)]
pub(crate) struct Workspace {
    /// The repository's root.
    pub(crate) root: PathBuf,
    /// `${XDG_CACHE_HOME:-$HOME/.cache}/nantian`: tools, the Python environment, build products.
    pub(crate) cache: PathBuf,
    /// Build products: `CARGO_TARGET_DIR`, or `target` in the cache folder.
    pub(crate) target: PathBuf,
}

impl Workspace {
    /// Finds the folders, and points every child process at the target folder.
    pub(crate) fn locate() -> Result<Self, Failure> {
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
        let root = manifest.parent().unwrap_or(manifest).to_path_buf();
        let cache = std::env::var_os("XDG_CACHE_HOME")
            .map(PathBuf::from)
            .or_else(|| std::env::var_os("HOME").map(|home| Path::new(&home).join(".cache")))
            .ok_or_else(|| Failure::Usage("set HOME or XDG_CACHE_HOME: tools are kept below it".to_owned()))?
            .join("nantian");
        let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| cache.join("target"), PathBuf::from);
        Ok(Self { root, cache, target })
    }

    /// A cargo call in this workspace.
    pub(crate) fn cargo<S: AsRef<std::ffi::OsStr>>(&self, args: impl IntoIterator<Item = S>) -> crate::Step {
        crate::Step::cargo(&self.root).env("CARGO_TARGET_DIR", &self.target).args(args)
    }

    /// The cache folder, made if it is not there.
    pub(crate) fn cache_folder(&self) -> Result<PathBuf, Failure> {
        std::fs::create_dir_all(&self.cache).map_err(Failure::file(&self.cache))?;
        Ok(self.cache.clone())
    }

    /// The names of the programs in a folder of the repository, one for each Rust file, sorted.
    pub(crate) fn programs(&self, folder: &str) -> Result<Vec<String>, Failure> {
        let folder = self.root.join(folder);
        let file = Failure::file(&folder);
        let mut names = Vec::new();
        for entry in std::fs::read_dir(&folder).map_err(&file)? {
            let path = entry.map_err(&file)?.path();
            if path.extension().is_some_and(|extension| extension == "rs") {
                names.extend(path.file_stem().map(|stem| stem.to_string_lossy().into_owned()));
            }
        }
        names.sort_unstable();
        Ok(names)
    }
}
