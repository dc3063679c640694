//! What one more route costs beside many others: writes to the API server, and bytes to the data planes.

use std::collections::BTreeMap;
use std::time::Duration;

use nantian_cluster::{Asked, Cluster};

use crate::Outcome;
use crate::objects::{ROUTES, route};
use crate::wire::Api;

/// After which all that one change brings has been written and sent.
const SETTLED: Duration = Duration::from_secs(5);

pub(crate) fn measure(cluster: &Cluster) -> Outcome<()> {
    let (asked_before, sent_before) = (cluster.asked()?.len(), cluster.sent_to_data_planes()?);
    Api::send("POST", ROUTES, &route("one-more", 1).to_string())?;
    std::thread::sleep(SETTLED);
    let sent = cluster.sent_to_data_planes()?.saturating_sub(sent_before);
    let asked = cluster.asked()?;
    let writes = writes(asked.get(asked_before..).unwrap_or_default());
    let writes: Vec<String> = writes.iter().map(|(what, count)| format!("{count} {what}")).collect();
    eprintln!("one more route: {sent} bytes sent to both data planes together; writes: {}", writes.join(", "));
    Api::send("DELETE", &format!("{ROUTES}/one-more"), "").map(drop)
}

/// How often control planes wrote what; Leases, which are renewed anyhow, left out.
fn writes(asked: &[Asked]) -> BTreeMap<String, usize> {
    let mut writes = BTreeMap::new();
    for Asked { verb, resource, .. } in asked.iter().filter(|asked| asked.writes() && asked.resource != "leases") {
        *writes.entry(format!("{verb} {resource}")).or_default() += 1;
    }
    writes
}
