//! `==` between values and Rust types, and printing of owned values.

use core::fmt;

use super::{Dict, List, Value, ValueRef};

/// Structural, floats by IEEE rules; see [`Value`].
impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        self.as_ref() == other.as_ref()
    }
}

/// JSON-like text; see [`Value`].
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.as_ref(), f)
    }
}

/// The kinds and their content on one line; see [`Value`].
impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.as_ref(), f)
    }
}

impl PartialEq<ValueRef<'_>> for Value {
    fn eq(&self, other: &ValueRef<'_>) -> bool {
        self.as_ref() == *other
    }
}

impl PartialEq<Value> for ValueRef<'_> {
    fn eq(&self, other: &Value) -> bool {
        *self == other.as_ref()
    }
}

/// Implements `==` in both directions between values and a type that can be seen as one.
macro_rules! comparable {
    ($([$($generics:tt)*] $other:ty => |$x:ident| $view:expr;)*) => {$(
        impl<$($generics)*> PartialEq<$other> for Value {
            fn eq(&self, $x: &$other) -> bool {
                self.as_ref() == $view
            }
        }

        impl<$($generics)*> PartialEq<$other> for ValueRef<'_> {
            fn eq(&self, $x: &$other) -> bool {
                *self == $view
            }
        }

        impl<$($generics)*> PartialEq<Value> for $other {
            fn eq(&self, value: &Value) -> bool {
                value == self
            }
        }

        impl<$($generics)*> PartialEq<ValueRef<'_>> for $other {
            fn eq(&self, value: &ValueRef<'_>) -> bool {
                value == self
            }
        }
    )*};
}

comparable! {
    [] bool => |x| ValueRef::Bool(*x);
    [] i32 => |x| ValueRef::Int(i64::from(*x));
    [] i64 => |x| ValueRef::Int(*x);
    [] f64 => |x| ValueRef::Float(*x);
    [] str => |x| ValueRef::Str(x);
    [] &str => |x| ValueRef::Str(x);
    [] String => |x| ValueRef::Str(x);
    [] [u8] => |x| ValueRef::Bytes(x);
    [] &[u8] => |x| ValueRef::Bytes(x);
    [] Vec<u8> => |x| ValueRef::Bytes(x);
    [const N: usize] [u8; N] => |x| ValueRef::Bytes(x);
    [const N: usize] &[u8; N] => |x| ValueRef::Bytes(*x);
    [] List => |x| ValueRef::List(x);
    [] Dict => |x| ValueRef::Dict(x);
}
