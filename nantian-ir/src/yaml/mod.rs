//! YAML as `kubectl apply` reads it, with `sigs.k8s.io/yaml`: plain `yes`, `on` and `y` are booleans, `010` is eight,
//! quoted scalars are strings, `<<` merges. A repeated key is an error here.

mod scalar;
mod tree;

use std::collections::BTreeMap;

use serde_json::Value;
use thiserror::Error;

#[cfg(feature = "compile")]
pub(crate) use tree::{Tree, read};

/// Line and column, from 1, of each field of a value, by its path.
pub type Positions = BTreeMap<String, (u32, u32)>;

/// Why a text cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{line}:{column}: {message}; correct the YAML at this place")]
pub struct SyntaxError {
    /// From 1.
    pub line: u32,
    /// From 1.
    pub column: u32,
    /// What is wrong there.
    pub message: String,
}

/// Reads a YAML (or JSON) text of one document that holds something else than objects, such as a configuration file. An
/// empty text is null.
///
/// ```
/// let file = nantian_ir::yaml::value("workers: 2\nadmin: {enabled: off}\n").unwrap();
/// assert_eq!(file, serde_json::json!({"workers": 2, "admin": {"enabled": false}}));
/// ```
///
/// # Errors
///
/// It is no YAML, or several documents.
pub fn value(text: &str) -> Result<Value, SyntaxError> {
    let trees = tree::read(text.trim_start_matches('\u{feff}'), 0)?;
    let mut values = trees.into_iter().map(|tree| tree.value);
    match (values.next(), values.next()) {
        (None, _) => Ok(Value::Null),
        (Some(value), None) => Ok(value),
        (Some(_), Some(_)) => Err(SyntaxError {
            line: 1,
            column: 1,
            message: "one document is expected, and the text has several".to_owned(),
        }),
    }
}
