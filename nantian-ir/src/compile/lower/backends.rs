//! Backend references of rules.

use nantian_crds::gateway_api::shared::BackendRef;

use super::filter::{Spec, clash};
use super::{Context, Rule};
use crate::compile::diagnostic;
use crate::compile::field::Field;
use crate::compile::resolve::backend;
use crate::model::{Filter, RuleMatch, Target, WeightedTarget};

impl Context<'_, '_> {
    pub(super) fn targets<'r>(
        &mut self,
        rule: &mut Rule,
        path: &Field<'_>,
        references: impl ExactSizeIterator<Item = (&'r BackendRef, impl ExactSizeIterator<Item = Spec<'r>>)>,
        of_rule: &[Filter],
        matches: &[RuleMatch],
    ) -> Vec<WeightedTarget> {
        let redirects = of_rule.iter().any(|filter| matches!(filter, Filter::RequestRedirect(_)));
        let answers = redirects || of_rule.iter().any(|filter| matches!(filter, Filter::DirectResponse(_)));
        // CRD rule of HTTPRouteRule: "RequestRedirect filter must not be used together with backendRefs".
        if redirects && references.len() > 0 {
            let message = "a rule with a RequestRedirect filter has no backendRefs: remove one of them";
            self.invalid(rule, "IncompatibleFilters", path.member("backendRefs"), message);
            return Vec::new();
        }
        if references.len() == 0 && !answers && !rule.blocked && rule.invalid.is_empty() {
            let message = "the rule has no backendRefs: requests get 500";
            self.report(&diagnostic::NO_BACKENDS, path.member("backendRefs"), message);
        }
        let mut found = Vec::with_capacity(references.len());
        for (index, (reference, specs)) in references.enumerate() {
            let field = path.item("backendRefs", index);
            let filters = self.filters(rule, &field, specs, matches);
            if let Some(message) = filters.iter().find_map(|filter| clash(of_rule, filter)) {
                self.invalid(rule, "IncompatibleFilters", field.member("filters"), message);
            }
            let resolved = backend::resolve(self.reader, self.route.object.id(), self.route.key.kind, reference.into());
            let target = match resolved {
                Ok(key) => Target::Backend(key),
                Err(why) => {
                    self.unresolved(field, &why);
                    Target::Refused(why.refusal)
                }
            };
            found.push(WeightedTarget { weight: reference.weight, target, filters });
        }
        found
    }
}
