//! `allowedRoutes.kinds` of a listener names a kind that the listener's protocol does not carry or that is not
//! supported. `ResolvedRefs` of the listener is `False` with the reason `InvalidRouteKinds`.
