//! Filters of routes and backends.

use nantian_ir::{
    Cors, CorsOrigin, DirectResponse, Filter, Fraction, HeaderModifier, HeaderValue, PathModifier, RequestMirror,
    RequestRedirect, UrlRewrite,
};

use super::{Convert, FieldError, FieldProblem, choice, message};
use crate::wire::ir;
use crate::wire::ir::cors_origin::Origin;

choice!(Filter as filter::Filter in filter {
    RequestHeaderModifier = "request_header_modifier",
    ResponseHeaderModifier = "response_header_modifier",
    RequestRedirect = "request_redirect",
    UrlRewrite = "url_rewrite",
    RequestMirror = "request_mirror",
    Cors = "cors",
    DirectResponse = "direct_response";
});
message!(HeaderModifier { set, add, remove });
message!(HeaderValue { name, value });
choice!(PathModifier as path_modifier::Change in change {
    ReplaceFullPath = "replace_full_path",
    ReplacePrefixMatch = "replace_prefix_match";
});
message!(RequestRedirect { scheme, hostname, path, port, status });
message!(UrlRewrite { hostname, path });
message!(RequestMirror { backend, fraction });
message!(Fraction { numerator, denominator });
message!(Cors { allow_origins, allow_credentials, allow_methods, allow_headers, expose_headers, max_age });
message!(DirectResponse { status, headers, body });

/// By hand: one variant has fields of its own.
impl Convert<ir::CorsOrigin> for CorsOrigin {
    fn to_wire(&self) -> ir::CorsOrigin {
        let origin = match self {
            Self::Any => Origin::Any(ir::Unit {}),
            Self::Exact(origin) => Origin::Exact(origin.clone()),
            Self::Wildcard { scheme, suffix } => {
                Origin::Wildcard(ir::WildcardOrigin { scheme: scheme.clone(), suffix: suffix.clone() })
            }
        };
        ir::CorsOrigin { origin: Some(origin) }
    }

    fn from_wire(wire: ir::CorsOrigin) -> Result<Self, FieldError> {
        match wire.origin.ok_or_else(|| FieldProblem::UnknownChoice.here())? {
            Origin::Any(ir::Unit {}) => Ok(Self::Any),
            Origin::Exact(origin) => Ok(Self::Exact(origin)),
            Origin::Wildcard(ir::WildcardOrigin { scheme, suffix }) => Ok(Self::Wildcard { scheme, suffix }),
        }
    }
}
