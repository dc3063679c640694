//! Notices that files changed. It does not say what changed for certain: whoever is woken scans again.
//!
//! Folders are watched one by one and never recursively: a folder is watched before it is listed ([`super::scan`]), so
//! that nothing is created unseen between the two.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use notify::event::{AccessKind, AccessMode, CreateKind, ModifyKind, RemoveKind};
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, timeout};

use super::scan::{FolderId, Role, has_object_extension};

/// A change is acted on when nothing else changed for this long: a save is often several changes.
const QUIET: Duration = Duration::from_millis(10);
/// ... or, while changes go on and on, after this long.
const PATIENCE: Duration = Duration::from_millis(50);
/// A file that is open for writing is waited for, up to this long.
const WRITER_PATIENCE: Duration = Duration::from_millis(250);
/// How often files are looked at where the system cannot tell of changes.
const POLL: Duration = Duration::from_millis(500);
/// Above this many changed paths, which ones they are is no longer kept.
const MAX_PATHS: usize = 10_000;

/// What may have changed.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Dirty {
    /// Everything: changes were lost, or somebody asked to read all again.
    pub(crate) everything: bool,
    /// These files were written to (absolute paths), even if their metadata look the same.
    pub(crate) paths: HashSet<PathBuf>,
}

impl Dirty {
    /// All files.
    pub(crate) fn everything() -> Self {
        Self { everything: true, paths: HashSet::new() }
    }

    /// Whether `path` must be read again even if its metadata look the same.
    pub(crate) fn contains(&self, path: &Path) -> bool {
        self.everything || std::path::absolute(path).is_ok_and(|path| self.paths.contains(&path))
    }
}

/// What the notifier's thread tells the rest.
#[derive(Debug, Default)]
struct Pending {
    changed: bool,
    dirty: Dirty,
    /// Files open for writing.
    writing: HashSet<PathBuf>,
    /// Folders whose watch ended.
    lost: HashSet<PathBuf>,
    /// Why each folder is watched, by absolute path.
    roles: HashMap<PathBuf, Role>,
    /// File names of the given paths.
    root_names: HashSet<std::ffi::OsString>,
}

#[derive(Debug, Default)]
struct Shared {
    pending: Mutex<Pending>,
    wake: Notify,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs on the notifier's thread.
    fn receive(&self, event: notify::Result<Event>) {
        let relevant = {
            let mut pending = self.lock();
            match event {
                Ok(event) => pending.note(&event),
                Err(_) => pending.lose_track(),
            }
        };
        if relevant {
            self.wake.notify_one();
        }
    }
}

impl Pending {
    fn lose_track(&mut self) -> bool {
        self.dirty.everything = true;
        self.changed = true;
        true
    }

    /// Takes an event; whether it matters.
    fn note(&mut self, event: &Event) -> bool {
        if event.need_rescan() {
            return self.lose_track();
        }
        // Reading is no change; and reading is what follows a change, so that it must not count as one.
        let closed = match event.kind {
            EventKind::Access(AccessKind::Close(AccessMode::Write)) => true,
            EventKind::Access(_) => return false,
            _ => false,
        };
        let mut matters = false;
        for path in &event.paths {
            if matches!(event.kind, EventKind::Remove(_) | EventKind::Modify(ModifyKind::Name(_)))
                && self.roles.contains_key(path)
            {
                self.lost.insert(path.clone());
                matters = true;
            }
            if !self.is_relevant(path, event.kind) {
                continue;
            }
            matters = true;
            match event.kind {
                EventKind::Modify(ModifyKind::Data(_)) if self.writing.len() < MAX_PATHS => {
                    self.writing.insert(path.clone());
                }
                _ => {
                    self.writing.remove(path);
                }
            }
            if self.dirty.paths.len() < MAX_PATHS {
                self.dirty.paths.insert(path.clone());
            } else {
                self.dirty.everything = true;
            }
        }
        self.changed |= matters;
        matters || closed
    }

    fn is_relevant(&self, path: &Path, kind: EventKind) -> bool {
        let Some(name) = path.file_name() else { return true };
        let bytes = name.as_encoded_bytes();
        // A mounted ConfigMap changes by replacing the link `..data`.
        if bytes.starts_with(b"..") {
            return true;
        }
        match path.parent().and_then(|parent| self.roles.get(parent)) {
            Some(Role::HoldsTarget) => true,
            Some(Role::Searched) if bytes.starts_with(b".") => false,
            Some(Role::Searched) if has_object_extension(path) || self.root_names.contains(name) => true,
            // Something else than an object's file: it counts if it is, or may have been, a folder or a link to one.
            Some(Role::Searched) => match kind {
                EventKind::Modify(ModifyKind::Data(_)) | EventKind::Access(_) | EventKind::Remove(RemoveKind::File) => {
                    false
                }
                // inotify says the same of a new file and of a new link, whatever the link leads to.
                EventKind::Create(CreateKind::File) => {
                    std::fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_symlink())
                }
                _ => true,
            },
            Some(Role::HoldsRoot) | None => self.root_names.contains(name) || self.roles.contains_key(path),
        }
    }
}

/// Watches folders and tells of changes.
pub(crate) struct Watch {
    shared: Arc<Shared>,
    watcher: Option<RecommendedWatcher>,
    watched: HashMap<PathBuf, FolderId>,
    /// Why changes are found by looking again and again, if so.
    problem: Option<String>,
    /// A given path is missing: its folder may be missing too, and nothing tells when that one comes back.
    poll: bool,
}

impl Watch {
    /// A watch for `roots`, of no folder yet.
    pub(crate) fn new(roots: &[PathBuf]) -> Self {
        let shared = Arc::new(Shared::default());
        shared.lock().root_names = roots.iter().filter_map(|root| root.file_name()).map(ToOwned::to_owned).collect();
        let receiver = Arc::clone(&shared);
        let made = notify::recommended_watcher(move |event| receiver.receive(event));
        let (watcher, problem) = match made {
            Ok(watcher) => (Some(watcher), None),
            Err(error) => (None, Some(error.to_string())),
        };
        Self { shared, watcher, watched: HashMap::new(), problem, poll: false }
    }

    /// Why files are looked at every half second instead of being watched, if so.
    pub(crate) fn problem(&self) -> Option<&str> {
        self.problem.as_deref()
    }

    /// Starts watching a folder, if it is not watched yet. Call it before the folder is listed.
    pub(crate) fn folder(&mut self, path: &Path, id: FolderId, role: Role) {
        let Some(watcher) = &mut self.watcher else { return };
        let Ok(absolute) = std::path::absolute(path) else { return };
        {
            let mut pending = self.shared.lock();
            if pending.lost.remove(&absolute) {
                self.watched.remove(path);
            }
            let held = pending.roles.entry(absolute).or_insert(role);
            if role == Role::Searched || *held == Role::HoldsRoot {
                *held = role;
            }
        }
        if self.watched.get(path) == Some(&id) {
            return;
        }
        if self.watched.remove(path).is_some() {
            // Another folder of the same name: the old watch is of the old folder, and may have ended already.
            let _ = watcher.unwatch(path);
        }
        match watcher.watch(path, RecursiveMode::NonRecursive) {
            Ok(()) => {
                self.watched.insert(path.to_owned(), id);
            }
            // Gone again already: the folder that held it will tell.
            Err(error) if matches!(error.kind, notify::ErrorKind::PathNotFound) => {}
            Err(error) => self.problem = Some(error.to_string()),
        }
    }

    /// Stops watching folders that a scan did not come to any more. `missing`: whether a given path is missing.
    pub(crate) fn keep(&mut self, folders: &std::collections::BTreeSet<PathBuf>, missing: bool) {
        self.poll = missing;
        let gone: Vec<PathBuf> = self.watched.keys().filter(|path| !folders.contains(*path)).cloned().collect();
        for path in gone {
            self.watched.remove(&path);
            if let Some(watcher) = &mut self.watcher {
                let _ = watcher.unwatch(&path);
            }
            if let Ok(absolute) = std::path::absolute(&path) {
                self.shared.lock().roles.remove(&absolute);
            }
        }
    }

    /// Waits until something changed and then has settled. Cancel safe.
    pub(crate) async fn changed(&mut self) -> Dirty {
        let polled = self.problem.is_some() || self.poll;
        while !self.shared.lock().changed {
            let woken = self.shared.wake.notified();
            if !polled {
                woken.await;
            } else if timeout(POLL, woken).await.is_err() {
                return Dirty::default();
            }
        }
        self.settled().await;
        let mut pending = self.shared.lock();
        pending.changed = false;
        pending.writing.clear();
        std::mem::take(&mut pending.dirty)
    }

    async fn settled(&self) {
        let begin = Instant::now();
        loop {
            let quiet = timeout(QUIET, self.shared.wake.notified()).await.is_err();
            let writing = !self.shared.lock().writing.is_empty();
            let limit = if writing { WRITER_PATIENCE } else { PATIENCE };
            if (quiet && !writing) || begin.elapsed() >= limit {
                return;
            }
        }
    }

    /// Waits a little for what an editor does between taking a file away and putting it back.
    pub(crate) async fn grace() {
        sleep(Duration::from_millis(40)).await;
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::super::scan::scan;
    use super::*;

    fn watched(root: &Path) -> Watch {
        let mut watch = Watch::new(&[root.to_owned()]);
        rescan(&mut watch, root);
        watch
    }

    fn rescan(watch: &mut Watch, root: &Path) {
        let found = scan(&[root.to_owned()], &mut |path, id, role| watch.folder(path, id, role));
        watch.keep(&found.folders, !found.missing.is_empty());
    }

    async fn told(watch: &mut Watch) -> Dirty {
        timeout(Duration::from_secs(30), watch.changed()).await.expect("the change is told")
    }

    #[tokio::test]
    async fn a_file_written_to_is_told_by_its_path() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("a.yaml");
        fs::write(&file, "one").expect("a file");
        let mut watch = watched(folder.path());
        fs::write(&file, "two").expect("a file");
        assert!(told(&mut watch).await.contains(&file));
    }

    #[tokio::test]
    async fn a_folder_made_and_made_again_is_watched() {
        let folder = tempfile::tempdir().expect("a folder");
        let (sub, file) = (folder.path().join("sub"), folder.path().join("sub/a.yaml"));
        let mut watch = watched(folder.path());
        for _ in 0..3 {
            fs::create_dir(&sub).expect("a folder");
            told(&mut watch).await;
            rescan(&mut watch, folder.path());
            fs::write(&file, "one").expect("a file");
            assert!(told(&mut watch).await.contains(&file));
            fs::remove_dir_all(&sub).expect("deleted");
            told(&mut watch).await;
            rescan(&mut watch, folder.path());
        }
    }

    #[tokio::test]
    async fn a_new_link_to_a_folder_is_told_and_so_is_its_end() {
        let folder = tempfile::tempdir().expect("a folder");
        let (root, target) = (folder.path().join("root"), folder.path().join("target"));
        fs::create_dir(&root).expect("a folder");
        fs::create_dir(&target).expect("a folder");
        let mut watch = watched(&root);
        for _ in 0..2 {
            std::os::unix::fs::symlink(&target, root.join("link")).expect("a link");
            told(&mut watch).await;
            rescan(&mut watch, &root);
            fs::remove_file(root.join("link")).expect("deleted");
            told(&mut watch).await;
            rescan(&mut watch, &root);
        }
    }

    #[tokio::test]
    async fn without_notifications_files_are_looked_at_again_and_again() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut watch = watched(folder.path());
        watch.problem = Some("no inotify".to_owned());
        assert_eq!(told(&mut watch).await, Dirty::default());
        assert_eq!(told(&mut watch).await, Dirty::default());
    }

    #[tokio::test]
    async fn reading_hidden_files_and_other_files_are_no_change() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("a.yaml");
        fs::write(&file, "one").expect("a file");
        let mut watch = watched(folder.path());
        fs::read_to_string(&file).expect("a text");
        fs::write(folder.path().join(".a.yaml.swp"), "x").expect("a file");
        fs::write(folder.path().join("notes.txt"), "x").expect("a file");
        // Events come in order: the first that is told is the change that matters.
        fs::write(folder.path().join("b.yaml"), "x").expect("a file");
        let dirty = told(&mut watch).await;
        assert_eq!(dirty.paths, HashSet::from([folder.path().join("b.yaml")]));
    }

    #[tokio::test]
    async fn a_file_that_is_open_for_writing_is_waited_for() {
        use std::io::Write as _;

        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.yaml");
        let mut watch = watched(folder.path());
        let mut file = fs::File::create(&path).expect("a file");
        file.write_all(b"one").expect("written");
        let shared = Arc::clone(&watch.shared);
        let waiting = tokio::spawn(async move { told(&mut watch).await });
        while !shared.lock().writing.contains(&path) {
            tokio::task::yield_now().await;
        }
        file.write_all(b"two").expect("written");
        drop(file);
        assert!(waiting.await.expect("no panic").contains(&path));
        assert!(shared.lock().writing.is_empty());
    }
}
