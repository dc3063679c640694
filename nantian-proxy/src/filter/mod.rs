//! Filters: a file for each, compiled when applied, run as plain functions over message heads.
