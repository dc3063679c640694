//! Diagnostics by object, as they come and go.

use nantian_ir::ResourceMap;
use nantian_ir::compile::Diagnostic;

use crate::publication::Findings;

/// Takes out those that do not hold any more.
pub(super) fn resolve(findings: &mut ResourceMap<Findings>, resolved: &[Diagnostic]) {
    for diagnostic in resolved {
        let Some(held) = findings.get(&diagnostic.object) else { continue };
        let diagnostics: Vec<_> = held.diagnostics.iter().filter(|held| *held != diagnostic).cloned().collect();
        if diagnostics.is_empty() {
            findings.remove(&diagnostic.object);
        } else {
            findings.insert(Findings { object: diagnostic.object.clone(), diagnostics });
        }
    }
}

/// Puts in new ones.
pub(super) fn add(findings: &mut ResourceMap<Findings>, new: Vec<Diagnostic>) {
    for diagnostic in new {
        let object = diagnostic.object.clone();
        let mut diagnostics = findings.get(&object).map(|held| held.diagnostics.clone()).unwrap_or_default();
        let place = diagnostics.binary_search(&diagnostic).unwrap_or_else(|place| place);
        diagnostics.insert(place, diagnostic);
        findings.insert(Findings { object, diagnostics });
    }
}
