//! An object has a field that its kind does not have. It is dropped, as an API server does.
