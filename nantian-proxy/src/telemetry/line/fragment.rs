//! Parts of lines that are the same for many requests.

use std::cell::OnceCell;

/// One part, made for the first line that has it. It is for the lines of one worker, which have one format.
#[derive(Debug, Default)]
pub(crate) struct Fragment(OnceCell<Box<[u8]>>);

/// What a record has fragments for.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Fragments<'a> {
    /// Its listener and rule.
    pub(crate) route: Option<&'a Fragment>,
    /// Its backend.
    pub(crate) backend: Option<&'a Fragment>,
}

/// Writes a part: as it was made before, or as `make` writes it.
pub(super) fn part(out: &mut Vec<u8>, fragment: Option<&Fragment>, make: impl FnOnce(&mut Vec<u8>)) {
    let Some(Fragment(known)) = fragment else { return make(out) };
    out.extend_from_slice(known.get_or_init(|| {
        let mut part = Vec::new();
        make(&mut part);
        part.into_boxed_slice()
    }));
}
