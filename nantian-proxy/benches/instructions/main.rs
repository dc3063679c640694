//! How many instructions the hot paths take, held to what they took: `cargo xtask test --suite instructions`.
//!
//! Each work is done by a process of its own below valgrind's cachegrind, some times and many times; the difference is that of
//! the times between, whatever starting costs. A count says more than a time on a noisy machine, and is the same on a quiet one.
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a benchmark may panic, and shares code with tests"
)]

#[path = "../../tests/one_connection/mod.rs"]
mod one_connection;
#[path = "../routes/mod.rs"]
mod routes;
mod streams;
mod works;

use std::process::{Command, ExitCode};

use routes::REQUESTS;
use works::WORKS;

/// How much more than its line says a work may take: what the system and the kind of processor change.
const TOLERANCE_PERCENT: u64 = 15;

/// How often it is counted. The least counts: hash seeds that meet collisions, and what happens four times a second, come on top.
const TRIES: usize = 3;

/// How often a work is done at first: every request that there is equally often.
const FEW: u64 = REQUESTS as u64;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if let [name, times] = &words[..]
        && let Some(work) = WORKS.iter().find(|work| work.name == name)
    {
        (work.run)(times.parse().expect("a number"));
        return ExitCode::SUCCESS;
    }
    println!("{:<28} {:>12} {:>12}", "instructions for one", "counted", "at most");
    let failed = WORKS.iter().filter(|work| !hold(work)).count();
    let (verdict, passed) = (if failed == 0 { "ok" } else { "FAILED" }, WORKS.len() - failed);
    println!("\ntest result: {verdict}. {passed} passed; {failed} failed; 0 ignored; 0 measured; 0 filtered out");
    ExitCode::from(u8::from(failed != 0))
}

/// Counts a work and prints its line; says whether it takes no more than it may.
fn hold(work: &works::Work) -> bool {
    let many = work.rounds * FEW;
    let tries = (0..TRIES).map(|_| count(work, many).saturating_sub(count(work, FEW)) / (many - FEW));
    let instructions = tries.min().unwrap_or_default();
    let most = work.instructions + work.instructions * TOLERANCE_PERCENT / 100;
    let verdict = match instructions {
        more if more > most => "  TOO MANY: mend it, or say why in the commit that raises the number",
        less if less + less / 10 < work.instructions => "  fewer: lower the number",
        _ => "",
    };
    println!("{:<28} {instructions:>12} {most:>12}{verdict}", work.name);
    instructions <= most
}

/// How many instructions a process takes that does a work so often.
fn count(work: &works::Work, times: u64) -> u64 {
    let program = std::env::current_exe().expect("the path of this program");
    let mut valgrind = Command::new("valgrind");
    valgrind.args(["--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null"]);
    let output = valgrind.arg(program).args([work.name, &times.to_string()]).output().expect("valgrind");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {said}", work.name);
    let line = said.lines().find_map(|line| line.split_once("refs:").map(|(_, count)| count)).expect("a count");
    line.trim().replace(',', "").parse().expect("a number")
}
