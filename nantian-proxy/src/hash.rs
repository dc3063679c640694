//! Maps that requests look things up in.

use std::collections::HashMap;

/// A map whose keys come from the configuration: what clients send is looked up and never put in. Its hash is quick, and
/// seeded anew in each process, so that nobody's routes can be made to collide.
pub(crate) type Map<K, V> = HashMap<K, V, foldhash::fast::RandomState>;
