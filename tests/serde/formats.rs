//! Values from formats, and what a value says of itself to a reader.

use epochkv::{Dict, List, Snapshot, Value, ValueDeserializer, to_value};
use serde::Deserialize;
use serde::de::{self, IgnoredAny, IntoDeserializer};
use std::fmt;

#[test]
fn values_from_a_format_are_as_deep_as_the_store_takes() {
    let text = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
    let parse = |levels: usize| {
        let text = text(levels);
        let mut parser = serde_json::Deserializer::from_str(&text);
        parser.disable_recursion_limit();
        Value::deserialize(&mut parser)
    };
    assert_eq!(parse(Value::MAX_DEPTH).unwrap().depth(), Value::MAX_DEPTH);
    for levels in [Value::MAX_DEPTH + 1, 1_000_000] {
        let error = parse(levels).unwrap_err().to_string();
        assert!(error.starts_with("value is nested too deep"), "{error}");
    }
    let dicts = |levels: usize| r#"{"k":"#.repeat(levels) + "null" + &"}".repeat(levels);
    assert!(serde_json::from_str::<Value>(&dicts(129)).is_err());
}

#[test]
fn values_from_a_format_are_refused_by_name() {
    let error = |text: &str| serde_json::from_str::<Value>(text).unwrap_err().to_string();
    assert!(error("9223372036854775808").starts_with(
        "invalid value: integer `9223372036854775808`, expected an integer that fits into an i64"
    ));
    assert_eq!(serde_json::from_str::<Value>("9223372036854775807").unwrap(), i64::MAX);
    let wide: Result<Value, de::value::Error> = Value::deserialize(u128::MAX.into_deserializer());
    assert!(
        wide.unwrap_err().to_string().contains("integer `340282366920938463463374607431768211455`")
    );
    let wide: Result<Value, de::value::Error> = Value::deserialize(7_i128.into_deserializer());
    assert_eq!(wide.unwrap(), 7);
    assert!(
        serde_json::from_str::<List>("{}")
            .unwrap_err()
            .to_string()
            .contains("expected list, found dict")
    );
    assert!(
        serde_json::from_str::<Dict>("[]")
            .unwrap_err()
            .to_string()
            .contains("expected dict, found list")
    );
    assert_eq!(serde_json::from_str::<List>("[1]").unwrap().len(), 1);
    assert_eq!(
        serde_json::from_str::<Dict>(r#"{"a": 1, "a": 2}"#).unwrap().to_string(),
        r#"{"a": 2}"#
    );
    let snapshot: Snapshot = serde_json::from_str(r#""text""#).unwrap();
    assert_eq!(
        (snapshot.as_str(), serde_json::to_string(&snapshot).unwrap().as_str()),
        (Some("text"), r#""text""#)
    );
}

/// What a format may have that JSON does not show.
#[derive(Clone, Copy)]
enum Form {
    Some,
    Newtype,
    Enum,
    NumberedKey,
}

impl<'de> serde::Deserializer<'de> for Form {
    type Error = de::value::Error;

    fn deserialize_any<V: de::Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        use de::value::{BorrowedStrDeserializer, MapDeserializer, U8Deserializer};
        let seven: U8Deserializer<Self::Error> = 7_u8.into_deserializer();
        match self {
            Self::Some => visitor.visit_some(seven),
            Self::Newtype => visitor.visit_newtype_struct(seven),
            Self::Enum => visitor.visit_enum(BorrowedStrDeserializer::new("variant")),
            Self::NumberedKey => visitor.visit_map(MapDeserializer::new([(7_u8, 1)].into_iter())),
        }
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option
        unit unit_struct newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

#[test]
fn values_from_a_format_are_what_is_wrapped() {
    assert_eq!(Value::deserialize(Form::Some).unwrap(), 7);
    assert_eq!(Value::deserialize(Form::Newtype).unwrap(), 7);
    let error = |form: Form| Value::deserialize(form).unwrap_err().to_string();
    assert!(
        error(Form::Enum)
            .contains("expected null, a bool, a number, text, bytes, a list or a dict")
    );
    assert!(error(Form::NumberedKey).contains("expected a key of text"));
    let error = to_value(&u64::MAX).unwrap_err();
    assert_eq!(format!("{error:?}"), format!("SerdeError({:?})", error.to_string()));
}

/// What a reader says that is left of a list or dict, before each item.
struct Left(Vec<Option<usize>>);

impl<'de> de::Visitor<'de> for Left {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list or a dict")
    }

    fn visit_seq<A: de::SeqAccess<'de>>(mut self, mut items: A) -> Result<Self, A::Error> {
        self.0.push(items.size_hint());
        while items.next_element::<IgnoredAny>()?.is_some() {
            self.0.push(items.size_hint());
        }
        Ok(self)
    }

    fn visit_map<A: de::MapAccess<'de>>(mut self, mut entries: A) -> Result<Self, A::Error> {
        self.0.push(entries.size_hint());
        while entries.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {
            self.0.push(entries.size_hint());
        }
        Ok(self)
    }
}

#[test]
fn readers_tell_how_much_is_left() {
    let left = |value: &Value| {
        let reader = ValueDeserializer::new(value.as_ref());
        serde::Deserializer::deserialize_any(reader, Left(vec![])).unwrap().0
    };
    let down = [Some(2), Some(1), Some(0)];
    assert_eq!(left(&Value::list([7, 8])), down);
    assert_eq!(left(&Value::dict([("a", 7), ("b", 8)])), down);
}
