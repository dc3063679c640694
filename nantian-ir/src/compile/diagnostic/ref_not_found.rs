//! A policy or an AIService refers to a Secret, ConfigMap or AIService that does not exist, or that has no such key. Its
//! `ResolvedRefs` condition is `False` with the reason `RefNotFound`.
