//! Whether memory grows while the gateway serves for minutes.

use std::fmt::Write;
use std::time::{Duration, Instant};

use crate::failure::Failure;
use crate::load;
use crate::peer::{Peer, Programs, Running, Setup};
use crate::sample::float;
use crate::site::Site;
use crate::workload::{self, Client};

/// Of memory, after a turn of all jobs.
struct Sample {
    /// Since the first request.
    at: Duration,
    /// Answered so far.
    requests: u64,
    resident_kib: u64,
}

/// Lets the jobs take turns for that long, and returns the table.
pub(crate) fn watch(site: &Site, programs: &Programs, length: Duration) -> Result<String, Failure> {
    println!("\nsoak: all jobs in turn for {} s", length.as_secs());
    let running = Peer::Nantian.start(site, programs, Setup::PLAIN, &[])?;
    let (began, mut requests, mut samples) = (Instant::now(), 0, Vec::new());
    while began.elapsed() < length {
        requests += turn(&running, site)?;
        let sample = Sample { at: began.elapsed(), requests, resident_kib: running.server.resident_kib()? };
        println!("  after {:>4} s {:>9} requests {:>6.1} MiB", sample.at.as_secs(), requests, mib(sample.resident_kib));
        samples.push(sample);
    }
    Ok(table(running.idle_kib, &samples))
}

/// Each job once; says how many requests that were.
fn turn(running: &Running, site: &Site) -> Result<u64, Failure> {
    let mut requests = 0;
    for job in workload::all().iter().filter(|job| job.client == Client::H2load) {
        load::run(job, running.ports.of(job.door), load::Pace::Unlimited, &site.folder)?;
        requests += job.requests;
    }
    Ok(requests)
}

fn table(idle_kib: u64, samples: &[Sample]) -> String {
    let mut text =
        "\n## endurance\n\nResident memory of nantian after each turn of the jobs a to g, one worker; a line for each \
                    minute.\n\n| s | requests | MiB |\n| --- | --- | --- |\n"
            .to_owned();
    let _infallible = writeln!(text, "| 0 | 0 | {:.1} |", mib(idle_kib));
    let minute = |sample: &Sample| sample.at.as_secs() / 60;
    for of_minute in samples.chunk_by(|one, next| minute(one) == minute(next)) {
        if let Some(Sample { at, requests, resident_kib }) = of_minute.last() {
            let _infallible = writeln!(text, "| {} | {requests} | {:.1} |", at.as_secs(), mib(*resident_kib));
        }
    }
    text
}

fn mib(kib: u64) -> f64 {
    float(kib) / 1024.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_a_line_for_each_minute() {
        let sample =
            |seconds, resident_kib| Sample { at: Duration::from_secs(seconds), requests: seconds, resident_kib };
        let text = table(2_048, &[sample(20, 4_096), sample(50, 5_120), sample(110, 6_144)]);
        let lines: Vec<_> = text.lines().filter(|line| line.starts_with("| ")).skip(2).collect();
        assert_eq!(lines, ["| 0 | 0 | 2.0 |", "| 50 | 50 | 5.0 |", "| 110 | 110 | 6.0 |"]);
    }
}
