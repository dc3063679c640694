//! Two objects of the same kind, namespace and name were read from different places. The first one, by file name and
//! line, is used.
