//! Reading MessagePack that anybody may have written.

use epochkv::Value;
use rmp::Marker;
use rmp::decode::{self, RmpRead};

/// The value, if the bytes are exactly one that the store accepts.
pub(super) fn unpack(mut bytes: &[u8]) -> Option<Value> {
    let value = read(&mut bytes, Value::MAX_DEPTH)?;
    bytes.is_empty().then_some(value)
}

/// Reads one value with at most `levels` levels of lists and dicts.
fn read(from: &mut &[u8], levels: usize) -> Option<Value> {
    Some(match decode::read_marker(from).ok()? {
        Marker::Null => Value::Null,
        Marker::True => Value::Bool(true),
        Marker::False => Value::Bool(false),
        Marker::FixPos(int) => Value::Int(int.into()),
        Marker::FixNeg(int) => Value::Int(int.into()),
        Marker::U8 => Value::Int(from.read_data_u8().ok()?.into()),
        Marker::U16 => Value::Int(from.read_data_u16().ok()?.into()),
        Marker::U32 => Value::Int(from.read_data_u32().ok()?.into()),
        Marker::U64 => Value::Int(from.read_data_u64().ok()?.try_into().ok()?),
        Marker::I8 => Value::Int(from.read_data_i8().ok()?.into()),
        Marker::I16 => Value::Int(from.read_data_i16().ok()?.into()),
        Marker::I32 => Value::Int(from.read_data_i32().ok()?.into()),
        Marker::I64 => Value::Int(from.read_data_i64().ok()?),
        Marker::F32 => Value::Float(from.read_data_f32().ok()?.into()),
        Marker::F64 => Value::Float(from.read_data_f64().ok()?),
        Marker::FixStr(len) => text(from, len.into())?.into(),
        Marker::Str8 => len8(from).and_then(|len| text(from, len))?.into(),
        Marker::Str16 => len16(from).and_then(|len| text(from, len))?.into(),
        Marker::Str32 => len32(from).and_then(|len| text(from, len))?.into(),
        Marker::Bin8 => len8(from).and_then(|len| bytes(from, len))?.into(),
        Marker::Bin16 => len16(from).and_then(|len| bytes(from, len))?.into(),
        Marker::Bin32 => len32(from).and_then(|len| bytes(from, len))?.into(),
        Marker::FixArray(len) => list(from, len.into(), levels)?,
        Marker::Array16 => len16(from).and_then(|len| list(from, len, levels))?,
        Marker::Array32 => len32(from).and_then(|len| list(from, len, levels))?,
        Marker::FixMap(len) => dict(from, len.into(), levels)?,
        Marker::Map16 => len16(from).and_then(|len| dict(from, len, levels))?,
        Marker::Map32 => len32(from).and_then(|len| dict(from, len, levels))?,
        Marker::Reserved
        | Marker::Ext8
        | Marker::Ext16
        | Marker::Ext32
        | Marker::FixExt1
        | Marker::FixExt2
        | Marker::FixExt4
        | Marker::FixExt8
        | Marker::FixExt16 => return None,
    })
}

fn len8(from: &mut &[u8]) -> Option<usize> {
    from.read_data_u8().ok().map(usize::from)
}

fn len16(from: &mut &[u8]) -> Option<usize> {
    from.read_data_u16().ok().map(usize::from)
}

fn len32(from: &mut &[u8]) -> Option<usize> {
    from.read_data_u32().ok()?.try_into().ok()
}

fn bytes<'a>(from: &mut &'a [u8], len: usize) -> Option<&'a [u8]> {
    let (bytes, rest) = from.split_at_checked(len)?;
    *from = rest;
    Some(bytes)
}

fn text<'a>(from: &mut &'a [u8], len: usize) -> Option<&'a str> {
    str::from_utf8(bytes(from, len)?).ok()
}

/// An item takes a byte at least, so that a length beyond the rest is a lie for which no
/// memory is reserved.
fn list(from: &mut &[u8], len: usize, levels: usize) -> Option<Value> {
    let levels = levels.checked_sub(1)?;
    let mut items = Vec::with_capacity((len <= from.len()).then_some(len)?);
    for _ in 0..len {
        items.push(read(from, levels)?);
    }
    Some(items.into())
}

fn dict(from: &mut &[u8], len: usize, levels: usize) -> Option<Value> {
    let levels = levels.checked_sub(1)?;
    let mut entries = Vec::with_capacity((len <= from.len() / 2).then_some(len)?);
    for _ in 0..len {
        let Value::Str(key) = read(from, 0)? else {
            return None;
        };
        entries.push((key, read(from, levels)?));
    }
    Some(Value::dict(entries))
}
