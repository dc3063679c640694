//! The table of routes: what there is, who may ask for it, and what answers. `/openapi.json` and `docs/admin-api.md` are made
//! from it.

use http::header::{HeaderName, HeaderValue};
use http::{Method, StatusCode, request};
use schemars::{JsonSchema, Schema, SchemaGenerator};

use super::answer::{Answer, METRICS, TEXT};
use super::observed::Observed;
use super::page::{self, Element, Page};
use super::problem::Problem;
use super::query::{Query, decoded};
use super::views::{
    AiCost, AiOverview, AiService, AiTokenUsage, Backend, BackendObject, DataPlane, Gateway, Listener, Namespace, Node,
    Policy, Route as RouteView, RouteWithRules, Snapshot, SnapshotSync, Summary, Topology,
};
use super::{Port, State, openapi};

/// How many elements of a list there are, on all pages together.
pub(super) const TOTAL_COUNT: HeaderName = HeaderName::from_static("x-nantian-total-count");

/// What is asked for.
pub(super) struct Asked<'r> {
    observed: &'r Observed<'r>,
    /// The values of the parameters in the path, in their order.
    path: Vec<String>,
    query: Query,
}

impl Asked<'_> {
    /// The value of a parameter in the path.
    fn at(&self, index: usize) -> &str {
        self.path.get(index).map_or("", String::as_str)
    }
}

/// What an answer has in it.
pub(super) enum Content {
    /// Text of this media type.
    Text(&'static str),
    /// JSON that this describes.
    Json(fn(&mut SchemaGenerator) -> Schema),
    /// A list of what this describes, with its parameters and what `sort` may be.
    List {
        element: fn(&mut SchemaGenerator) -> Schema,
        parameters: fn() -> Vec<(&'static str, &'static str)>,
        columns: fn() -> Vec<&'static str>,
    },
}

/// A row of the table.
pub(super) struct Route {
    /// The template of its path.
    pub(super) path: &'static str,
    /// What it tells.
    pub(super) about: &'static str,
    /// The ports that serve it, apart from the admin port, which serves all.
    pub(super) also_on: Option<Port>,
    /// Whether it is told to those without the token.
    pub(super) is_open: bool,
    /// Whether it answers 503 until a snapshot was published.
    pub(super) needs_snapshot: bool,
    pub(super) content: Content,
    answer: fn(&mut Asked<'_>) -> Result<Answer, Problem>,
}

impl Route {
    const fn text(
        path: &'static str,
        about: &'static str,
        also_on: Port,
        media_type: &'static str,
        answer: fn(&mut Asked<'_>) -> Result<Answer, Problem>,
    ) -> Self {
        let is_open = matches!(also_on, Port::Health);
        let content = Content::Text(media_type);
        Self { path, about, also_on: Some(also_on), is_open, needs_snapshot: false, content, answer }
    }

    const fn list<E: Element>(path: &'static str, about: &'static str) -> Self {
        let content = Content::List {
            element: SchemaGenerator::subschema_for::<E>,
            parameters: page::parameters::<E>,
            columns: page::columns::<E>,
        };
        let needs_snapshot = E::NEEDS_SNAPSHOT;
        Self { path, about, also_on: None, is_open: false, needs_snapshot, content, answer: list::<E> }
    }

    const fn json<D: JsonSchema>(
        path: &'static str,
        about: &'static str,
        answer: fn(&mut Asked<'_>) -> Result<Answer, Problem>,
    ) -> Self {
        let content = Content::Json(SchemaGenerator::subschema_for::<D>);
        Self { path, about, also_on: None, is_open: false, needs_snapshot: true, content, answer }
    }

    const fn without_snapshot(self) -> Self {
        Self { needs_snapshot: false, ..self }
    }

    /// Names of the parameters in the path, in their order.
    pub(super) fn path_parameters(&self) -> impl Iterator<Item = &'static str> {
        self.path.split('/').filter_map(placeholder)
    }

    /// The values of the parameters in the path, if it is one of this route.
    fn values(&self, path: &str) -> Option<Result<Vec<String>, Problem>> {
        let mut given = path.split('/');
        let mut values = Vec::new();
        for part in self.path.split('/') {
            let value = given.next()?;
            match placeholder(part) {
                Some(_) if value.is_empty() => return None,
                Some(_) => values.push(value),
                None if value == part => {}
                None => return None,
            }
        }
        given.next().is_none().then(|| values.into_iter().map(decoded).collect())
    }
}

fn placeholder(part: &'static str) -> Option<&'static str> {
    part.strip_prefix('{')?.strip_suffix('}')
}

/// Every route.
pub(super) static ROUTES: &[Route] = &[
    Route::text("/livez", "Whether the process lives: always, if it answers.", Port::Health, TEXT, |_| {
        Ok(Answer::text(StatusCode::OK, "ok"))
    }),
    Route::text("/readyz", "Whether a snapshot was published; 503 until then.", Port::Health, TEXT, |asked| {
        let (status, text) = if asked.observed.is_ready() {
            (StatusCode::OK, "ok")
        } else {
            (StatusCode::SERVICE_UNAVAILABLE, "not ready: no snapshot was published yet")
        };
        Ok(Answer::text(status, text))
    }),
    Route::text("/metrics", "Metrics as Prometheus text.", Port::Metrics, METRICS, |asked| {
        let metrics = asked.observed.state.metrics.text(&asked.observed.gauges());
        Ok(Answer::new(StatusCode::OK, METRICS, metrics))
    }),
    Route::json::<openapi::Document>("/openapi.json", "This document.", |_| Answer::json(&openapi::document()))
        .without_snapshot(),
    Route::json::<Summary>("/v1/summary", "Counts, versions, and what a person should look at.", |asked| {
        Answer::json(&Summary::of(asked.observed)?)
    }),
    Route::list::<Listener>("/v1/listeners", "Listeners, those that are not served among them."),
    Route::json::<Listener>(
        "/v1/listeners/{name}",
        "One listener, by its id, or by its name if only one has it.",
        |asked| Answer::json(&Listener::find(asked.observed, asked.at(0))?),
    ),
    Route::list::<RouteView>("/v1/routes", "Routes of every kind."),
    Route::json::<RouteWithRules>("/v1/routes/{kind}/{namespace}/{name}", "One route, with its rules.", |asked| {
        Answer::json(&RouteWithRules::find(asked.observed, asked.at(0), asked.at(1), asked.at(2))?)
    }),
    Route::list::<Backend>("/v1/backends", "Ports of Services that rules send to, with their endpoints."),
    Route::json::<BackendObject>(
        "/v1/backends/{namespace}/{name}",
        "One Service, with the routes that send to it.",
        |asked| Answer::json(&BackendObject::find(asked.observed, asked.at(0), asked.at(1))?),
    ),
    Route::list::<Node>("/v1/nodes", "Data planes that are connected to this replica, or were a short time ago."),
    Route::json::<Node>("/v1/nodes/{nodeId}", "One data plane.", |asked| {
        Answer::json(&Node::find(asked.observed, asked.at(0))?)
    })
    .without_snapshot(),
    Route::json::<Snapshot>("/v1/snapshot", "What data planes serve, without private keys.", |asked| {
        Answer::json(&Snapshot::of(asked.observed)?)
    }),
    Route::json::<SnapshotSync>("/v1/snapshot-sync", "Which data planes are current, behind or refusing.", |asked| {
        Answer::json(&SnapshotSync::of(asked.observed)?)
    }),
    Route::list::<Gateway>("/v1/gateways", "Gateways of ours."),
    Route::list::<Namespace>("/v1/namespaces", "Namespaces, with what they have of ours."),
    Route::json::<Topology>("/v1/topology", "What is served as a graph.", |asked| {
        Answer::json(&Topology::of(asked.observed)?)
    }),
    Route::list::<Policy>("/v1/policies", "Policies of every kind, with what they have an effect for."),
    Route::list::<DataPlane>("/v1/dataplanes", "Data planes, by the cluster that they say they are of."),
    Route::json::<AiOverview>("/v1/ai/overview", "AI traffic at a glance.", |asked| {
        Answer::json(&AiOverview::of(asked.observed)?)
    }),
    Route::list::<AiService>("/v1/ai/services", "AIServices."),
    Route::list::<AiTokenUsage>(
        "/v1/ai/token-usage",
        "Tokens that were used, as data planes that serve AI traffic report them.",
    ),
    Route::list::<AiCost>("/v1/ai/cost", "What those tokens cost."),
];

fn list<E: Element>(asked: &mut Asked<'_>) -> Result<Answer, Problem> {
    let page = Page::<E>::read(std::mem::take(&mut asked.query))?;
    let (total, elements) = page.select(E::all(asked.observed)?);
    Ok(Answer::json(&elements)?.with(TOTAL_COUNT, HeaderValue::from(total)))
}

/// The answer to a request at a port, and the route that gives it.
pub(super) fn answer(port: Port, request: &request::Parts, state: &State) -> (Option<&'static Route>, Answer) {
    let path = request.uri.path();
    let mut served = ROUTES.iter().filter(|route| port == Port::Admin || route.also_on == Some(port));
    let found = served.find_map(|route| Some((route, route.values(path)?)));
    let route = found.as_ref().map(|(route, _)| *route);
    (route, find(port, request, state, found).unwrap_or_else(Answer::from))
}

fn find(
    port: Port,
    request: &request::Parts,
    state: &State,
    found: Option<(&'static Route, Result<Vec<String>, Problem>)>,
) -> Result<Answer, Problem> {
    // What is not there, too: who may not ask learns nothing.
    let is_open = port != Port::Admin || found.as_ref().is_some_and(|(route, _)| route.is_open);
    if let Some(token) = state.token.borrow().as_ref().filter(|_| !is_open) {
        token.check(&request.headers)?;
    }
    let Some((route, path)) = found else {
        let path = request.uri.path();
        return Err(Problem::not_found(format!(
            "there is no {path} here: /openapi.json of the admin port has what there is"
        )));
    };
    if request.method != Method::GET && request.method != Method::HEAD {
        return Err(Problem::method_not_allowed());
    }
    let observed = Observed::now(state);
    let mut asked = Asked { observed: &observed, path: path?, query: Query::default() };
    match route.content {
        // Probes and scrapers may have parameters of their own.
        Content::Text(_) => {}
        Content::Json(_) => Query::read(request.uri.query())?.finish(&[])?,
        Content::List { .. } => asked.query = Query::read(request.uri.query())?,
    }
    (route.answer)(&mut asked)
}
