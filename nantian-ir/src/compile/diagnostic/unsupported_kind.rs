//! An object is of a Gateway API or Nantian kind that this version does not support, or its `apiVersion` and `kind` do
//! not go together. It has no effect; what refers to it is reported where it does.
