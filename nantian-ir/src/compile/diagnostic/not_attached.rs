//! No listener of a parent takes the route: none has the name or port (`NoMatchingParent`), none allows it
//! (`NotAllowedByListeners`), or none serves one of its hostnames (`NoMatchingListenerHostname`).
