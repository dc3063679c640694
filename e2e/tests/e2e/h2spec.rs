//! h2spec: every case of the conformance suite for HTTP/2, over cleartext and over TLS.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::backend::Backend;
use crate::certificate::Certificate;
use crate::gateway::Gateway;
use crate::manifest::{self, Listener};
use crate::port;

/// 145 cases, and one that h2spec runs only when it is told to be strict.
const CASES: usize = 146;

/// The name of one case: its section and what it does.
type Case<'a> = (&'a str, &'a str);

/// What must not pass over cleartext. An invalid preface is to end the connection (RFC 9113 section 3.4). A port that
/// serves HTTP/1.1 too reads those bytes as a malformed request, and says so with 400 before it ends the connection;
/// h2spec takes the answer for a broken frame.
const CLEARTEXT_EXCEPTIONS: &[Case<'_>] = &[("http2/3.5", "Sends invalid connection preface")];

/// What h2spec found.
#[derive(Debug, PartialEq, Eq)]
struct Report {
    /// Cases that ran.
    cases: usize,
    /// Those that did not pass, skipped ones included.
    failed: Vec<(String, String)>,
}

#[test]
fn h2spec_passes_over_cleartext_and_over_tls() {
    let (backend, plain, tls) = (Backend::start("a"), port::free(), port::free());
    let certificate = Certificate::for_names(&["localhost"]);
    let yaml = [
        manifest::gateway(&[
            Listener::http("web", plain),
            // h2spec connects by address, so it names no server.
            Listener { name: "tls", port: tls, hostname: None, secret: Some("certificate") },
        ]),
        manifest::secret("certificate", &certificate),
        manifest::service("a", backend.port, None),
        manifest::http_route("all", &[], &manifest::to("a")),
    ];
    let gateway = Gateway::start(&yaml.concat());
    for (port, arguments, exceptions) in [(plain, &[][..], CLEARTEXT_EXCEPTIONS), (tls, &["--tls", "--insecure"], &[])]
    {
        let report = h2spec(port, arguments, &gateway.folder().join(".h2spec.xml"));
        let failed: Vec<Case<'_>> =
            report.failed.iter().map(|(section, what)| (section.as_str(), what.as_str())).collect();
        println!("h2spec {arguments:?}: {} cases, not passed: {failed:?}", report.cases);
        assert_eq!(report.cases, CASES, "every case ran");
        assert_eq!(failed, exceptions, "what does not pass is what must not; the report says why");
    }
}

/// Runs h2spec to its end.
fn h2spec(port: u16, arguments: &[&str], report: &Path) -> Report {
    let program = std::env::var_os("NANTIAN_H2SPEC").expect("NANTIAN_H2SPEC names h2spec: run `cargo xtask test`");
    let output = Command::new(program)
        // No case needs the time limit to pass: it is for a machine that is busy.
        .args(["--host", "127.0.0.1", "--port", &port.to_string(), "--strict", "--timeout", "20", "--junit-report"])
        .arg(report)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .expect("h2spec runs");
    let text = String::from_utf8_lossy(&output.stdout);
    let xml = std::fs::read_to_string(report).unwrap_or_else(|error| panic!("no report ({error}):\n{text}"));
    let found = parse(&xml).unwrap_or_else(|| panic!("a report of another form:\n{xml}"));
    let (cases, failed) = (found.cases, found.failed.len());
    let summary = format!("{cases} tests, {} passed, 0 skipped, {failed} failed", cases - failed);
    assert!(text.trim_end().ends_with(&summary), "the report and the summary differ ({summary}):\n{text}");
    if failed > 0 {
        println!("{}", text.split_once("Failures:").map_or("", |(_, failures)| failures));
    }
    found
}

/// Reads the report: `<testcase package="SECTION" classname="WHAT" time="SECONDS"></testcase>`, with an element inside
/// if the case did not pass. `None`: it has another form.
fn parse(xml: &str) -> Option<Report> {
    let mut report = Report { cases: 0, failed: Vec::new() };
    for piece in xml.split("<testcase ").skip(1) {
        let (element, _) = piece.split_once("</testcase>")?;
        let (attributes, outcome) = element.split_once('>')?;
        let attribute =
            |name: &str| Some(attributes.split_once(&format!("{name}=\""))?.1.split_once('"')?.0.to_owned());
        report.cases += 1;
        if !outcome.trim().is_empty() {
            report.failed.push((attribute("package")?, attribute("classname")?));
        }
    }
    Some(report)
}

#[test]
fn a_case_with_an_error_inside_has_not_passed() {
    let xml = "<testsuite name=\"3.5\" package=\"http2/3.5\" tests=\"2\" skipped=\"0\" failures=\"0\" errors=\"1\">\n\
        <testcase package=\"http2/3.5\" classname=\"Sends client connection preface\" time=\"0.0003\"></testcase>\n\
        <testcase package=\"http2/3.5\" classname=\"Sends invalid connection preface\" time=\"0.0024\">\n\
        <error>Connection closed\nError: unexpected EOF</error>\n</testcase>\n</testsuite>";
    let failed = vec![("http2/3.5".to_owned(), "Sends invalid connection preface".to_owned())];
    assert_eq!(parse(xml), Some(Report { cases: 2, failed }));
    assert_eq!(parse("<testcase package=\"http2/3.5\" classname="), None, "a report that was cut off");
}
