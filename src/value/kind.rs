//! The kinds a value can be of.

use core::fmt;

/// What a [`Value`](crate::Value) is, without its content. Prints as the lower-case name.
///
/// ```
/// use epochkv::{Kind, Value};
///
/// assert_eq!(Value::from(7).kind(), Kind::Int);
/// assert_eq!(Kind::Int.to_string(), "int");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// No value: JSON's `null`, Rust's `()` and `None`.
    Null,
    /// True or false.
    Bool,
    /// A 64-bit signed integer.
    Int,
    /// A 64-bit IEEE 754 number.
    Float,
    /// UTF-8 text.
    Str,
    /// A run of bytes.
    Bytes,
    /// A sequence of values.
    List,
    /// A map from text to values, ordered by key.
    Dict,
}

impl Kind {
    /// The lower-case name, as [`Display`](fmt::Display) prints it.
    ///
    /// ```
    /// assert_eq!(epochkv::Kind::Bytes.name(), "bytes");
    /// ```
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool => "bool",
            Self::Int => "int",
            Self::Float => "float",
            Self::Str => "str",
            Self::Bytes => "bytes",
            Self::List => "list",
            Self::Dict => "dict",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
