//! Rules about the source tree that no compiler knows. Each rule is a function from a file to its faults.

mod paths;
mod rules;
pub(crate) mod tree;

use crate::process::Failure;
use crate::workspace::Workspace;

/// A source file, read.
#[derive(Debug)]
struct Source {
    /// Path below the root, with `/`.
    path: String,
    text: String,
}

/// One fault: where and what. The line counts from 1.
#[derive(Debug, PartialEq, Eq)]
struct Fault {
    path: String,
    line: usize,
    message: String,
}

/// Checks the whole tree.
pub(crate) fn check(workspace: &Workspace) -> Result<(), Failure> {
    let sources = tree::rust_sources(&workspace.root)?;
    let mut faults: Vec<Fault> = sources.iter().flat_map(rules::faults).collect();
    faults.extend(tree::crates_without_readme(&workspace.root)?);
    faults.extend(paths::faults(&workspace.root)?);
    println!("{} Rust files, {} lines", sources.len(), sources.iter().map(|s| s.text.lines().count()).sum::<usize>());
    if faults.is_empty() {
        return Ok(());
    }
    for Fault { path, line, message } in &faults {
        println!("{path}:{line}: {message}");
    }
    Err(Failure::Found(format!("{} faults in the source tree", faults.len())))
}

#[cfg(test)]
mod tests {
    use super::{check, tree};
    use crate::workspace::Workspace;

    #[test]
    fn the_source_tree_is_tidy() {
        check(&Workspace::locate().unwrap()).unwrap();
    }

    #[test]
    fn the_tree_walk_finds_the_sources_of_every_kind() {
        let root = Workspace::locate().unwrap().root;
        let sources = tree::rust_sources(&root).unwrap();
        for path in ["nantian-ir/src/lib.rs", "xtask/src/tidy/mod.rs", "e2e/tests/e2e/main.rs"] {
            assert!(sources.iter().any(|source| source.path == path), "{path} was not found");
        }
    }
}
