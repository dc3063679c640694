//! An `ExtensionRef` filter names an object that does not exist, or that needs one that does not exist. The filter is
//! not skipped: requests of the rule get 500, and `ResolvedRefs` is `False`.
