//! Telling what happens: for people or for programs.

pub(crate) mod event;
pub(crate) mod finding;
pub(crate) mod style;
pub(crate) mod tree;

use std::fmt::Write as _;
use std::io::{self, Write};

use serde::Serialize;

use crate::cli::{OutputArgs, OutputFormat};
pub(crate) use crate::source::STDIN_NAME;
use event::{Applied, Event, FindingState, ListenerEvent, ListenerState};
pub(crate) use finding::Excerpts;
use style::{Safe, Style, Tone};
use tree::plural;

/// Where people read a command's output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stream {
    /// Standard output: the output is what the command is for.
    Out,
    /// Standard error: the output accompanies the work.
    Err,
}

/// Writes events.
pub(crate) struct Reporter {
    format: OutputFormat,
    style: Style,
    stream: Stream,
    /// For source lines.
    pub(crate) excerpts: Excerpts,
}

impl Reporter {
    /// Programs read standard output, people read `stream`.
    pub(crate) fn new(args: OutputArgs, stream: Stream) -> Self {
        let style = match stream {
            _ if args.output == OutputFormat::Json => Style::PLAIN,
            Stream::Out => Style::new(args.color, &io::stdout()),
            Stream::Err => Style::new(args.color, &io::stderr()),
        };
        Self { format: args.output, style, stream, excerpts: Excerpts::default() }
    }

    /// Colours of the output.
    pub(crate) fn style(&self) -> Style {
        self.style
    }

    /// Whether people read it.
    pub(crate) fn is_human(&self) -> bool {
        self.format == OutputFormat::Human
    }

    /// Tells one event.
    pub(crate) fn event(&self, event: &Event<'_>) {
        match self.format {
            OutputFormat::Json => json_line(event),
            OutputFormat::Human => self.text(&human(event, self.style, &self.excerpts)),
        }
    }

    /// Tells something as it is.
    pub(crate) fn notice(&self, message: &str) {
        self.event(&Event::Notice { message });
    }

    /// Text for people, as it is.
    pub(crate) fn text(&self, text: &str) {
        if self.is_human() && !text.is_empty() {
            write_all(self.stream, text);
        }
    }
}

/// Writes one JSON object as one line, for programs.
pub(crate) fn json_line(value: &impl Serialize) {
    // Values here have string keys and no failing serialisers.
    if let Ok(mut line) = serde_json::to_string(value) {
        line.push('\n');
        write_all(Stream::Out, &line);
    }
}

/// Whoever reads may have gone away (`| head`), which is no failure of ours.
fn write_all(stream: Stream, text: &str) {
    let _ = match stream {
        Stream::Out => {
            let mut out = io::stdout().lock();
            out.write_all(text.as_bytes()).and_then(|()| out.flush())
        }
        Stream::Err => io::stderr().lock().write_all(text.as_bytes()),
    };
}

fn human(event: &Event<'_>, style: Style, excerpts: &Excerpts) -> String {
    match event {
        Event::Diagnostic { state: FindingState::New, finding } => finding::finding(finding, style, excerpts),
        Event::Diagnostic { state: FindingState::Resolved, finding } => {
            let head = format!("resolved[{}]", finding.code);
            let place = finding.source.as_ref().map(|source| format!(" ({})", source.file)).unwrap_or_default();
            format!("{}: {}{}\n", style.paint(Tone::Good, &head), Safe(&finding.message), Safe(&place))
        }
        Event::Applied(applied) => human_applied(applied, style),
        Event::Listener(listener) => human_listener(listener, style),
        // People get the tree.
        Event::Status { .. } => String::new(),
        Event::Echo { address, service } => {
            let text = format!("echo backend of Service {service} on {address}");
            format!("{} {}\n", style.paint(Tone::Good, "serving"), Safe(&text))
        }
        Event::Try(sample) => {
            let expect = format!("# {}", sample.expect);
            format!("  {}\n      {}\n", style.paint(Tone::Strong, &sample.command), style.paint(Tone::Faint, &expect))
        }
        Event::Checked { objects, errors, warnings, refused, alone, accepted } => {
            let warnings = if *warnings == 0 { String::new() } else { format!(", {}", plural(*warnings, "warning")) };
            let (tone, verdict) = match (*accepted, *alone) {
                (true, 0) => (Tone::Good, "all accepted".to_owned()),
                (true, _) => (Tone::Odd, format!("{} accepted", objects.saturating_sub(*alone))),
                (false, _) => (Tone::Bad, format!("{refused} not accepted, {}", plural(*errors, "error"))),
            };
            let alone = if *alone == 0 { String::new() } else { format!(", {alone} not ours") };
            let text = format!("{}: {verdict}{alone}{warnings}", plural(*objects, "object"));
            format!("{}\n", style.paint(tone, &text))
        }
        Event::Notice { message } => format!("{}\n", Safe(message)),
        Event::Draining { timeout_ms } => {
            let seconds = timeout_ms / 1000;
            format!("draining: requests in flight have {seconds} s; press Ctrl-C again to stop at once\n")
        }
        Event::Stopped { complete: true } => "stopped: every request in flight was answered\n".to_owned(),
        Event::Stopped { complete: false } => "stopped: some requests took too long and were cut off\n".to_owned(),
    }
}

fn human_applied(applied: &Applied, style: Style) -> String {
    let mut changes = Vec::new();
    for (noun, delta) in applied.changes.named() {
        for (sign, count) in [('+', delta.added), ('~', delta.changed), ('-', delta.removed)] {
            if count > 0 {
                changes.push(format!("{sign}{}", plural(count, noun)));
            }
        }
    }
    let changes = if changes.is_empty() { "nothing to serve changed".to_owned() } else { changes.join(", ") };
    let version = applied.version.get(..12).unwrap_or(&applied.version);
    let counts = applied.resources;
    let totals = format!(
        "now {}, {}, {}, {}",
        plural(counts.listeners, "listener"),
        plural(counts.rules, "route rule"),
        plural(counts.backends, "backend"),
        plural(counts.endpoints, "endpoint")
    );
    let mut text = String::new();
    // Writing to a String cannot fail.
    let _ = writeln!(
        text,
        "{} {version} in {:.1} ms: {changes} {}",
        style.paint(Tone::Good, "applied"),
        applied.duration_ms,
        style.paint(Tone::Faint, &format!("({totals})"))
    );
    text
}

fn human_listener(listener: &ListenerEvent, style: Style) -> String {
    let ListenerEvent { listener: name, bind, url, message, state } = listener;
    match state {
        ListenerState::Serving => {
            let name = format!("{name} on {bind}");
            format!("{} {}  {}\n", style.paint(Tone::Good, "serving"), Safe(url), style.paint(Tone::Faint, &name))
        }
        ListenerState::Closed => format!("{} {}  {}\n", style.paint(Tone::Odd, "closed"), Safe(url), Safe(name)),
        ListenerState::Refused => {
            format!("{} {}  {}: {}\n", style.paint(Tone::Bad, "refused"), Safe(url), Safe(name), Safe(message))
        }
    }
}
