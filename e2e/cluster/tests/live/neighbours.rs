//! Planes of an earlier build beside those of this one, as in the midst of an upgrade or of its undoing. Not of the suite: it wants
//! an earlier build (`CONTRIBUTING.md` has the commands).

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nantian_cluster::{Home, Parts};

use crate::load::{self, Load, Served};
use crate::seen::{accepted, all_current, served, until};
use crate::{Live, binaries};

/// Far more than it takes: planes are replaced one by one.
const LIMIT: Duration = Duration::from_secs(120);

/// A build: its repository, and the folder of its programs.
struct Build {
    repository: PathBuf,
    programs: PathBuf,
}

impl Build {
    fn this() -> Self {
        let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        Self { repository, programs: binaries().to_owned() }
    }

    fn earlier() -> Self {
        let folder = |name| PathBuf::from(std::env::var_os(name).unwrap_or_else(|| panic!("{name} names no folder")));
        Self { repository: folder("NANTIAN_EARLIER"), programs: folder("NANTIAN_EARLIER_PROGRAMS") }
    }
}

/// Installs by the chart of a build the control plane of one and the data plane of another.
fn install(live: &Live, chart: &Build, control_plane: &Build, data_plane: &Build) {
    let pair = tempfile::tempdir().unwrap();
    for (program, build) in [("nantian-controlplane", control_plane), ("nantian-dataplane", data_plane)] {
        symlink(build.programs.join(program), pair.path().join(program)).unwrap();
    }
    let chart = chart.repository.join("charts/nantian-gw");
    let installed = live.cluster().install_chart(&Home::find().unwrap(), pair.path(), &chart);
    installed.unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn planes_of_an_earlier_build_and_of_this_one_serve_together_and_no_request_fails_from_one_pair_to_the_next() {
    let (earlier, this) = (Build::earlier(), Build::this());
    let live = Live::up("test-neighbours", Parts::Node);
    install(&live, &earlier, &earlier, &earlier);
    let url = load::routed(&live);
    load::many_routes(&live);
    until("both data planes are current", LIMIT, || all_current(&live));
    let load = Load::start(&live, &url);
    // Settings of a chart are for its own build and for later ones.
    let pairs = [
        ("newer-control-planes", &earlier, &this, &earlier),
        ("newer-data-planes", &earlier, &earlier, &this),
        ("this-build", &this, &this, &this),
        ("earlier-build", &earlier, &earlier, &earlier),
    ];
    for (name, chart, control_plane, data_plane) in pairs {
        install(&live, chart, control_plane, data_plane);
        until("both data planes are current", LIMIT, || all_current(&live));
        live.apply(&load::route(name));
        let took = until("a new route is served", LIMIT, || served(&live, &url, name));
        let status = took + until("it has a status", LIMIT, || accepted(&live, name));
        println!("{name}: a new route is served after {took:?}, its status written after {status:?}");
    }
    let Served { answers, unrouted, failures, .. } = load.end();
    println!("{answers} answers meanwhile, {unrouted} times no route");
    assert_eq!(failures, Vec::<String>::new());
    assert!(unrouted * 1_000 <= answers, "{unrouted} times no route for {answers} answers");
    live.down();
}
