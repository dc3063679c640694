//! A Gateway does not take a ListenerSet: `spec.allowedListeners` does not name its namespace; by default it takes
//! none. The set's `Accepted` and `Programmed` conditions are `False` with the reason `NotAllowed`, and none of its
//! listeners is served.
