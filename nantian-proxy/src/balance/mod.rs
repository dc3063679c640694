//! Which backend, and which endpoint of it, gets a request.
