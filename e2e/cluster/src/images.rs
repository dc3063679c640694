//! The images that every cluster has: of one program each, from scratch.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::process::{read, run};
use crate::state::Home;
use crate::{ClusterError, Programs};

/// What holds the namespaces of a Pod.
pub(crate) const PAUSE: &str = "nantian.local/pause:1";
/// DNS for Pods.
pub(crate) const COREDNS: &str = "nantian.local/coredns:1";

/// An image of one static program.
struct Image {
    name: &'static str,
    program: &'static str,
}

const IMAGES: &[Image] = &[Image { name: PAUSE, program: "pause" }, Image { name: COREDNS, program: "coredns" }];

/// Builds those whose program is newer than its image; returns the archives of all.
pub(crate) fn build(home: &Home, programs: &Programs) -> Result<Vec<PathBuf>, ClusterError> {
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
    // `push` adds to an archive that is there.
    if archive.exists() {
        std::fs::remove_file(archive).map_err(ClusterError::file(archive))?;
    }
    let to = format!("docker-archive:{}:{}", archive.display(), image.name);
    run(buildah().args(["push", "--quiet", image.name, &to]))
}

/// Builds without a container engine, in a store that needs nothing of the kernel.
fn buildah() -> Command {
    let mut command = Command::new("buildah");
    command.args(["--storage-driver", "vfs"]).env("BUILDAH_ISOLATION", "chroot");
    command
}
