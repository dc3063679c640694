//! How long it takes from a change of an object to the first right answer, alone and beside 5,000 other routes of which ten a second
//! change; the same for a Service, a Secret and a Gateway that are deleted and applied again; how long `attachedRoutes` takes to
//! follow; and what one more route costs then, and both planes need at rest.
//!
//! ```console
//! $ cargo build --profile ci -p nantian-controlplane -p nantian-dataplane && cargo build -p nantian-cluster
//! $ cargo run -p nantian-cluster --example latency -- target/ci                   # a quarter of an hour
//! $ cargo run -p nantian-cluster --example latency -- target/ci idle restored     # of `idle restored attached others`
//! ```

mod measured;
mod objects;
mod one_more;
mod restored;
mod wire;

use std::error::Error;
use std::path::Path;

use nantian_cluster::{Cluster, ClusterName, Home, Parts};

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// Told to the process inside of the network namespace of the cluster, where its addresses are.
const INSIDE: &str = "--inside";

fn main() -> Outcome<()> {
    let mut arguments = std::env::args().skip(1);
    let argument = arguments.next().ok_or("usage: latency FOLDER [PART...]; the folder has both planes")?;
    let parts: Vec<String> = arguments.collect();
    let (home, name): (Home, ClusterName) = (Home::find()?, "latency".parse()?);
    if argument == INSIDE {
        return measured::measure(&Cluster::find(&home, &name)?, &parts);
    }
    let ourselves = std::env::current_exe()?;
    let programs = ourselves.ancestors().nth(2).ok_or("an example is two folders below the programs")?;
    let cluster = Cluster::up(&home, &name, Parts::Node, &programs.join("nantian-cluster"))?;
    cluster.install(&home, Path::new(&argument))?;
    let measured = cluster.command(&ourselves.to_string_lossy()).arg(INSIDE).args(&parts).status();
    cluster.down()?;
    if measured?.success() { Ok(()) } else { Err("nothing was measured to its end".into()) }
}
