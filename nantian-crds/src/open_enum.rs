//! Enumerations to which later versions of an API may add: a value that is not known is kept as it is written.

use std::fmt;
use std::marker::PhantomData;

use serde::Deserializer;
use serde::de::{Error, Visitor};

/// Reads and writes such an enumeration by the one table of its names. With serde's `untagged`, each value would be held as
/// one of any kind before its name is looked at.
macro_rules! open_enum {
    ($type:ident { $($variant:ident = $name:literal),+ $(,)? }) => {
        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(match self {
                    $(Self::$variant => $name,)+
                    Self::Unknown(name) => name,
                })
            }
        }

        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                $crate::open_enum::read(deserializer, |name| match name {
                    $($name => Self::$variant,)+
                    other => Self::Unknown(other.to_owned()),
                })
            }
        }
    };
}
pub(crate) use open_enum;

/// Reads a value by its name.
pub(crate) fn read<'de, T, D: Deserializer<'de>>(deserializer: D, of_name: fn(&str) -> T) -> Result<T, D::Error> {
    deserializer.deserialize_str(ByName(of_name, PhantomData))
}

struct ByName<T>(fn(&str) -> T, PhantomData<T>);

impl<T> Visitor<'_> for ByName<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<T, E> {
        Ok((self.0)(name))
    }
}
