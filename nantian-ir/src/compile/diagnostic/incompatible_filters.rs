//! Filters of a rule cannot be combined: a redirect with a rewrite or with backends, a filter twice, or a replaced
//! prefix without prefix matches. Requests of the rule get 500. The route is not accepted (`IncompatibleFilters`) or,
//! if other rules are valid, `PartiallyInvalid`.
