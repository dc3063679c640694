//! Rewrites `crds/*.yaml` from the Rust types: `cargo run -p nantian-crds --example write_crds`.
//!
//! A test fails while a file is not what this writes.

use std::path::Path;

fn main() -> std::io::Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("crds");
    std::fs::create_dir_all(&folder)?;
    for (name, yaml) in nantian_crds::crd_files() {
        std::fs::write(folder.join(&name), yaml)?;
        println!("crds/{name}");
    }
    Ok(())
}
