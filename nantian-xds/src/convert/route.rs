//! Rules of routes, of requests and of streams.

use nantian_ir::{
    Age, Attachment, GrpcMatch, HeaderMatch, HttpMatch, PathMatch, QueryMatch, Refusal, Retry, RouteRule, RuleMatch,
    StreamRule, StreamTarget, Target, Timeouts, ValueMatch, WeightedTarget,
};

use super::{Convert, FieldError, choice, enumeration, message};
use crate::wire::ir;

message!(StreamRule { key, name, age, attachments, targets });
message!(StreamTarget { weight, target });
message!(RouteRule { key, name, age, attachments, matches, filters, targets, timeouts, retry });
message!(Age { created });
message!(Attachment { listener, hostnames });
choice!(RuleMatch as rule_match::Match in r#match { Http = "http", Grpc = "grpc"; });
message!(HttpMatch { path, method, headers, query });
choice!(PathMatch as path_match::Path in path { Exact = "exact", Prefix = "prefix", Regex = "regex"; });
choice!(ValueMatch as value_match::Value in value { Exact = "exact", Regex = "regex"; });
message!(HeaderMatch { name, value });
message!(QueryMatch { name, value });
message!(GrpcMatch { service, method, headers });
message!(WeightedTarget { weight, target, filters });
choice!(Target as target::Target in target { Backend = "backend", Refused = "refused"; });
enumeration!(Refusal {
    BackendNotFound,
    InvalidKind,
    RefNotPermitted,
    UnsupportedProtocol,
    UnsupportedValue,
    IncompatibleFilters,
});
message!(Retry { codes, attempts, backoff });

/// By hand: most rules have none, and then send none.
impl Convert<Option<ir::Timeouts>> for Timeouts {
    fn to_wire(&self) -> Option<ir::Timeouts> {
        let Self { request, backend_request } = self;
        (*self != Self::default())
            .then(|| ir::Timeouts { request: request.to_wire(), backend_request: backend_request.to_wire() })
    }

    fn from_wire(wire: Option<ir::Timeouts>) -> Result<Self, FieldError> {
        let ir::Timeouts { request, backend_request } = wire.unwrap_or_default();
        Ok(Self {
            request: Convert::from_wire(request).map_err(|error: FieldError| error.in_field("request"))?,
            backend_request: Convert::from_wire(backend_request)
                .map_err(|error: FieldError| error.in_field("backend_request"))?,
        })
    }
}
