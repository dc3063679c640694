//! A route has no parent, or names one that does not exist or is neither a Gateway nor a ListenerSet; or a ListenerSet
//! names such a parent. Nothing is served through it.
