//! A document of a file is not well-formed YAML, so that none of its objects could be read. Other documents of the same
//! file (those between other `---` lines) are used.
