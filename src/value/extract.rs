//! Values into Rust types.

use core::fmt;
use core::hash::BuildHasher;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::{Dict, Kind, List, ListItem, Value, ValueRef};

/// Why a value could not be turned into a Rust type.
///
/// ```
/// use epochkv::{Kind, TryFromValueError, Value};
///
/// let error: TryFromValueError = i64::try_from(Value::from("5")).unwrap_err();
/// assert_eq!((error.expected(), error.found()), (Kind::Int, Kind::Str));
/// assert_eq!(error.to_string(), "expected int, found str");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TryFromValueError {
    expected: Kind,
    found: Kind,
}

impl TryFromValueError {
    const fn new(expected: Kind, found: Kind) -> Self {
        Self { expected, found }
    }

    /// The kind that the Rust type stands for.
    ///
    /// ```
    /// let error = bool::try_from(epochkv::Value::Null).unwrap_err();
    /// assert_eq!(error.expected(), epochkv::Kind::Bool);
    /// ```
    #[must_use]
    pub const fn expected(&self) -> Kind {
        self.expected
    }

    /// The kind of the value. It equals [`expected`](Self::expected) when an integer is out of
    /// the range of the Rust type.
    ///
    /// ```
    /// let error = u32::try_from(epochkv::Value::from(-1)).unwrap_err();
    /// assert_eq!(error.found(), error.expected());
    /// assert_eq!(error.to_string(), "int is out of range");
    /// ```
    #[must_use]
    pub const fn found(&self) -> Kind {
        self.found
    }
}

impl fmt::Display for TryFromValueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.expected == self.found {
            write!(f, "{} is out of range", self.found)
        } else {
            write!(f, "expected {}, found {}", self.expected, self.found)
        }
    }
}

impl core::error::Error for TryFromValueError {}

/// A conversion that cannot fail, such as that of the items of a `Vec<Value>`.
impl From<core::convert::Infallible> for TryFromValueError {
    fn from(never: core::convert::Infallible) -> Self {
        match never {}
    }
}

type Result<T> = core::result::Result<T, TryFromValueError>;

/// The content that `read` finds, or the error that says what was found instead.
fn expect<'a, T>(
    value: ValueRef<'a>,
    expected: Kind,
    read: impl FnOnce(ValueRef<'a>) -> Option<T>,
) -> Result<T> {
    read(value).ok_or(TryFromValueError::new(expected, value.kind()))
}

/// Implements the conversion from a borrowed value; `$value` is a `ValueRef<'a>`.
macro_rules! from_borrowed {
    ($([$($generics:tt)*] $target:ty => |$value:ident| $result:expr;)*) => {$(
        impl<'a, $($generics)*> TryFrom<ValueRef<'a>> for $target {
            type Error = TryFromValueError;

            fn try_from($value: ValueRef<'a>) -> Result<Self> {
                $result
            }
        }

        impl<'a, $($generics)*> TryFrom<&'a Value> for $target {
            type Error = TryFromValueError;

            fn try_from(value: &'a Value) -> Result<Self> {
                value.as_ref().try_into()
            }
        }
    )*};
}

/// Implements the conversion from a borrowed and from an owned value, for a type that copies.
macro_rules! from_any {
    ($([$($generics:tt)*] $target:ty => |$value:ident| $result:expr;)*) => {$(
        from_borrowed! { [$($generics)*] $target => |$value| $result; }

        impl<$($generics)*> TryFrom<Value> for $target {
            type Error = TryFromValueError;

            fn try_from(value: Value) -> Result<Self> {
                value.as_ref().try_into()
            }
        }
    )*};
}

/// Implements the conversion into the shared content of a value, in O(1).
macro_rules! from_shared {
    ($($variant:ident($target:ty);)*) => {$(
        impl TryFrom<Value> for $target {
            type Error = TryFromValueError;

            fn try_from(value: Value) -> Result<Self> {
                match value {
                    Value::$variant(content) => Ok(content),
                    other => Err(TryFromValueError::new(Kind::$variant, other.kind())),
                }
            }
        }

        impl TryFrom<&Value> for $target {
            type Error = TryFromValueError;

            fn try_from(value: &Value) -> Result<Self> {
                value.clone().try_into()
            }
        }
    )*};
}

macro_rules! integers {
    ($($target:ty),*) => {
        from_any! {$(
            [] $target => |value| match expect(value, Kind::Int, ValueRef::as_int)?.try_into() {
                Ok(int) => Ok(int),
                Err(_) => Err(TryFromValueError::new(Kind::Int, Kind::Int)),
            };
        )*}
    };
}

integers!(i8, i16, i32, u8, u16, u32, u64, i128, u128, isize, usize);

from_borrowed! {
    [] &'a str => |value| expect(value, Kind::Str, ValueRef::as_str);
    [] &'a [u8] => |value| expect(value, Kind::Bytes, ValueRef::as_bytes);
    [] &'a List => |value| expect(value, Kind::List, ValueRef::as_list);
    [] &'a Dict => |value| expect(value, Kind::Dict, ValueRef::as_dict);
}

from_shared! {
    Str(Arc<str>);
    Bytes(Arc<[u8]>);
    List(List);
    Dict(Dict);
}

from_any! {
    [] bool => |value| expect(value, Kind::Bool, ValueRef::as_bool);
    [] i64 => |value| expect(value, Kind::Int, ValueRef::as_int);
    [] f64 => |value| expect(value, Kind::Float, ValueRef::as_float);
    [] String => |value| <&str>::try_from(value).map(Self::from);
    [] Vec<u8> => |value| <&[u8]>::try_from(value).map(Self::from);
    [T: ListItem + TryFrom<Value, Error: Into<TryFromValueError>>]
        Vec<T> => |value| <&List>::try_from(value)?.iter().map(item).collect();
    [T: TryFrom<Value, Error: Into<TryFromValueError>>]
        BTreeMap<String, T> => |value| <&Dict>::try_from(value)?.iter().map(entry).collect();
    [T: TryFrom<Value, Error: Into<TryFromValueError>>, S: BuildHasher + Default]
        HashMap<String, T, S> => |value| <&Dict>::try_from(value)?.iter().map(entry).collect();
}

fn item<T: TryFrom<Value, Error: Into<TryFromValueError>>>(value: &Value) -> Result<T> {
    T::try_from(value.clone()).map_err(Into::into)
}

fn entry<T: TryFrom<Value, Error: Into<TryFromValueError>>>(
    (key, value): (&str, &Value),
) -> Result<(String, T)> {
    Ok((key.to_owned(), item(value)?))
}
