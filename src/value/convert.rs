//! Rust types into values.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

use super::{Dict, List, Value, ValueRef};
use crate::error::{Error, ErrorKind};

/// A type whose vectors, arrays and slices become a list.
///
/// That is every type that becomes a [`Value`], except `u8`, whose vectors, arrays and slices
/// become bytes. Types of one's own may implement it too:
///
/// ```
/// use epochkv::{ListItem, Value};
///
/// struct Celsius(f64);
///
/// impl From<Celsius> for Value {
///     fn from(celsius: Celsius) -> Self {
///         Value::from(celsius.0)
///     }
/// }
/// impl ListItem for Celsius {}
///
/// assert_eq!(Value::from(vec![Celsius(20.5)]).to_string(), "[20.5]");
/// assert_eq!(Value::from(vec![20u8]).to_string(), r#"b"\x14""#);
/// ```
pub trait ListItem: Into<Value> {}

/// Implements `From<$source> for Value` and makes the type a list item.
macro_rules! into_value {
    ($([$($generics:tt)*] $source:ty => |$x:ident| $value:expr;)*) => {$(
        impl<$($generics)*> From<$source> for Value {
            fn from($x: $source) -> Self {
                $value
            }
        }

        impl<$($generics)*> ListItem for $source {}
    )*};
}

into_value! {
    [] () => |_unit| Self::Null;
    [] bool => |x| Self::Bool(x);
    [] i8 => |x| Self::Int(x.into());
    [] i16 => |x| Self::Int(x.into());
    [] i32 => |x| Self::Int(x.into());
    [] i64 => |x| Self::Int(x);
    [] u16 => |x| Self::Int(x.into());
    [] u32 => |x| Self::Int(x.into());
    [] f32 => |x| Self::Float(x.into());
    [] f64 => |x| Self::Float(x);
    [] char => |x| Self::from(&*x.encode_utf8(&mut [0; 4]));
    [] &str => |x| Self::Str(x.into());
    [] &String => |x| Self::Str(x.as_str().into());
    [] String => |x| Self::Str(x.into());
    [] Box<str> => |x| Self::Str(x.into());
    [] Arc<str> => |x| Self::Str(x);
    [] Cow<'_, str> => |x| Self::Str(x.into());
    [] &[u8] => |x| Self::Bytes(x.into());
    [] Vec<u8> => |x| Self::Bytes(x.into());
    [] Box<[u8]> => |x| Self::Bytes(x.into());
    [] Arc<[u8]> => |x| Self::Bytes(x);
    [] Cow<'_, [u8]> => |x| Self::Bytes(x.into());
    [const N: usize] [u8; N] => |x| Self::Bytes(x.into());
    [const N: usize] &[u8; N] => |x| Self::Bytes(x.as_slice().into());
    [] List => |x| Self::List(x);
    [] Dict => |x| Self::Dict(x);
    [] &Value => |x| x.clone();
    [] ValueRef<'_> => |x| x.to_value();
    [T: Into<Value>] Option<T> => |x| x.map_or(Self::Null, Into::into);
    [T: ListItem] Vec<T> => |x| Self::list(x);
    [T: ListItem] VecDeque<T> => |x| Self::list(x);
    [T: ListItem] BTreeSet<T> => |x| Self::list(x);
    [T: ListItem + Clone] &[T] => |x| Self::list(x.iter().cloned());
    [T: ListItem, const N: usize] [T; N] => |x| Self::list(x);
    [K: Into<Arc<str>>, V: Into<Value>] BTreeMap<K, V> => |x| Self::dict(x);
    [K: Into<Arc<str>>, V: Into<Value>, S] HashMap<K, V, S> => |x| Self::dict(x);
}

impl ListItem for Value {}

impl From<u8> for Value {
    fn from(x: u8) -> Self {
        Self::Int(x.into())
    }
}

/// Implements the conversion of integers that may be too large; they are refused with
/// [`ErrorKind::Overflow`].
macro_rules! try_into_value {
    ($($source:ty),*) => {$(
        impl TryFrom<$source> for Value {
            type Error = Error;

            fn try_from(x: $source) -> Result<Self, Error> {
                match i64::try_from(x) {
                    Ok(int) => Ok(Self::Int(int)),
                    Err(_) => Err(Error::new(ErrorKind::Overflow)),
                }
            }
        }
    )*};
}

try_into_value!(u64, i128, u128, isize, usize);
