//! Walking the source tree.

use std::path::Path;

use super::{Fault, Source};
use crate::process::Failure;

/// Folders that hold no source of ours.
const NOT_SOURCE: &[&str] = &["target", ".git", "corpus", "artifacts", "codegen", "coverage", "node_modules"];

/// All Rust files below the root, in the order of their paths.
pub(super) fn rust_sources(root: &Path) -> Result<Vec<Source>, Failure> {
    let mut sources = Vec::new();
    walk(root, root, &mut |path, name| {
        if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(path).map_err(Failure::file(path))?;
            sources.push(Source { path: name, text });
        }
        Ok(())
    })?;
    sources.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(sources)
}

/// Each crate can be read alone: its README is the first page of its documentation.
pub(super) fn crates_without_readme(root: &Path) -> Result<Vec<Fault>, Failure> {
    let mut faults = Vec::new();
    walk(root, root, &mut |path, name| {
        let is_crate = path.file_name().is_some_and(|file_name| file_name == "Cargo.toml");
        let folder = path.parent().unwrap_or(root);
        if is_crate && folder != root && !folder.join("README.md").is_file() {
            faults.push(Fault { path: name, line: 1, message: "this crate has no README.md beside it".to_owned() });
        }
        Ok(())
    })?;
    Ok(faults)
}

/// Visits all files below `folder` but those in [`NOT_SOURCE`], with their names from `root`.
pub(crate) fn walk(
    root: &Path,
    folder: &Path,
    visit: &mut impl FnMut(&Path, String) -> Result<(), Failure>,
) -> Result<(), Failure> {
    for entry in std::fs::read_dir(folder).map_err(Failure::file(folder))? {
        let path = entry.map_err(Failure::file(folder))?.path();
        if path.is_dir() {
            let skipped = |name: &std::ffi::OsStr| NOT_SOURCE.iter().any(|skipped| name == *skipped);
            if !path.file_name().is_some_and(skipped) {
                walk(root, &path, visit)?;
            }
        } else {
            let below = path.strip_prefix(root).unwrap_or(&path);
            let name = below.components().map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/");
            visit(&path, name)?;
        }
    }
    Ok(())
}
