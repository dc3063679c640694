//! Which crate may depend on what: the edges of the design as a test.
//!
//! An embedder who takes the router alone must not get a TLS library with it, and a data plane must not be able to talk
//! to a Kubernetes API server. Cargo's own resolver is asked, so that a feature that sneaks in through another crate
//! counts too.

use crate::process::Failure;
use crate::workspace::Workspace;

/// A build of one crate, and the packages that it must not contain. A name that ends in `*` is a prefix.
struct Edge {
    package: &'static str,
    flags: &'static [&'static str],
    never: &'static [&'static str],
}

const KUBERNETES: [&str; 3] = ["kube*", "k8s-openapi", "nantian-crds"];

const EDGES: &[Edge] = &[
    Edge { package: "nantian-proxy", flags: &[], never: &KUBERNETES },
    Edge {
        package: "nantian-proxy",
        flags: &["--no-default-features"],
        never: &["tokio*", "hyper*", "h2", "rustls*", "socket2", "mio", "kube*", "k8s-openapi", "nantian-crds"],
    },
    Edge {
        package: "nantian-ir",
        flags: &["--no-default-features"],
        never: &[
            "nantian-crds",
            "kube*",
            "k8s-openapi",
            "rustls*",
            "saphyr*",
            "cel*",
            "tokio*",
            "hyper*",
            "socket2",
            "mio",
        ],
    },
    Edge { package: "nantian-ir", flags: &[], never: &["tokio*", "hyper*", "h2", "socket2", "mio"] },
    Edge {
        package: "nantian-process",
        flags: &[],
        never: &["nantian-crds", "nantian-proxy", "nantian-xds", "kube*", "k8s-openapi", "hyper*", "rustls"],
    },
    Edge {
        package: "nantian-xds",
        flags: &[],
        never: &["nantian-crds", "nantian-proxy", "kube*", "k8s-openapi", "axum*", "prost-build", "protox"],
    },
    Edge {
        package: "nantian-controller",
        flags: &[],
        never: &["nantian-proxy", "openssl", "openssl-sys", "native-tls", "ring", "reqwest", "axum*"],
    },
    Edge { package: "nantian-dataplane", flags: &[], never: &KUBERNETES },
    Edge { package: "nantian", flags: &[], never: &["openssl", "openssl-sys", "native-tls", "reqwest", "axum*"] },
    Edge { package: "nantian-metrics", flags: &[], never: &["*"] },
    Edge { package: "nantian-crds", flags: &[], never: &["tokio*", "hyper*", "nantian-ir", "nantian-proxy"] },
];

/// Checks all edges.
pub(crate) fn check(workspace: &Workspace) -> Result<(), Failure> {
    let mut faults = 0;
    for edge in EDGES {
        let packages = packages(workspace, edge)?;
        let build = format!("{} {}", edge.package, edge.flags.join(" "));
        let forbidden: Vec<&String> = packages.iter().filter(|name| matches_any(name, edge.never)).collect();
        println!("{:<42} {:>3} packages, {} forbidden", build.trim(), packages.len(), forbidden.len());
        for name in forbidden {
            faults += 1;
            let flags = edge.flags.join(" ");
            println!("  {name}: ask `cargo tree -p {} -e normal {flags} -i {name}` who brings it in", edge.package);
        }
    }
    if faults == 0 { Ok(()) } else { Err(Failure::Found(format!("{faults} forbidden dependencies"))) }
}

/// The packages of a build, without the crate itself.
fn packages(workspace: &Workspace, edge: &Edge) -> Result<Vec<String>, Failure> {
    let tree = workspace
        .cargo(["tree", "--locked", "--package", edge.package, "--edges", "normal", "--prefix", "none"])
        .args(["--format", "{p}"])
        .args(edge.flags)
        .read()?;
    let mut names: Vec<String> =
        tree.lines().filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect();
    names.sort_unstable();
    names.dedup();
    if !names.iter().any(|name| name == edge.package) {
        return Err(Failure::Found(format!("`cargo tree` did not list {}: its format changed", edge.package)));
    }
    names.retain(|name| name != edge.package);
    Ok(names)
}

fn matches_any(name: &str, patterns: &[&str]) -> bool {
    patterns.iter().any(|pattern| match pattern.strip_suffix('*') {
        Some(prefix) => name.starts_with(prefix),
        None => name == *pattern,
    })
}

#[cfg(test)]
mod tests {
    use super::{KUBERNETES, check, matches_any};
    use crate::workspace::Workspace;

    #[test]
    fn a_star_matches_a_family_and_a_name_only_itself() {
        assert!(matches_any("kube-client", &KUBERNETES));
        assert!(matches_any("k8s-openapi", &KUBERNETES));
        assert!(!matches_any("k8s-openapi-codegen", &KUBERNETES));
        assert!(!matches_any("h2", &["h2o"]));
    }

    #[test]
    fn no_crate_depends_on_what_the_design_forbids() {
        check(&Workspace::locate().unwrap()).unwrap();
    }
}
