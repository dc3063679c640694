//! Paths of fields, which are written out only where there is something to say about one.

use std::fmt;

/// A field of an object, by what it is in and its name there.
#[derive(Clone, Copy)]
pub(crate) struct Field<'f> {
    within: Option<&'f Field<'f>>,
    name: &'static str,
    /// The position, of an item of a list.
    index: Option<usize>,
}

impl<'f> Field<'f> {
    /// A field of the object.
    pub(crate) const fn of_object(name: &'static str) -> Self {
        Self { within: None, name, index: None }
    }

    /// An item of a list of the object.
    pub(crate) const fn item_of(list: &'static str, index: usize) -> Self {
        Self { within: None, name: list, index: Some(index) }
    }

    /// A field of this one.
    pub(crate) const fn member(&'f self, name: &'static str) -> Self {
        Self { within: Some(self), name, index: None }
    }

    /// An item of a list that is a field of this one.
    pub(crate) const fn item(&'f self, list: &'static str, index: usize) -> Self {
        Self { within: Some(self), name: list, index: Some(index) }
    }
}

impl fmt::Display for Field<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(within) = self.within {
            write!(f, "{within}.")?;
        }
        f.write_str(self.name)?;
        self.index.map_or(Ok(()), |index| write!(f, "[{index}]"))
    }
}

impl From<Field<'_>> for String {
    fn from(field: Field<'_>) -> Self {
        field.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::Field;

    #[test]
    fn a_field_is_written_as_people_write_it() {
        let rule = Field::item_of("spec.rules", 2);
        assert_eq!(rule.to_string(), "spec.rules[2]");
        assert_eq!(rule.item("matches", 0).member("path").to_string(), "spec.rules[2].matches[0].path");
    }
}
