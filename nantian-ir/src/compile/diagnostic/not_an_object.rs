//! A document is well-formed YAML but not a Kubernetes object: it has no `apiVersion`, `kind` or `metadata.name`.
