//! Serde's data model into values.

use serde_core::Serialize;
use serde_core::ser::{self, Serializer};
use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::Value;
use super::error::SerdeError;
use super::key::KeySerializer;
use super::limit::Limit;

type Result<T> = core::result::Result<T, SerdeError>;

/// Items for which room is made before they are there: a length is a promise of foreign code.
const MAX_RESERVED: usize = 1 << 12;

/// Serializes into a [`Value`]; what [`to_value`](crate::to_value) uses.
///
/// ```
/// use epochkv::{Value, ValueSerializer};
/// use serde::Serialize;
///
/// let value = Some('x').serialize(ValueSerializer::new())?;
/// assert_eq!(value, "x");
/// # Ok::<(), epochkv::SerdeError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct ValueSerializer(Limit);

impl ValueSerializer {
    /// For a value from the top.
    ///
    /// ```
    /// use epochkv::ValueSerializer;
    /// use serde::Serialize;
    ///
    /// assert!([[1]; 2].serialize(ValueSerializer::new()).is_ok());
    /// ```
    #[must_use]
    pub fn new() -> Self {
        Self(Limit::new())
    }

    fn list(self, len: usize) -> Result<ListSerializer> {
        let items = Vec::with_capacity(len.min(MAX_RESERVED));
        Ok(ListSerializer { variant: None, items, inner: Self(self.0.container()?) })
    }

    fn dict(self) -> Result<DictSerializer> {
        let inner = Self(self.0.container()?);
        Ok(DictSerializer { variant: None, entries: BTreeMap::new(), key: None, inner })
    }

    /// Inside the dict that stands for a variant.
    fn variant(self) -> Result<Self> {
        Ok(Self(self.0.container()?))
    }
}

impl Default for ValueSerializer {
    fn default() -> Self {
        Self::new()
    }
}

/// The content of a variant, with its name if it is one.
fn named(variant: Option<&'static str>, content: Value) -> Value {
    match variant {
        Some(name) => Value::dict([(name, content)]),
        None => content,
    }
}

macro_rules! scalars {
    ($($method:ident($scalar:ty);)*) => {$(
        fn $method(self, it: $scalar) -> Result<Value> {
            Ok(Value::try_from(it)?)
        }
    )*};
}

impl Serializer for ValueSerializer {
    type Ok = Value;
    type Error = SerdeError;
    type SerializeSeq = ListSerializer;
    type SerializeTuple = ListSerializer;
    type SerializeTupleStruct = ListSerializer;
    type SerializeTupleVariant = ListSerializer;
    type SerializeMap = DictSerializer;
    type SerializeStruct = DictSerializer;
    type SerializeStructVariant = DictSerializer;

    scalars! {
        serialize_u64(u64);
        serialize_i128(i128);
        serialize_u128(u128);
    }

    fn serialize_bool(self, it: bool) -> Result<Value> {
        Ok(it.into())
    }

    fn serialize_i8(self, it: i8) -> Result<Value> {
        Ok(it.into())
    }

    fn serialize_i16(self, it: i16) -> Result<Value> {
        Ok(it.into())
    }

    fn serialize_i32(self, it: i32) -> Result<Value> {
        Ok(it.into())
    }

    fn serialize_i64(self, it: i64) -> Result<Value> {
        Ok(it.into())
    }

    fn serialize_u8(self, it: u8) -> Result<Value> {
        Ok(it.into())
    }

    fn serialize_u16(self, it: u16) -> Result<Value> {
        Ok(it.into())
    }

    fn serialize_u32(self, it: u32) -> Result<Value> {
        Ok(it.into())
    }

    fn serialize_f32(self, it: f32) -> Result<Value> {
        Ok(it.into())
    }

    fn serialize_f64(self, it: f64) -> Result<Value> {
        Ok(it.into())
    }

    fn serialize_char(self, it: char) -> Result<Value> {
        Ok(it.into())
    }

    fn serialize_str(self, it: &str) -> Result<Value> {
        Ok(it.into())
    }

    fn serialize_bytes(self, it: &[u8]) -> Result<Value> {
        Ok(it.into())
    }

    fn serialize_none(self) -> Result<Value> {
        Ok(Value::Null)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, it: &T) -> Result<Value> {
        it.serialize(Self(self.0.wrapper()?))
    }

    fn serialize_unit(self) -> Result<Value> {
        Ok(Value::Null)
    }

    fn serialize_unit_struct(self, _name: &'static str) -> Result<Value> {
        Ok(Value::Null)
    }

    fn serialize_unit_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
    ) -> Result<Value> {
        Ok(variant.into())
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        it: &T,
    ) -> Result<Value> {
        self.serialize_some(it)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        it: &T,
    ) -> Result<Value> {
        Ok(named(Some(variant), it.serialize(self.variant()?)?))
    }

    fn serialize_seq(self, len: Option<usize>) -> Result<ListSerializer> {
        self.list(len.unwrap_or(0))
    }

    fn serialize_tuple(self, len: usize) -> Result<ListSerializer> {
        self.list(len)
    }

    fn serialize_tuple_struct(self, _name: &'static str, len: usize) -> Result<ListSerializer> {
        self.list(len)
    }

    fn serialize_tuple_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<ListSerializer> {
        Ok(ListSerializer { variant: Some(variant), ..self.variant()?.list(len)? })
    }

    fn serialize_map(self, _len: Option<usize>) -> Result<DictSerializer> {
        self.dict()
    }

    fn serialize_struct(self, _name: &'static str, _len: usize) -> Result<DictSerializer> {
        self.dict()
    }

    fn serialize_struct_variant(
        self,
        _name: &'static str,
        _index: u32,
        variant: &'static str,
        _len: usize,
    ) -> Result<DictSerializer> {
        Ok(DictSerializer { variant: Some(variant), ..self.variant()?.dict()? })
    }
}

// A list that is being made: an associated type, which nobody names.
#[derive(Debug)]
pub struct ListSerializer {
    variant: Option<&'static str>,
    items: Vec<Value>,
    inner: ValueSerializer,
}

impl ListSerializer {
    fn push<T: Serialize + ?Sized>(&mut self, item: &T) -> Result<()> {
        self.items.push(item.serialize(self.inner)?);
        Ok(())
    }

    fn finish(self) -> Value {
        named(self.variant, Value::List(self.items.into()))
    }
}

// As above, a dict.
#[derive(Debug)]
pub struct DictSerializer {
    variant: Option<&'static str>,
    entries: BTreeMap<Arc<str>, Value>,
    /// The key that waits for its value.
    key: Option<Arc<str>>,
    inner: ValueSerializer,
}

impl DictSerializer {
    fn insert<T: Serialize + ?Sized>(&mut self, key: Arc<str>, item: &T) -> Result<()> {
        self.entries.insert(key, item.serialize(self.inner)?);
        Ok(())
    }

    fn finish(self) -> Value {
        named(self.variant, Value::Dict(self.entries.into()))
    }
}

/// Implements the traits of everything that is a list, by the name of its method.
macro_rules! lists {
    ($($part:ident::$method:ident;)*) => {$(
        impl ser::$part for ListSerializer {
            type Ok = Value;
            type Error = SerdeError;

            fn $method<T: Serialize + ?Sized>(&mut self, item: &T) -> Result<()> {
                self.push(item)
            }

            fn end(self) -> Result<Value> {
                Ok(self.finish())
            }
        }
    )*};
}

lists! {
    SerializeSeq::serialize_element;
    SerializeTuple::serialize_element;
    SerializeTupleStruct::serialize_field;
    SerializeTupleVariant::serialize_field;
}

impl ser::SerializeMap for DictSerializer {
    type Ok = Value;
    type Error = SerdeError;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<()> {
        self.key = Some(key.serialize(KeySerializer::new())?);
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, item: &T) -> Result<()> {
        match self.key.take() {
            Some(key) => self.insert(key, item),
            None => Err(ser::Error::custom("a value of a map came before its key")),
        }
    }

    fn end(self) -> Result<Value> {
        Ok(self.finish())
    }
}

/// Implements the traits of structs.
macro_rules! structs {
    ($($part:ident;)*) => {$(
        impl ser::$part for DictSerializer {
            type Ok = Value;
            type Error = SerdeError;

            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                name: &'static str,
                item: &T,
            ) -> Result<()> {
                self.insert(name.into(), item)
            }

            fn end(self) -> Result<Value> {
                Ok(self.finish())
            }
        }
    )*};
}

structs! {
    SerializeStruct;
    SerializeStructVariant;
}
