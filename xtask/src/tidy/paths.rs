//! Pages that name files name files that are there.

use std::path::Path;

use super::Fault;
use crate::process::Failure;

/// The pages that lead a reader through the tree.
const PAGES: &[&str] = &["CONTRIBUTING.md", "docs/architecture.md"];

/// Paths in backquotes that are not below `root`.
pub(super) fn faults(root: &Path) -> Result<Vec<Fault>, Failure> {
    let mut faults = Vec::new();
    for page in PAGES {
        let text = std::fs::read_to_string(root.join(page)).map_err(Failure::file(page))?;
        for (index, line) in text.lines().enumerate() {
            let missing = named(line).filter(|path| !root.join(path).exists());
            faults.extend(missing.map(|path| Fault {
                path: (*page).to_owned(),
                line: index + 1,
                message: format!("`{path}` does not exist"),
            }));
        }
    }
    Ok(faults)
}

/// What a line has in backquotes that looks like a path of the repository. A part in capitals stands for a name, so only
/// what is before it can be looked up.
fn named(line: &str) -> impl Iterator<Item = String> + '_ {
    let quoted = line.split('`').skip(1).step_by(2);
    quoted.filter_map(|word| {
        let is_path = word.contains('/')
            && !word.starts_with('/')
            && word.chars().all(|c| c.is_ascii_alphanumeric() || "-_./".contains(c))
            && word.starts_with(|c: char| c.is_ascii_lowercase() || c == '.');
        let stands_for_a_name = |part: &&str| {
            let stem = part.split('.').next().unwrap_or_default();
            stem.len() > 1
                && stem.chars().all(|c| c.is_ascii_uppercase() || c == '_')
                && stem != "README"
                && stem != "SUMMARY"
        };
        let known: Vec<&str> = word.split('/').take_while(|part| !stands_for_a_name(part)).collect();
        (is_path && !known.is_empty()).then(|| known.join("/"))
    })
}

#[cfg(test)]
mod tests {
    use super::named;

    #[test]
    fn paths_are_found_and_names_to_fill_in_are_left_out() {
        let line =
            "one file `nantian-proxy/src/filter/NAME.rs`, one line in `xtask/src/main.rs`; `a::b`, `x/y z`, `/readyz`";
        assert_eq!(named(line).collect::<Vec<_>>(), ["nantian-proxy/src/filter", "xtask/src/main.rs"]);
    }
}
