//! Between the model of `nantian-ir` and its messages, both ways and without loss.
//!
//! A type of the model and its message have the same fields by the same names. So each conversion is a list of fields
//! ([`message!`], [`choice!`], [`enumeration!`]), and a field that only one of the two has does not compile.

mod backend;
mod filter;
mod key;
mod listener;
mod route;
mod scalar;

use std::fmt;
use std::net::AddrParseError;

use nantian_ir::NameError;
use thiserror::Error;

/// A value of the model that a message carries as a `W`.
pub(crate) trait Convert<W>: Sized {
    /// Onto the wire.
    fn to_wire(&self) -> W;
    /// From the wire, which may say what no model can hold.
    fn from_wire(wire: W) -> Result<Self, FieldError>;
}

/// A field of a message that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub struct FieldError {
    /// The path of the field below the resource, for example `targets[0].target`.
    pub path: String,
    /// What is wrong with it.
    #[source]
    pub problem: FieldProblem,
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.problem)
    }
}

/// Why a field cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum FieldProblem {
    /// No message where there must be one.
    #[error("is missing")]
    Missing,
    /// A oneof without a choice, or with one that a newer peer knows.
    #[error("has no choice that this build knows: update this side to the other's version")]
    UnknownChoice,
    /// An enum with a value that a newer peer knows, or none.
    #[error("has the value {0}, which this build does not know: update this side to the other's version")]
    UnknownValue(i32),
    /// A number of more than 16 bits.
    #[error("{0} is more than 65535")]
    TooLarge(u32),
    /// Not below a second.
    #[error("{0} nanoseconds are a second or more")]
    Nanoseconds(u32),
    /// Not a host or header name.
    #[error(transparent)]
    Name(#[from] NameError),
    /// Not an IP address.
    #[error("{address:?} is not an IP address")]
    Address {
        /// What is there.
        address: String,
        /// Why it is none.
        source: AddrParseError,
    },
}

impl FieldProblem {
    /// The fault of a value that has no fields.
    fn here(self) -> FieldError {
        FieldError { path: String::new(), problem: self }
    }
}

impl FieldError {
    /// The same fault, seen from the message that has the field.
    fn in_field(self, field: &str) -> Self {
        let path = match self.path.as_str() {
            "" => field.to_owned(),
            rest if rest.starts_with('[') => format!("{field}{rest}"),
            rest => format!("{field}.{rest}"),
        };
        Self { path, ..self }
    }

    /// The same fault, seen from the list that has the element.
    fn at(self, index: usize) -> Self {
        self.in_field(&format!("[{index}]"))
    }
}

impl<T: Convert<W>, W> Convert<Option<W>> for Option<T> {
    fn to_wire(&self) -> Option<W> {
        self.as_ref().map(T::to_wire)
    }

    fn from_wire(wire: Option<W>) -> Result<Self, FieldError> {
        wire.map(T::from_wire).transpose()
    }
}

impl<T: Convert<W>, W> Convert<Vec<W>> for Vec<T> {
    fn to_wire(&self) -> Vec<W> {
        self.iter().map(T::to_wire).collect()
    }

    fn from_wire(wire: Vec<W>) -> Result<Self, FieldError> {
        // `collect` would keep the room that the messages had, which is for four at least.
        let mut items = Self::with_capacity(wire.len());
        for (index, item) in wire.into_iter().enumerate() {
            items.push(T::from_wire(item).map_err(|error| error.at(index))?);
        }
        Ok(items)
    }
}

/// A field that a message must have.
macro_rules! required {
    ($model:ty => $wire:ty) => {
        impl $crate::convert::Convert<Option<$wire>> for $model {
            fn to_wire(&self) -> Option<$wire> {
                Some($crate::convert::Convert::to_wire(self))
            }

            fn from_wire(wire: Option<$wire>) -> Result<Self, $crate::convert::FieldError> {
                let wire = wire.ok_or_else(|| $crate::convert::FieldProblem::Missing.here())?;
                $crate::convert::Convert::from_wire(wire)
            }
        }
    };
}

/// A struct of the model and a message with the same fields.
macro_rules! message {
    ($model:ident { $($field:ident),* $(,)? }) => {
        impl $crate::convert::Convert<$crate::wire::ir::$model> for $model {
            fn to_wire(&self) -> $crate::wire::ir::$model {
                let Self { $($field),* } = self;
                $crate::wire::ir::$model { $($field: $crate::convert::Convert::to_wire($field)),* }
            }

            fn from_wire(wire: $crate::wire::ir::$model) -> Result<Self, $crate::convert::FieldError> {
                let $crate::wire::ir::$model { $($field),* } = wire;
                Ok(Self {
                    $($field: $crate::convert::Convert::from_wire($field)
                        .map_err(|error: $crate::convert::FieldError| error.in_field(stringify!($field)))?),*
                })
            }
        }

        $crate::convert::required!($model => $crate::wire::ir::$model);
    };
}

/// An enum of the model whose variants carry a value or nothing, and a message that is one oneof.
macro_rules! choice {
    ($model:ident as $module:ident::$oneof:ident in $field:ident {
        $($variant:ident = $name:literal),*; $($unit:ident),* $(,)?
    }) => {
        impl $crate::convert::Convert<$crate::wire::ir::$model> for $model {
            fn to_wire(&self) -> $crate::wire::ir::$model {
                use $crate::wire::ir::$module::$oneof;
                let $field = match self {
                    $(Self::$variant(value) => $oneof::$variant($crate::convert::Convert::to_wire(value)),)*
                    $(Self::$unit => $oneof::$unit($crate::wire::ir::Unit {}),)*
                };
                $crate::wire::ir::$model { $field: Some($field) }
            }

            fn from_wire(wire: $crate::wire::ir::$model) -> Result<Self, $crate::convert::FieldError> {
                use $crate::wire::ir::$module::$oneof;
                let choice = wire.$field.ok_or_else(|| $crate::convert::FieldProblem::UnknownChoice.here())?;
                match choice {
                    $($oneof::$variant(value) => $crate::convert::Convert::from_wire(value)
                        .map(Self::$variant)
                        .map_err(|error: $crate::convert::FieldError| error.in_field($name)),)*
                    $($oneof::$unit($crate::wire::ir::Unit {}) => Ok(Self::$unit),)*
                }
            }
        }

        $crate::convert::required!($model => $crate::wire::ir::$model);
    };
}

/// An enum of the model without values, and an enum of the wire with the same variants and `Unspecified`.
macro_rules! enumeration {
    ($model:ident { $($variant:ident),* $(,)? }) => {
        impl $crate::convert::Convert<i32> for $model {
            fn to_wire(&self) -> i32 {
                match self {
                    $(Self::$variant => $crate::wire::ir::$model::$variant.into(),)*
                }
            }

            fn from_wire(wire: i32) -> Result<Self, $crate::convert::FieldError> {
                match $crate::wire::ir::$model::try_from(wire) {
                    $(Ok($crate::wire::ir::$model::$variant) => Ok(Self::$variant),)*
                    Ok($crate::wire::ir::$model::Unspecified) | Err(_) => {
                        Err($crate::convert::FieldProblem::UnknownValue(wire).here())
                    }
                }
            }
        }
    };
}

use {choice, enumeration, message, required};
