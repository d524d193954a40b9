//! The keys of maps, which are text in a dict.

use core::fmt::Display;
use serde_core::de::{Deserializer, IntoDeserializer, Visitor};
use serde_core::ser::{Error as _, Impossible, Serialize, Serializer};
use std::sync::Arc;

use super::error::SerdeError;
use super::limit::Limit;

type Result<T> = core::result::Result<T, SerdeError>;

/// Serializes what has a text of its own; refuses the rest.
pub(super) struct KeySerializer(Limit);

impl KeySerializer {
    pub(super) fn new() -> Self {
        Self(Limit::new())
    }
}

fn not_text() -> SerdeError {
    SerdeError::custom("the key of a map is not text")
}

fn text(it: impl Display) -> Result<Arc<str>> {
    Ok(it.to_string().into())
}

/// Floats as Rust prints them, which reads back as the same number.
fn float(it: f64, text: &dyn Display) -> Result<Arc<str>> {
    if it.is_finite() { self::text(text) } else { Err(not_text()) }
}

macro_rules! printed {
    ($($method:ident($scalar:ty);)*) => {$(
        fn $method(self, it: $scalar) -> Result<Arc<str>> {
            text(it)
        }
    )*};
}

impl Serializer for KeySerializer {
    type Ok = Arc<str>;
    type Error = SerdeError;
    type SerializeSeq = Impossible<Arc<str>, SerdeError>;
    type SerializeTuple = Impossible<Arc<str>, SerdeError>;
    type SerializeTupleStruct = Impossible<Arc<str>, SerdeError>;
    type SerializeTupleVariant = Impossible<Arc<str>, SerdeError>;
    type SerializeMap = Impossible<Arc<str>, SerdeError>;
    type SerializeStruct = Impossible<Arc<str>, SerdeError>;
    type SerializeStructVariant = Impossible<Arc<str>, SerdeError>;

    printed! {
        serialize_bool(bool);
        serialize_i8(i8);
        serialize_i16(i16);
        serialize_i32(i32);
        serialize_i64(i64);
        serialize_i128(i128);
        serialize_u8(u8);
        serialize_u16(u16);
        serialize_u32(u32);
        serialize_u64(u64);
        serialize_u128(u128);
        serialize_char(char);
    }

    fn serialize_f32(self, it: f32) -> Result<Arc<str>> {
        float(it.into(), &it)
    }

    fn serialize_f64(self, it: f64) -> Result<Arc<str>> {
        float(it, &it)
    }

    fn serialize_str(self, it: &str) -> Result<Arc<str>> {
        Ok(it.into())
    }

    fn serialize_bytes(self, _: &[u8]) -> Result<Arc<str>> {
        Err(not_text())
    }

    fn serialize_none(self) -> Result<Arc<str>> {
        Err(not_text())
    }

    fn serialize_some<T: Serialize + ?Sized>(self, _: &T) -> Result<Arc<str>> {
        Err(not_text())
    }

    fn serialize_unit(self) -> Result<Arc<str>> {
        Err(not_text())
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<Arc<str>> {
        Err(not_text())
    }

    fn serialize_unit_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
    ) -> Result<Arc<str>> {
        Ok(variant.into())
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        it: &T,
    ) -> Result<Arc<str>> {
        it.serialize(Self(self.0.wrapper()?))
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<Arc<str>> {
        Err(not_text())
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Self::SerializeSeq> {
        Err(not_text())
    }

    fn serialize_tuple(self, _: usize) -> Result<Self::SerializeTuple> {
        Err(not_text())
    }

    fn serialize_tuple_struct(
        self,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleStruct> {
        Err(not_text())
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleVariant> {
        Err(not_text())
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Self::SerializeMap> {
        Err(not_text())
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Self::SerializeStruct> {
        Err(not_text())
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeStructVariant> {
        Err(not_text())
    }
}

/// A key of a dict, read as what the map's key type wants.
pub(super) struct KeyDeserializer<'de> {
    key: &'de str,
    limit: Limit,
}

impl<'de> KeyDeserializer<'de> {
    pub(super) fn new(key: &'de str, limit: Limit) -> Self {
        Self { key, limit }
    }
}

/// Numbers and bools in the text that [`KeySerializer`] writes; other text as itself, for
/// the type to refuse.
macro_rules! parsed {
    ($($method:ident => $visit:ident($scalar:ty);)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
            match self.key.parse::<$scalar>() {
                Ok(it) if it.to_string() == self.key => visitor.$visit(it),
                _ => visitor.visit_borrowed_str(self.key),
            }
        }
    )*};
}

impl<'de> Deserializer<'de> for KeyDeserializer<'de> {
    type Error = SerdeError;

    parsed! {
        deserialize_bool => visit_bool(bool);
        deserialize_i8 => visit_i8(i8);
        deserialize_i16 => visit_i16(i16);
        deserialize_i32 => visit_i32(i32);
        deserialize_i64 => visit_i64(i64);
        deserialize_i128 => visit_i128(i128);
        deserialize_u8 => visit_u8(u8);
        deserialize_u16 => visit_u16(u16);
        deserialize_u32 => visit_u32(u32);
        deserialize_u64 => visit_u64(u64);
        deserialize_u128 => visit_u128(u128);
        deserialize_f32 => visit_f32(f32);
        deserialize_f64 => visit_f64(f64);
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        visitor.visit_borrowed_str(self.key)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        let limit = self.limit.wrapper()?;
        visitor.visit_some(Self { limit, ..self })
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value> {
        let limit = self.limit.wrapper()?;
        visitor.visit_newtype_struct(Self { limit, ..self })
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        visitor.visit_enum(self.key.into_deserializer())
    }

    serde_core::forward_to_deserialize_any! {
        char str string bytes byte_buf unit unit_struct seq tuple tuple_struct map struct
        identifier ignored_any
    }
}
