//! `x-kubernetes-validations`: the rules of a schema, evaluated as the API server does on create
//! (<https://kubernetes.io/docs/reference/using-api/cel/>).
//!
//! Known differences: rules are not type-checked, and strings with a `format` stay strings (the API server makes times,
//! durations and bytes of some). None of the rules in the CRDs that this crate holds can tell.

mod functions;
mod value;

use std::sync::{Arc, OnceLock};

use cel::{Context, Program, Value as CelValue};
use serde_json::Value;

use super::path::Path;
use super::tree::{Kind, Schema};
use super::{Errors, Reason};
use value::Node;

/// One rule.
#[derive(Debug)]
pub(crate) struct Rule {
    pub(crate) expression: Arc<Expression>,
    pub(crate) message: Option<String>,
    pub(crate) message_expression: Option<Arc<Expression>>,
    pub(crate) field_path: Option<String>,
}

/// A CEL expression that is compiled when it is first used.
pub(crate) struct Expression {
    source: String,
    program: OnceLock<Result<Compiled, String>>,
}

struct Compiled {
    program: Program,
    /// Refers to `oldSelf`: such rules are for updates only.
    transition: bool,
}

impl std::fmt::Debug for Expression {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.source)
    }
}

impl Expression {
    pub(crate) fn new(source: String) -> Self {
        Self { source, program: OnceLock::new() }
    }

    fn compiled(&self) -> Result<&Compiled, &str> {
        self.program
            .get_or_init(|| {
                let program = functions::environment().compile(&self.source).map_err(|error| error.to_string())?;
                let transition = program.references().has_variable("oldSelf");
                Ok(Compiled { program, transition })
            })
            .as_ref()
            .map_err(String::as_str)
    }

    /// Why the expression does not compile, if it does not.
    #[cfg(test)]
    pub(crate) fn defect(&self) -> Option<String> {
        self.compiled().err().map(|error| format!("{}: {error}", self.source))
    }
}

/// The name of a property in expressions: what is not an identifier, and CEL's reserved words, are escaped
/// (<https://kubernetes.io/docs/reference/using-api/cel/#escaping>).
pub(crate) fn property_name(name: &str) -> String {
    const RESERVED: [&str; 22] = [
        "true",
        "false",
        "null",
        "in",
        "as",
        "break",
        "const",
        "continue",
        "else",
        "for",
        "function",
        "if",
        "import",
        "let",
        "loop",
        "package",
        "namespace",
        "return",
        "var",
        "void",
        "while",
        "self",
    ];
    if RESERVED.contains(&name) && name != "self" {
        return format!("__{name}__");
    }
    name.replace("__", "__underscores__").replace('.', "__dot__").replace('-', "__dash__").replace('/', "__slash__")
}

/// Evaluates every rule that applies to `value`, which is structurally valid.
pub(crate) fn evaluate(schema: &Schema, value: &Value, errors: &mut Errors) {
    if schema.has_rules {
        let mut evaluation = Evaluation { context: Context::with_env(Arc::clone(functions::environment())), errors };
        evaluation.walk(schema, value, &Path::Root, false);
    }
}

struct Evaluation<'p, 'a, 'e> {
    context: Context<'p, 'a>,
    errors: &'e mut Errors,
}

impl<'a> Evaluation<'_, 'a, '_> {
    /// Evaluates bottom-up, so that each value is made only once, although rules at many levels look at it. The result
    /// is the value for the rules above, if they need it.
    fn walk(&mut self, schema: &'a Schema, value: &'a Value, path: &Path<'_>, needed: bool) -> Option<Node<'a>> {
        let build = needed || !schema.rules.is_empty();
        if !build && !schema.has_rules {
            return None;
        }
        let before = self.errors.len();
        let node = match value {
            Value::Array(list) => {
                let mut nodes = Vec::with_capacity(if build { list.len() } else { 0 });
                for (index, element) in list.iter().enumerate() {
                    nodes.extend(match &schema.items {
                        Some(items) => self.walk(items, element, &Path::Index(path, index), build),
                        None => build.then(|| Node::untyped(element)),
                    });
                }
                build.then(|| Node::list(nodes))
            }
            Value::Object(object) => {
                let mut nodes = Vec::with_capacity(if build { object.len() } else { 0 });
                for (name, field) in object {
                    let (key, node) = if let Some(property) = schema.properties.get(name) {
                        let path = Path::Field(path, name);
                        (property.cel_name.as_str(), self.walk(&property.schema, field, &path, build))
                    } else if let Some(additional) = &schema.additional {
                        (name.as_str(), self.walk(additional, field, &Path::Key(path, name), build))
                    } else {
                        (name.as_str(), build.then(|| Node::untyped(field)))
                    };
                    nodes.extend(node.map(|node| (key, node)));
                }
                build.then(|| Node::map(nodes))
            }
            Value::Number(number) if schema.kind == Some(Kind::Number) => number.as_f64().map(Node::double),
            scalar => Some(Node::untyped(scalar)),
        }?;
        if !schema.rules.is_empty() {
            let below = self.errors.split_off(before);
            self.apply(&schema.rules, &node, path);
            self.errors.extend(below);
        }
        needed.then_some(node)
    }

    fn apply(&mut self, rules: &[Rule], node: &Node<'a>, path: &Path<'_>) {
        self.context.add_variable_as_val("self", node.boxed());
        for rule in rules {
            let verdict = match rule.expression.compiled() {
                Ok(compiled) if compiled.transition => continue,
                Ok(compiled) => compiled.program.execute(&self.context).map_err(|error| error.to_string()),
                Err(error) => Err(format!("the rule does not compile: {error}")),
            };
            let message = match verdict {
                Ok(CelValue::Bool(true)) => continue,
                Ok(CelValue::Bool(false)) => self.message(rule),
                Ok(other) => format!("the rule `{}` gave {other:?}, not true or false", rule.expression.source),
                Err(error) => format!("{error}; evaluating the rule: {}", self.message(rule)),
            };
            let field = match &rule.field_path {
                Some(below) => format!("{path}{below}").trim_start_matches('.').to_owned(),
                None => path.to_string(),
            };
            self.errors.push(Reason::Rule, field, message);
        }
    }

    /// `messageExpression` before `message`, as long as it gives a string that is not empty.
    fn message(&self, rule: &Rule) -> String {
        let expression = rule.message_expression.as_ref().and_then(|expression| expression.compiled().ok());
        let computed = match expression.map(|compiled| compiled.program.execute(&self.context)) {
            Some(Ok(CelValue::String(text))) if !text.trim().is_empty() => Some(text.to_string()),
            _ => None,
        };
        computed.or_else(|| rule.message.clone()).unwrap_or_else(|| format!("failed rule: {}", rule.expression.source))
    }
}
