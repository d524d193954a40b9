//! Values from any format that says what it holds.

use core::fmt;
use serde_core::de::{
    Deserialize, DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Unexpected, Visitor,
};
use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::{Dict, List, Value};
use super::limit::Limit;

/// Items for which room is made before they are there: a size hint is a hint.
const MAX_RESERVED: usize = 1 << 12;

/// From null, a bool, a number, text, bytes, a sequence or a map with keys of text. An integer
/// that does not fit into an `i64` is refused, and so is a depth beyond [`Value::MAX_DEPTH`]:
/// the stack is safe with every format.
///
/// ```
/// use epochkv::Value;
///
/// let value: Value = serde_json::from_str(r#"{"scores": [1.5, 2, null]}"#)?;
/// assert_eq!(value.to_string(), r#"{"scores": [1.5, 2, null]}"#);
/// assert!(serde_json::from_str::<Value>("9223372036854775808").is_err());
/// # Ok::<(), serde_json::Error>(())
/// ```
impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Build(Limit::new()).deserialize(deserializer)
    }
}

/// As for [`Value`]; anything but a sequence is refused.
impl<'de> Deserialize<'de> for List {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        Self::try_from(value).map_err(D::Error::custom)
    }
}

/// As for [`Value`]; anything but a map is refused.
impl<'de> Deserialize<'de> for Dict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        Self::try_from(value).map_err(D::Error::custom)
    }
}

/// Builds a value that may use up this much depth.
struct Build(Limit);

impl<'de> DeserializeSeed<'de> for Build {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

/// An integer of any width; refused if it does not fit.
fn int<E: Error>(number: impl TryInto<i64>, seen: Unexpected<'_>) -> Result<Value, E> {
    match number.try_into() {
        Ok(int) => Ok(Value::Int(int)),
        Err(_) => Err(E::invalid_value(seen, &"an integer that fits into an i64")),
    }
}

impl<'de> Visitor<'de> for Build {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("null, a bool, a number, text, bytes, a list or a dict")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, inner: D) -> Result<Value, D::Error> {
        Self(self.0.wrapper().map_err(D::Error::custom)?).deserialize(inner)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, inner: D) -> Result<Value, D::Error> {
        self.visit_some(inner)
    }

    fn visit_bool<E: Error>(self, it: bool) -> Result<Value, E> {
        Ok(Value::Bool(it))
    }

    fn visit_i64<E: Error>(self, it: i64) -> Result<Value, E> {
        Ok(Value::Int(it))
    }

    fn visit_u64<E: Error>(self, it: u64) -> Result<Value, E> {
        int(it, Unexpected::Unsigned(it))
    }

    fn visit_i128<E: Error>(self, it: i128) -> Result<Value, E> {
        int(it, Unexpected::Other(&format!("integer `{it}`")))
    }

    fn visit_u128<E: Error>(self, it: u128) -> Result<Value, E> {
        int(it, Unexpected::Other(&format!("integer `{it}`")))
    }

    fn visit_f64<E: Error>(self, it: f64) -> Result<Value, E> {
        Ok(Value::Float(it))
    }

    fn visit_str<E: Error>(self, it: &str) -> Result<Value, E> {
        Ok(Value::from(it))
    }

    fn visit_bytes<E: Error>(self, it: &[u8]) -> Result<Value, E> {
        Ok(Value::from(it))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let inner = self.0.container().map_err(A::Error::custom)?;
        let mut list = Vec::with_capacity(items.size_hint().unwrap_or(0).min(MAX_RESERVED));
        while let Some(item) = items.next_element_seed(Build(inner))? {
            list.push(item);
        }
        Ok(Value::List(list.into()))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let inner = self.0.container().map_err(A::Error::custom)?;
        let mut map = BTreeMap::new();
        while let Some(key) = entries.next_key_seed(Text)? {
            map.insert(key, entries.next_value_seed(Build(inner))?);
        }
        Ok(Value::Dict(map.into()))
    }
}

/// A key of a dict.
struct Text;

impl<'de> DeserializeSeed<'de> for Text {
    type Value = Arc<str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Arc<str>, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Text {
    type Value = Arc<str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key of text")
    }

    fn visit_str<E: Error>(self, it: &str) -> Result<Arc<str>, E> {
        Ok(it.into())
    }
}
