//! Rules of `GRPCRoute`s.

use nantian_crds::gateway_api::grpc_route::{GrpcRouteFilter, GrpcRouteFilterType, GrpcRouteRule};

use super::filter::Spec;
use super::{Context, LoweredRule, Rule};
use crate::compile::field::Field;
use crate::model::Timeouts;

impl Context<'_, '_> {
    pub(super) fn grpc_rules(&mut self, rules: &[GrpcRouteRule]) {
        self.lowered.total = rules.len();
        self.lowered.rules.reserve_exact(rules.len());
        for (index, spec) in rules.iter().enumerate() {
            let path = Field::item_of("spec.rules", index);
            let mut rule = Rule::default();
            let matches = self.grpc_matches(&mut rule, &path, &spec.matches);
            let found = matches.as_deref().unwrap_or_default();
            let filters = self.filters(&mut rule, &path, spec.filters.iter().map(self::spec), found);
            let references = spec.backend_refs.iter().map(|one| (&one.backend, one.filters.iter().map(self::spec)));
            let targets = self.targets(&mut rule, &path, references, &filters, found);
            if spec.session_persistence.is_some() {
                self.ignored(path.member("sessionPersistence"), "session persistence is not supported yet");
            }
            let lowered = LoweredRule {
                index: u32::try_from(index).unwrap_or(u32::MAX),
                name: spec.name.as_deref().filter(|name| !name.is_empty()).map(str::to_owned),
                matches: Vec::new(),
                filters,
                targets,
                timeouts: Timeouts::default(),
                retry: None,
            };
            self.finish(index, &rule, matches, lowered);
        }
    }
}

fn spec(filter: &GrpcRouteFilter) -> Spec<'_> {
    let found = match &filter.r#type {
        GrpcRouteFilterType::RequestHeaderModifier => {
            filter.request_header_modifier.as_ref().map(Spec::RequestHeaderModifier)
        }
        GrpcRouteFilterType::ResponseHeaderModifier => {
            filter.response_header_modifier.as_ref().map(Spec::ResponseHeaderModifier)
        }
        GrpcRouteFilterType::RequestMirror => filter.request_mirror.as_deref().map(Spec::RequestMirror),
        GrpcRouteFilterType::ExtensionRef => filter.extension_ref.as_deref().map(Spec::ExtensionRef),
        GrpcRouteFilterType::Unknown(name) => return Spec::Unsupported(name),
    };
    found.unwrap_or(Spec::Empty)
}
