//! What a person should know, wherever it was found: in an object (the compiler's diagnostics), in a file, or on a port.

use std::collections::HashSet;
use std::hash::Hash;
use std::sync::Arc;

use nantian_ir::ObjectRef;
use nantian_ir::compile::{Diagnostic, Severity, Source};
use serde::Serialize;

/// One thing to know. Two of them are the same finding when all fields are equal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Finding {
    /// How bad it is.
    pub(crate) severity: Severity,
    /// Stable name of the kind of finding.
    pub(crate) code: &'static str,
    /// The object that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) object: Option<ObjectRef>,
    /// The field's path in the object.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) field: String,
    /// What is wrong.
    pub(crate) message: String,
    /// What to do.
    pub(crate) remedy: String,
    /// Where it was read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) source: Option<Source>,
}

impl Finding {
    /// A finding about a file as a whole.
    pub(crate) fn of_file(severity: Severity, code: &'static str, file: &str, message: String, remedy: &str) -> Self {
        Self {
            severity,
            code,
            object: None,
            field: String::new(),
            message,
            remedy: remedy.to_owned(),
            source: Some(Source { file: Arc::from(file), line: 1, column: 1 }),
        }
    }

    /// A finding about no place in particular.
    pub(crate) fn general(severity: Severity, code: &'static str, message: String, remedy: &str) -> Self {
        Self { severity, code, object: None, field: String::new(), message, remedy: remedy.to_owned(), source: None }
    }

    /// Whether something that was asked for is not served.
    pub(crate) fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }

    /// All but the line and the remedy: an edit above a finding moves it, which is no news.
    fn identity(&self) -> impl Eq + Hash {
        let file = self.source.as_ref().map(|source| &source.file);
        (self.code, self.severity, &self.object, &self.field, &self.message, file)
    }
}

impl From<Diagnostic> for Finding {
    fn from(diagnostic: Diagnostic) -> Self {
        let mut remedy = diagnostic.remedy;
        if diagnostic.field == "spec.gatewayClassName"
            && matches!(diagnostic.code.name(), "foreign-class" | "class-not-found")
        {
            remedy.push_str(", or name its class with --gateway-class");
        }
        Self {
            severity: diagnostic.severity,
            code: diagnostic.code.name(),
            object: diagnostic.object,
            field: diagnostic.field,
            message: diagnostic.message,
            remedy,
            source: diagnostic.source,
        }
    }
}

/// What is new and what is gone between two lists of findings.
pub(crate) fn difference<'a>(before: &'a [Finding], after: &'a [Finding]) -> (Vec<&'a Finding>, Vec<&'a Finding>) {
    (missing_in(before, after), missing_in(after, before))
}

/// Those of `list` that are not in `known`.
fn missing_in<'a>(known: &[Finding], list: &'a [Finding]) -> Vec<&'a Finding> {
    let known: HashSet<_> = known.iter().map(Finding::identity).collect();
    list.iter().filter(|finding| !known.contains(&finding.identity())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(message: &str, line: u32) -> Finding {
        let mut finding = Finding::of_file(Severity::Error, "x", "a.yaml", message.to_owned(), "mend it");
        finding.source = Some(Source { file: Arc::from("a.yaml"), line, column: 1 });
        finding
    }

    #[test]
    fn a_finding_that_only_moved_is_no_news() {
        let before = [finding("one", 1), finding("two", 2)];
        let after = [finding("two", 7), finding("three", 8)];
        let (new, gone) = difference(&before, &after);
        assert_eq!(new.iter().map(|f| f.message.as_str()).collect::<Vec<_>>(), ["three"]);
        assert_eq!(gone.iter().map(|f| f.message.as_str()).collect::<Vec<_>>(), ["one"]);
    }
}
