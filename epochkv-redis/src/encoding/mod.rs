//! The wire form of a value.
//!
//! | value | bytes |
//! | --- | --- |
//! | integer | its decimal text, so that the engine's own `INCRBY` works on it |
//! | text | itself, unless it reads as an integer: then as below |
//! | anything else | the byte `0xC1`, then MessagePack |
//!
//! MessagePack never uses `0xC1`, and UTF-8 never contains it: what another program writes as
//! plain text is read as text, or as an integer, and never taken for the tagged form. Bytes that
//! are neither are read as bytes.

mod pack;
mod unpack;

use epochkv::{ErrorKind, Input, StoreError, StoreErrorKind, Value, ValueRef};

/// The first byte of everything that is neither an integer nor plain text.
const TAG: u8 = 0xc1;

/// The greatest length of a value that engines accept by default (`proto-max-bulk-len`).
pub(crate) const MAX_LEN: usize = 512 << 20;

/// The wire form of what a writing call was given.
pub(crate) fn encode(input: &Input<'_>) -> Result<Vec<u8>, StoreError> {
    let value = input.as_ref();
    if value.depth() > Value::MAX_DEPTH {
        return Err(ErrorKind::TooDeep.into());
    }
    let bytes = match value {
        ValueRef::Int(int) => Some(int.to_string().into_bytes()),
        ValueRef::Str(text) if text.len() > MAX_LEN => None,
        ValueRef::Str(text) if parse_int(text).is_none() => Some(text.as_bytes().to_vec()),
        value => pack::pack(value, MAX_LEN),
    };
    bytes.ok_or_else(|| {
        let message = format!("the value takes more than the {} MiB of engines", MAX_LEN >> 20);
        StoreError::new(StoreErrorKind::Engine, message)
    })
}

/// The value that the engine holds. Total: there is a value or an error for any bytes.
pub(crate) fn decode(bytes: &[u8]) -> Result<Value, StoreError> {
    read(bytes).map(Input::into_value)
}

/// As [`decode`], without a copy of plain text and bytes.
pub(crate) fn read(bytes: &[u8]) -> Result<Input<'_>, StoreError> {
    if let Some(packed) = bytes.strip_prefix(&[TAG]) {
        return unpack::unpack(packed).map(Input::Value).ok_or_else(|| {
            let message = format!(
                "the {} bytes in the engine begin as a packed value and are none",
                bytes.len()
            );
            StoreError::new(StoreErrorKind::Undecodable, message)
        });
    }
    Ok(match str::from_utf8(bytes) {
        Ok(text) => parse_int(text).map_or(Input::Str(text), Input::from),
        Err(_) => Input::Bytes(bytes),
    })
}

/// The integer of which this is the decimal text, exactly as the engine writes it.
pub(crate) fn parse_int(text: &str) -> Option<i64> {
    if !text.ends_with(|last: char| last.is_ascii_digit()) {
        return None;
    }
    let int = text.parse().ok()?;
    // One text per integer: no plus sign, leading zero or negative zero.
    let digits = text.strip_prefix('-').unwrap_or(text);
    let canonical = if digits.starts_with('0') { text == "0" } else { !text.starts_with('+') };
    canonical.then_some(int)
}

#[cfg(test)]
mod tests;
