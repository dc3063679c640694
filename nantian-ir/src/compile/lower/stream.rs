//! Rules of `TLSRoute`s, `TCPRoute`s and `UDPRoute`s.

use nantian_crds::gateway_api::stream_route::StreamRouteRule;

use super::{Context, LoweredStream};
use crate::compile::diagnostic;
use crate::compile::field::Field;
use crate::compile::resolve::backend;
use crate::key::RouteKind;
use crate::model::{StreamTarget, Target};

impl Context<'_, '_> {
    /// Rules of these routes match everything, so that only the first can be reached.
    pub(super) fn stream_rules(&mut self, rules: &[StreamRouteRule]) {
        self.lowered.total = rules.len();
        for index in 1..rules.len() {
            let message = "the first rule takes everything, as rules of this kind have no matches";
            self.ignored(Field::item_of("spec.rules", index), message);
        }
        let Some(first) = rules.first() else {
            self.report(&diagnostic::NO_BACKENDS, "spec.rules", "the route has no rules: nothing is sent anywhere");
            return;
        };
        if first.backend_refs.is_empty() {
            let consequence = match self.route.key.kind {
                RouteKind::Udp => "datagrams are dropped",
                _ => "connections are rejected",
            };
            let message = format!("the rule has no backendRefs: {consequence}");
            self.report(&diagnostic::NO_BACKENDS, "spec.rules[0].backendRefs", &message);
        }
        let mut targets = Vec::new();
        for (index, reference) in first.backend_refs.iter().enumerate() {
            let resolved = backend::resolve(self.reader, self.route.object.id(), self.route.key.kind, reference.into());
            let target = match resolved {
                Ok(key) => Target::Backend(key),
                Err(why) => {
                    self.unresolved(Field::item_of("spec.rules[0].backendRefs", index), &why);
                    Target::Refused(why.refusal)
                }
            };
            targets.push(StreamTarget { weight: reference.weight, target });
        }
        let name = first.name.as_deref().filter(|name| !name.is_empty()).map(str::to_owned);
        self.lowered.stream = Some(LoweredStream { name, targets });
    }
}
