//! Field paths, as the API server prints them.

use std::fmt;

/// A path from the root of an object, built on the stack while walking: nothing is allocated unless it is printed.
#[derive(Clone, Copy)]
pub(crate) enum Path<'a> {
    /// The object itself.
    Root,
    /// A field with a fixed name.
    Field(&'a Path<'a>, &'a str),
    /// An element of a list.
    Index(&'a Path<'a>, usize),
    /// A value of a map.
    Key(&'a Path<'a>, &'a str),
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => Ok(()),
            Self::Field(Self::Root, name) => formatter.write_str(name),
            Self::Field(parent, name) => write!(formatter, "{parent}.{name}"),
            Self::Index(parent, index) => write!(formatter, "{parent}[{index}]"),
            Self::Key(parent, key) => write!(formatter, "{parent}[{key}]"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_reads_like_the_api_servers() {
        let spec = Path::Field(&Path::Root, "spec");
        let rules = Path::Field(&spec, "rules");
        let rule = Path::Index(&rules, 0);
        assert_eq!(Path::Field(&rule, "name").to_string(), "spec.rules[0].name");
        assert_eq!(Path::Key(&spec, "a/b").to_string(), "spec[a/b]");
    }
}
