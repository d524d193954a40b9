//! The value on its way into a record, in the form in which it is stored.

use super::cell::Cell;
use crate::value::{Input, Value, ValueRef};
use std::sync::Arc;

/// Texts up to this length stand in the record; longer ones are shared, so that
/// a new deadline does not copy them.
const INLINE_MAX: usize = 1024;

/// How the value is stored. A number rather than an enum: read from a record's
/// header on every access, it is compared as it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Kind(pub(super) u32);

impl Kind {
    pub(super) const NULL: Self = Self(0);
    pub(super) const BOOL: Self = Self(1);
    /// An integer of 63 bits, which changes in place.
    pub(super) const COUNTER: Self = Self(2);
    /// An integer that does not fit into a cell.
    pub(super) const WIDE_INT: Self = Self(3);
    pub(super) const FLOAT: Self = Self(4);
    pub(super) const STR: Self = Self(5);
    pub(super) const BYTES: Self = Self(6);
    pub(super) const SHARED: Self = Self(7);
}

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
    #[inline]
    pub(super) fn scalar(kind: Kind, word: u64) -> Self {
        Self { kind, word, text: &[], shared: None }
    }

    #[inline]
    pub(super) fn text(kind: Kind, text: &'a [u8]) -> Self {
        Self { kind, word: text.len() as u64, text, shared: None }
    }

    #[inline]
    pub(super) fn shared(value: Value) -> Self {
        Self { kind: Kind::SHARED, word: 0, text: &[], shared: Some(value) }
    }

    /// An integer, as a counter if it fits.
    #[inline]
    pub(crate) fn int(value: i64) -> Self {
        let kind = if Cell::fits(value) { Kind::COUNTER } else { Kind::WIDE_INT };
        Self::scalar(kind, value as u64)
    }

    /// A float.
    #[inline]
    pub(crate) fn float(value: f64) -> Self {
        Self::scalar(Kind::FLOAT, value.to_bits())
    }

    /// Turns long text into a shared value, so that [`of`](Self::of), which may be
    /// called under a guard and more than once, does not copy it.
    pub(crate) fn prepare<'v>(input: Input<'v>) -> Input<'v> {
        let len = match input.as_ref() {
            ValueRef::Str(text) => text.len(),
            ValueRef::Bytes(bytes) => bytes.len(),
            _ => 0,
        };
        if len > INLINE_MAX { Input::Value(input.into_value()) } else { input }
    }

    /// Borrows what can stay where it is and shares what can be shared.
    #[inline(always)]
    pub(crate) fn of(input: &'a Input<'_>) -> Self {
        match input {
            Input::Str(text) => Self::str(text, || Arc::from(*text)),
            Input::String(text) => Self::str(text, || Arc::from(text.as_str())),
            Input::Bytes(bytes) => Self::bytes(bytes, || Arc::from(*bytes)),
            Input::ByteVec(bytes) => Self::bytes(bytes, || Arc::from(bytes.as_slice())),
            Input::Value(value) => match value {
                Value::Null => Self::scalar(Kind::NULL, 0),
                Value::Bool(value) => Self::scalar(Kind::BOOL, u64::from(*value)),
                Value::Int(value) => Self::int(*value),
                Value::Float(value) => Self::float(*value),
                Value::Str(text) => Self::str(text, || text.clone()),
                Value::Bytes(bytes) => Self::bytes(bytes, || bytes.clone()),
                Value::List(_) | Value::Dict(_) => Self::shared(value.clone()),
            },
        }
    }

    #[inline(always)]
    fn str(text: &'a str, share: impl FnOnce() -> Arc<str>) -> Self {
        if text.len() <= INLINE_MAX {
            Self::text(Kind::STR, text.as_bytes())
        } else {
            Self::shared(Value::Str(share()))
        }
    }

    #[inline(always)]
    fn bytes(bytes: &'a [u8], share: impl FnOnce() -> Arc<[u8]>) -> Self {
        if bytes.len() <= INLINE_MAX {
            Self::text(Kind::BYTES, bytes)
        } else {
            Self::shared(Value::Bytes(share()))
        }
    }
}
