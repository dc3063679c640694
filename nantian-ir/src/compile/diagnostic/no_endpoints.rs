//! A Service that routes use has no ready endpoints for a port. Its requests get 503; connections are rejected.
