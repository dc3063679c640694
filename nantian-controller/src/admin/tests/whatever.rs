//! Whatever is asked, the answer is one that the document knows.

use http::{HeaderMap, Method, Request, StatusCode, Uri};
use proptest::prelude::*;

use super::plane::{state, unready, with_token};
use crate::admin::openapi::problems;
use crate::admin::{Port, State, routes};

/// Parts of paths that lead somewhere, and some that do not.
fn path() -> impl Strategy<Value = String> {
    let known: Vec<String> = routes::ROUTES.iter().flat_map(|route| route.path.split('/')).map(str::to_owned).collect();
    let values = ["shop", "web", "cart", "HTTPRoute", "shop%2Fweb%2Fhttp", "%FF", "%", "%2", "", ".", ".."];
    let known: Vec<String> = known.into_iter().chain(values.map(str::to_owned)).collect();
    let part =
        prop_oneof![9 => prop::sample::select(known), 1 => "[!-~]{0,8}".prop_map(|text| text.replace(['?', '#'], ""))];
    prop::collection::vec(part, 0..6).prop_map(|parts| format!("/{}", parts.join("/")))
}

fn query() -> impl Strategy<Value = String> {
    let names = ["limit", "offset", "sort", "order", "namespace", "name", "hostname", "protocol", "x"];
    let values =
        ["0", "1", "99999999999999999999", "-1", "name", "desc", "shop", "*", "*.a", "a..b", "%FF", "+", "=", "&"];
    let value = prop_oneof![
        prop::sample::select(values.to_vec()).prop_map(str::to_owned),
        "[!-~]{0,8}".prop_map(|text| text.replace('#', ""))
    ];
    let pair = (prop::sample::select(names.to_vec()), value).prop_map(|(name, value)| format!("{name}={value}"));
    prop::collection::vec(pair, 0..4).prop_map(|pairs| pairs.join("&"))
}

thread_local! {
    static STATES: [State; 3] = [state(), unready(), with_token(state(), "0123456789abcdef")];
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn every_answer_has_a_status_that_its_route_is_documented_with(
        (path, query) in (path(), query()),
        method in prop::sample::select(vec![Method::GET, Method::HEAD, Method::POST]),
        port in prop::sample::select(vec![Port::Admin, Port::Metrics, Port::Health]),
        index in 0_usize..3,
    ) {
        let Ok(uri) = format!("{path}?{query}").parse::<Uri>() else { return Ok(()) };
        let (mut head, ()) = Request::new(()).into_parts();
        (head.method, head.uri, head.headers) = (method, uri, HeaderMap::new());
        let (route, answer) = STATES.with(|states| routes::answer(port, &head, &states[index]));
        let status = answer.status;
        prop_assert_ne!(status, StatusCode::INTERNAL_SERVER_ERROR);
        let documented = route.map_or_else(|| vec![401, 404], problems);
        let is_readiness = route.is_some_and(|route| route.path == "/readyz") && status == StatusCode::SERVICE_UNAVAILABLE;
        let is_answer = route.is_some() && status == StatusCode::OK;
        prop_assert!(is_answer || is_readiness || documented.contains(&status.as_u16()), "{} {:?}", head.uri, answer);
    }
}
