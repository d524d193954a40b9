//! Values and `serde_json::Value`, both ways, without recursion.

use core::slice;
use serde_json::{Map, Number, Value as Json};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::vec;

use super::{DictIter, Input, ListItem, Value, ValueRef};
use crate::error::{Error, ErrorKind};

/// A container of JSON whose items become values.
enum Incoming {
    Array(vec::IntoIter<Json>, Vec<Value>),
    /// With the key of the item that was given last.
    Object(serde_json::map::IntoIter, BTreeMap<Arc<str>, Value>, Arc<str>),
}

impl Incoming {
    /// The next item.
    fn next(&mut self) -> Option<Json> {
        match self {
            Self::Array(items, _) => items.next(),
            Self::Object(entries, _, key) => {
                let (next, item) = entries.next()?;
                *key = next.into();
                Some(item)
            }
        }
    }

    /// Takes what has become of that item.
    fn put(&mut self, value: Value) {
        match self {
            Self::Array(_, list) => list.push(value),
            Self::Object(_, map, key) => _ = map.insert(Arc::clone(key), value),
        }
    }

    fn finish(self) -> Value {
        match self {
            Self::Array(_, list) => Value::List(list.into()),
            Self::Object(_, map, _) => Value::Dict(map.into()),
        }
    }
}

/// An `i64`, or the nearest float.
fn number(number: &Number) -> Value {
    match (number.as_i64(), number.as_f64()) {
        (Some(int), _) => Value::Int(int),
        (None, Some(float)) => Value::Float(float),
        // Beyond all finite floats; serde_json's feature for arbitrary precision has such
        // numbers. Their text is that of a float.
        (None, None) => Value::Float(number.to_string().parse().unwrap_or(f64::NAN)),
    }
}

/// Any JSON is a value. A number without point and exponent is an `Int` if it fits into an
/// `i64`; every other number is the nearest `Float`. (Where the feature `serde` is on,
/// [`serde_json::from_value`] makes values too, and refuses integers that do not fit.)
///
/// O(n), for any depth.
///
/// ```
/// use epochkv::{Kv, Value};
/// use serde_json::json;
///
/// let value = Value::from(json!({"name": "Ann", "scores": [1, 2.5], "rest": null}));
/// assert_eq!(value.to_string(), r#"{"name": "Ann", "rest": null, "scores": [1, 2.5]}"#);
///
/// let kv = Kv::new();
/// kv.set("user", json!({"name": "Ann"}))?;
/// # Ok::<(), epochkv::Error>(())
/// ```
#[cfg_attr(docsrs, doc(cfg(feature = "json")))]
impl From<Json> for Value {
    fn from(json: Json) -> Self {
        let mut open: Vec<Incoming> = Vec::new();
        let mut current = json;
        loop {
            let mut done = match current {
                Json::Null => Some(Self::Null),
                Json::Bool(it) => Some(Self::Bool(it)),
                Json::Number(it) => Some(number(&it)),
                Json::String(it) => Some(it.into()),
                Json::Array(items) => {
                    let list = Vec::with_capacity(items.len());
                    open.push(Incoming::Array(items.into_iter(), list));
                    None
                }
                Json::Object(entries) => {
                    open.push(Incoming::Object(entries.into_iter(), BTreeMap::new(), "".into()));
                    None
                }
            };
            // Close what is complete, up to the container that has an item left.
            current = loop {
                let Some(level) = open.last_mut() else { return done.unwrap_or_default() };
                if let Some(value) = done.take() {
                    level.put(value);
                }
                if let Some(item) = level.next() {
                    break item;
                }
                done = open.pop().map(Incoming::finish);
            };
        }
    }
}

#[cfg_attr(docsrs, doc(cfg(feature = "json")))]
impl ListItem for Json {}

#[cfg_attr(docsrs, doc(cfg(feature = "json")))]
impl From<Json> for Input<'_> {
    fn from(json: Json) -> Self {
        Self::Value(json.into())
    }
}

/// A container whose items become JSON.
enum Outgoing<'a> {
    List(slice::Iter<'a, Value>, Vec<Json>),
    /// With the key of the item that was given last.
    Dict(DictIter<'a>, Map<String, Json>, &'a str),
}

impl<'a> Outgoing<'a> {
    /// The next item.
    fn next(&mut self) -> Option<ValueRef<'a>> {
        match self {
            Self::List(items, _) => items.next().map(Value::as_ref),
            Self::Dict(entries, _, key) => {
                let (next, item) = entries.next()?;
                *key = next;
                Some(item.as_ref())
            }
        }
    }

    /// Takes what has become of that item.
    fn put(&mut self, json: Json) {
        match self {
            Self::List(_, array) => array.push(json),
            Self::Dict(_, object, key) => _ = object.insert((*key).to_owned(), json),
        }
    }

    fn finish(self) -> Json {
        match self {
            Self::List(_, array) => Json::Array(array),
            Self::Dict(_, object, _) => Json::Object(object),
        }
    }
}

/// Everything that a store holds has a JSON but NaN and the infinities. Bytes become an array
/// of numbers, as serde_json has it, and come back as a list. O(n).
///
/// # Errors
///
/// [`NotFinite`](ErrorKind::NotFinite) if there is a NaN or an infinity anywhere. A value
/// deeper than [`Value::MAX_DEPTH`], which is in no store, is refused too: JSON of any depth
/// overflows the stack when it is dropped.
///
/// ```
/// use epochkv::{ErrorKind, Kv, Value};
/// use serde_json::{Value as Json, json};
///
/// let kv = Kv::new();
/// kv.set("user", Value::dict([("name", Value::from("Ann")), ("scores", [1.5, 2.0].into())]))?;
/// let user = kv.get("user").unwrap();
/// assert_eq!(Json::try_from(user.as_ref())?, json!({"name": "Ann", "scores": [1.5, 2.0]}));
/// let refused = Json::try_from(Value::from(f64::NAN)).unwrap_err();
/// assert_eq!(refused.kind(), ErrorKind::NotFinite);
/// # Ok::<(), epochkv::Error>(())
/// ```
#[cfg_attr(docsrs, doc(cfg(feature = "json")))]
impl TryFrom<ValueRef<'_>> for Json {
    type Error = Error;

    fn try_from(value: ValueRef<'_>) -> Result<Self, Error> {
        if value.depth() > Value::MAX_DEPTH {
            return Err(ErrorKind::TooDeep.into());
        }
        let mut open: Vec<Outgoing<'_>> = Vec::new();
        let mut current = value;
        loop {
            let mut done = match current {
                ValueRef::Null => Some(Self::Null),
                ValueRef::Bool(it) => Some(it.into()),
                ValueRef::Int(it) => Some(it.into()),
                ValueRef::Float(it) => match Number::from_f64(it) {
                    Some(number) => Some(Self::Number(number)),
                    None => return Err(ErrorKind::NotFinite.into()),
                },
                ValueRef::Str(it) => Some(it.into()),
                ValueRef::Bytes(it) => Some(it.into()),
                ValueRef::List(it) => {
                    open.push(Outgoing::List(it.iter(), Vec::with_capacity(it.len())));
                    None
                }
                ValueRef::Dict(it) => {
                    open.push(Outgoing::Dict(it.iter(), Map::new(), ""));
                    None
                }
            };
            // Close what is complete, up to the container that has an item left.
            current = loop {
                let Some(level) = open.last_mut() else { return Ok(done.unwrap_or_default()) };
                if let Some(json) = done.take() {
                    level.put(json);
                }
                if let Some(item) = level.next() {
                    break item;
                }
                done = open.pop().map(Outgoing::finish);
            };
        }
    }
}

/// As for [`ValueRef`].
#[cfg_attr(docsrs, doc(cfg(feature = "json")))]
impl TryFrom<&Value> for Json {
    type Error = Error;

    fn try_from(value: &Value) -> Result<Self, Error> {
        value.as_ref().try_into()
    }
}

/// As for [`ValueRef`].
#[cfg_attr(docsrs, doc(cfg(feature = "json")))]
impl TryFrom<Value> for Json {
    type Error = Error;

    fn try_from(value: Value) -> Result<Self, Error> {
        value.as_ref().try_into()
    }
}
