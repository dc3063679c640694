//! A structural schema, parsed once from the OpenAPI v3 schema of a CRD.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde_json::{Map, Value};

use super::cel::Rule;
use super::format::Format;
use super::pattern::Pattern;

/// One node of a structural schema
/// (<https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#specifying-a-structural-schema>).
#[derive(Debug, Default)]
#[allow(clippy::struct_excessive_bools, reason = "they are keywords of a schema, independent of each other")]
pub(crate) struct Schema {
    pub(crate) kind: Option<Kind>,
    pub(crate) int_or_string: bool,
    pub(crate) nullable: bool,
    /// Values must not show in messages (`x-nantian-secret`).
    pub(crate) secret: bool,
    pub(crate) preserve_unknown: bool,
    pub(crate) properties: BTreeMap<String, Property>,
    pub(crate) additional: Option<Box<Schema>>,
    pub(crate) items: Option<Box<Schema>>,
    pub(crate) required: Vec<String>,
    pub(crate) default: Option<Value>,
    pub(crate) allowed: Vec<Value>,
    pub(crate) pattern: Option<Arc<Pattern>>,
    pub(crate) format: Option<Format>,
    pub(crate) number: NumberLimits,
    pub(crate) size: SizeLimits,
    pub(crate) list: ListType,
    pub(crate) all_of: Vec<Schema>,
    pub(crate) any_of: Vec<Schema>,
    pub(crate) one_of: Vec<Schema>,
    pub(crate) not: Option<Box<Schema>>,
    pub(crate) rules: Vec<Rule>,
    /// Whether this node or one below has rules.
    pub(crate) has_rules: bool,
}

/// A field of an object.
#[derive(Debug)]
pub(crate) struct Property {
    pub(crate) schema: Schema,
    /// Its name in CEL expressions.
    pub(crate) cel_name: String,
}

/// The `type` keyword.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Object,
    Array,
    String,
    Integer,
    Number,
    Boolean,
}

impl Kind {
    fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "object" => Self::Object,
            "array" => Self::Array,
            "string" => Self::String,
            "integer" => Self::Integer,
            "number" => Self::Number,
            "boolean" => Self::Boolean,
            _ => return None,
        })
    }

    /// With its article, for messages.
    pub(crate) fn noun(self) -> &'static str {
        match self {
            Self::Object => "an object",
            Self::Array => "a list",
            Self::String => "a string",
            Self::Integer => "an integer",
            Self::Number => "a number",
            Self::Boolean => "true or false",
        }
    }
}

/// Bounds of a number.
#[derive(Debug, Default)]
pub(crate) struct NumberLimits {
    pub(crate) minimum: Option<f64>,
    pub(crate) exclusive_minimum: bool,
    pub(crate) maximum: Option<f64>,
    pub(crate) exclusive_maximum: bool,
    pub(crate) multiple_of: Option<f64>,
}

/// Bounds of lengths; which of them apply depends on the type of the value.
#[derive(Debug, Default)]
pub(crate) struct SizeLimits {
    pub(crate) min_length: Option<u64>,
    pub(crate) max_length: Option<u64>,
    pub(crate) min_items: Option<u64>,
    pub(crate) max_items: Option<u64>,
    pub(crate) min_properties: Option<u64>,
    pub(crate) max_properties: Option<u64>,
}

/// Which elements of a list must be unique.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) enum ListType {
    /// None need be.
    #[default]
    Atomic,
    /// All elements.
    Set,
    /// The values of these fields of the elements.
    Map(Vec<String>),
}

/// Parses schemas, sharing what repeats: the CRDs of routes state the same patterns and rules dozens of times.
#[derive(Default)]
pub(crate) struct Reader {
    patterns: HashMap<String, Arc<Pattern>>,
    rules: HashMap<String, Arc<super::cel::Expression>>,
}

impl Reader {
    /// Parses one node. Keywords that are not understood are an error of the CRD, told by the caller's test.
    pub(crate) fn read(&mut self, source: &Value) -> Schema {
        let Some(source) = source.as_object() else { return Schema::default() };
        let mut schema = Schema {
            kind: source.get("type").and_then(Value::as_str).and_then(Kind::parse),
            int_or_string: flag(source, "x-kubernetes-int-or-string"),
            nullable: flag(source, "nullable"),
            secret: flag(source, "x-nantian-secret"),
            preserve_unknown: flag(source, "x-kubernetes-preserve-unknown-fields"),
            required: strings(source, "required"),
            default: source.get("default").cloned(),
            allowed: source.get("enum").and_then(Value::as_array).cloned().unwrap_or_default(),
            format: source.get("format").and_then(Value::as_str).and_then(Format::parse),
            number: NumberLimits {
                minimum: source.get("minimum").and_then(Value::as_f64),
                exclusive_minimum: flag(source, "exclusiveMinimum"),
                maximum: source.get("maximum").and_then(Value::as_f64),
                exclusive_maximum: flag(source, "exclusiveMaximum"),
                multiple_of: source.get("multipleOf").and_then(Value::as_f64),
            },
            size: SizeLimits {
                min_length: size(source, "minLength"),
                max_length: size(source, "maxLength"),
                min_items: size(source, "minItems"),
                max_items: size(source, "maxItems"),
                min_properties: size(source, "minProperties"),
                max_properties: size(source, "maxProperties"),
            },
            list: list_type(source),
            ..Schema::default()
        };
        schema.pattern = source.get("pattern").and_then(Value::as_str).map(|text| self.pattern(text));
        self.read_children(source, &mut schema);
        schema.rules = source
            .get("x-kubernetes-validations")
            .and_then(Value::as_array)
            .map(|rules| rules.iter().filter_map(|rule| self.rule(rule)).collect())
            .unwrap_or_default();
        schema.has_rules = !schema.rules.is_empty()
            || schema.properties.values().any(|property| property.schema.has_rules)
            || schema.items.as_ref().is_some_and(|items| items.has_rules)
            || schema.additional.as_ref().is_some_and(|additional| additional.has_rules);
        schema
    }

    fn read_children(&mut self, source: &Map<String, Value>, schema: &mut Schema) {
        if let Some(properties) = source.get("properties").and_then(Value::as_object) {
            for (name, property) in properties {
                let property = Property { schema: self.read(property), cel_name: super::cel::property_name(name) };
                schema.properties.insert(name.clone(), property);
            }
        }
        schema.items = source.get("items").map(|items| Box::new(self.read(items)));
        match source.get("additionalProperties") {
            Some(Value::Bool(true)) => schema.preserve_unknown = true,
            Some(additional @ Value::Object(_)) => schema.additional = Some(Box::new(self.read(additional))),
            _ => {}
        }
        schema.all_of = self.list(source, "allOf");
        schema.any_of = self.list(source, "anyOf");
        schema.one_of = self.list(source, "oneOf");
        schema.not = source.get("not").map(|not| Box::new(self.read(not)));
    }

    fn list(&mut self, source: &Map<String, Value>, keyword: &str) -> Vec<Schema> {
        let list = source.get(keyword).and_then(Value::as_array);
        list.map(|list| list.iter().map(|schema| self.read(schema)).collect()).unwrap_or_default()
    }

    fn pattern(&mut self, text: &str) -> Arc<Pattern> {
        let pattern = self.patterns.entry(text.to_owned());
        Arc::clone(pattern.or_insert_with(|| Arc::new(Pattern::new(text.to_owned()))))
    }

    fn rule(&mut self, source: &Value) -> Option<Rule> {
        let text = source.get("rule")?.as_str()?;
        let field = |name: &str| source.get(name).and_then(Value::as_str).map(str::to_owned);
        Some(Rule {
            expression: self.expression(text),
            message: field("message"),
            message_expression: field("messageExpression").map(|text| self.expression(&text)),
            field_path: field("fieldPath"),
        })
    }

    fn expression(&mut self, text: &str) -> Arc<super::cel::Expression> {
        let expression = self.rules.entry(text.to_owned());
        Arc::clone(expression.or_insert_with(|| Arc::new(super::cel::Expression::new(text.to_owned()))))
    }
}

fn flag(source: &Map<String, Value>, keyword: &str) -> bool {
    source.get(keyword).and_then(Value::as_bool).unwrap_or_default()
}

fn size(source: &Map<String, Value>, keyword: &str) -> Option<u64> {
    source.get(keyword).and_then(Value::as_u64)
}

fn strings(source: &Map<String, Value>, keyword: &str) -> Vec<String> {
    let list = source.get(keyword).and_then(Value::as_array);
    list.map(|list| list.iter().filter_map(Value::as_str).map(str::to_owned).collect()).unwrap_or_default()
}

fn list_type(source: &Map<String, Value>) -> ListType {
    match source.get("x-kubernetes-list-type").and_then(Value::as_str) {
        Some("map") => ListType::Map(strings(source, "x-kubernetes-list-map-keys")),
        Some("set") => ListType::Set,
        _ if flag(source, "uniqueItems") => ListType::Set,
        _ => ListType::Atomic,
    }
}
