//! How many resources of a view name another.

use std::collections::{BTreeMap, BTreeSet};

use nantian_ir::{Backend, BackendKey, CaBundle, CaBundleKey, Certificate, CertificateKey, EndpointSet};

use crate::naming::{Name, Names};

/// How often each key is named.
#[derive(Debug)]
pub(super) struct Count<K> {
    named: BTreeMap<K, usize>,
    /// Those that came to be named, or are named no more, since somebody asked.
    crossed: BTreeSet<K>,
}

impl<K> Default for Count<K> {
    fn default() -> Self {
        Self { named: BTreeMap::new(), crossed: BTreeSet::new() }
    }
}

impl<K: Ord + Clone> Count<K> {
    fn add(&mut self, key: &K) {
        let count = self.named.entry(key.clone()).or_default();
        *count += 1;
        if *count == 1 {
            self.crossed.insert(key.clone());
        }
    }

    fn subtract(&mut self, key: &K) {
        let Some(count) = self.named.get_mut(key) else { return };
        *count -= 1;
        if *count == 0 {
            self.named.remove(key);
            self.crossed.insert(key.clone());
        }
    }

    /// Whether something names it.
    pub(super) fn holds(&self, key: &K) -> bool {
        self.named.contains_key(key)
    }

    /// Those that came to be named, or are named no more, since the last call; perhaps both.
    pub(super) fn take_crossed(&mut self) -> BTreeSet<K> {
        std::mem::take(&mut self.crossed)
    }
}

/// The same for each type that others name.
#[derive(Debug, Default)]
pub(super) struct Counts {
    backends: Count<BackendKey>,
    endpoints: Count<BackendKey>,
    ca_bundles: Count<CaBundleKey>,
    certificates: Count<CertificateKey>,
}

impl Counts {
    pub(super) fn add(&mut self, name: Name<'_>) {
        match name {
            Name::Backend(key) => self.backends.add(key),
            Name::Endpoints(key) => self.endpoints.add(key),
            Name::CaBundle(key) => self.ca_bundles.add(key),
            Name::Certificate(key) => self.certificates.add(key),
        }
    }

    pub(super) fn subtract(&mut self, name: Name<'_>) {
        match name {
            Name::Backend(key) => self.backends.subtract(key),
            Name::Endpoints(key) => self.endpoints.subtract(key),
            Name::CaBundle(key) => self.ca_bundles.subtract(key),
            Name::Certificate(key) => self.certificates.subtract(key),
        }
    }
}

/// A resource that is read by whoever may read something that names it.
pub(super) trait Counted: Names {
    fn count(counts: &mut Counts) -> &mut Count<Self::Key>;
}

macro_rules! counted {
    ($($resource:ident in $field:ident),* $(,)?) => {$(
        impl Counted for $resource {
            fn count(counts: &mut Counts) -> &mut Count<Self::Key> {
                &mut counts.$field
            }
        }
    )*};
}

counted! { Backend in backends, EndpointSet in endpoints, CaBundle in ca_bundles, Certificate in certificates }
