//! Which checkout the build products are of.
//!
//! Programs have the path of their sources in them (`env!("CARGO_MANIFEST_DIR")`), and cargo tells checkouts apart by the
//! age of their files only: tests that another checkout has built would look at the files of that one.

use std::fs::File;
use std::time::SystemTime;

use crate::process::Failure;
use crate::tidy::tree;
use crate::workspace::Workspace;

/// Sees to it that cargo builds anew what another checkout has built last in the target folder.
pub(crate) fn claim_builds(workspace: &Workspace) -> Result<(), Failure> {
    let (root, mark) = (&workspace.root, workspace.target.join("checkout"));
    let ours = root.as_os_str().as_encoded_bytes();
    if std::fs::read(&mark).is_ok_and(|theirs| theirs == ours) {
        return Ok(());
    }
    let now = SystemTime::now();
    tree::walk(root, root, &mut |path, _| {
        if path.extension().is_some_and(|extension| extension == "rs") {
            let touched = File::options().append(true).open(path).and_then(|source| source.set_modified(now));
            touched.map_err(Failure::file(path))?;
        }
        Ok(())
    })?;
    std::fs::create_dir_all(&workspace.target).map_err(Failure::file(&workspace.target))?;
    std::fs::write(&mark, ours).map_err(Failure::file(&mark))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::time::Duration;

    use super::*;

    #[test]
    fn sources_are_newer_than_what_another_checkout_has_built_and_are_left_alone_after_that() {
        let folder = std::env::temp_dir().join(format!("nantian-checkout-{}", std::process::id()));
        let checkout = |name: &str| {
            let root = folder.join(name);
            fs::create_dir_all(root.join("src")).unwrap();
            fs::write(root.join("src/lib.rs"), "").unwrap();
            Workspace { root, cache: folder.join("cache"), target: folder.join("target") }
        };
        let long_ago = SystemTime::now() - Duration::from_secs(3_600);
        let is_touched = |workspace: &Workspace| {
            let source = File::options().append(true).open(workspace.root.join("src/lib.rs")).unwrap();
            source.set_modified(long_ago).unwrap();
            claim_builds(workspace).unwrap();
            source.metadata().unwrap().modified().unwrap() > long_ago + Duration::from_secs(60)
        };
        let (one, other) = (checkout("one"), checkout("other"));
        let touched = [&one, &one, &other, &one].map(is_touched);
        fs::remove_dir_all(&folder).unwrap();
        assert_eq!(touched, [true, false, true, true]);
    }
}
