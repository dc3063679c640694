//! `HTTPQueryParamMatch`.

use super::{HTTP, ONE, Route, Scenario};

pub(super) const SCENARIOS: &[Scenario] = &[Scenario {
    listeners: ONE,
    routes: &[Route {
        rules: "[{matches: [{queryParams: [{name: animal, value: whale}]}]}, {matches: [{queryParams: [{name: animal, value: dolphin}, {name: color, value: blue}]}]}, {matches: [{queryParams: [{name: q, value: 'a b'}]}]}, {matches: [{queryParams: [{name: num, type: RegularExpression, value: '[0-9]+'}]}]}]",
        ..HTTP
    }],
    cases: &[
        ("queryParams: the exact value", "GET http://a.com/?animal=whale", &[], "r/0/0"),
        ("queryParams: in any place", "GET http://a.com/?x=1&animal=whale&y", &[], "r/0/0"),
        ("Multiple match values are ANDed together", "GET http://a.com/?color=blue&animal=dolphin", &[], "r/1/0"),
        ("a request must match all the specified query parameters", "GET http://a.com/?animal=dolphin", &[], "404"),
        ("This must be an exact string match", "GET http://a.com/?Animal=whale", &[], "404"),
        ("type: default Exact", "GET http://a.com/?animal=whales", &[], "404"),
        ("type: default Exact", "GET http://a.com/?animal=Whale", &[], "404"),
        ("a request must match all", "GET http://a.com/", &[], "404"),
        (
            "implementations should match against the first value of the param",
            "GET http://a.com/?animal=whale&animal=dolphin",
            &[],
            "r/0/0",
        ),
        (
            "implementations should match against the first value of the param",
            "GET http://a.com/?animal=cat&animal=whale",
            &[],
            "404",
        ),
        (
            "RFC 3986 section 2.3: URIs that differ in the replacement of an unreserved character are equivalent",
            "GET http://a.com/?anim%61l=%77hale",
            &[],
            "r/0/0",
        ),
        ("values are decoded (ours)", "GET http://a.com/?q=a%20b", &[], "r/2/0"),
        ("WHATWG URL section 5.1: Replace any 0x2B (+) [..] with 0x20 (ours)", "GET http://a.com/?q=a+b", &[], "r/2/0"),
        ("values are decoded (ours)", "GET http://a.com/?q=a%2Bb", &[], "404"),
        ("RegularExpression, the whole value (ours)", "GET http://a.com/?num=42", &[], "r/3/0"),
        ("RegularExpression, the whole value (ours)", "GET http://a.com/?num=42x", &[], "404"),
        ("a parameter without value has the empty value (ours)", "GET http://a.com/?num", &[], "404"),
    ],
}];
