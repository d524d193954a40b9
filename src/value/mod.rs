//! Values: what the store keeps, how they are read, compared, printed and converted.
//!
//! Nothing here recurses, so a value of any depth can be built, cloned, compared, printed and
//! dropped on a small stack. [`Value`] owns, [`ValueRef`] borrows, [`Input`] is what writing calls
//! take. All reading, comparing and printing is written once, for [`ValueRef`].

mod compare;
mod convert;
mod dict;
mod extract;
mod input;
#[cfg(feature = "json")]
mod json;
mod kind;
mod list;
mod node;
mod operators;
mod print;
#[cfg(feature = "serde")]
mod serde;
mod teardown;
mod view;

use std::sync::Arc;

pub use convert::ListItem;
pub use dict::{Dict, DictIter};
pub use extract::TryFromValueError;
pub use input::Input;
pub use kind::Kind;
pub use list::List;
#[cfg(feature = "serde")]
pub use serde::{SerdeError, ValueDeserializer, ValueSerializer, from_value, to_value};
pub use view::ValueRef;

use crate::error::{Error, ErrorKind};

/// A value: a scalar, text, bytes, or a list or dict of values.
///
/// Immutable and cloned in O(1): text, bytes and containers are shared by reference count.
/// Building, cloning, comparing, printing and dropping use no recursion and work for any depth,
/// although the store refuses a value deeper than [`MAX_DEPTH`](Self::MAX_DEPTH).
///
/// # Equality
///
/// `==` compares structure, and floats by IEEE rules: NaN differs from everything, also from
/// itself and inside a list or dict; `-0.0` equals `0.0`. Values of different kinds differ, so
/// `Int(1)` is not `Float(1.0)`. [`same`](Self::same) compares bits instead. Both take time
/// linear in the smaller value; where parts of a value are shared within it, at most the product
/// of the numbers of distinct parts.
///
/// # Printing
///
/// [`Display`](core::fmt::Display) prints JSON-like text: text bare at the top and quoted inside
/// containers, bytes as `b"..."`, floats with a point or exponent, `NaN` or `inf`. A container
/// without bytes and non-finite floats prints as valid JSON. [`Debug`](core::fmt::Debug) names
/// the kinds and stays on one line. Printing writes a shared part as often as it occurs, so the
/// text can be exponentially longer than the value is large in memory.
///
/// ```
/// use epochkv::Value;
///
/// let user = Value::dict([
///     ("name", Value::from("Ann")),
///     ("scores", Value::from([1.5, 2.0])),
/// ]);
/// assert_eq!(user.to_string(), r#"{"name": "Ann", "scores": [1.5, 2.0]}"#);
/// assert_eq!(user.get("name").and_then(Value::as_str), Some("Ann"));
/// ```
///
/// There may be more kinds one day, so a `match` needs an arm for others:
///
/// ```compile_fail,E0004
/// use epochkv::Value;
///
/// match Value::Null {
///     Value::Null | Value::Bool(_) | Value::Int(_) | Value::Float(_) => {}
///     Value::Str(_) | Value::Bytes(_) | Value::List(_) | Value::Dict(_) => {}
/// }
/// ```
#[derive(Clone, Default)]
#[non_exhaustive]
pub enum Value {
    /// No value.
    #[default]
    Null,
    /// True or false.
    Bool(bool),
    /// A 64-bit signed integer.
    Int(i64),
    /// A 64-bit IEEE 754 number; NaN and `-0.0` are kept as they are.
    Float(f64),
    /// UTF-8 text.
    Str(Arc<str>),
    /// A run of bytes.
    Bytes(Arc<[u8]>),
    /// A sequence of values.
    List(List),
    /// A map from text to values, ordered by key.
    Dict(Dict),
}

impl Value {
    /// The greatest [`depth`](Self::depth) that the store accepts.
    ///
    /// ```
    /// use epochkv::Value;
    ///
    /// let nested = (0..Value::MAX_DEPTH).fold(Value::Null, |value, _| Value::list([value]));
    /// assert_eq!(nested.depth(), Value::MAX_DEPTH);
    /// ```
    pub const MAX_DEPTH: usize = 128;

    /// A value of bytes.
    ///
    /// ```
    /// use epochkv::Value;
    ///
    /// assert_eq!(Value::bytes(*b"a\0").as_bytes(), Some(&b"a\0"[..]));
    /// assert_eq!(Value::bytes(vec![1, 2]), Value::from(vec![1u8, 2]));
    /// ```
    pub fn bytes(bytes: impl Into<Arc<[u8]>>) -> Self {
        Self::Bytes(bytes.into())
    }

    /// A list of everything the iterator yields. O(n).
    ///
    /// ```
    /// use epochkv::Value;
    ///
    /// assert_eq!(Value::list([true, false]).to_string(), "[true, false]");
    /// ```
    pub fn list<V: Into<Self>>(items: impl IntoIterator<Item = V>) -> Self {
        Self::List(items.into_iter().collect())
    }

    /// A dict of all entries; of entries with the same key the last one wins. O(n log n).
    ///
    /// ```
    /// use epochkv::Value;
    ///
    /// assert_eq!(Value::dict([("b", 1), ("a", 2), ("b", 3)]).to_string(), r#"{"a": 2, "b": 3}"#);
    /// ```
    pub fn dict<K: Into<Arc<str>>, V: Into<Self>>(
        entries: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        Self::Dict(entries.into_iter().collect())
    }

    /// This value, borrowed. O(1).
    ///
    /// ```
    /// use epochkv::{Value, ValueRef};
    ///
    /// assert!(matches!(Value::from("a").as_ref(), ValueRef::Str("a")));
    /// ```
    #[must_use]
    pub fn as_ref(&self) -> ValueRef<'_> {
        match self {
            Self::Null => ValueRef::Null,
            Self::Bool(b) => ValueRef::Bool(*b),
            Self::Int(int) => ValueRef::Int(*int),
            Self::Float(float) => ValueRef::Float(*float),
            Self::Str(text) => ValueRef::Str(text),
            Self::Bytes(bytes) => ValueRef::Bytes(bytes),
            Self::List(list) => ValueRef::List(list),
            Self::Dict(dict) => ValueRef::Dict(dict),
        }
    }

    /// The kind of this value. O(1).
    ///
    /// ```
    /// assert_eq!(epochkv::Value::from(1.5).kind(), epochkv::Kind::Float);
    /// ```
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.as_ref().kind()
    }

    /// Whether this is null. O(1).
    ///
    /// ```
    /// assert!(epochkv::Value::from(None::<i64>).is_null());
    /// ```
    #[must_use]
    pub fn is_null(&self) -> bool {
        self.as_ref().is_null()
    }

    /// The truth value, if this is one. O(1).
    ///
    /// ```
    /// assert_eq!(epochkv::Value::from(true).as_bool(), Some(true));
    /// ```
    #[must_use]
    pub fn as_bool(&self) -> Option<bool> {
        self.as_ref().as_bool()
    }

    /// The integer, if this is one; a float never counts as one. O(1).
    ///
    /// ```
    /// assert_eq!(epochkv::Value::from(7).as_int(), Some(7));
    /// assert_eq!(epochkv::Value::from(7.0).as_int(), None);
    /// ```
    #[must_use]
    pub fn as_int(&self) -> Option<i64> {
        self.as_ref().as_int()
    }

    /// The float, if this is one; an integer never counts as one. O(1).
    ///
    /// ```
    /// assert_eq!(epochkv::Value::from(7.5).as_float(), Some(7.5));
    /// assert_eq!(epochkv::Value::from(7).as_float(), None);
    /// ```
    #[must_use]
    pub fn as_float(&self) -> Option<f64> {
        self.as_ref().as_float()
    }

    /// The text, if this is text. O(1).
    ///
    /// ```
    /// assert_eq!(epochkv::Value::from("a").as_str(), Some("a"));
    /// ```
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        self.as_ref().as_str()
    }

    /// The bytes, if this is bytes; text does not count. O(1).
    ///
    /// ```
    /// assert_eq!(epochkv::Value::from(b"a").as_bytes(), Some(&b"a"[..]));
    /// ```
    #[must_use]
    pub fn as_bytes(&self) -> Option<&[u8]> {
        self.as_ref().as_bytes()
    }

    /// The list, if this is one. O(1).
    ///
    /// ```
    /// assert_eq!(epochkv::Value::from([1, 2]).as_list().map(|list| list.len()), Some(2));
    /// ```
    #[must_use]
    pub fn as_list(&self) -> Option<&List> {
        self.as_ref().as_list()
    }

    /// The dict, if this is one. O(1).
    ///
    /// ```
    /// assert_eq!(epochkv::Value::dict([("a", 1)]).as_dict().map(|dict| dict.len()), Some(1));
    /// ```
    #[must_use]
    pub fn as_dict(&self) -> Option<&Dict> {
        self.as_ref().as_dict()
    }

    /// The value of `key`, if this is a dict that has it. O(log n).
    ///
    /// ```
    /// use epochkv::Value;
    ///
    /// let value = Value::dict([("a", 1)]);
    /// assert_eq!(value.get("a").and_then(Value::as_int), Some(1));
    /// assert!(value.get("b").is_none() && Value::Null.get("a").is_none());
    /// ```
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.as_ref().get(key)
    }

    /// The item at `index`, if this is a list that long. O(1).
    ///
    /// ```
    /// use epochkv::Value;
    ///
    /// let value = Value::from([5, 6]);
    /// assert_eq!(value.at(1).and_then(Value::as_int), Some(6));
    /// assert!(value.at(2).is_none());
    /// ```
    #[must_use]
    pub fn at(&self, index: usize) -> Option<&Self> {
        self.as_ref().at(index)
    }

    /// How many levels of lists and dicts there are: 0 for a scalar, 1 for a list of scalars.
    /// O(1).
    ///
    /// ```
    /// use epochkv::Value;
    ///
    /// assert_eq!(Value::from("a").depth(), 0);
    /// assert_eq!(Value::from([[1], [2]]).depth(), 2);
    /// ```
    #[must_use]
    pub fn depth(&self) -> usize {
        self.as_ref().depth()
    }

    /// Whether both are the same bit for bit: as `==`, but a NaN is the same as a NaN of the same
    /// bits, and `-0.0` is not the same as `0.0`. This is what compare-and-set goes by.
    ///
    /// ```
    /// use epochkv::Value;
    ///
    /// let nan = Value::from(f64::NAN);
    /// assert!(nan.same(&nan) && nan != nan.clone());
    /// assert!(!Value::from(-0.0).same(&Value::from(0.0)));
    /// ```
    #[must_use]
    pub fn same(&self, other: &Self) -> bool {
        self.as_ref().same(other.as_ref())
    }

    /// Refuses a value that is nested deeper than the store accepts. O(1).
    pub(crate) fn check_depth(&self) -> Result<(), Error> {
        if self.depth() > Self::MAX_DEPTH {
            return Err(Error::new(ErrorKind::TooDeep));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_deepest_accepted_value_has_max_depth_levels() {
        let deepest = (0..Value::MAX_DEPTH).fold(Value::Null, |inner, _| Value::list([inner]));
        let too_deep = Value::dict([("inner", deepest.clone())]);
        assert_eq!(deepest.check_depth(), Ok(()));
        assert_eq!(Input::from(deepest).check_depth(), Ok(()));
        assert_eq!(too_deep.check_depth(), Err(ErrorKind::TooDeep.into()));
        assert_eq!(Input::from(too_deep).check_depth(), Err(ErrorKind::TooDeep.into()));
        assert_eq!(Input::from("text").check_depth(), Ok(()));
    }
}
