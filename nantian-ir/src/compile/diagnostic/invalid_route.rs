//! A field of a route has a value that cannot be used: an expression that is not RE2, a duration that is not one, a
//! filter of an unknown type. A rule with an unusable match is dropped; of others, requests get 500. The route is not
//! accepted (`UnsupportedValue`) or, if other rules are valid, `PartiallyInvalid`.
