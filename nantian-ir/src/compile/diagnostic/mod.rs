//! What a person should know: one [`Diagnostic`] for each thing that is wrong or worth a look.
//!
//! Each code has a file here; the file's documentation is the manual's entry for the code, and [`Code::manual`] gives
//! it at run time.

use std::fmt;

use serde::{Serialize, Serializer};

use super::objects::{Object, Source};
use crate::key::ObjectRef;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Something that was asked for is not served.
    Error,
    /// Everything that was asked for is served, but probably not as meant.
    Warning,
    /// Nothing to do.
    Info,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Info => "info",
        })
    }
}

/// The stable name of a kind of diagnostic, with what is the same for all diagnostics of the kind.
#[derive(PartialEq, Eq)]
pub struct Code {
    name: &'static str,
    severity: Severity,
    remedy: &'static str,
    text: &'static str,
}

impl Code {
    /// The name, for example `backend-not-found`. It never changes.
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Severity of its diagnostics.
    pub const fn severity(&self) -> Severity {
        self.severity
    }

    /// The manual's entry, in Markdown.
    pub fn manual(&self) -> String {
        let lines = self.text.lines().map_while(|line| line.strip_prefix("//!"));
        lines.map(|line| line.strip_prefix(' ').unwrap_or(line)).collect::<Vec<_>>().join("\n")
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl Serialize for &'static Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name)
    }
}

macro_rules! codes {
    ($($module:ident $constant:ident $severity:ident $name:literal $remedy:literal)*) => {
        $(
            mod $module;
            pub(crate) static $constant: Code = Code {
                name: $name,
                severity: Severity::$severity,
                remedy: $remedy,
                text: include_str!(concat!(stringify!($module), ".rs")),
            };
        )*

        /// Every code, sorted by name.
        pub static CODES: &[&Code] = &[$(&$constant),*];
    };
}

codes! {
    ignored_kind IGNORED_KIND Info "ignored-kind" "nothing to do"
    not_an_object NOT_AN_OBJECT Error "not-an-object" "give it apiVersion, kind and metadata.name, or remove the document"
    unsupported_kind UNSUPPORTED_KIND Warning "unsupported-kind" "remove the object, or see the list of supported kinds"
    yaml_syntax YAML_SYNTAX Error "yaml-syntax" "correct the YAML at this place; the other documents of the file are used"
}

/// One thing that a person should know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// What kind of thing it is.
    pub code: &'static Code,
    /// The object that it is about, if it could be told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub object: Option<ObjectRef>,
    /// Path of the field in the object (`spec.rules[0].backendRefs[1]`); empty: the object as a whole.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub field: String,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub remedy: String,
    /// Where it was read, if it came from a text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<Source>,
}

impl Diagnostic {
    pub(crate) fn at(code: &'static Code, source: Source, message: impl Into<String>) -> Self {
        Self {
            severity: code.severity,
            code,
            object: None,
            field: String::new(),
            message: message.into(),
            remedy: code.remedy.to_owned(),
            source: Some(source),
        }
    }

    pub(crate) fn of(
        code: &'static Code,
        object: &Object,
        field: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        let field = field.into();
        Self {
            severity: code.severity,
            code,
            object: Some(object.id().clone()),
            message: message.into(),
            remedy: code.remedy.to_owned(),
            source: object.source(&field),
            field,
        }
    }

    pub(crate) fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = remedy.into();
        self
    }
}

/// One line without the remedy: `error[code] file:line:column: Kind/namespace/name: field: message`.
impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}[{}]", self.severity, self.code)?;
        if let Some(source) = &self.source {
            write!(f, " {source}")?;
        }
        if let Some(object) = &self.object {
            write!(f, ": {object}")?;
        }
        if !self.field.is_empty() {
            write!(f, ": {}", self.field)?;
        }
        write!(f, ": {}", self.message)
    }
}
