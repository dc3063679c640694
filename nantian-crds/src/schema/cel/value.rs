//! JSON values as CEL values, without copying their strings.

use std::sync::Arc;

use cel::ExecutionError;
use cel::common::traits::{Container, Indexer, Iterable, Iterator as CelIterator, Sizer};
use cel::common::types::{self, CelBool, CelDouble, CelInt, CelNull, CelString, Type};
use cel::common::value::{CowVal, Val};
use serde_json::Value;

/// A value that borrows from the object under admission and from its schema. Cloning is cheap: comprehensions clone
/// each element.
#[derive(Clone, Debug)]
pub(super) enum Node<'a> {
    Null(CelNull),
    Bool(CelBool),
    Int(CelInt),
    Double(CelDouble),
    String(CelString<'a>),
    List(Arc<[Node<'a>]>),
    Map(Arc<[(CelString<'a>, Node<'a>)]>),
}

impl<'a> Node<'a> {
    /// The value by itself, without a schema that knows better.
    pub(super) fn untyped(value: &'a Value) -> Self {
        match value {
            Value::Null => Self::Null(CelNull),
            Value::Bool(bool) => Self::Bool(CelBool::from(*bool)),
            Value::Number(number) => match number.as_i64() {
                Some(int) => Self::Int(CelInt::from(int)),
                None => Self::double(number.as_f64().unwrap_or(f64::NAN)),
            },
            Value::String(text) => Self::String(CelString::from(text.as_str())),
            Value::Array(list) => Self::list(list.iter().map(Self::untyped).collect()),
            Value::Object(map) => {
                Self::map(map.iter().map(|(key, value)| (key.as_str(), Self::untyped(value))).collect())
            }
        }
    }

    pub(super) fn double(number: f64) -> Self {
        Self::Double(CelDouble::from(number))
    }

    pub(super) fn list(nodes: Vec<Node<'a>>) -> Self {
        Self::List(nodes.into())
    }

    pub(super) fn map(nodes: Vec<(&'a str, Node<'a>)>) -> Self {
        Self::Map(nodes.into_iter().map(|(key, node)| (CelString::from(key), node)).collect())
    }

    pub(super) fn boxed(&self) -> Box<dyn Val + 'a> {
        self.as_val().clone_as_boxed()
    }

    /// Scalars as CEL's own types, by which functions recognise them.
    fn as_val(&self) -> &(dyn Val + 'a) {
        match self {
            Self::Null(null) => null,
            Self::Bool(bool) => bool,
            Self::Int(int) => int,
            Self::Double(double) => double,
            Self::String(text) => text,
            Self::List(_) | Self::Map(_) => self,
        }
    }

    fn field(&self, name: &str) -> Option<&Node<'a>> {
        match self {
            Self::Map(entries) => entries.iter().find(|(key, _)| key.inner() == name).map(|(_, node)| node),
            _ => None,
        }
    }
}

impl Val for Node<'_> {
    fn get_type(&self) -> &Type {
        match self {
            Self::List(_) => &types::LIST_TYPE,
            Self::Map(_) => &types::MAP_TYPE,
            scalar => scalar.as_val().get_type(),
        }
    }

    fn cel_type() -> &'static Type {
        &types::DYN_TYPE
    }

    fn as_container(&self) -> Option<&dyn Container> {
        Some(self)
    }

    fn as_indexer<'b, 'v>(&'b self) -> Option<&'b (dyn Indexer + 'v)>
    where
        Self: 'v,
    {
        Some(self)
    }

    fn as_iterable<'b, 'v>(&'b self) -> Option<&'b (dyn Iterable + 'v)>
    where
        Self: 'v,
    {
        Some(self)
    }

    fn as_sizer(&self) -> Option<&dyn Sizer> {
        Some(self)
    }

    fn equals(&self, other: &dyn Val) -> bool {
        let (Some(sizer), Some(indexer)) = (other.as_sizer(), other.as_indexer()) else { return false };
        if self.get_type() != other.get_type() || self.size() != sizer.size() {
            return false;
        }
        match self {
            Self::List(nodes) => nodes.iter().enumerate().all(|(index, node)| {
                i64::try_from(index).is_ok_and(|index| {
                    indexer.get(&CelInt::from(index)).is_ok_and(|other| node.as_val().equals(&*other))
                })
            }),
            Self::Map(entries) => {
                entries.iter().all(|(key, node)| indexer.get(key).is_ok_and(|other| node.as_val().equals(&*other)))
            }
            _ => false,
        }
    }

    fn clone_as_boxed<'v>(&self) -> Box<dyn Val + 'v>
    where
        Self: 'v,
    {
        Box::new(self.clone())
    }
}

impl Indexer for Node<'_> {
    fn get<'b, 'v>(&'b self, index: &dyn Val) -> Result<CowVal<'b, 'v>, ExecutionError>
    where
        Self: 'v,
    {
        let found = match self {
            Self::List(nodes) => {
                let index = index.downcast_ref::<CelInt>().map(|index| *index.inner());
                index.and_then(|index| usize::try_from(index).ok()).and_then(|index| nodes.get(index))
            }
            _ => index.downcast_ref::<CelString<'_>>().and_then(|name| self.field(name.inner())),
        };
        match (found, index.downcast_ref::<CelString<'_>>()) {
            (Some(node), _) => Ok(CowVal::Borrowed(node.as_val())),
            (None, Some(name)) => Err(ExecutionError::no_such_key(name.inner())),
            (None, None) => Err(ExecutionError::no_such_key("index out of bounds")),
        }
    }

    fn steal<'v>(self: Box<Self>, index: &dyn Val) -> Result<Box<dyn Val + 'v>, ExecutionError>
    where
        Self: 'v,
    {
        self.get(index).map(CowVal::into_owned)
    }
}

impl Container for Node<'_> {
    fn contains(&self, value: &dyn Val) -> Result<bool, ExecutionError> {
        Ok(match self {
            Self::List(nodes) => nodes.iter().any(|node| node.as_val().equals(value)),
            _ => value.downcast_ref::<CelString<'_>>().is_some_and(|name| self.field(name.inner()).is_some()),
        })
    }
}

impl Sizer for Node<'_> {
    fn size(&self) -> CelInt {
        let size = match self {
            Self::List(nodes) => nodes.len(),
            Self::Map(entries) => entries.len(),
            _ => 0,
        };
        CelInt::from(i64::try_from(size).unwrap_or(i64::MAX))
    }
}

impl Iterable for Node<'_> {
    fn iter<'b, 'v>(&'b self) -> Box<dyn CelIterator<'b, 'v> + 'b>
    where
        Self: 'v,
    {
        Box::new(match self {
            Self::Map(entries) => Walk::Map(entries.iter()),
            Self::List(nodes) => Walk::List(nodes.iter()),
            _ => Walk::List([].iter()),
        })
    }
}

/// Elements of a list, or keys of a map.
enum Walk<'b, 'a> {
    List(std::slice::Iter<'b, Node<'a>>),
    Map(std::slice::Iter<'b, (CelString<'a>, Node<'a>)>),
}

impl<'b, 'v, 'a: 'v> CelIterator<'b, 'v> for Walk<'b, 'a> {
    fn next(&mut self) -> Option<&'b (dyn Val + 'v)> {
        match self {
            Self::List(nodes) => match nodes.next() {
                Some(node) => Some(node.as_val()),
                None => None,
            },
            Self::Map(entries) => match entries.next() {
                Some((key, _)) => Some(key),
                None => None,
            },
        }
    }
}
