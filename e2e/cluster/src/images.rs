//! Images: those that every cluster has, of one program each, from scratch; and those that a Dockerfile says.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::process::{read, run};
use crate::state::Home;
use crate::{ClusterError, Programs};

/// What holds the namespaces of a Pod.
pub(crate) const PAUSE: &str = "nantian.local/pause:1";
/// DNS for Pods.
pub(crate) const COREDNS: &str = "nantian.local/coredns:1";
/// What answers requests that a gateway leads to it (`go/backend`).
pub(crate) const BACKEND: &str = "nantian.local/backend:1";

/// An image of one static program.
struct Image {
    name: &'static str,
    program: &'static str,
}

const IMAGES: &[Image] = &[
    Image { name: PAUSE, program: "pause" },
    Image { name: COREDNS, program: "coredns" },
    Image { name: BACKEND, program: "backend" },
];

/// Builds those whose program is newer than its image; returns the archives of all.
pub(crate) fn build(home: &Home, programs: &Programs) -> Result<Vec<PathBuf>, ClusterError> {
    let _alone = home.build_alone()?;
    let folder = home.images();
    std::fs::create_dir_all(&folder).map_err(ClusterError::file(&folder))?;
    let mut archives = Vec::new();
    for image in IMAGES {
        let (program, archive) = (programs.path(image.program), folder.join(format!("{}.tar", image.program)));
        if !is_newer(&archive, &program) {
            build_one(image, &program, &archive)?;
        }
        archives.push(archive);
    }
    Ok(archives)
}

fn is_newer(archive: &Path, program: &Path) -> bool {
    let changed = |path: &Path| path.metadata().and_then(|metadata| metadata.modified()).ok();
    matches!((changed(archive), changed(program)), (Some(archive), Some(program)) if archive >= program)
}

fn build_one(image: &Image, program: &Path, archive: &Path) -> Result<(), ClusterError> {
    let container = read(buildah().args(["from", "scratch"]))?;
    let container = container.trim();
    let built = fill(image, container, program, archive);
    let removed = run(buildah().args(["rm", container]));
    built.and(removed)
}

fn fill(image: &Image, container: &str, program: &Path, archive: &Path) -> Result<(), ClusterError> {
    let inside = format!("/{}", image.program);
    run(buildah().args(["copy", "--chmod", "0755", container]).arg(program).arg(&inside))?;
    run(buildah().args(["config", "--entrypoint", &format!("[\"{inside}\"]"), container]))?;
    run(buildah().args(["commit", "--quiet", container, image.name]))?;
    write_archive(image.name, archive)
}

/// Writes an image down: under its name it is always whole, as another cluster may be reading it.
fn write_archive(image: &str, archive: &Path) -> Result<(), ClusterError> {
    let partial = archive.with_extension("partial");
    // `push` adds to an archive that is there.
    if partial.exists() {
        std::fs::remove_file(&partial).map_err(ClusterError::file(&partial))?;
    }
    let to = format!("docker-archive:{}:{image}", partial.display());
    run(buildah().args(["push", "--quiet", image, &to]))?;
    std::fs::rename(&partial, archive).map_err(ClusterError::file(archive))
}

/// An image that a Dockerfile says, without a registry: of a base that is made of packages of this machine's Debian.
pub(crate) struct Build<'a> {
    /// With its tag.
    pub(crate) image: &'a str,
    pub(crate) dockerfile: &'a Path,
    /// The only file of the context.
    pub(crate) program: &'a Path,
    /// What the base has.
    pub(crate) packages: &'a str,
}

impl Build<'_> {
    /// Writes the image to an archive in `folder`.
    pub(crate) fn run(&self, folder: &Path, archive: &Path) -> Result<(), ClusterError> {
        let base = self.base(folder)?;
        let context = folder.join("context");
        std::fs::create_dir_all(&context).map_err(ClusterError::file(&context))?;
        let program = context.join(self.program.file_name().unwrap_or_default());
        // What is for debuggers is most of it.
        run(Command::new("strip").arg("--strip-debug").arg("-o").arg(&program).arg(self.program))?;
        let build_arg = format!("BASE={base}");
        let mut build = buildah();
        build.args(["build", "--quiet", "--pull-never", "--build-arg", &build_arg, "--tag", self.image, "--file"]);
        run(build.arg(self.dockerfile).arg(&context))?;
        std::fs::remove_dir_all(&context).map_err(ClusterError::file(&context))?;
        write_archive(self.image, archive)?;
        // The archive is what counts, and each build has a tag of its own.
        run(buildah().args(["rmi", self.image]))
    }

    /// The name of the base, which is made if it is not there: unpacked packages and nothing else.
    fn base(&self, folder: &Path) -> Result<String, ClusterError> {
        let name = format!("nantian.local/base:{}", self.packages.replace(',', "-"));
        if run(buildah().args(["inspect", "--type", "image", &name])).is_ok() {
            return Ok(name);
        }
        let root = folder.join("base.tar");
        let include = format!("--include={}", self.packages);
        // The suite of what the programs were linked with.
        let suite = read(Command::new("sh").args(["-c", ". /etc/os-release && echo $VERSION_CODENAME"]))?;
        let mut bootstrap = Command::new("mmdebstrap");
        run(bootstrap.args(["--quiet", "--variant=extract", &include, suite.trim()]).arg(&root))?;
        let container = read(buildah().args(["from", "scratch"]))?;
        let container = container.trim();
        let added = run(buildah().args(["add", "--quiet", container]).arg(&root).arg("/"));
        let committed = added.and_then(|()| run(buildah().args(["commit", "--quiet", container, &name])));
        run(buildah().args(["rm", container]))?;
        std::fs::remove_file(&root).map_err(ClusterError::file(&root))?;
        committed.map(|()| name)
    }
}

/// Builds without a container engine, in a store that needs nothing of the kernel.
fn buildah() -> Command {
    let mut command = Command::new("buildah");
    command.args(["--storage-driver", "vfs"]).env("BUILDAH_ISOLATION", "chroot");
    command
}
