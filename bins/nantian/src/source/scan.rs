//! Which files there are: a walk over the given paths that reads nothing but names and metadata.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// Folders deeper than this are not searched.
const MAX_DEPTH: usize = 32;
/// More files than this are not read.
const MAX_FILES: usize = 200_000;

/// What tells one version of a file from the next without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stamp {
    device: u64,
    inode: u64,
    /// Length in bytes.
    pub(crate) length: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    fn of(metadata: &fs::Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            length: metadata.len(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

/// Identity of a folder: a folder that was replaced by another of the same name has another one.
pub(crate) type FolderId = (u64, u64);

/// Why a folder matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// It is searched for files.
    Searched,
    /// It holds the target of a link.
    HoldsTarget,
    /// It holds a given path, which may be deleted, renamed or replaced there.
    HoldsRoot,
}

/// A path that could not be looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unreadable {
    /// The path.
    pub(crate) path: PathBuf,
    /// Why, for people.
    pub(crate) reason: String,
}

/// What a walk found.
#[derive(Debug, Default)]
pub(crate) struct Scan {
    /// Files to read.
    pub(crate) files: BTreeMap<PathBuf, Stamp>,
    /// Folders whose content decides which files there are.
    pub(crate) folders: BTreeSet<PathBuf>,
    /// Given paths that do not exist.
    pub(crate) missing: BTreeSet<PathBuf>,
    /// What could not be looked at.
    pub(crate) unreadable: Vec<Unreadable>,
}

/// Walks `roots`. Calls `before_listing` for each folder before it is listed, so that a watch that is set up there
/// misses no file that is created later.
pub(crate) fn scan(roots: &[PathBuf], before_listing: &mut dyn FnMut(&Path, FolderId, Role)) -> Scan {
    let mut walk = Walk { scan: Scan::default(), ancestors: HashSet::new(), before_listing };
    for root in roots {
        // Deletion, renaming and replacement of a given path show in the folder that holds it.
        walk.watch_parent(root, Role::HoldsRoot);
        match fs::metadata(root) {
            Ok(metadata) if metadata.is_dir() => walk.folder(root, &metadata, 0),
            Ok(metadata) => walk.file(root, &metadata),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                walk.scan.missing.insert(root.clone());
            }
            Err(error) => walk.unreadable(root, &error),
        }
    }
    walk.scan
}

struct Walk<'a> {
    scan: Scan,
    /// Folders between the root and here: a link to one of them would never end.
    ancestors: HashSet<FolderId>,
    before_listing: &'a mut dyn FnMut(&Path, FolderId, Role),
}

impl Walk<'_> {
    fn watch_parent(&mut self, path: &Path, role: Role) {
        let parent = match path.parent() {
            Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
            Some(parent) => parent,
            None => return,
        };
        if let Ok(metadata) = fs::metadata(parent) {
            self.note_folder(parent, (metadata.dev(), metadata.ino()), role);
        }
    }

    fn note_folder(&mut self, path: &Path, id: FolderId, role: Role) {
        (self.before_listing)(path, id, role);
        self.scan.folders.insert(path.to_owned());
    }

    fn unreadable(&mut self, path: &Path, error: &io::Error) {
        self.scan.unreadable.push(Unreadable { path: path.to_owned(), reason: error.to_string() });
    }

    fn file(&mut self, path: &Path, metadata: &fs::Metadata) {
        if self.scan.files.len() >= MAX_FILES {
            if self.scan.files.len() == MAX_FILES && !self.scan.files.contains_key(path) {
                let reason = format!("more than {MAX_FILES} files: this one is not read");
                self.scan.unreadable.push(Unreadable { path: path.to_owned(), reason });
            }
            return;
        }
        if !metadata.is_file() {
            let reason = "neither a file nor a folder; name a file or a folder".to_owned();
            self.scan.unreadable.push(Unreadable { path: path.to_owned(), reason });
            return;
        }
        // A link's target is written to in the target's folder (a mounted ConfigMap links through `..data`).
        if fs::symlink_metadata(path).is_ok_and(|own| own.is_symlink())
            && let Ok(target) = fs::canonicalize(path)
        {
            self.watch_parent(&target, Role::HoldsTarget);
        }
        self.scan.files.insert(path.to_owned(), Stamp::of(metadata));
    }

    fn folder(&mut self, path: &Path, metadata: &fs::Metadata, depth: usize) {
        let id = (metadata.dev(), metadata.ino());
        if depth > MAX_DEPTH {
            let reason = format!("more than {MAX_DEPTH} folders deep: not searched");
            self.scan.unreadable.push(Unreadable { path: path.to_owned(), reason });
            return;
        }
        if !self.ancestors.insert(id) {
            return;
        }
        self.note_folder(path, id, Role::Searched);
        match list(path) {
            Ok(entries) => entries.iter().for_each(|entry| self.entry(entry, depth)),
            Err(error) => self.unreadable(path, &error),
        }
        self.ancestors.remove(&id);
    }

    fn entry(&mut self, path: &Path, depth: usize) {
        match fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() => self.folder(path, &metadata, depth + 1),
            Ok(metadata) if metadata.is_file() && has_object_extension(path) => self.file(path, &metadata),
            // What is not found was deleted since it was listed, or is a link to nothing.
            Err(error) if error.kind() != io::ErrorKind::NotFound && has_object_extension(path) => {
                self.unreadable(path, &error);
            }
            Ok(_) | Err(_) => {}
        }
    }
}

/// Entries that are not hidden, sorted. Hidden are also what editors leave (`.a.yaml.swp`, `.#a.yaml`) and the `..data`
/// of a mounted ConfigMap, whose files are linked from beside it.
fn list(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut entries = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if !entry.file_name().as_encoded_bytes().starts_with(b".") {
            entries.push(entry.path());
        }
    }
    entries.sort();
    Ok(entries)
}

/// Whether a file of this name is read when it is in a searched folder.
pub(super) fn has_object_extension(path: &Path) -> bool {
    path.extension().is_some_and(|extension| {
        ["yaml", "yml", "json"].iter().any(|known| extension.as_encoded_bytes().eq_ignore_ascii_case(known.as_bytes()))
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn names(root: &Path) -> Vec<String> {
        let scan = scan(&[root.to_owned()], &mut |_, _, _| {});
        scan.files
            .keys()
            .map(|path| path.strip_prefix(root).expect("below the root").to_string_lossy().into_owned())
            .collect()
    }

    #[test]
    fn folders_are_searched_and_temporary_files_skipped() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path();
        fs::create_dir_all(root.join("sub/deeper")).expect("folders");
        fs::create_dir_all(root.join(".git")).expect("folders");
        for name in ["b.yaml", "a.yml", "c.JSON", "sub/deeper/d.yaml"] {
            fs::write(root.join(name), "").expect("a file");
        }
        for name in [".b.yaml.swp", ".#b.yaml", "b.yaml~", "#b.yaml#", "4913", "README.md", ".git/x.yaml", ".x.yaml"] {
            fs::write(root.join(name), "").expect("a file");
        }
        assert_eq!(names(root), ["a.yml", "b.yaml", "c.JSON", "sub/deeper/d.yaml"]);
    }

    #[test]
    fn a_link_to_a_folder_above_ends() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::create_dir(folder.path().join("sub")).expect("a folder");
        fs::write(folder.path().join("sub/a.yaml"), "").expect("a file");
        symlink(folder.path(), folder.path().join("sub/loop")).expect("a link");
        assert_eq!(names(folder.path()), ["sub/a.yaml"]);
    }

    #[test]
    fn the_folder_of_a_links_target_is_noted() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path().canonicalize().expect("a path");
        fs::create_dir_all(root.join("map/..2026")).expect("folders");
        fs::write(root.join("map/..2026/a.yaml"), "").expect("a file");
        symlink("..2026", root.join("map/..data")).expect("a link");
        symlink("..data/a.yaml", root.join("map/a.yaml")).expect("a link");
        let found = scan(&[root.join("map")], &mut |_, _, _| {});
        assert_eq!(found.files.keys().collect::<Vec<_>>(), [&root.join("map/a.yaml")]);
        assert!(found.folders.contains(&root.join("map/..2026")));
        assert!(found.folders.contains(&root), "the folder that holds the given path");
    }

    #[test]
    fn missing_paths_are_told() {
        let folder = tempfile::tempdir().expect("a folder");
        let gone = folder.path().join("gone");
        let found = scan(std::slice::from_ref(&gone), &mut |_, _, _| {});
        assert!(found.missing.contains(&gone));
    }
}
