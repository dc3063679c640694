//! Files with the objects that they hold: the newest version of each that could be read.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fs::File;
use std::hash::{DefaultHasher, Hasher as _};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use nantian_ir::ObjectRef;
use nantian_ir::compile::{Object, Objects, Severity, yaml};

use super::MAX_FILE_BYTES;
use super::scan::{FolderId, Role, Scan, Stamp, scan};
use super::watch::Dirty;
use crate::finding::Finding;

/// Text of a finding's remedy where an older version goes on serving.
const OLD_SERVES: &str = "the previous version goes on serving meanwhile";

/// Files and their objects.
#[derive(Debug)]
pub(crate) struct SourceSet {
    roots: Vec<PathBuf>,
    files: BTreeMap<PathBuf, LoadedFile>,
    /// What is wrong with paths rather than with what is in them.
    path_findings: Vec<Finding>,
}

#[derive(Debug, Default)]
struct LoadedFile {
    stamp: Option<Stamp>,
    hash: Option<u64>,
    reader: Option<yaml::TextReader>,
    objects: Vec<Object>,
    findings: Vec<Finding>,
}

/// What a refresh found.
#[derive(Debug, Default)]
pub(crate) struct Refresh {
    /// Objects or findings are others than before.
    pub(crate) changed: bool,
    /// A file vanished or became empty, and its objects were kept for now.
    pub(crate) doubtful: bool,
    /// A given path does not exist.
    pub(crate) missing: bool,
    /// Folders to watch.
    pub(crate) folders: BTreeSet<PathBuf>,
}

impl SourceSet {
    pub(crate) fn new(roots: Vec<PathBuf>) -> Self {
        Self { roots, files: BTreeMap::new(), path_findings: Vec::new() }
    }

    /// Reads files that are new or changed, and forgets those that are gone. Unless `certain`, files that vanished or
    /// became empty keep their objects.
    pub(crate) fn refresh(
        &mut self,
        dirty: &Dirty,
        certain: bool,
        before_listing: &mut dyn FnMut(&Path, FolderId, Role),
    ) -> Refresh {
        let found = scan(&self.roots, before_listing);
        let mut refresh = Refresh { missing: !found.missing.is_empty(), ..Refresh::default() };
        let path_findings = path_findings(&found);
        refresh.changed |= path_findings != self.path_findings;
        self.path_findings = path_findings;

        let unreadable: HashSet<&PathBuf> = found.unreadable.iter().map(|unreadable| &unreadable.path).collect();
        let gone: Vec<PathBuf> = self
            .files
            .keys()
            .filter(|path| !found.files.contains_key(*path))
            // What is in a folder that cannot be read now is not known to be gone.
            .filter(|path| !path.ancestors().any(|path| unreadable.contains(&path.to_path_buf())))
            .cloned()
            .collect();
        for path in gone {
            if certain {
                self.files.remove(&path);
                refresh.changed = true;
            } else {
                refresh.doubtful = true;
            }
        }
        for (path, stamp) in &found.files {
            let file = self.files.entry(path.clone()).or_default();
            if file.stamp == Some(*stamp) && !dirty.contains(path) {
                continue;
            }
            match file.reread(path, *stamp, certain) {
                Reread::Same => {}
                Reread::Changed => refresh.changed = true,
                Reread::Doubtful => refresh.doubtful = true,
            }
        }
        refresh.folders = found.folders;
        refresh
    }

    /// Adds a text that is no file.
    pub(crate) fn add_text(&mut self, name: &str, text: &str) {
        let mut file = LoadedFile::default();
        file.take(name, text);
        self.files.insert(PathBuf::from(name), file);
    }

    /// All objects.
    pub(crate) fn objects(&self) -> Objects {
        self.files.values().flat_map(|file| file.objects.iter().cloned()).collect()
    }

    /// What is wrong with files.
    pub(crate) fn findings(&self) -> Vec<Finding> {
        let in_files = self.files.values().flat_map(|file| file.findings.iter().cloned());
        self.path_findings.iter().cloned().chain(in_files).collect()
    }
}

fn path_findings(found: &Scan) -> Vec<Finding> {
    let missing = found.missing.iter().map(|path| {
        Finding::general(
            Severity::Error,
            "path-missing",
            format!("{} does not exist any more: its objects are gone", path.display()),
            "put it back, or stop and start without it",
        )
    });
    let unreadable = found.unreadable.iter().map(|unreadable| {
        Finding::general(
            Severity::Error,
            "path-unreadable",
            format!("{} cannot be read: {}", unreadable.path.display(), unreadable.reason),
            "make it readable for the user that runs nantian, or move it elsewhere",
        )
    });
    missing.chain(unreadable).collect()
}

/// What came of reading a file again.
enum Reread {
    Same,
    Changed,
    Doubtful,
}

impl LoadedFile {
    fn reread(&mut self, path: &Path, stamp: Stamp, certain: bool) -> Reread {
        let name = path.display().to_string();
        let bytes = match read(path) {
            Ok(bytes) => bytes,
            // Gone since the scan: the next event, or the second look, will tell.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Reread::Doubtful,
            Err(error) => return self.fail(&name, "file-unreadable", format!("the file cannot be read: {error}")),
        };
        let hash = hash(&bytes);
        if self.hash == Some(hash) {
            self.stamp = Some(stamp);
            return Reread::Same;
        }
        if !certain && !self.objects.is_empty() && bytes.iter().all(u8::is_ascii_whitespace) {
            return Reread::Doubtful;
        }
        self.stamp = Some(stamp);
        self.hash = Some(hash);
        match String::from_utf8(bytes) {
            Ok(text) => self.take(&name, &text),
            Err(error) => {
                let error = error.utf8_error();
                return self.fail(&name, "file-not-utf8", format!("the file is not UTF-8: {error}"));
            }
        }
        Reread::Changed
    }

    /// The file cannot be used as it is: its old objects stay.
    fn fail(&mut self, name: &str, code: &'static str, message: String) -> Reread {
        let remedy = format!("save the file again as UTF-8 text that can be read; {OLD_SERVES}");
        let findings = vec![Finding::of_file(Severity::Error, code, name, message, &remedy)];
        let changed = findings != self.findings;
        self.findings = findings;
        if code == "file-unreadable" {
            // Its content is not known: it is read again next time whatever its metadata say.
            self.stamp = None;
            self.hash = None;
        }
        if changed { Reread::Changed } else { Reread::Same }
    }

    /// Takes a new text. What can be read of it replaces what was there; where a document cannot be read, or an object
    /// is not what its kind allows, the old version of it stays.
    fn take(&mut self, name: &str, text: &str) {
        let parsed = self.reader.get_or_insert_with(|| yaml::TextReader::new(name)).read(text);
        // A document that cannot be read may hold any of the old objects; and what comes after an error at the end of a
        // text may not have been written yet.
        let end = parsed.objects.iter().filter_map(|object| object.source("")).map(|place| place.line).max();
        let blind = parsed
            .diagnostics
            .iter()
            .filter(|found| found.severity == Severity::Error)
            .any(|found| found.object.is_none() || found.source.as_ref().map(|place| place.line) > end);
        let broken: HashSet<ObjectRef> = parsed
            .diagnostics
            .iter()
            .filter(|found| found.severity == Severity::Error)
            .filter_map(|found| found.object.clone())
            .collect();
        let old = std::mem::replace(&mut self.objects, parsed.objects);
        let kept = if blind || !broken.is_empty() {
            self.keep(old, |id| blind || broken.contains(id))
        } else {
            HashSet::new()
        };
        self.findings = parsed.diagnostics.into_iter().map(Finding::from).collect();
        for finding in &mut self.findings {
            let serves =
                finding.object.as_ref().map_or(!kept.is_empty(), |id| kept.contains(id) || blind && !kept.is_empty());
            if finding.is_error() && serves {
                finding.remedy = format!("{}; {OLD_SERVES}", finding.remedy);
            }
        }
    }

    /// Keeps those of the old objects that nothing stands for now, and that `may_stay`; says which.
    fn keep(&mut self, old: Vec<Object>, may_stay: impl Fn(&ObjectRef) -> bool) -> HashSet<ObjectRef> {
        let named: HashSet<ObjectRef> = self.objects.iter().map(|object| object.id().clone()).collect();
        let old: BTreeMap<ObjectRef, Object> = old.into_iter().map(|object| (object.id().clone(), object)).collect();
        let kept = old.into_iter().filter(|(id, _)| !named.contains(id) && may_stay(id));
        kept.map(|(id, object)| {
            self.objects.push(object);
            id
        })
        .collect()
    }
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes)?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > MAX_FILE_BYTES {
        let limit = format!("larger than {} MiB; split it", MAX_FILE_BYTES / 1024 / 1024);
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, limit));
    }
    Ok(bytes)
}

fn hash(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(bytes);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const ONE: &str = "apiVersion: v1\nkind: Namespace\nmetadata: {name: one}\n";
    const TWO: &str = "apiVersion: v1\nkind: Namespace\nmetadata: {name: two}\n";

    struct Site {
        folder: tempfile::TempDir,
        set: SourceSet,
    }

    impl Site {
        fn new() -> Self {
            let folder = tempfile::tempdir().expect("a folder");
            let set = SourceSet::new(vec![folder.path().to_owned()]);
            Self { folder, set }
        }

        fn write(&self, text: &str) {
            fs::write(self.folder.path().join("a.yaml"), text).expect("a file");
        }

        fn refresh(&mut self, certain: bool) -> Refresh {
            self.set.refresh(&Dirty::everything(), certain, &mut |_, _, _| {})
        }

        fn names(&self) -> Vec<String> {
            self.set.objects().iter().map(|object| object.id().name.to_string()).collect()
        }

        fn codes(&self) -> Vec<&'static str> {
            self.set.findings().iter().map(|finding| finding.code).collect()
        }
    }

    #[test]
    fn the_same_text_is_no_change() {
        let mut site = Site::new();
        site.write(ONE);
        assert!(site.refresh(false).changed);
        site.write(ONE);
        assert!(!site.refresh(false).changed);
    }

    #[test]
    fn a_file_that_became_empty_or_vanished_is_doubtful_before_its_objects_go() {
        let mut site = Site::new();
        for spoil in [
            |site: &Site| site.write(" \n"),
            |site: &Site| {
                fs::remove_file(site.folder.path().join("a.yaml")).expect("deleted");
            },
        ] {
            site.write(ONE);
            site.refresh(true);
            spoil(&site);
            let refresh = site.refresh(false);
            assert!(refresh.doubtful && !refresh.changed);
            assert_eq!(site.names(), ["one"]);
            let refresh = site.refresh(true);
            assert!(refresh.changed && !refresh.doubtful);
            assert!(site.names().is_empty());
        }
    }

    #[test]
    fn of_a_file_with_a_broken_document_the_others_are_new_and_what_is_missing_stays() {
        let mut site = Site::new();
        site.write(&format!("{ONE}---\n{TWO}"));
        site.refresh(true);
        site.write(&format!("kind: [\n---\n{}", TWO.replace("two", "three")));
        site.refresh(true);
        assert_eq!(site.names(), ["one", "three", "two"]);
        assert_eq!(site.codes(), ["yaml-syntax"]);
        site.write(TWO);
        site.refresh(true);
        assert_eq!(site.names(), ["two"]);
        assert!(site.codes().is_empty());
    }

    #[test]
    fn what_may_follow_a_broken_object_at_the_end_stays() {
        let mut site = Site::new();
        let broken = ONE.replace("{name: one}", "{name: one, labels: 7}");
        site.write(&format!("{ONE}---\n{TWO}"));
        site.refresh(true);
        site.write(&broken);
        site.refresh(true);
        assert_eq!((site.names(), site.codes()), (vec!["one".into(), "two".into()], vec!["invalid-object"]));
        site.write(&format!("{broken}---\n{}", TWO.replace("two", "three")));
        site.refresh(true);
        assert_eq!(site.names(), ["one", "three"]);
    }

    #[test]
    fn text_that_is_not_utf8_keeps_the_old_objects() {
        let mut site = Site::new();
        site.write(ONE);
        site.refresh(true);
        fs::write(site.folder.path().join("a.yaml"), b"\xff").expect("a file");
        assert!(site.refresh(true).changed);
        assert_eq!((site.names(), site.codes()), (vec!["one".to_owned()], vec!["file-not-utf8"]));
        assert!(!site.refresh(true).changed);
        site.write(ONE);
        assert!(site.refresh(true).changed, "healed");
        assert!(site.codes().is_empty());
    }
}
