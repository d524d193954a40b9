//! Writing a value as MessagePack.

use super::TAG;
use epochkv::ValueRef;
use rmp::encode;

/// The tagged form, or `None` if it is longer than `limit`. The value is not too deep.
pub(super) fn pack(value: ValueRef<'_>, limit: usize) -> Option<Vec<u8>> {
    let mut packer = Packer { out: vec![TAG], limit };
    packer.write(value)?;
    Some(packer.out)
}

/// Stops early: parts that are shared within a value are written as often as they occur, which
/// can be exponentially longer than the value is large in memory.
struct Packer {
    out: Vec<u8>,
    limit: usize,
}

impl Packer {
    fn write(&mut self, value: ValueRef<'_>) -> Option<()> {
        let out = &mut self.out;
        match value {
            ValueRef::Null => encode::write_nil(out).ok()?,
            ValueRef::Bool(bool) => encode::write_bool(out, bool).ok()?,
            ValueRef::Int(int) => encode::write_sint(out, int).map(|_| ()).ok()?,
            ValueRef::Float(float) => encode::write_f64(out, float).ok()?,
            ValueRef::Str(text) => {
                self.reserve(text.len())?;
                encode::write_str(&mut self.out, text).ok()?;
            }
            ValueRef::Bytes(bytes) => {
                self.reserve(bytes.len())?;
                encode::write_bin(&mut self.out, bytes).ok()?;
            }
            ValueRef::List(list) => {
                encode::write_array_len(out, u32::try_from(list.len()).ok()?).ok()?;
                for item in list.iter() {
                    self.write(item.as_ref())?;
                }
            }
            ValueRef::Dict(dict) => {
                encode::write_map_len(out, u32::try_from(dict.len()).ok()?).ok()?;
                for (key, value) in dict.iter() {
                    self.write(ValueRef::Str(key))?;
                    self.write(value.as_ref())?;
                }
            }
            // A kind that this version does not know.
            _ => return None,
        }
        self.reserve(0)
    }

    /// Whether so many more bytes are allowed.
    fn reserve(&self, more: usize) -> Option<()> {
        (self.out.len() + more <= self.limit).then_some(())
    }
}
