//! Lists: which elements, in which order, how many.

use std::cmp::Ordering;

use nantian_ir::HostnameMatch;
use schemars::JsonSchema;
use serde::Serialize;

use super::observed::Observed;
use super::problem::Problem;
use super::query::Query;

/// A field that a list can be sorted by.
pub(super) struct Column<E: 'static> {
    pub(super) name: &'static str,
    pub(super) compare: fn(&E, &E) -> Ordering,
}

/// An element of a list.
pub(super) trait Element: Serialize + JsonSchema + Sized + 'static {
    /// What it can be sorted by, apart from `namespace` and `name`.
    const COLUMNS: &'static [Column<Self>] = &[];
    /// Whether it serves hosts, so that there is a parameter `hostname`.
    const HAS_HOSTNAMES: bool = false;
    /// Whether it has a protocol, so that there is a parameter `protocol`.
    const HAS_PROTOCOL: bool = false;
    /// Whether there is nothing to tell before a snapshot was published.
    const NEEDS_SNAPSHOT: bool = true;

    /// All of them, in the order in which they are told unless another is asked for.
    fn all(observed: &Observed<'_>) -> Result<Vec<Self>, Problem>;

    fn namespace(&self) -> &str;

    fn name(&self) -> &str;

    /// The hosts that it serves, as Gateways and routes spell them.
    fn hostnames(&self) -> &[String] {
        &[]
    }

    fn protocol(&self) -> Option<&str> {
        None
    }
}

/// Parameters of every list, with what they mean.
pub(super) const PARAMETERS: [(&str, &str); 6] = [
    ("limit", "At most so many elements, 1 or more; all when absent."),
    ("offset", "Leaves out so many elements at the beginning; 0 when absent."),
    ("sort", "The field that the elements are sorted by."),
    ("order", "`asc`, which is the default, or `desc`."),
    ("namespace", "Only elements with this namespace."),
    ("name", "Only elements with this name."),
];
pub(super) const HOSTNAME: (&str, &str) = (
    "hostname",
    "Only elements that serve this host, be it by a wildcard. `*` and `*.example.com` stand for those that have just this.",
);
pub(super) const PROTOCOL: (&str, &str) = ("protocol", "Only elements with this protocol, in upper or lower case.");

/// The parameters of a list.
pub(super) fn parameters<E: Element>() -> Vec<(&'static str, &'static str)> {
    let hostname = E::HAS_HOSTNAMES.then_some(HOSTNAME);
    let protocol = E::HAS_PROTOCOL.then_some(PROTOCOL);
    PARAMETERS.into_iter().chain(hostname).chain(protocol).collect()
}

/// What `sort` may be.
pub(super) fn columns<E: Element>() -> Vec<&'static str> {
    ["namespace", "name"].into_iter().chain(E::COLUMNS.iter().map(|column| column.name)).collect()
}

/// What a request wants of a list.
pub(super) struct Page<E: 'static> {
    limit: Option<usize>,
    offset: usize,
    sort: Option<fn(&E, &E) -> Ordering>,
    descending: bool,
    namespace: Option<String>,
    name: Option<String>,
    hostname: Option<HostnameMatch>,
    protocol: Option<String>,
}

impl<E: Element> Page<E> {
    pub(super) fn read(mut query: Query) -> Result<Self, Problem> {
        let limit = query.number("limit")?;
        if limit == Some(0) {
            return Err(Problem::bad_request("limit: is 1 or more"));
        }
        let hostname = if E::HAS_HOSTNAMES { query.take("hostname") } else { None };
        let hostname = hostname.map(|hostname| HostnameMatch::parse(&hostname.to_ascii_lowercase())).transpose();
        let page = Self {
            limit,
            offset: query.number("offset")?.unwrap_or_default(),
            sort: query.take("sort").map(|name| column(&name)).transpose()?,
            descending: match query.take("order").as_deref() {
                None | Some("asc") => false,
                Some("desc") => true,
                Some(other) => return Err(Problem::bad_request(format!("order: {other:?} is neither asc nor desc"))),
            },
            namespace: query.take("namespace"),
            name: query.take("name"),
            hostname: hostname.map_err(|error| Problem::bad_request(format!("hostname: {error}")))?,
            protocol: if E::HAS_PROTOCOL { query.take("protocol") } else { None },
        };
        let known: Vec<&str> = parameters::<E>().into_iter().map(|(name, _)| name).collect();
        query.finish(&known)?;
        Ok(page)
    }

    /// How many elements there are of those that are wanted, and those that are on this page.
    pub(super) fn select(&self, mut elements: Vec<E>) -> (usize, Vec<E>) {
        elements.retain(|element| self.wants(element));
        if let Some(compare) = self.sort {
            elements.sort_by(compare);
        }
        if self.descending {
            elements.reverse();
        }
        let total = elements.len();
        let limit = self.limit.unwrap_or(usize::MAX);
        (total, elements.into_iter().skip(self.offset).take(limit).collect())
    }

    fn wants(&self, element: &E) -> bool {
        let is = |wanted: &Option<String>, held: &str| wanted.as_deref().is_none_or(|wanted| wanted == held);
        is(&self.namespace, element.namespace())
            && is(&self.name, element.name())
            && self.hostname.as_ref().is_none_or(|wanted| element.hostnames().iter().any(|held| serves(held, wanted)))
            && self
                .protocol
                .as_deref()
                .is_none_or(|wanted| element.protocol().is_some_and(|held| held.eq_ignore_ascii_case(wanted)))
    }
}

/// Whether an element that has `held` is one that serves what is wanted.
fn serves(held: &str, wanted: &HostnameMatch) -> bool {
    match (HostnameMatch::parse(held), wanted) {
        (Ok(held), HostnameMatch::Exact(host)) => held.matches(host.as_str()),
        (Ok(held), pattern) => held == *pattern,
        (Err(_), _) => false,
    }
}

fn column<E: Element>(name: &str) -> Result<fn(&E, &E) -> Ordering, Problem> {
    match name {
        "namespace" => Ok(|a, b| a.namespace().cmp(b.namespace())),
        "name" => Ok(|a, b| a.name().cmp(b.name())),
        _ => E::COLUMNS
            .iter()
            .find(|column| column.name == name)
            .map(|column| column.compare)
            .ok_or_else(|| Problem::bad_request(format!("sort: {name:?} is none of {}", columns::<E>().join(", ")))),
    }
}
