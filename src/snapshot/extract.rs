//! Snapshots into Rust types.

use super::Snapshot;
use crate::value::{Dict, List, ListItem, TryFromValueError, Value};
use core::hash::BuildHasher;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

type Result<T> = core::result::Result<T, TryFromValueError>;

/// Implements the conversion from a borrowed and from an owned snapshot, each as
/// `$convert` of the borrowed one says.
macro_rules! from_snapshot {
    ($([$($generics:tt)*] $target:ty => $convert:expr;)*) => {$(
        impl<$($generics)*> TryFrom<&Snapshot> for $target {
            type Error = TryFromValueError;

            fn try_from(snapshot: &Snapshot) -> Result<Self> {
                $convert(snapshot)
            }
        }

        impl<$($generics)*> TryFrom<Snapshot> for $target {
            type Error = TryFromValueError;

            fn try_from(snapshot: Snapshot) -> Result<Self> {
                Self::try_from(&snapshot)
            }
        }
    )*};
}

/// As the conversion from what the snapshot borrows.
macro_rules! as_borrowed {
    ($([$($generics:tt)*] $target:ty),*) => {
        from_snapshot! {$([$($generics)*] $target => |it: &Snapshot| it.as_ref().try_into();)*}
    };
}

/// The content itself, borrowed.
macro_rules! borrowed {
    ($($target:ty),*) => {$(
        impl<'a> TryFrom<&'a Snapshot> for &'a $target {
            type Error = TryFromValueError;

            fn try_from(snapshot: &'a Snapshot) -> Result<Self> {
                snapshot.as_ref().try_into()
            }
        }
    )*};
}

borrowed!(str, [u8], List, Dict);

as_borrowed!([] bool, [] i8, [] i16, [] i32, [] i64, [] i128, [] isize);
as_borrowed!([] u8, [] u16, [] u32, [] u64, [] u128, [] usize);
as_borrowed!([] f64, [] String, [] Vec<u8>);
as_borrowed! {
    [T: ListItem + TryFrom<Value, Error: Into<TryFromValueError>>] Vec<T>,
    [T: TryFrom<Value, Error: Into<TryFromValueError>>] BTreeMap<String, T>,
    [T: TryFrom<Value, Error: Into<TryFromValueError>>, S: BuildHasher + Default]
        HashMap<String, T, S>
}

from_snapshot! {
    [] List => |it: &Snapshot| <&List>::try_from(it).cloned();
    [] Dict => |it: &Snapshot| <&Dict>::try_from(it).cloned();
    // A long text is shared.
    [] Arc<str> => |it: &Snapshot| it.to_value().try_into();
    [] Arc<[u8]> => |it: &Snapshot| it.to_value().try_into();
}
