//! What is measured, and how it is printed.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime};

use nantian_cluster::{Cluster, Container};

use crate::Outcome;
use crate::objects::{self, GATEWAYS, ROUTES, change, create, create_routes, host, route};
use crate::one_more;
use crate::restored;
use crate::wire::{Answer, Api, Trust, get};

pub(crate) const TRIES: usize = 100;
const OTHERS: usize = 5_000;
/// Of the others, one changes each time that this has passed.
const CHURN: Duration = Duration::from_millis(100);
/// How many more requests are sent after the first right answer: to both data planes, by connections of their own.
const AFTER: usize = 40;
const AT_REST: Duration = Duration::from_secs(30);
const PATIENCE: Duration = Duration::from_secs(120);

/// Measures the parts that are named; all, if none is.
pub(crate) fn measure(cluster: &Cluster, parts: &[String]) -> Outcome<()> {
    let is_wanted = |part: &str| parts.is_empty() || parts.iter().any(|wanted| wanted == part);
    let _api = Api::start(cluster.kubectl())?;
    let trust = Trust::new()?;
    create(&trust)?;
    Api::send("POST", ROUTES, &route("first", 1).to_string())?;
    let mut address = None;
    until(|| {
        address = objects::address("web")?;
        Ok(address.is_some())
    })?;
    let front = Front { address: address.ok_or("it was there a moment ago")? };
    until(|| Ok(front.answers("first", Some(1)).is_ok()))?;
    println!("| from the API server's answer to the first right one | p50 | p99 | wrong ones after it |");
    println!("| --- | --- | --- | --- |");
    if is_wanted("idle") {
        front.tries("idle")?;
    }
    if is_wanted("restored") {
        restored::measure(&front.address, &trust)?;
    }
    if is_wanted("attached") {
        attached()?;
    }
    if !is_wanted("others") {
        return Ok(());
    }
    create_routes("other", OTHERS)?;
    until(|| Ok(front.answers(&format!("other-{}", OTHERS - 1), Some(0)).is_ok()))?;
    std::thread::sleep(AT_REST);
    at_rest(cluster)?;
    one_more::measure(cluster)?;
    cold_start(cluster)?;
    let ended = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let churn = scope.spawn(|| churn(&ended));
        let tried = front.tries(&format!("{OTHERS} others, of which ten a second change"));
        ended.store(true, Ordering::Relaxed);
        churn.join().map_err(|_| "what changes the others panicked")??;
        tried
    })
}

/// Where the Gateway is reached.
struct Front {
    address: String,
}

impl Front {
    /// How a host is answered, which should be by this version of its route; `None`: by nothing.
    fn answers(&self, name: &str, version: Option<usize>) -> Answer {
        let (status, answer) = get(&self.address, &host(name)).map_err(|error| error.to_string())?;
        let is_right = match version {
            Some(version) => status == 200 && answer.contains(&format!("\r\nx-version: {version}\r\n")),
            None => status == 404,
        };
        if is_right { Ok(()) } else { Err(status.to_string()) }
    }

    fn tries(&self, when: &str) -> Outcome<()> {
        let (mut created, mut updated, mut deleted, mut again) =
            (Times::default(), Times::default(), Times::default(), Times::default());
        for index in 0..TRIES {
            let name = format!("try-{index}-{}", when.len());
            let path = format!("{ROUTES}/{name}");
            Api::send("POST", ROUTES, &route(&name, 1).to_string())?;
            created.add(|| self.answers(&name, Some(1)))?;
            change(&name, 2)?;
            updated.add(|| self.answers(&name, Some(2)))?;
            Api::send("DELETE", &path, "")?;
            deleted.add(|| self.answers(&name, None))?;
            Api::send("POST", ROUTES, &route(&name, 2).to_string())?;
            again.add(|| self.answers(&name, Some(2)))?;
            Api::send("DELETE", &path, "")?;
        }
        created.print(&format!("create, {when}"));
        updated.print(&format!("update, {when}"));
        deleted.print(&format!("delete, {when}"));
        again.print(&format!("the same created again, {when}"));
        Ok(())
    }
}

/// Waits until something is so; returns how long that took.
pub(crate) fn until(mut is: impl FnMut() -> Outcome<bool>) -> Outcome<Duration> {
    let began = Instant::now();
    while !is()? {
        if began.elapsed() > PATIENCE {
            return Err("it took too long".into());
        }
        std::thread::sleep(Duration::from_micros(300));
    }
    Ok(began.elapsed())
}

/// The times of one kind of change, and how many wrong answers came after the first right one.
#[derive(Default)]
pub(crate) struct Times {
    right: Vec<Duration>,
    /// How often each of them came, and how long after the first right answer the last did.
    wrong: BTreeMap<String, (usize, Duration)>,
}

impl Times {
    /// Waits for the first right answer, and asks on.
    pub(crate) fn add(&mut self, answer: impl Fn() -> Answer) -> Outcome<()> {
        self.right.push(until(|| Ok(answer().is_ok()))?);
        let began = Instant::now();
        for wrong in (0..AFTER).filter_map(|_| answer().err()) {
            let (count, last) = self.wrong.entry(wrong).or_default();
            *count += 1;
            *last = began.elapsed().max(*last);
        }
        Ok(())
    }

    pub(crate) fn print(mut self, what: &str) {
        self.right.sort_unstable();
        // The nearest rank.
        let rank = |percent: usize| (self.right.len() * percent).div_ceil(100).saturating_sub(1);
        let at = |percent: usize| self.right.get(rank(percent)).copied().unwrap_or_default();
        let milliseconds = |time: Duration| time.as_secs_f64() * 1e3;
        let sent = self.right.len() * AFTER;
        let wrong: usize = self.wrong.values().map(|(count, _)| count).sum();
        let which: Vec<String> = (self.wrong.iter())
            .map(|(answer, (count, last))| format!("; {count} times {answer}, until {:.1} ms", milliseconds(*last)))
            .collect();
        println!(
            "| {what} | {:.1} ms | {:.1} ms | {wrong} of {sent}{} |",
            milliseconds(at(50)),
            milliseconds(at(99)),
            which.concat(),
        );
    }
}

/// Changes others until it is ended.
fn churn(ended: &AtomicBool) -> Outcome<()> {
    let mut next = Instant::now();
    for version in 1.. {
        if ended.load(Ordering::Relaxed) {
            break;
        }
        change(&format!("other-{}", version * 7 % OTHERS), version)?;
        next += CHURN;
        std::thread::sleep(next.saturating_duration_since(Instant::now()));
    }
    Ok(())
}

fn attached() -> Outcome<()> {
    let count = || -> Outcome<u64> {
        let gateway = Api::send("GET", &format!("{GATEWAYS}/web"), "")?;
        let attached = gateway.pointer("/status/listeners/0/attachedRoutes");
        Ok(attached.and_then(serde_json::Value::as_u64).unwrap_or(0))
    };
    let version = || -> Outcome<String> {
        let gateway = Api::send("GET", &format!("{GATEWAYS}/web"), "")?;
        let version = gateway.pointer("/metadata/resourceVersion").and_then(serde_json::Value::as_str);
        Ok(version.unwrap_or_default().to_owned())
    };
    // The first one: those of the tries are gone.
    until(|| Ok(count()? == 1))?;
    let began = Instant::now();
    let ended = AtomicBool::new(false);
    let (created, writes) = std::thread::scope(|scope| -> Outcome<_> {
        let watching = scope.spawn(|| -> Outcome<usize> {
            let (mut last, mut writes) = (version()?, 0);
            while !ended.load(Ordering::Relaxed) {
                let now = version()?;
                writes += usize::from(now != last);
                last = now;
                std::thread::sleep(Duration::from_millis(5));
            }
            Ok(writes)
        });
        let all_created = create_routes("attached", 1_000);
        let created = began.elapsed();
        let all_attached = until(|| Ok(count()? == 1_001));
        ended.store(true, Ordering::Relaxed);
        all_created.and(all_attached)?;
        Ok((created, watching.join().map_err(|_| "what counts the writes panicked")??))
    })?;
    let after = began.elapsed().saturating_sub(created);
    eprintln!(
        "attachedRoutes is 1,000 more {after:?} after the last of 1,000 routes was created (which took {created:?}), by {writes} \
         writes of the Gateway's status"
    );
    Ok(())
}

/// Memory, and CPU over a while in which nothing changes.
fn at_rest(cluster: &Cluster) -> Outcome<()> {
    for plane in ["controlplane", "dataplane"] {
        let containers = cluster.containers(plane)?;
        let before: Vec<Duration> = containers.iter().map(cpu).collect::<Outcome<_>>()?;
        std::thread::sleep(AT_REST);
        for (container, before) in containers.iter().zip(before) {
            let share = cpu(container)?.saturating_sub(before).as_secs_f64() / AT_REST.as_secs_f64() * 100.0;
            let status = std::fs::read_to_string(format!("/proc/{}/status", container.process()))?;
            let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
            eprintln!("{} at rest: {} resident, {share:.2} % of a core", container.pod(), resident.trim());
        }
    }
    Ok(())
}

/// The CPU that a process has had.
fn cpu(container: &Container) -> Outcome<Duration> {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", container.process()))?;
    let (_, fields) = stat.rsplit_once(')').ok_or("a process without a name")?;
    // After the name and the state: user is the 12th, system the 13th.
    let times = fields.split_ascii_whitespace().skip(11).take(2);
    // Ticks of a hundredth of a second.
    Ok(Duration::from_millis(10 * times.map(str::parse::<u64>).sum::<Result<u64, _>>()?))
}

/// From the start of a control plane's process to its first snapshot, with all routes there.
fn cold_start(cluster: &Cluster) -> Outcome<()> {
    let containers = cluster.containers("controlplane")?;
    let before: Vec<&str> = containers.iter().map(Container::pod).collect();
    let pod = before.first().ok_or("no control plane runs")?;
    let mut delete = cluster.kubectl();
    delete.args(["-n", "nantian-gw", "delete", "pod", pod, "--force", "--grace-period=0"]).output()?;
    let mut new = None;
    until(|| {
        let found = cluster.containers("controlplane")?;
        new = found.into_iter().find(|container| !before.contains(&container.pod()));
        Ok(new.is_some())
    })?;
    let new = new.ok_or("it was there a moment ago")?;
    let metric = |name: &str| -> Outcome<Option<f64>> {
        let metrics = new.command("curl").args(["-s", "http://127.0.0.1:18082/metrics"]).output()?;
        let metrics = String::from_utf8_lossy(&metrics.stdout).into_owned();
        let value = metrics.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok());
        Ok(value)
    };
    until(|| Ok(metric("nantian_gateway_controlplane_ready ")? == Some(1.0)))?;
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?.as_secs_f64();
    let started = metric("nantian_gateway_controlplane_start_time_seconds ")?.ok_or("no time of start")?;
    eprintln!("a new control plane has published its first snapshot {:.2} s after its start", now - started);
    Ok(())
}
