//! A policy has a value that cannot be used. It is not accepted (`Invalid`). What it should have secured is refused, not
//! served without it: requests to the backend get 5xx.
