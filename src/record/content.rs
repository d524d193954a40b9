//! The value on its way into a record, in the form in which it is stored.

use super::cell::Cell;
use crate::value::{Input, Value};
use std::sync::Arc;

/// Texts up to this length stand in the record; longer ones are shared, so that
/// a new deadline does not copy them.
const INLINE_MAX: usize = 1024;

/// How the value is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(super) enum Kind {
    Null,
    Bool,
    /// An integer of 63 bits, which changes in place.
    Counter,
    /// An integer that does not fit into a cell.
    WideInt,
    Float,
    Str,
    Bytes,
    Shared,
}

/// All kinds, by number.
pub(super) const KINDS: [Kind; 8] = [
    Kind::Null,
    Kind::Bool,
    Kind::Counter,
    Kind::WideInt,
    Kind::Float,
    Kind::Str,
    Kind::Bytes,
    Kind::Shared,
];

/// What goes into a record as its value.
pub(crate) struct Content<'a> {
    pub(super) kind: Kind,
    /// The scalar, or the length of the text.
    pub(super) word: u64,
    /// What stands behind the key.
    pub(super) text: &'a [u8],
    /// The value of kind `Shared`.
    pub(super) shared: Option<Value>,
}

impl<'a> Content<'a> {
    pub(super) fn scalar(kind: Kind, word: u64) -> Self {
        Self { kind, word, text: &[], shared: None }
    }

    pub(super) fn text(kind: Kind, text: &'a [u8]) -> Self {
        Self { kind, word: text.len() as u64, text, shared: None }
    }

    pub(super) fn shared(value: Value) -> Self {
        Self { kind: Kind::Shared, word: 0, text: &[], shared: Some(value) }
    }

    /// An integer, as a counter if it fits.
    pub(crate) fn int(value: i64) -> Self {
        let kind = if Cell::fits(value) { Kind::Counter } else { Kind::WideInt };
        Self::scalar(kind, value as u64)
    }

    /// A float.
    pub(crate) fn float(value: f64) -> Self {
        Self::scalar(Kind::Float, value.to_bits())
    }

    /// Borrows what can stay where it is and shares what can be shared.
    pub(crate) fn of(input: &'a Input<'_>) -> Self {
        match input {
            Input::Str(text) => Self::str(text, || Arc::from(*text)),
            Input::String(text) => Self::str(text, || Arc::from(text.as_str())),
            Input::Bytes(bytes) => Self::bytes(bytes, || Arc::from(*bytes)),
            Input::ByteVec(bytes) => Self::bytes(bytes, || Arc::from(bytes.as_slice())),
            Input::Value(value) => match value {
                Value::Null => Self::scalar(Kind::Null, 0),
                Value::Bool(value) => Self::scalar(Kind::Bool, u64::from(*value)),
                Value::Int(value) => Self::int(*value),
                Value::Float(value) => Self::float(*value),
                Value::Str(text) => Self::str(text, || text.clone()),
                Value::Bytes(bytes) => Self::bytes(bytes, || bytes.clone()),
                Value::List(_) | Value::Dict(_) => Self::shared(value.clone()),
            },
        }
    }

    fn str(text: &'a str, share: impl FnOnce() -> Arc<str>) -> Self {
        if text.len() <= INLINE_MAX {
            Self::text(Kind::Str, text.as_bytes())
        } else {
            Self::shared(Value::Str(share()))
        }
    }

    fn bytes(bytes: &'a [u8], share: impl FnOnce() -> Arc<[u8]>) -> Self {
        if bytes.len() <= INLINE_MAX {
            Self::text(Kind::Bytes, bytes)
        } else {
            Self::shared(Value::Bytes(share()))
        }
    }
}
