//! A route is attached to listeners that are not served at present, so that it gets no requests through this parent.
