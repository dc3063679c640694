//! The objects in files and folders, or in a cluster, as they are now.

mod cluster;
mod scan;
mod set;
mod watch;

use std::io::Read;
use std::path::{Path, PathBuf};

use nantian_ir::compile::Objects;
use thiserror::Error;

use crate::cli::OnceArgs;
use crate::finding::Finding;
use crate::render::Excerpts;
pub(crate) use cluster::{applied, load_cluster, tell_skipped};
use set::SourceSet;
pub(crate) use watch::{Dirty, Watch};

/// What diagnostics call standard input.
pub(crate) const STDIN_NAME: &str = "<stdin>";
/// More than this is not read from one file or from standard input.
pub(crate) const MAX_FILE_BYTES: u64 = 64 * 1024 * 1024;

/// Why there is nothing to start with.
#[derive(Debug, Error)]
#[non_exhaustive]
pub(crate) enum SourceError {
    /// A path that was given does not exist.
    #[error("{0}: no such file or folder; check the spelling, or create it first")]
    Missing(String),
    /// A path that was given cannot be read.
    #[error("{path}: cannot be read: {reason}; check its permissions")]
    Unreadable {
        /// The path.
        path: String,
        /// What the system says.
        reason: String,
    },
    /// No object in any of the paths.
    #[error(
        "no objects in {0}: name files, or folders that hold *.yaml, *.yml or *.json files with Kubernetes objects"
    )]
    Empty(String),
    /// `run` cannot follow standard input.
    #[error("run follows files, and standard input is none: save it to a file first, or use check or explain")]
    StdinNotFollowed,
    /// There is no cluster to ask.
    #[error("{0}")]
    NoCluster(String),
    /// The cluster does not say what it has.
    #[error("{0}; mend that and run it again: half of the objects would be no answer")]
    ClusterUnreadable(String),
    /// Some of it is not for us to see.
    #[error(
        "these kinds may not be listed, and what is said without them could be wrong:\n{0}\nget the right to list them in \
         all namespaces, or leave them out with --skip-forbidden"
    )]
    Forbidden(String),
    /// The system is out of something.
    #[error("the system refuses a runtime: {0}; raise the limit of open files")]
    NoRuntime(String),
}

/// Where objects are from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// Files, which are what somebody wrote down: perhaps without the classes that a cluster has.
    Files,
    /// A cluster, which has everything that its control plane sees.
    Cluster,
}

/// Objects that were read once, for `check`, `explain` and `diff`.
pub(crate) struct Loaded {
    /// The objects.
    pub(crate) objects: Objects,
    /// What is wrong with files, or was left out of a cluster.
    pub(crate) findings: Vec<Finding>,
    /// For source lines.
    pub(crate) excerpts: Excerpts,
    /// Where they are from.
    pub(crate) origin: Origin,
}

/// Reads what was named, once.
pub(crate) fn load(args: &OnceArgs) -> Result<Loaded, SourceError> {
    if args.kube.kube { load_cluster(&args.kube) } else { load_once(&args.paths) }
}

/// Reads `paths` once; `-` is standard input. Pipes are read too, so that a shell's `<(command)` can be a path.
pub(crate) fn load_once(paths: &[PathBuf]) -> Result<Loaded, SourceError> {
    let is_stdin = |path: &PathBuf| path.as_os_str() == "-";
    let is_stream = |path: &PathBuf| std::fs::metadata(path).is_ok_and(|it| !it.is_file() && !it.is_dir());
    let files: Vec<PathBuf> = paths.iter().filter(|path| !is_stdin(path) && !is_stream(path)).cloned().collect();
    check_exist(&files)?;
    let mut set = SourceSet::new(files);
    set.refresh(&Dirty::everything(), true, &mut |_, _, _| {});
    let mut excerpts = Excerpts::default();
    for path in paths.iter().filter(|path| !is_stdin(path) && is_stream(path)) {
        let name = path.display().to_string();
        let opened = std::fs::File::open(path)
            .map_err(|error| SourceError::Unreadable { path: name.clone(), reason: error.to_string() })?;
        set.add_text(&name, &read_stream(&name, opened)?);
    }
    if paths.iter().any(is_stdin) {
        let text = read_stream("standard input", std::io::stdin().lock())?;
        set.add_text(STDIN_NAME, &text);
        excerpts.stdin = Some(text);
    }
    let loaded = Loaded { objects: set.objects(), findings: set.findings(), excerpts, origin: Origin::Files };
    if loaded.objects.is_empty() && loaded.findings.is_empty() {
        return Err(SourceError::Empty(shown(paths)));
    }
    Ok(loaded)
}

fn read_stream(name: &str, stream: impl Read) -> Result<String, SourceError> {
    let mut bytes = Vec::new();
    let read = stream.take(MAX_FILE_BYTES).read_to_end(&mut bytes).map_err(|error| error.to_string());
    read.and_then(|_| String::from_utf8(bytes).map_err(|error| format!("not UTF-8: {}", error.utf8_error())))
        .map_err(|reason| SourceError::Unreadable { path: name.to_owned(), reason })
}

/// Fails on a path that does not exist or cannot be looked at.
fn check_exist(paths: &[PathBuf]) -> Result<(), SourceError> {
    for path in paths {
        match std::fs::metadata(path) {
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(SourceError::Missing(path.display().to_string()));
            }
            Err(error) => {
                return Err(SourceError::Unreadable { path: path.display().to_string(), reason: error.to_string() });
            }
        }
    }
    Ok(())
}

/// Paths for people.
pub(crate) fn shown(paths: &[PathBuf]) -> String {
    paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
}

/// Objects that are followed, for `run`.
pub(crate) struct Followed {
    set: SourceSet,
    watch: Watch,
}

impl Followed {
    /// Follows `paths`. Reads nothing yet.
    pub(crate) fn new(paths: &[PathBuf]) -> Result<Self, SourceError> {
        if paths.iter().any(|path| path.as_os_str() == "-") {
            return Err(SourceError::StdinNotFollowed);
        }
        check_exist(paths)?;
        Ok(Self { set: SourceSet::new(paths.to_vec()), watch: Watch::new(paths) })
    }

    /// Waits for a change.
    pub(crate) async fn changed(&mut self) -> Dirty {
        self.watch.changed().await
    }

    /// Reads what changed; whether objects or findings are others now.
    ///
    /// A file that vanished or became empty is given a moment to come back before its objects go: editors that save by
    /// renaming the old file away, or by truncating it first, would otherwise interrupt what it serves.
    pub(crate) async fn refresh(&mut self, dirty: &Dirty) -> bool {
        let first = self.read(dirty, false);
        if !first.doubtful {
            return first.changed;
        }
        Watch::grace().await;
        let second = self.read(dirty, true);
        first.changed || second.changed
    }

    fn read(&mut self, dirty: &Dirty, certain: bool) -> set::Refresh {
        let watch = &mut self.watch;
        let refresh = self.set.refresh(dirty, certain, &mut |path: &Path, id, role| watch.folder(path, id, role));
        watch.keep(&refresh.folders, refresh.missing);
        refresh
    }

    /// The objects.
    pub(crate) fn objects(&self) -> Objects {
        self.set.objects()
    }

    /// What is wrong with files.
    pub(crate) fn findings(&self) -> Vec<Finding> {
        self.set.findings()
    }

    /// Why files are looked at every half second instead of being watched, if so.
    pub(crate) fn watch_problem(&self) -> Option<&str> {
        self.watch.problem()
    }
}
