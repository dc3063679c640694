//! The manual of diagnostics is what their documentation says.

use std::fmt::Write as _;
use std::path::Path;

use nantian_ir::compile::diagnostic::CODES;

/// `docs/diagnostics.md`.
fn manual() -> String {
    let mut page = "# Diagnostics\n\n\
        What `nantian check` and `nantian run` tell. Each has a code that never changes, an object, a field, a place in a file\n\
        and a remedy. This page is generated from `nantian-ir/src/compile/diagnostic`; a test compares the two.\n"
        .to_owned();
    for code in CODES {
        // Writing to a String cannot fail.
        let _ = write!(page, "\n## {} ({})\n\n{}\n", code.name(), code.severity(), code.manual().trim());
    }
    page
}

#[test]
fn docs_diagnostics_md_is_what_the_codes_say() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/diagnostics.md");
    if std::env::var_os("NANTIAN_WRITE_DOCS").is_some() {
        std::fs::write(&path, manual()).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap();
    assert_eq!(written, manual(), "docs/diagnostics.md is out of date: cargo xtask reference");
}
