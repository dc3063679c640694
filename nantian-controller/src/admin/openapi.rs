//! The OpenAPI 3.1 document: from the table of routes and the types of the answers.

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Map, Value, json};

use super::problem::ProblemBody;
use super::routes::{Content, ROUTES, Route};

/// What `/openapi.json` has: OpenAPI describes itself elsewhere.
#[derive(JsonSchema)]
#[schemars(transparent)]
#[allow(dead_code, reason = "only its schema is of use")]
pub(super) struct Document(Map<String, Value>);

/// The document.
pub(super) fn document() -> Value {
    let mut generator = generator();
    let paths: Map<String, Value> =
        ROUTES.iter().map(|route| (route.path.to_owned(), json!({"get": operation(route, &mut generator)}))).collect();
    let problem = json!({
        "description": "The request was not answered.",
        "content": {"application/problem+json": {"schema": generator.subschema_for::<ProblemBody>()}},
    });
    json!({
        "openapi": "3.1.1",
        "info": {
            "title": "Nantian Gateway: admin API of the control plane",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Read-only. Every path answers HEAD too, other methods with 405. No answer has secrets in it.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": paths,
        "components": {
            "schemas": generator.take_definitions(true),
            "responses": {"Problem": problem},
            "securitySchemes": {"token": {
                "type": "http",
                "scheme": "bearer",
                "description": "Needed once a token is configured.",
            }},
        },
    })
}

/// Describes what is written, at the places where OpenAPI has it.
fn generator() -> SchemaGenerator {
    let settings = SchemaSettings::draft2020_12().for_serialize().with(|settings| {
        settings.definitions_path = "/components/schemas".into();
        settings.meta_schema = None;
    });
    settings.into_generator()
}

fn operation(route: &Route, generator: &mut SchemaGenerator) -> Value {
    let security = if route.is_open { json!([]) } else { json!([{"token": []}, {}]) };
    json!({
        "operationId": operation_id(route.path),
        "summary": route.about,
        "security": security,
        "parameters": parameters(route),
        "responses": responses(route, generator),
    })
}

/// `getV1Listeners`, `getV1ListenersByName`.
fn operation_id(path: &str) -> String {
    let mut id = "get".to_owned();
    for part in path.split(['/', '-', '.']).filter(|part| !part.is_empty()) {
        let name = part.trim_start_matches('{').trim_end_matches('}');
        if name != part {
            id.push_str("By");
        }
        id.extend(name.chars().take(1).map(|letter| letter.to_ascii_uppercase()).chain(name.chars().skip(1)));
    }
    id
}

fn parameters(route: &Route) -> Vec<Value> {
    let in_path = route.path_parameters().map(
        |name| json!({"name": name, "in": "path", "required": true, "schema": {"type": "string", "minLength": 1}}),
    );
    let mut parameters: Vec<Value> = in_path.collect();
    if let Content::List { parameters: in_query, columns, .. } = &route.content {
        parameters.extend(in_query().into_iter().map(|(name, description)| {
            let schema = match name {
                "limit" => json!({"type": "integer", "minimum": 1}),
                "offset" => json!({"type": "integer", "minimum": 0}),
                "sort" => json!({"type": "string", "enum": columns()}),
                "order" => json!({"type": "string", "enum": ["asc", "desc"]}),
                _ => json!({"type": "string"}),
            };
            json!({"name": name, "in": "query", "description": description, "schema": schema})
        }));
    }
    parameters
}

fn responses(route: &Route, generator: &mut SchemaGenerator) -> Map<String, Value> {
    let mut responses = Map::new();
    let (media_type, schema) = match &route.content {
        Content::Text(media_type) => (*media_type, json!({"type": "string"})),
        Content::Json(schema) => ("application/json", schema(generator).to_value()),
        Content::List { element, .. } => ("application/json", json!({"type": "array", "items": element(generator)})),
    };
    let mut answer = json!({"description": route.about, "content": {media_type: {"schema": schema}}});
    if let (Content::List { .. }, Some(answer)) = (&route.content, answer.as_object_mut()) {
        let count = json!({
            "description": "How many elements there are, on all pages together.",
            "schema": {"type": "integer", "minimum": 0},
        });
        answer.insert("headers".to_owned(), json!({"X-Nantian-Total-Count": count}));
    }
    responses.insert("200".to_owned(), answer);
    for status in problems(route) {
        responses.insert(status.to_string(), json!({"$ref": "#/components/responses/Problem"}));
    }
    if route.path == "/readyz" {
        let text = json!({"text/plain; charset=utf-8": {"schema": {"type": "string"}}});
        responses
            .insert("503".to_owned(), json!({"description": "It is not ready, for this reason.", "content": text}));
    }
    responses
}

/// The problems that a route may answer with.
pub(super) fn problems(route: &Route) -> Vec<u16> {
    let has_path = route.path_parameters().next().is_some();
    let problems = [
        (400, !matches!(route.content, Content::Text(_))),
        (401, !route.is_open),
        (404, has_path),
        (405, true),
        (409, route.path == "/v1/listeners/{name}"),
        (503, route.needs_snapshot),
    ];
    problems.into_iter().filter(|(_, may)| *may).map(|(status, _)| status).collect()
}
