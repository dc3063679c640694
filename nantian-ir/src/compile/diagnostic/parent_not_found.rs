//! A route has no parent, or names one that does not exist or is not a Gateway. Nothing serves the route through it.
