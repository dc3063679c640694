//! A rule has neither backends nor a filter that answers. Its requests get 500; connections are rejected.
