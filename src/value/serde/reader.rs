//! Values into serde's data model.

use core::slice;
use serde_core::de::value::{BorrowedStrDeserializer, SeqDeserializer};
use serde_core::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error as _, IntoDeserializer, MapAccess, SeqAccess,
    Unexpected, VariantAccess, Visitor,
};
use serde_core::forward_to_deserialize_any;

use super::super::{DictIter, Value, ValueRef};
use super::error::SerdeError;
use super::key::KeyDeserializer;
use super::limit::Limit;

type Result<T> = core::result::Result<T, SerdeError>;

/// Deserializes from a [`ValueRef`]; what [`from_value`](crate::from_value) uses.
///
/// ```
/// use epochkv::{Value, ValueDeserializer};
/// use serde::Deserialize;
///
/// let value = Value::from([1, 2]);
/// let numbers = <[u8; 2]>::deserialize(ValueDeserializer::new(value.as_ref()))?;
/// assert_eq!(numbers, [1, 2]);
/// # Ok::<(), epochkv::SerdeError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct ValueDeserializer<'de> {
    value: ValueRef<'de>,
    limit: Limit,
}

impl<'de> ValueDeserializer<'de> {
    /// Of a value, from the top.
    ///
    /// ```
    /// use epochkv::{ValueDeserializer, ValueRef};
    /// use serde::Deserialize;
    ///
    /// let text = <&str>::deserialize(ValueDeserializer::new(ValueRef::Str("a")));
    /// assert_eq!(text.unwrap(), "a");
    /// ```
    #[must_use]
    pub fn new(value: ValueRef<'de>) -> Self {
        Self { value, limit: Limit::new() }
    }

    fn visit_list<V: Visitor<'de>>(self, list: &'de [Value], visitor: V) -> Result<V::Value> {
        let mut items = Items { items: list.iter(), limit: self.limit.container()? };
        let content = visitor.visit_seq(&mut items)?;
        match items.items.len() {
            0 => Ok(content),
            _ => Err(SerdeError::invalid_length(list.len(), &"fewer items in the list")),
        }
    }

    fn visit_dict<V: Visitor<'de>>(self, dict: DictIter<'de>, visitor: V) -> Result<V::Value> {
        let len = dict.len();
        let mut entries = Entries { entries: dict, value: None, limit: self.limit.container()? };
        let content = visitor.visit_map(&mut entries)?;
        match entries.entries.len() {
            0 => Ok(content),
            _ => Err(SerdeError::invalid_length(len, &"fewer entries in the dict")),
        }
    }
}

/// What a value is, for messages.
fn seen(value: ValueRef<'_>) -> Unexpected<'_> {
    match value {
        ValueRef::Null => Unexpected::Unit,
        ValueRef::Bool(it) => Unexpected::Bool(it),
        ValueRef::Int(it) => Unexpected::Signed(it),
        ValueRef::Float(it) => Unexpected::Float(it),
        ValueRef::Str(it) => Unexpected::Str(it),
        ValueRef::Bytes(it) => Unexpected::Bytes(it),
        ValueRef::List(_) => Unexpected::Seq,
        ValueRef::Dict(_) => Unexpected::Map,
    }
}

impl<'de> Deserializer<'de> for ValueDeserializer<'de> {
    type Error = SerdeError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        match self.value {
            ValueRef::Null => visitor.visit_unit(),
            ValueRef::Bool(it) => visitor.visit_bool(it),
            // As other formats do, which know unsigned numbers.
            ValueRef::Int(it) => match u64::try_from(it) {
                Ok(it) => visitor.visit_u64(it),
                Err(_) => visitor.visit_i64(it),
            },
            ValueRef::Float(it) => visitor.visit_f64(it),
            ValueRef::Str(it) => visitor.visit_borrowed_str(it),
            ValueRef::Bytes(it) => visitor.visit_borrowed_bytes(it),
            ValueRef::List(it) => self.visit_list(it, visitor),
            ValueRef::Dict(it) => self.visit_dict(it.iter(), visitor),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        match self.value {
            ValueRef::Null => visitor.visit_none(),
            _ => visitor.visit_some(Self { limit: self.limit.wrapper()?, ..self }),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value> {
        visitor.visit_newtype_struct(Self { limit: self.limit.wrapper()?, ..self })
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        let ValueRef::Bytes(bytes) = self.value else {
            return self.deserialize_any(visitor);
        };
        let mut items = SeqDeserializer::<_, SerdeError>::new(bytes.iter().copied());
        let content = visitor.visit_seq(&mut items)?;
        items.end()?;
        Ok(content)
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _len: usize, visitor: V) -> Result<V::Value> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _len: usize,
        visitor: V,
    ) -> Result<V::Value> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        if let ValueRef::Str(name) = self.value {
            return visitor.visit_enum(Variant { name, content: None });
        }
        let mut entries = self.value.as_dict().into_iter().flatten();
        match (entries.next(), entries.next()) {
            (Some((name, content)), None) => {
                let (value, limit) = (content.as_ref(), self.limit.container()?);
                visitor.visit_enum(Variant { name, content: Some(Self { value, limit }) })
            }
            _ => {
                let expected = &"the name of a variant, or a dict with that as its only key";
                Err(SerdeError::invalid_type(seen(self.value), expected))
            }
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct map struct identifier
    }
}

impl<'de> IntoDeserializer<'de, SerdeError> for ValueRef<'de> {
    type Deserializer = ValueDeserializer<'de>;

    fn into_deserializer(self) -> ValueDeserializer<'de> {
        ValueDeserializer::new(self)
    }
}

/// The items of a list that have not been read yet.
struct Items<'de> {
    items: slice::Iter<'de, Value>,
    limit: Limit,
}

impl<'de> SeqAccess<'de> for Items<'de> {
    type Error = SerdeError;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>> {
        let Some(item) = self.items.next() else { return Ok(None) };
        let reader = ValueDeserializer { value: item.as_ref(), limit: self.limit };
        seed.deserialize(reader).map(Some)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.items.len())
    }
}

/// The entries of a dict that have not been read yet.
struct Entries<'de> {
    entries: DictIter<'de>,
    /// That of the key that was read last.
    value: Option<&'de Value>,
    limit: Limit,
}

impl<'de> MapAccess<'de> for Entries<'de> {
    type Error = SerdeError;

    fn next_key_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>> {
        let Some((key, value)) = self.entries.next() else { return Ok(None) };
        self.value = Some(value);
        seed.deserialize(KeyDeserializer::new(key, self.limit)).map(Some)
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value> {
        let Some(value) = self.value.take() else {
            return Err(SerdeError::custom("the value of a dict was asked for before its key"));
        };
        seed.deserialize(ValueDeserializer { value: value.as_ref(), limit: self.limit })
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.entries.len())
    }
}

/// A variant of an enum.
struct Variant<'de> {
    name: &'de str,
    content: Option<ValueDeserializer<'de>>,
}

impl<'de> EnumAccess<'de> for Variant<'de> {
    type Error = SerdeError;
    type Variant = Content<'de>;

    fn variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<(T::Value, Content<'de>)> {
        let name = seed.deserialize(BorrowedStrDeserializer::<SerdeError>::new(self.name))?;
        Ok((name, Content(self.content)))
    }
}

/// What a variant holds.
struct Content<'de>(Option<ValueDeserializer<'de>>);

impl<'de> Content<'de> {
    fn expect(self, expected: &'static str) -> Result<ValueDeserializer<'de>> {
        self.0.ok_or_else(|| SerdeError::invalid_type(Unexpected::UnitVariant, &expected))
    }
}

impl<'de> VariantAccess<'de> for Content<'de> {
    type Error = SerdeError;

    fn unit_variant(self) -> Result<()> {
        match self.0.map(|content| content.value) {
            None | Some(ValueRef::Null) => Ok(()),
            Some(other) => Err(SerdeError::invalid_type(seen(other), &"a unit variant")),
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value> {
        seed.deserialize(self.expect("a newtype variant")?)
    }

    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value> {
        self.expect("a tuple variant")?.deserialize_tuple(len, visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        self.expect("a struct variant")?.deserialize_any(visitor)
    }
}
