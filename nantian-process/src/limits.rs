//! What the system allows a process.

use rustix::process::{Resource, getrlimit, setrlimit};

/// Takes as many open files as there may be. Each connection is one, and the usual soft limit of 1,024 is for programs that
/// use `select`. Where the system refuses, accepts fail later with a count and a message of their own.
pub fn raise_file_limit() {
    let mut limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum {
        limit.current = limit.maximum;
        let _ = setrlimit(Resource::Nofile, limit);
    }
}
