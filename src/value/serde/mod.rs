//! Values and serde: any type into a value and back, and values in any format.

mod deserialize;
mod error;
mod key;
mod limit;
mod reader;
mod serialize;
mod writer;

use serde_core::{Deserialize, Serialize};

pub use error::SerdeError;
pub use reader::ValueDeserializer;
pub use writer::ValueSerializer;

use super::{Value, ValueRef};

/// The value that a Rust type is in serde's data model.
///
/// | serde | value |
/// | --- | --- |
/// | bool, integers, floats | `Bool`, `Int`, `Float`; floats keep their bits |
/// | `char`, strings, unit variants | `Str` |
/// | bytes (`serde_bytes`; a `Vec<u8>` is a sequence to serde) | `Bytes` |
/// | none, unit, unit structs | `Null` |
/// | some, newtype structs | what they hold |
/// | sequences, tuples, tuple structs | `List` |
/// | maps, structs | `Dict`; keys as serde_json makes them: text, or numbers, bools and characters as text |
/// | other variants | a `Dict` with the variant's name as its only key |
///
/// O(n).
///
/// # Errors
///
/// [`Overflow`](crate::ErrorKind::Overflow) for an integer that does not fit into an `i64`,
/// [`TooDeep`](crate::ErrorKind::TooDeep) beyond [`Value::MAX_DEPTH`], without an
/// overflow of the stack; a map key that is not text and has none, and whatever the type's own
/// `Serialize` says.
///
/// ```
/// use epochkv::{Value, to_value};
/// use std::collections::HashMap;
///
/// let value = to_value(&HashMap::from([(7_u8, ("seven", 7.0))]))?;
/// assert_eq!(value, Value::dict([("7", Value::list([Value::from("seven"), 7.0.into()]))]));
/// assert!(to_value(&u64::MAX).is_err());
/// # Ok::<(), epochkv::SerdeError>(())
/// ```
pub fn to_value<T: Serialize + ?Sized>(content: &T) -> Result<Value, SerdeError> {
    content.serialize(ValueSerializer::new())
}

/// The Rust type that a value stands for; the inverse of [`to_value`].
///
/// A type that borrows text or bytes borrows them from the value. A list is also taken for a
/// struct by the order of its fields, a `Bytes` for a sequence of small integers and a list of
/// those for bytes, an `Int` for a float. `None` is `Null`, so an `Option` of something that is
/// `Null` itself comes back as `None`. O(n).
///
/// # Errors
///
/// If the value does not fit the type; [`TooDeep`](crate::ErrorKind::TooDeep) for a
/// value deeper than [`Value::MAX_DEPTH`].
///
/// ```
/// use epochkv::{Value, from_value};
///
/// let value = Value::list([Value::from("seven"), 7.into()]);
/// let (name, number): (&str, u8) = from_value(value.as_ref())?;
/// assert_eq!((name, number), ("seven", 7));
/// let error = from_value::<(String, bool)>(value.as_ref()).unwrap_err();
/// assert_eq!(error.to_string(), "invalid type: integer `7`, expected a boolean");
/// # Ok::<(), epochkv::SerdeError>(())
/// ```
pub fn from_value<'de, T: Deserialize<'de>>(value: ValueRef<'de>) -> Result<T, SerdeError> {
    T::deserialize(ValueDeserializer::new(value))
}
