//! A terminal in which the commands of the page are typed.

use std::path::Path;
use std::time::{Duration, Instant};

use nantian_cluster::gateway_api_crds;
use tempfile::TempDir;

use crate::Live;

const PAGE: &str = include_str!("page.sh");
/// Where the page has Gateway API from: not reachable here.
const MANIFEST_URL: &str =
    "https://github.com/kubernetes-sigs/gateway-api/releases/download/v1.5.1/standard-install.yaml";
const MANIFEST: &str = "standard-install.yaml";
/// How much of what a program says is shown: an error of `kubectl apply` may have a Secret in it.
const SHOWN: usize = 400;

/// The commands under a heading of the page, each as it is typed.
pub(super) fn commands(heading: &str) -> Vec<String> {
    let (_, section) = PAGE.split_once(&format!("\n## {heading}\n")).expect("a heading of the page");
    let (section, _) = section.split_once("\n## ").unwrap_or((section, ""));
    let lines = section.replace("\\\n", "").replace(MANIFEST_URL, MANIFEST);
    lines.lines().filter(|line| !line.trim().is_empty()).map(str::to_owned).collect()
}

/// What came of a command.
#[derive(Debug)]
pub(super) struct Typed {
    pub(super) printed: String,
    errors: String,
    pub(super) success: bool,
}

/// What a command of a restore has done.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Restored {
    /// All that it could.
    All,
    /// What it needs is not there yet.
    NotYet,
}

impl Typed {
    /// A restore says of what is there already that it was modified since, and of a file without objects that it has none.
    /// Neither is a reason to type it again.
    pub(super) fn restored(&self, command: &str) -> Restored {
        const NOT_YET: [&str; 5] = [
            "no matches for kind",
            "could not find the requested resource",
            "CRDs are installed first",
            "namespaces \"",
            "no matching resources found",
        ];
        const NO_MATTER: [&str; 2] = ["the object has been modified", "no objects passed to apply"];
        let says = |any: &[&str]| any.iter().any(|text| self.errors.contains(text));
        if says(&NOT_YET) {
            return Restored::NotYet;
        }
        assert!(self.success || says(&NO_MATTER), "{command}: {}", self.shown());
        Restored::All
    }

    /// Whether the API server has no such kind.
    pub(super) fn lacks_the_kind(&self) -> bool {
        self.errors.contains("the server doesn't have a resource type")
    }

    pub(super) fn shown(&self) -> String {
        let lines = self.errors.lines().map(|line| line.chars().take(SHOWN).collect::<String>() + "\n");
        lines.collect()
    }
}

/// A folder with what the page takes for granted.
pub(super) struct Shell<'a> {
    live: &'a Live,
    /// The namespace of the Gateway: `$NAMESPACE` in what is typed.
    pub(super) namespace: &'static str,
    folder: TempDir,
}

impl<'a> Shell<'a> {
    pub(super) fn new(live: &'a Live, namespace: &'static str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let chart = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../charts/nantian-gw").canonicalize().unwrap();
        let repository = folder.path().join("nantian-gw");
        std::fs::create_dir(&repository).unwrap();
        std::os::unix::fs::symlink(chart, repository.join("nantian-gw")).unwrap();
        std::fs::write(folder.path().join(MANIFEST), manifest()).unwrap();
        Self { live, namespace, folder }
    }

    /// The folder of a cluster that is no more, for another one.
    #[cfg(feature = "velero")]
    pub(super) fn of(live: &'a Live, namespace: &'static str, folder: TempDir) -> Self {
        Self { live, namespace, folder }
    }

    #[cfg(feature = "velero")]
    pub(super) fn into_folder(self) -> TempDir {
        self.folder
    }

    pub(super) fn file(&self, name: &str, content: &str) {
        std::fs::write(self.folder.path().join(name), content).unwrap();
    }

    /// Types a command.
    pub(super) fn types(&self, command: &str) -> Typed {
        let mut bash = self.live.cluster().command("bash");
        bash.args(["-o", "pipefail", "-c", command]).current_dir(self.folder.path());
        // What the API server had once is kept below HOME, and each cluster has the same address.
        let output = bash.env("HOME", self.folder.path()).env("NAMESPACE", self.namespace).output().unwrap();
        Typed {
            printed: String::from_utf8_lossy(&output.stdout).into_owned(),
            errors: String::from_utf8_lossy(&output.stderr).into_owned(),
            success: output.status.success(),
        }
    }

    /// Types a command that must succeed; returns what it prints.
    pub(super) fn must(&self, command: &str) -> String {
        let typed = self.types(command);
        assert!(typed.success, "{command}: {}", typed.shown());
        typed.printed
    }

    /// Types what is under a heading; returns what all of it prints.
    pub(super) fn section(&self, heading: &str) -> String {
        commands(heading).iter().map(|command| self.must(command)).collect()
    }

    /// Types commands of a restore; those that find that something is not there yet are typed again after the others.
    pub(super) fn restores(&self, mut commands: Vec<String>) {
        let began = Instant::now();
        while !commands.is_empty() {
            assert!(began.elapsed() < Duration::from_secs(120), "cannot be restored: {commands:?}");
            commands.retain(|command| self.types(command).restored(command) == Restored::NotYet);
        }
    }
}

/// Gateway API's manifest as its own release script makes it: the files of the channel, one after the other.
fn manifest() -> String {
    let folder = gateway_api_crds("standard").unwrap();
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.file_name().is_some_and(|name| name.to_string_lossy().starts_with("gateway")));
    files.sort();
    let files: Vec<String> = files.iter().map(|file| std::fs::read_to_string(file).unwrap()).collect();
    files.join("\n---\n")
}
