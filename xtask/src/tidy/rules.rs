//! The rules for one file.

use super::{Fault, Source};

/// Longest file, in lines. A file that outgrows it has two concepts.
const LONGEST: usize = 800;

/// Files that are longer all the same. This list only shrinks.
const LONGER: &[&str] = &[];

/// Folders and files without clock, sockets and tasks: they take bytes and times and return bytes and decisions.
const SANS_IO: &[&str] = &[
    "nantian-ir/src/",
    "nantian-crds/src/",
    "nantian-xds/src/catalog.rs",
    "nantian-xds/src/convert/",
    "nantian-xds/src/delta/",
    "nantian-xds/src/digest.rs",
    "nantian-xds/src/resource.rs",
    "nantian-proxy/src/router/",
    "nantian-proxy/src/http/h1/chunked.rs",
    "nantian-proxy/src/http/h1/encode.rs",
    "nantian-proxy/src/http/h1/framing.rs",
    "nantian-proxy/src/http/h1/head.rs",
    "nantian-proxy/src/http/hop_by_hop.rs",
    "nantian-proxy/src/http/normalize.rs",
];

/// What a sans-I/O file does not name.
const IO: &[&str] = &[
    "Instant::now",
    "SystemTime::now",
    "Timestamp::now",
    "std::net::Tcp",
    "std::net::Udp",
    "TcpListener",
    "TcpStream",
    "UdpSocket",
    "tokio::",
    "std::fs::",
    "std::thread::",
    "std::env::var",
];

/// Names that say nothing about what is inside.
const EMPTY_NAMES: &[&str] = &["utils", "util", "common", "helpers", "helper", "manager", "misc"];

/// A rule: the faults of a file, each with its line.
type Rule = fn(&Source) -> Vec<(usize, String)>;

/// All faults of a file.
pub(super) fn faults(source: &Source) -> Vec<Fault> {
    let rules: [Rule; 7] = [length, unfinished, ignored_tests, commented_code, clocks_and_sockets, module_docs, name];
    let found = rules.iter().flat_map(|rule| rule(source));
    found.map(|(line, message)| Fault { path: source.path.clone(), line, message }).collect()
}

/// Lines with their numbers, from 1.
fn lines(source: &Source) -> impl Iterator<Item = (usize, &str)> {
    source.text.lines().enumerate().map(|(index, line)| (index + 1, line.trim()))
}

/// The part of a line that is code.
fn code(line: &str) -> &str {
    line.split_once("//").map_or(line, |(code, _)| code)
}

fn length(source: &Source) -> Vec<(usize, String)> {
    let count = source.text.lines().count();
    if count <= LONGEST || LONGER.contains(&source.path.as_str()) {
        return Vec::new();
    }
    vec![(LONGEST + 1, format!("{count} lines; at most {LONGEST}: split it by concept"))]
}

fn unfinished(source: &Source) -> Vec<(usize, String)> {
    // Spelled in two halves, so that this file may name them.
    let marks = [
        concat!("todo", "!("),
        concat!("unimplemented", "!("),
        concat!("FIX", "ME"),
        concat!("TO", "DO"),
        concat!("XX", "X"),
    ];
    let found = lines(source).filter_map(|(number, line)| {
        let mark = marks.iter().find(|mark| line.contains(**mark))?;
        Some((number, format!("`{mark}`: finish it, or file an issue")))
    });
    found.collect()
}

fn ignored_tests(source: &Source) -> Vec<(usize, String)> {
    let mark = concat!("#[", "ignore");
    let found = lines(source).filter(|(_, line)| line.starts_with(mark));
    found
        .map(|(number, _)| (number, "a test that does not run proves nothing: fix it or delete it".to_owned()))
        .collect()
}

/// A cheap guess: a plain comment that ends and begins as a statement does.
fn commented_code(source: &Source) -> Vec<(usize, String)> {
    let starts = ["let ", "use ", "fn ", "pub ", "if ", "for ", "while ", "match ", "return ", "self.", "}", "#["];
    let ends = [";", "{", "}", "})", ")?", "]"];
    let found = lines(source).filter(|(_, line)| {
        let Some(comment) = line.strip_prefix("//").filter(|rest| !rest.starts_with(['/', '!'])) else {
            return false;
        };
        let comment = comment.trim();
        starts.iter().any(|start| comment.starts_with(start)) && ends.iter().any(|end| comment.ends_with(end))
    });
    found.map(|(number, _)| (number, "code in a comment: the history keeps it, delete it".to_owned())).collect()
}

fn clocks_and_sockets(source: &Source) -> Vec<(usize, String)> {
    let is_test = source.path.ends_with("tests.rs") || source.path.contains("/tests/");
    if is_test || !SANS_IO.iter().any(|place| source.path.starts_with(place)) {
        return Vec::new();
    }
    let found = lines(source).take_while(|(_, line)| *line != "#[cfg(test)]").filter_map(|(number, line)| {
        let name = IO.iter().find(|name| code(line).contains(**name))?;
        Some((number, format!("`{name}` in a place without I/O: take what it gives as an argument")))
    });
    found.collect()
}

fn module_docs(source: &Source) -> Vec<(usize, String)> {
    let file = source.path.rsplit('/').next().unwrap_or_default();
    let documented = source.text.starts_with("//!") || source.text.starts_with("#![doc");
    if !matches!(file, "mod.rs" | "lib.rs" | "main.rs") || documented {
        return Vec::new();
    }
    vec![(1, "the first line says what this module is for (`//! ...`)".to_owned())]
}

fn name(source: &Source) -> Vec<(usize, String)> {
    let parts = source.path.trim_end_matches(".rs").split('/');
    let empty = parts.filter(|part| EMPTY_NAMES.contains(part));
    empty.map(|part| (1, format!("`{part}` says nothing about what is inside: name the concept"))).collect()
}

#[cfg(test)]
mod tests {
    use super::super::Source;
    use super::{LONGEST, faults};

    /// The messages for a file with this text, each with its line.
    fn messages(path: &str, text: &str) -> Vec<String> {
        let source = Source { path: path.to_owned(), text: text.to_owned() };
        faults(&source).into_iter().map(|fault| format!("{} {}", fault.line, fault.message)).collect()
    }

    #[test]
    fn a_clean_file_has_no_faults() {
        assert_eq!(
            messages("nantian-ir/src/name.rs", "//! Names.\n// let it be known: order matters\nfn f() {}\n"),
            [""; 0]
        );
    }

    #[test]
    fn each_rule_finds_its_fault() {
        let cases = [
            ("a/src/x.rs", format!("    {}!()\n", "todo").replace("()", "(\"\")"), concat!("1 `to", "do!(`")),
            ("a/src/x.rs", format!("fn a() {{}}\n// {}: later\n", ["FIX", "ME"].concat()), "2 `FIX"),
            ("a/src/x.rs", format!("#[test]\n#[{}]\n", "ignore"), "2 a test that does not run"),
            ("a/src/x.rs", "// let x = 1;\n".to_owned(), "1 code in a comment"),
            ("nantian-ir/src/x.rs", "fn f() { Instant::now() }\n".to_owned(), "1 `Instant::now`"),
            ("nantian-proxy/src/router/x.rs", "use tokio::net;\n".to_owned(), "1 `tokio::`"),
            ("a/src/mod.rs", "fn f() {}\n".to_owned(), "1 the first line says"),
            ("a/src/utils.rs", "fn f() {}\n".to_owned(), "1 `utils` says nothing"),
            ("a/src/x.rs", "\n".repeat(LONGEST + 1), "801 801 lines"),
        ];
        for (path, text, expected) in cases {
            let found = messages(path, &text);
            assert!(found.iter().any(|message| message.starts_with(expected)), "{path} {text:?}: {found:?}");
        }
    }

    #[test]
    fn clocks_are_free_in_tests_and_comments_and_at_the_rim() {
        let clean: [&str; 0] = [];
        assert_eq!(messages("nantian-ir/src/x.rs", "// never Instant::now\n#[cfg(test)]\nInstant::now()\n"), clean);
        assert_eq!(messages("nantian-proxy/src/engine/worker.rs", "Instant::now()\n"), clean);
    }
}
