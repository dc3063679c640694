//! A field of a listener has a value that cannot be used. The listener is not accepted (`UnsupportedValue`); the others
//! of the Gateway are served.
