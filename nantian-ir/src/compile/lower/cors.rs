//! The CORS filter (GEP-1767).

use std::time::Duration;

use nantian_crds::gateway_api::http_route::HttpCorsFilter;
use smol_str::SmolStr;

use crate::model::{Cors, CorsOrigin};
use crate::name::HeaderName;

/// Checks and lowers a CORS filter. The error says which value is wrong.
pub(crate) fn cors(spec: &HttpCorsFilter) -> Result<Cors, String> {
    let allow_origins = spec.allow_origins.iter().map(|text| origin(text)).collect::<Result<Vec<_>, _>>()?;
    let names = spec.allow_methods.iter().chain(&spec.allow_headers).chain(&spec.expose_headers);
    for name in names {
        HeaderName::new(name).map_err(|_| format!("{name:?} is not a method or header name"))?;
    }
    if spec.max_age == 0 {
        return Err("cors.maxAge is 0: it has to be at least 1".to_owned());
    }
    let lower = |names: &[SmolStr]| names.iter().map(|name| name.to_ascii_lowercase()).collect();
    Ok(Cors {
        allow_origins,
        allow_credentials: spec.allow_credentials,
        allow_methods: spec.allow_methods.iter().map(|name| name.as_str().to_owned()).collect(),
        allow_headers: lower(&spec.allow_headers),
        expose_headers: lower(&spec.expose_headers),
        max_age: Duration::from_secs(u64::from(spec.max_age)),
    })
}

/// `*`, `scheme://host[:port]` or `scheme://*.host[:port]`.
fn origin(text: &str) -> Result<CorsOrigin, String> {
    if text == "*" {
        return Ok(CorsOrigin::Any);
    }
    let lower = text.to_ascii_lowercase();
    let bad = || format!("{text:?} is not an origin: write *, https://host or https://*.host, with a port if need be");
    let (scheme, authority) = lower.split_once("://").ok_or_else(bad)?;
    let scheme_ok = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
    let authority_ok = |authority: &str| {
        !authority.is_empty() && authority.chars().all(|c| c.is_ascii_alphanumeric() || "-.:[]_".contains(c))
    };
    match authority.strip_prefix("*.") {
        _ if !scheme_ok => Err(bad()),
        Some(suffix) if authority_ok(suffix) => {
            Ok(CorsOrigin::Wildcard { scheme: scheme.to_owned(), suffix: suffix.to_owned() })
        }
        None if authority_ok(authority) => Ok(CorsOrigin::Exact(lower)),
        _ => Err(bad()),
    }
}
