//! What became of a payload, and whether that may be.

use std::fmt::Write;

use crate::strict::{self, Answer, End, Framing, Request};

/// Fields that the gateway adds to every request.
const ADDED: [&str; 8] = [
    "x-forwarded-for",
    "x-forwarded-proto",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-request-id",
    "forwarded",
    "x-real-ip",
    "via",
];

/// Fields that say how a message is framed or what its connection is; told apart from the others.
const FRAMING: [&str; 4] = ["content-length", "transfer-encoding", "connection", "host"];

/// What the strict reading says of a client's bytes, in a few words.
pub(crate) fn reading(requests: usize, end: End) -> String {
    let end = match end {
        End::Clean => String::new(),
        End::Incomplete => ", then incomplete".to_owned(),
        End::Other(_) => ", then bytes that are no request".to_owned(),
        End::Violation(reason, _) => format!(", then {reason}"),
    };
    format!("{requests}{end}")
}

/// What a client got: the statuses in their order, or `cut`.
pub(crate) fn statuses(answers: &[Answer]) -> String {
    let all: Vec<String> = answers.iter().map(|answer| answer.status.to_string()).collect();
    if all.is_empty() { "closed".to_owned() } else { all.join(" ") }
}

/// How what the origin got differs from what the client sent.
pub(crate) fn forwarded(sent: Option<&Request>, got: &Request) -> String {
    let Some(sent) = sent else { return "repaired".to_owned() };
    let mut changes = Vec::new();
    if sent.method != got.method {
        changes.push(format!("method {}", got.method));
    }
    if sent.target != got.target {
        changes.push("target".to_owned());
    }
    if sent.minor != got.minor {
        changes.push("version".to_owned());
    }
    let hosts = [sent, got].map(|request| strict::value_of(&request.fields, "host"));
    if hosts[0] != hosts[1] {
        changes.push("host".to_owned());
    }
    if framing(sent.framing) != framing(got.framing) {
        changes.push(format!("{} to {}", framing(sent.framing), framing(got.framing)));
    }
    if sent.body != got.body {
        changes.push("body".to_owned());
    }
    let (before, after) = (sent.seen().0, got.seen().0);
    let plain = |name: &&String| !FRAMING.contains(&name.as_str());
    changes.extend(before.keys().filter(plain).filter(|name| !after.contains_key(*name)).map(|name| {
        let name: String = name.chars().take(24).collect();
        format!("-{name}")
    }));
    let is_new = |name: &&String| !before.contains_key(*name) && !ADDED.contains(&name.as_str());
    changes.extend(after.keys().filter(plain).filter(is_new).map(|name| format!("+{name}")));
    let differs = |name: &&String| after.get(*name).is_some_and(|value| before.get(*name) != Some(value));
    changes.extend(before.keys().filter(plain).filter(differs).map(|name| format!("~{name}")));
    if sent.trailers != got.trailers {
        changes.push("trailers".to_owned());
    }
    if changes.is_empty() { "as is".to_owned() } else { format!("repaired ({})", changes.join(", ")) }
}

fn framing(framing: Framing) -> &'static str {
    match framing {
        Framing::None | Framing::Length(0) => "none",
        Framing::Length(_) => "length",
        Framing::Chunked => "chunked",
        Framing::UntilClose => "close",
    }
}

/// Lines as they are checked in: `name | what`; variants of one payload (`name/xx`) with the same outcome share a line.
pub(crate) fn table(mut outcomes: Vec<(usize, String, String)>) -> String {
    outcomes.sort();
    let mut lines: Vec<(String, Vec<String>, String)> = Vec::new();
    for (_, name, what) in outcomes {
        let (group, variant) = name.split_once('/').map_or((name.as_str(), ""), |(group, variant)| (group, variant));
        let is_byte = variant.len() == 2 && variant.bytes().all(|byte| byte.is_ascii_hexdigit());
        let same = |line: &&mut (String, Vec<String>, String)| is_byte && line.0 == group && line.2 == what;
        match lines.iter_mut().find(same) {
            Some(line) => line.1.push(variant.to_owned()),
            None if is_byte => lines.push((group.to_owned(), vec![variant.to_owned()], what)),
            None => lines.push((name, Vec::new(), what)),
        }
    }
    let mut text = String::new();
    for (name, variants, what) in lines {
        let bytes = if variants.is_empty() { String::new() } else { format!(" | bytes {}", variants.join(" ")) };
        let _ = writeln!(text, "{name:34} | {what}{bytes}");
    }
    text
}

/// Compares what differs from `base` with a list of its own.
pub(crate) fn differences(file: &str, base: &str, table: &str) {
    let kept = std::fs::read_to_string(verdicts(base)).expect("a list of verdicts");
    let differs = |line: &&str| !kept.lines().any(|kept| kept == *line);
    let table: String = table.lines().filter(differs).flat_map(|line| [line, "\n"]).collect();
    let head = format!("# Where this differs from {base}; UPDATE_GOLDEN=1 rewrites this file.\n");
    golden(file, &head, &table);
}

fn verdicts(file: &str) -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/hostile/verdicts").join(file)
}

/// Compares with the list that is checked in, or writes it if `UPDATE_GOLDEN` is set.
pub(crate) fn golden(file: &str, head: &str, table: &str) {
    let path = verdicts(file);
    let text = format!("{head}\n{table}");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        return std::fs::write(&path, text).expect("a list that can be written");
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    let new: Vec<&str> = text.lines().filter(|line| !kept.lines().any(|kept| kept == *line)).collect();
    let gone: Vec<&str> = kept.lines().filter(|line| !text.lines().any(|text| text == *line)).collect();
    assert!(
        new.is_empty() && gone.is_empty(),
        "{file} differs; UPDATE_GOLDEN=1 rewrites it.\n- {}\n+ {}",
        gone.join("\n- "),
        new.join("\n+ ")
    );
}
