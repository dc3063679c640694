//! What one more route costs beside many others: writes to the API server, and bytes to the data planes.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use nantian_cluster::Cluster;
use serde_json::Value;

use crate::Outcome;
use crate::objects::{ROUTES, route};
use crate::wire::Api;

const ACCOUNT: &str = "system:serviceaccount:nantian-gw:nantian-gw-controlplane";
/// After which all that one change brings has been written and sent.
const SETTLED: Duration = Duration::from_secs(5);

pub(crate) fn measure(cluster: &Cluster) -> Outcome<()> {
    let log = AuditLog { path: cluster.logs().join("audit.log") };
    let (before, sent_before) = (log.read()?.len(), sent(cluster)?);
    Api::send("POST", ROUTES, &route("one-more", 1).to_string())?;
    std::thread::sleep(SETTLED);
    let sent = sent(cluster)?.saturating_sub(sent_before);
    let writes: Vec<String> = log.writes(before)?.iter().map(|(what, count)| format!("{count} {what}")).collect();
    eprintln!("one more route: {sent} bytes sent to both data planes together; writes: {}", writes.join(", "));
    Api::send("DELETE", &format!("{ROUTES}/one-more"), "").map(drop)
}

/// What control planes have sent over the connections that data planes have to them now.
fn sent(cluster: &Cluster) -> Outcome<u64> {
    let mut sum = 0;
    for container in cluster.containers("controlplane")? {
        let output = container.command("ss").args(["-Htin", "state", "established", "( sport = :18080 )"]).output()?;
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        let counts = printed.split_whitespace().filter_map(|field| field.strip_prefix("bytes_sent:"));
        sum += counts.map(str::parse::<u64>).sum::<Result<u64, _>>()?;
    }
    Ok(sum)
}

/// The API server's.
struct AuditLog {
    path: PathBuf,
}

impl AuditLog {
    fn read(&self) -> Outcome<String> {
        Ok(std::fs::read_to_string(&self.path)?)
    }

    /// How often control planes wrote what, from this byte on; Leases, which are renewed anyhow, left out.
    fn writes(&self, from: usize) -> Outcome<BTreeMap<String, usize>> {
        let text = self.read()?;
        let mut writes = BTreeMap::new();
        // The first and the last line may be parts of lines.
        for event in
            text.get(from..).unwrap_or_default().lines().filter_map(|line| serde_json::from_str::<Value>(line).ok())
        {
            let text = |pointer: &str| event.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
            let (verb, resource) = (text("/verb"), text("/objectRef/resource"));
            let is_write = !["get", "list", "watch"].contains(&verb) && resource != "leases";
            if is_write && text("/user/username") == ACCOUNT {
                let below = text("/objectRef/subresource");
                let slash = if below.is_empty() { "" } else { "/" };
                *writes.entry(format!("{verb} {resource}{slash}{below}")).or_default() += 1;
            }
        }
        Ok(writes)
    }
}
