//! The command line: one place for every argument, its help text and its default.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

const AFTER_HELP: &str = "\
Examples:
  nantian run examples/quickstart
  nantian check gateway.yaml routes/
  nantian explain routes/ -- GET https://shop.example/cart -H 'x-user: beta'
  nantian diff site/ changed-site/
  nantian crds > nantian-crds.yaml

Exit codes:
  0  success (for `run`: drained after SIGTERM or SIGINT)
  1  something is not accepted (check), no route takes the request (explain), something differs (diff), or the gateway
     cannot start (run)
  2  wrong usage: unknown flags, missing or unreadable paths, a cluster that cannot be read
  130  a second Ctrl-C while draining (run)";

/// Nantian Gateway on one machine: Kubernetes Gateway API objects from files, without a cluster.
#[derive(Debug, Parser)]
#[command(name = "nantian", version, after_help = AFTER_HELP, propagate_version = true, subcommand_required = true)]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve the objects in files and folders, and follow every change to them.
    #[command(after_help = RUN_HELP)]
    Run(RunArgs),
    /// Tell what is accepted and what is not, and why; opens no port.
    #[command(after_help = CHECK_HELP)]
    Check(CheckArgs),
    /// Tell which listener, route, rule, filters and backend a request gets, and why others lost; opens no port.
    #[command(after_help = EXPLAIN_HELP)]
    Explain(ExplainArgs),
    /// Tell what a change would change: resources, conditions, and answers to requests; opens no port.
    #[command(after_help = DIFF_HELP, allow_missing_positional = true)]
    Diff(DiffArgs),
    /// Print the custom resource definitions of the `nantian.dev` kinds as YAML.
    #[command(after_help = CRDS_HELP)]
    Crds,
}

const RUN_HELP: &str = "\
Examples:
  nantian run examples/quickstart
  nantian run gateway.yaml routes/ --access-log text
  nantian run ./site --bind 127.0.0.1 --workers 2 --admin off
  nantian run ./site --output json | jq -c 'select(.event == \"diagnostic\")'

Files are watched: a saved change is live within 100 ms, and no request is dropped. A file that cannot be read as YAML
leaves its previous objects serving; an object that is not valid leaves its previous version serving and harms no other.
SIGHUP reads everything again (for file systems without change notification). SIGTERM and Ctrl-C drain and exit with 0;
a second Ctrl-C exits at once with 130. When nothing can be served at the start, nantian says so and keeps watching.

An EndpointSlice with the annotation nantian.dev/echo: \"true\" is answered by a built-in echo backend, on its loopback
addresses only.

Events go to standard error for --output human, and to standard output, one JSON object per line, for --output json:
  {\"event\":\"diagnostic\", \"state\":\"new\"|\"resolved\", severity, code, message, object, field, remedy, source}
  {\"event\":\"applied\",    version, durationMs, changes, resources}
  {\"event\":\"listener\",   state: \"serving\"|\"refused\"|\"closed\", listener, bind, url, message}
  {\"event\":\"status\",     object, conditions, ...}
  {\"event\":\"echo\",       address, service}
  {\"event\":\"try\",        command, expect, status, services, path}
  {\"event\":\"notice\",     message}
  {\"event\":\"draining\",   timeoutMs} and {\"event\":\"stopped\", complete}
The access log goes to standard output.";

const CHECK_HELP: &str = "\
Examples:
  nantian check gateway.yaml routes/
  kubectl get gateways,httproutes,services,endpointslices -A -o yaml | nantian check -
  nantian check ./site --output json | jq .
  nantian check --kube --context staging

With --kube, all objects that the control plane reads are listed once, in all namespaces; nothing is written. Findings have
the object and the field instead of file and line. Kinds that are not installed are told; one that may not be listed is an
error, because what is said without it could be wrong: --skip-forbidden makes it a warning.

With --output json: the events diagnostic and status of `nantian run`, and at the end
  {\"event\":\"checked\", objects, errors, warnings, refused, alone, accepted}

Exit code 0: every object is accepted. 1: a diagnostic is an error, or a condition (Accepted, ResolvedRefs, Programmed)
is not true. 2: wrong usage, or the cluster cannot be read.";

const EXPLAIN_HELP: &str = "\
Examples:
  nantian explain ./site -- http://localhost:8080/hello
  nantian explain ./site -- POST https://shop.example/cart -H 'x-user: beta'
  nantian explain ./site --output json -- GET http://localhost:8080/ | jq .backends
  nantian explain --kube -- GET https://shop.example/cart

The request is written as METHOD URL [-H 'name: value']...; the method may be left out (GET). The port of the URL is the
port of the listener (80 for http, 443 for https when it has none).

Told are listeners, the match that wins and why others lose, filters, backends, limits, and the policies for the rule and its
backends: which setting of which one decides, and by which rule. docs/explain.md has the fields of --output json.

Exit code 0: a route takes the request. 1: none does (404). 2: wrong usage.";

const DIFF_HELP: &str = "\
Examples:
  nantian diff site/ changed-site/
  kubectl get gateways,httproutes,services,endpointslices -A -o yaml | nantian diff - ./site
  nantian diff <(git show HEAD:gateway.yaml) gateway.yaml --output json | jq '.behaviour.changed[].request'
  nantian diff --kube ./site

With --kube, before is the cluster as it is, and now is the cluster after the files were applied to it: what the cluster has
and the files have not stays, as with kubectl apply.

Requests are derived from the matches of both sides: for every match, listener and host one that it takes, one behind its
prefix, and one for the path alone. Each is answered by both; told are those whose answers differ (status, filters,
backends with their shares, time limits, retries), as nantian explain takes them. An answer is the same whichever rule
gives it and wherever the Pods are: names of routes and endpoints are resources, not behaviour.

With --output json: one object with resources {added, changed, removed}, statuses, behaviour {tried, changed}, errors.

Exit code 0: nothing differs. 1: something does. 2: wrong usage.";

const CRDS_HELP: &str = "\
Examples:
  nantian crds > nantian-crds.yaml
  nantian crds | kubectl apply --server-side -f -";

/// Which objects, of those that are followed.
#[derive(Debug, Args)]
pub(crate) struct SourceArgs {
    /// A file, a folder (searched for *.yaml, *.yml and *.json; hidden files are skipped), or `-` for standard input.
    #[arg(required = true, value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
}

/// Which objects, of those that are read once.
#[derive(Debug, Args)]
pub(crate) struct OnceArgs {
    /// A file, a folder (searched for *.yaml, *.yml and *.json; hidden files are skipped), or `-` for standard input.
    #[arg(required_unless_present = "kube", conflicts_with_all = OF_A_CLUSTER, value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
    /// Or a cluster.
    #[command(flatten)]
    pub(crate) kube: KubeArgs,
}

/// Under which heading of the help its flags are.
const CLUSTER: &str = "Cluster";
/// Ids of the flags of [`KubeArgs`], which say nothing of files.
const OF_A_CLUSTER: [&str; 4] = ["kube", "kubeconfig", "context", "skip_forbidden"];

/// Which cluster.
#[derive(Debug, Args)]
pub(crate) struct KubeArgs {
    /// Read the objects of a cluster: that of KUBECONFIG, else of ~/.kube/config, else, in a Pod, its own.
    #[arg(long, help_heading = CLUSTER)]
    pub(crate) kube: bool,
    /// Read the cluster of this kubeconfig.
    #[arg(long, help_heading = CLUSTER, value_name = "FILE", requires = "kube")]
    pub(crate) kubeconfig: Option<PathBuf>,
    /// Context of the kubeconfig; default: its current one.
    #[arg(long, help_heading = CLUSTER, value_name = "NAME", requires = "kube")]
    pub(crate) context: Option<String>,
    /// Go on without the kinds that one has no right to list, with a warning for each.
    #[arg(long, help_heading = CLUSTER, requires = "kube")]
    pub(crate) skip_forbidden: bool,
}

/// Which Gateways are ours.
#[derive(Debug, Args)]
pub(crate) struct ClassArgs {
    /// Controller name that a GatewayClass must have to be ours.
    #[arg(long, value_name = "NAME", default_value = "nantian.dev/gateway-controller")]
    pub(crate) controller_name: String,
    /// Gateway class that is ours, even if a GatewayClass object gives it to another controller; may be repeated. Default:
    /// every class that no GatewayClass object gives to another controller.
    #[arg(long, value_name = "NAME")]
    pub(crate) gateway_class: Vec<String>,
}

/// How to tell.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct OutputArgs {
    /// For people, or one JSON object per line for programs.
    #[arg(long, value_enum, default_value_t = OutputFormat::Human)]
    pub(crate) output: OutputFormat,
    /// Colours for people. `auto`: on a terminal, unless `NO_COLOR` is set.
    #[arg(long, value_enum, default_value_t = ColorChoice::Auto, value_name = "WHEN")]
    pub(crate) color: ColorChoice,
}

/// For whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum OutputFormat {
    /// Text for people.
    Human,
    /// One JSON object per line.
    Json,
}

/// When to colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ColorChoice {
    /// On a terminal, unless `NO_COLOR` is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// Access log formats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum AccessLog {
    /// One JSON object per request.
    Json,
    /// One line of text per request.
    Text,
    /// None.
    Off,
}

/// Arguments of `run`.
#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// Objects.
    #[command(flatten)]
    pub(crate) source: SourceArgs,
    /// Gateways.
    #[command(flatten)]
    pub(crate) classes: ClassArgs,
    /// Output.
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    /// Worker threads; default: one per core.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) workers: Option<u16>,
    /// Access log, on standard output; default: off, or what --config says.
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub(crate) access_log: Option<AccessLog>,
    /// Address of the admin port (/livez, /readyz, /metrics), or `off`; default: 127.0.0.1:19080, or what --config says.
    #[arg(long, value_name = "ADDRESS", value_parser = parse_admin)]
    pub(crate) admin: Option<AdminAddress>,
    /// Open listeners on this local address only, instead of on all addresses of the machine.
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) bind: Option<IpAddr>,
    /// Settings of the engine, as YAML or JSON (`engine: {workers: 2}`). Flags win over the file.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// How long requests may go on after SIGTERM or Ctrl-C; default: 30s, or what --config says.
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub(crate) drain_timeout: Option<Duration>,
}

/// Arguments of `check`.
#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// Objects.
    #[command(flatten)]
    pub(crate) source: OnceArgs,
    /// Gateways.
    #[command(flatten)]
    pub(crate) classes: ClassArgs,
    /// Output.
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

/// Arguments of `explain`.
#[derive(Debug, Args)]
pub(crate) struct ExplainArgs {
    /// Objects.
    #[command(flatten)]
    pub(crate) source: OnceArgs,
    /// Gateways.
    #[command(flatten)]
    pub(crate) classes: ClassArgs,
    /// Output.
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    /// The request, after `--`: [METHOD] URL [-H 'name: value']...
    #[arg(last = true, required = true, value_name = "REQUEST", allow_hyphen_values = true)]
    pub(crate) request: Vec<String>,
}

/// Arguments of `diff`.
#[derive(Debug, Args)]
pub(crate) struct DiffArgs {
    /// Objects before: a file, a folder, or `-` for standard input. Not with --kube.
    #[arg(required_unless_present = "kube", conflicts_with_all = OF_A_CLUSTER, value_name = "OLD")]
    pub(crate) old: Option<PathBuf>,
    /// Objects now: the same. With --kube: what is applied to the cluster.
    #[arg(required = true, value_name = "NEW")]
    pub(crate) new: PathBuf,
    /// Or a cluster before.
    #[command(flatten)]
    pub(crate) kube: KubeArgs,
    /// Gateways.
    #[command(flatten)]
    pub(crate) classes: ClassArgs,
    /// Output.
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

/// Where the admin port is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AdminAddress {
    /// Nowhere.
    Off,
    /// Here.
    At(SocketAddr),
}

fn parse_admin(text: &str) -> Result<AdminAddress, String> {
    if text == "off" {
        return Ok(AdminAddress::Off);
    }
    text.parse().map(AdminAddress::At).map_err(|_| {
        format!("{text:?} is not an address with a port: write for example 127.0.0.1:19080 or [::1]:19080, or off")
    })
}

/// A Gateway API duration (GEP-2257): up to four parts of digits and a unit, largest unit first is not required.
fn parse_duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("{text:?} is not a duration: write for example 10s, 500ms or 1m30s");
    let mut rest = text;
    let mut total = Duration::ZERO;
    let mut parts = 0;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (number, tail) = rest.split_at_checked(digits).ok_or_else(wrong)?;
        // GEP-2257: a number has at most five digits, a duration at most four parts.
        let number: u64 = if (1..=5).contains(&digits) { number.parse().map_err(|_| wrong())? } else { Err(wrong())? };
        let (part, tail) = if let Some(tail) = tail.strip_prefix("ms") {
            (Duration::from_millis(number), tail)
        } else if let Some(tail) = tail.strip_prefix('s') {
            (Duration::from_secs(number), tail)
        } else if let Some(tail) = tail.strip_prefix('m') {
            (Duration::from_secs(number * 60), tail)
        } else if let Some(tail) = tail.strip_prefix('h') {
            (Duration::from_secs(number * 3600), tail)
        } else {
            return Err(wrong());
        };
        total += part;
        parts += 1;
        rest = tail;
    }
    if (1..=4).contains(&parts) { Ok(total) } else { Err(wrong()) }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn durations_are_those_of_gep_2257() {
        assert_eq!(parse_duration("1m30s"), Ok(Duration::from_secs(90)));
        assert_eq!(parse_duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(parse_duration("0s"), Ok(Duration::ZERO));
        for wrong in ["", "10", "s", "1d", "1.5s", "-1s", "1s1s1s1s1s", "123456s", "99999999999999999999s", "1é"] {
            assert!(parse_duration(wrong).is_err(), "{wrong:?} is refused");
        }
    }

    #[test]
    fn the_request_of_explain_may_carry_flags_of_its_own() {
        let cli = Cli::parse_from(["nantian", "explain", "a.yaml", "--", "GET", "http://x/", "-H", "a: b"]);
        let Command::Explain(args) = cli.command else { panic!("explain") };
        assert_eq!(args.request, ["GET", "http://x/", "-H", "a: b"]);
    }

    #[test]
    fn several_gateway_classes_may_be_ours() {
        let classes = |line: &[&str]| match Cli::parse_from(line).command {
            Command::Check(args) => args.classes.gateway_class,
            _ => panic!("check"),
        };
        assert!(classes(&["nantian", "check", "a"]).is_empty());
        assert_eq!(classes(&["nantian", "check", "a", "--gateway-class", "x", "--gateway-class", "y"]), ["x", "y"]);
    }
}
