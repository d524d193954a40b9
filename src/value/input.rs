//! `Input`: what writing calls take.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

use super::{Dict, List, ListItem, Value, ValueRef};
use crate::error::Error;

/// What writing calls take: a [`Value`], or text or bytes that are not yet in one, so that they
/// are copied only once, into the store.
///
/// Everything that turns into a [`Value`] turns into an `Input`. For a type of one's own,
/// convert to [`Value`] first; and for `u64`, `usize` and wider, which an [`i64`] may not
/// hold, with [`Value::try_from`].
///
/// ```
/// use epochkv::{Input, Value};
///
/// fn write<'a>(input: impl Into<Input<'a>>) -> Value {
///     input.into().into_value()
/// }
/// assert_eq!(write("text"), "text");
/// assert_eq!(write(&Value::from(1)), 1);
/// assert_eq!(write(vec![1, 2]), Value::list([1, 2]));
/// assert_eq!(write(Value::try_from("text".len())?), 4);
/// # Ok::<(), epochkv::Error>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Input<'a> {
    /// Borrowed text.
    Str(&'a str),
    /// Text.
    String(String),
    /// Borrowed bytes.
    Bytes(&'a [u8]),
    /// Bytes.
    ByteVec(Vec<u8>),
    /// Any value.
    Value(Value),
}

impl Input<'_> {
    /// The content, borrowed. O(1).
    ///
    /// ```
    /// use epochkv::{Input, ValueRef};
    ///
    /// assert_eq!(Input::from(String::from("a")).as_ref(), ValueRef::Str("a"));
    /// ```
    #[must_use]
    #[inline]
    pub fn as_ref(&self) -> ValueRef<'_> {
        match self {
            Self::Str(text) => ValueRef::Str(text),
            Self::String(text) => ValueRef::Str(text),
            Self::Bytes(bytes) => ValueRef::Bytes(bytes),
            Self::ByteVec(bytes) => ValueRef::Bytes(bytes),
            Self::Value(value) => value.as_ref(),
        }
    }

    /// The content as a value. Text and bytes are copied unless they are in a value already.
    ///
    /// ```
    /// use epochkv::{Input, Value};
    ///
    /// assert_eq!(Input::from("a").into_value(), Value::from("a"));
    /// ```
    #[must_use]
    pub fn into_value(self) -> Value {
        match self {
            Self::Str(text) => text.into(),
            Self::String(text) => text.into(),
            Self::Bytes(bytes) => bytes.into(),
            Self::ByteVec(bytes) => bytes.into(),
            Self::Value(value) => value,
        }
    }

    /// Refuses a value that is nested deeper than the store accepts. O(1).
    #[inline]
    pub(crate) fn check_depth(&self) -> Result<(), Error> {
        match self {
            Self::Value(value) => value.check_depth(),
            _ => Ok(()),
        }
    }
}

/// Implements conversions that keep text and bytes out of a value.
macro_rules! directly {
    ($([$($generics:tt)*] $source:ty => |$x:ident| $input:expr;)*) => {$(
        impl<'a, $($generics)*> From<$source> for Input<'a> {
            #[inline]
            fn from($x: $source) -> Self {
                $input
            }
        }
    )*};
}

directly! {
    [] &'a str => |x| Self::Str(x);
    [] &'a String => |x| Self::Str(x);
    [] String => |x| Self::String(x);
    [] Box<str> => |x| Self::String(x.into());
    [] Cow<'a, str> => |x| match x {
        Cow::Borrowed(text) => Self::Str(text),
        Cow::Owned(text) => Self::String(text),
    };
    [] &'a [u8] => |x| Self::Bytes(x);
    [const N: usize] &'a [u8; N] => |x| Self::Bytes(x);
    [] Vec<u8> => |x| Self::ByteVec(x);
    [] Box<[u8]> => |x| Self::ByteVec(x.into());
    [] Cow<'a, [u8]> => |x| match x {
        Cow::Borrowed(bytes) => Self::Bytes(bytes),
        Cow::Owned(bytes) => Self::ByteVec(bytes),
    };
    [] ValueRef<'a> => |x| match x {
        ValueRef::Str(text) => Self::Str(text),
        ValueRef::Bytes(bytes) => Self::Bytes(bytes),
        other => Self::Value(other.to_value()),
    };
    [] &'a List => |x| Self::Value(Value::List(x.clone()));
    [] &'a Dict => |x| Self::Value(Value::Dict(x.clone()));
}

/// Implements conversions that go through [`Value`].
macro_rules! through_value {
    ($([$($generics:tt)*] $source:ty;)*) => {$(
        impl<$($generics)*> From<$source> for Input<'_> {
            #[inline]
            fn from(x: $source) -> Self {
                Self::Value(x.into())
            }
        }
    )*};
}

through_value! {
    [] ();
    [] bool;
    [] i8;
    [] i16;
    [] i32;
    [] i64;
    [] u8;
    [] u16;
    [] u32;
    [] f32;
    [] f64;
    [] char;
    [] Arc<str>;
    [] Arc<[u8]>;
    [const N: usize] [u8; N];
    [] Value;
    [] &Value;
    [] List;
    [] Dict;
    [T: Into<Value>] Option<T>;
    [T: ListItem] Vec<T>;
    [T: ListItem] VecDeque<T>;
    [T: ListItem] BTreeSet<T>;
    [T: ListItem + Clone] &[T];
    [T: ListItem, const N: usize] [T; N];
    [K: Into<Arc<str>>, V: Into<Value>] BTreeMap<K, V>;
    [K: Into<Arc<str>>, V: Into<Value>, S] HashMap<K, V, S>;
}
