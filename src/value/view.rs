//! `ValueRef`: a borrowed value.

use core::fmt;
use std::sync::Arc;

use super::compare::{self, Floats};
use super::node::Facts;
use super::{Dict, Kind, List, Value, print};

/// A value that is borrowed, from a [`Value`] or from the store. Cheap to copy.
///
/// It reads, compares and prints exactly as the [`Value`] does.
///
/// ```
/// use epochkv::{Value, ValueRef};
///
/// fn describe(value: ValueRef<'_>) -> String {
///     match value {
///         ValueRef::Int(int) => format!("the number {int}"),
///         ValueRef::Str(text) => format!("the text {text}"),
///         other => format!("a {}", other.kind()),
///     }
/// }
/// assert_eq!(describe(Value::from("a").as_ref()), "the text a");
/// assert_eq!(describe(ValueRef::Null), "a null");
/// ```
#[derive(Clone, Copy)]
#[non_exhaustive]
pub enum ValueRef<'a> {
    /// No value.
    Null,
    /// True or false.
    Bool(bool),
    /// A 64-bit signed integer.
    Int(i64),
    /// A 64-bit IEEE 754 number.
    Float(f64),
    /// UTF-8 text.
    Str(&'a str),
    /// A run of bytes.
    Bytes(&'a [u8]),
    /// A sequence of values.
    List(&'a List),
    /// A map from text to values, ordered by key.
    Dict(&'a Dict),
}

impl<'a> ValueRef<'a> {
    /// An owned value of the same content. Text and bytes are copied; the rest is O(1), because
    /// lists and dicts are shared.
    ///
    /// ```
    /// use epochkv::{Value, ValueRef};
    ///
    /// assert_eq!(ValueRef::Str("a").to_value(), Value::from("a"));
    /// ```
    #[must_use]
    pub fn to_value(self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Bool(b) => Value::Bool(b),
            Self::Int(int) => Value::Int(int),
            Self::Float(float) => Value::Float(float),
            Self::Str(text) => Value::Str(Arc::from(text)),
            Self::Bytes(bytes) => Value::Bytes(Arc::from(bytes)),
            Self::List(list) => Value::List(list.clone()),
            Self::Dict(dict) => Value::Dict(dict.clone()),
        }
    }

    /// The kind of this value. O(1).
    ///
    /// ```
    /// assert_eq!(epochkv::ValueRef::Int(1).kind(), epochkv::Kind::Int);
    /// ```
    #[must_use]
    pub const fn kind(self) -> Kind {
        match self {
            Self::Null => Kind::Null,
            Self::Bool(_) => Kind::Bool,
            Self::Int(_) => Kind::Int,
            Self::Float(_) => Kind::Float,
            Self::Str(_) => Kind::Str,
            Self::Bytes(_) => Kind::Bytes,
            Self::List(_) => Kind::List,
            Self::Dict(_) => Kind::Dict,
        }
    }

    /// Whether this is null. O(1).
    ///
    /// ```
    /// assert!(epochkv::ValueRef::Null.is_null());
    /// ```
    #[must_use]
    pub const fn is_null(self) -> bool {
        matches!(self, Self::Null)
    }

    /// The truth value, if this is one. O(1).
    ///
    /// ```
    /// assert_eq!(epochkv::ValueRef::Bool(true).as_bool(), Some(true));
    /// ```
    #[must_use]
    pub const fn as_bool(self) -> Option<bool> {
        if let Self::Bool(b) = self { Some(b) } else { None }
    }

    /// The integer, if this is one; a float never counts as one. O(1).
    ///
    /// ```
    /// assert_eq!(epochkv::ValueRef::Int(7).as_int(), Some(7));
    /// ```
    #[must_use]
    pub const fn as_int(self) -> Option<i64> {
        if let Self::Int(int) = self { Some(int) } else { None }
    }

    /// The float, if this is one; an integer never counts as one. O(1).
    ///
    /// ```
    /// assert_eq!(epochkv::ValueRef::Float(7.5).as_float(), Some(7.5));
    /// ```
    #[must_use]
    pub const fn as_float(self) -> Option<f64> {
        if let Self::Float(float) = self { Some(float) } else { None }
    }

    /// The text, if this is text. O(1).
    ///
    /// ```
    /// assert_eq!(epochkv::ValueRef::Str("a").as_str(), Some("a"));
    /// ```
    #[must_use]
    pub const fn as_str(self) -> Option<&'a str> {
        if let Self::Str(text) = self { Some(text) } else { None }
    }

    /// The bytes, if this is bytes; text does not count. O(1).
    ///
    /// ```
    /// assert_eq!(epochkv::ValueRef::Bytes(b"a").as_bytes(), Some(&b"a"[..]));
    /// ```
    #[must_use]
    pub const fn as_bytes(self) -> Option<&'a [u8]> {
        if let Self::Bytes(bytes) = self { Some(bytes) } else { None }
    }

    /// The list, if this is one. O(1).
    ///
    /// ```
    /// use epochkv::{List, ValueRef};
    ///
    /// assert!(ValueRef::List(&List::new()).as_list().is_some_and(|list| list.is_empty()));
    /// ```
    #[must_use]
    pub const fn as_list(self) -> Option<&'a List> {
        if let Self::List(list) = self { Some(list) } else { None }
    }

    /// The dict, if this is one. O(1).
    ///
    /// ```
    /// use epochkv::{Dict, ValueRef};
    ///
    /// assert!(ValueRef::Dict(&Dict::new()).as_dict().is_some_and(|dict| dict.is_empty()));
    /// ```
    #[must_use]
    pub const fn as_dict(self) -> Option<&'a Dict> {
        if let Self::Dict(dict) = self { Some(dict) } else { None }
    }

    /// The value of `key`, if this is a dict that has it. O(log n).
    ///
    /// ```
    /// let value = epochkv::Value::dict([("a", 1)]);
    /// assert!(value.as_ref().get("a").is_some_and(|one| *one == 1));
    /// ```
    #[must_use]
    pub fn get(self, key: &str) -> Option<&'a Value> {
        self.as_dict()?.get(key)
    }

    /// The item at `index`, if this is a list that long. O(1).
    ///
    /// ```
    /// let value = epochkv::Value::from([5, 6]);
    /// assert!(value.as_ref().at(1).is_some_and(|six| *six == 6));
    /// ```
    #[must_use]
    pub fn at(self, index: usize) -> Option<&'a Value> {
        self.as_list()?.as_slice().get(index)
    }

    /// How many levels of lists and dicts there are: 0 for a scalar, 1 for a list of scalars.
    /// O(1).
    ///
    /// ```
    /// assert_eq!(epochkv::ValueRef::Str("a").depth(), 0);
    /// ```
    #[must_use]
    pub fn depth(self) -> usize {
        self.facts().depth()
    }

    /// Whether both are the same bit for bit; see [`Value::same`].
    ///
    /// ```
    /// use epochkv::ValueRef;
    ///
    /// let nan = ValueRef::Float(f64::NAN);
    /// assert!(nan.same(nan) && nan != nan);
    /// ```
    #[must_use]
    pub fn same(self, other: ValueRef<'_>) -> bool {
        compare::equal(self, other, Floats::Bits)
    }

    pub(super) fn facts(self) -> Facts {
        match self {
            Self::Float(float) => Facts::scalar(float.is_nan()),
            Self::List(list) => list.identity().facts,
            Self::Dict(dict) => dict.identity().facts,
            _ => Facts::scalar(false),
        }
    }
}

/// Structural, floats by IEEE rules; see [`Value`].
impl<'b> PartialEq<ValueRef<'b>> for ValueRef<'_> {
    fn eq(&self, other: &ValueRef<'b>) -> bool {
        compare::equal(*self, *other, Floats::Ieee)
    }
}

/// JSON-like text; see [`Value`].
impl fmt::Display for ValueRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        print::display(*self, f)
    }
}

/// The kinds and their content on one line; see [`Value`].
impl fmt::Debug for ValueRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        print::debug(*self, f)
    }
}
