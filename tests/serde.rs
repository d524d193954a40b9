//! The feature `serde`: types into values and back, values through formats.

use epochkv::{
    ErrorKind, Kv, ManualClock, SerdeError, Snapshot, Value, ValueDeserializer, ValueRef,
    ValueSerializer, from_value, to_value,
};
use proptest::prelude::*;
use serde::de::{DeserializeOwned, IgnoredAny, IntoDeserializer};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Debug;
use std::net::IpAddr;
use std::time::Duration;
use values::{finite_value, nested, value};

#[path = "serde/as_bytes.rs"]
mod as_bytes;
#[path = "serde/formats.rs"]
mod formats;
#[path = "common/property.rs"]
mod property;
#[path = "common/values.rs"]
mod values;

/// Everything that serde knows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Everything {
    bool: bool,
    small: (i8, i16, i32, u8, u16, u32),
    large: (i64, u64, i128, u128),
    floats: (f32, f64),
    char: char,
    text: String,
    #[serde(with = "as_bytes")]
    bytes: Vec<u8>,
    numbers: Vec<u8>,
    option: Option<Option<u8>>,
    unit: (),
    unit_struct: Unit,
    newtype: Newtype,
    tuple: Tuple,
    variants: Vec<Shape>,
    by_number: HashMap<u64, Shape>,
    by_name: BTreeMap<Newtype, u8>,
    by_flag: BTreeMap<bool, char>,
    by_letter: BTreeMap<char, ()>,
    by_variant: BTreeMap<Plain, i128>,
    set: BTreeSet<i16>,
    address: IpAddr,
    time: Duration,
    boxed: Option<Box<Everything>>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Unit;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Newtype(String);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Tuple(u8, String);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Shape {
    Nothing,
    Circle(f64),
    Line(i8, i8),
    Named { name: String, inner: Option<Box<Shape>> },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
enum Plain {
    Yes,
    No,
}

fn everything() -> Everything {
    Everything {
        bool: true,
        small: (i8::MIN, i16::MIN, i32::MIN, u8::MAX, u16::MAX, u32::MAX),
        large: (i64::MIN, i64::MAX as u64, i64::MIN.into(), i64::MAX as u128),
        floats: (0.1, -0.0),
        char: 'ß',
        text: "text\0".into(),
        bytes: vec![0, 255],
        numbers: vec![1, 2],
        option: Some(Some(3)),
        unit: (),
        unit_struct: Unit,
        newtype: Newtype("new".into()),
        tuple: Tuple(4, "four".into()),
        variants: vec![
            Shape::Nothing,
            Shape::Circle(1.5),
            Shape::Line(-1, 1),
            Shape::Named { name: "n".into(), inner: Some(Shape::Nothing.into()) },
        ],
        by_number: HashMap::from([(u64::MAX, Shape::Nothing), (0, Shape::Line(2, 3))]),
        by_name: BTreeMap::from([(Newtype("key".into()), 5)]),
        by_flag: BTreeMap::from([(true, 't'), (false, 'f')]),
        by_letter: BTreeMap::from([('é', ())]),
        by_variant: BTreeMap::from([(Plain::Yes, 1), (Plain::No, -1)]),
        set: BTreeSet::from([-3, 3]),
        address: [127, 0, 0, 1].into(),
        time: Duration::new(1, 2),
        boxed: None,
    }
}

fn comes_back<T: Serialize + DeserializeOwned + PartialEq + Debug>(it: &T) -> Value {
    let value = to_value(it).unwrap();
    assert_eq!(&from_value::<T>(value.as_ref()).unwrap(), it, "{value}");
    value
}

#[test]
fn the_whole_data_model_comes_back_and_is_what_serde_json_makes_of_it() {
    let it = Everything { boxed: Some(everything().into()), ..everything() };
    let value = comes_back(&it);
    assert_eq!(serde_json::to_value(&value).unwrap(), serde_json::to_value(&it).unwrap());
    let kv: Kv<str, _, _> = Kv::builder().clock(ManualClock::new()).build();
    kv.set_as("it", &it).unwrap();
    assert_eq!(kv.get_as("it").unwrap(), Some(it.clone()));
    assert_eq!(kv.ttl("it"), -1);
    kv.set_as_ex("it", &it, 7).unwrap();
    assert_eq!(kv.ttl("it"), 7);
    assert_eq!(kv.get_as::<Everything>("other").unwrap(), None);
}

#[test]
fn each_form_stands_for_what_the_table_says() {
    let cases: &[(&str, Value)] = &[
        ("null", to_value(&Option::<u8>::None).unwrap()),
        ("null", to_value(&()).unwrap()),
        ("null", to_value(&Unit).unwrap()),
        ("5", to_value(&Some(Some(5_u8))).unwrap()),
        (
            r#""new""#,
            Value::list([to_value(&Newtype("new".into())).unwrap()]).at(0).unwrap().clone(),
        ),
        (r#"[4, "four"]"#, to_value(&Tuple(4, "four".into())).unwrap()),
        (r#"b"\x00\xff""#, to_value(&everything()).unwrap().get("bytes").unwrap().clone()),
        ("[1, 2]", to_value(&vec![1_u8, 2]).unwrap()),
        (r#"["Nothing"]"#, to_value(&[Shape::Nothing]).unwrap()),
        (r#"{"Circle": 0.5}"#, to_value(&Shape::Circle(0.5)).unwrap()),
        (r#"{"Line": [1, 2]}"#, to_value(&Shape::Line(1, 2)).unwrap()),
        (
            r#"{"Named": {"inner": null, "name": "x"}}"#,
            to_value(&Shape::Named { name: "x".into(), inner: None }).unwrap(),
        ),
        (
            r#"{"-1": true, "9": false}"#,
            to_value(&BTreeMap::from([(-1, true), (9, false)])).unwrap(),
        ),
        ("{}", to_value(&BTreeMap::<String, ()>::new()).unwrap()),
    ];
    for (text, value) in cases {
        let printed = value.to_string();
        assert_eq!(printed.trim_matches('"'), text.trim_matches('"'));
    }
    let nan = f64::from_bits(0x7ff8_0000_0000_beef);
    assert!(to_value(&nan).unwrap().same(&Value::Float(nan)));
    assert!(to_value(&-0.0).unwrap().same(&Value::Float(-0.0)));
}

#[test]
fn what_the_store_refuses_is_refused_and_changes_nothing() {
    let refusal = |error: SerdeError| error.refusal();
    let kv = Kv::new();
    kv.set("k", 1).unwrap();
    let overflows = [
        kv.set_as("k", &u64::MAX),
        kv.set_as("k", &(1_u64 << 63)),
        kv.set_as("k", &[i128::from(i64::MIN) - 1]),
        kv.set_as("k", &BTreeMap::from([("x", u128::MAX)])),
    ];
    for result in overflows {
        let error = result.unwrap_err();
        assert_eq!(error.to_string(), "integer does not fit into an i64");
        assert_eq!(refusal(error), Some(ErrorKind::Overflow));
    }
    let bad_keys = [
        kv.set_as("k", &BTreeMap::from([((), 1)])),
        kv.set_as("k", &BTreeMap::from([(vec![1], 1)])),
        kv.set_as("k", &BTreeMap::from([(Some(1), 1)])),
        kv.set_as("k", &BTreeMap::from([((1, 2), 1)])),
        to_value(&Keyed(f64::NAN)).map(drop),
        to_value(&Keyed(f32::INFINITY)).map(drop),
    ];
    for result in bad_keys {
        let error = result.unwrap_err();
        assert_eq!(
            (error.to_string().as_str(), refusal(error)),
            ("the key of a map is not text", None)
        );
    }
    assert_eq!(comes_back(&Keyed(0.1)).to_string(), r#"{"0.1": null}"#);
    assert_eq!(comes_back(&Keyed(1e300_f64)).depth(), 1);
    assert_eq!(kv.get("k").unwrap(), 1);
}

/// A map with a key that is no `Ord`.
#[derive(Debug, PartialEq)]
struct Keyed<T>(T);

impl<T: Serialize> Serialize for Keyed<T> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map([(&self.0, ())])
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Keyed<T> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct One<T>(std::marker::PhantomData<T>);

        impl<'de, T: Deserialize<'de>> serde::de::Visitor<'de> for One<T> {
            type Value = Keyed<T>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("one key")
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(
                self,
                mut map: A,
            ) -> Result<Keyed<T>, A::Error> {
                let (key, ()) = map.next_entry()?.expect("one entry");
                Ok(Keyed(key))
            }
        }
        deserializer.deserialize_map(One(std::marker::PhantomData))
    }
}

fn message<T: DeserializeOwned + Debug>(value: impl Into<Value>) -> String {
    let error = from_value::<T>(value.into().as_ref()).unwrap_err();
    assert_eq!(error.refusal(), None);
    error.to_string()
}

#[test]
fn what_does_not_fit_the_type_is_named() {
    let pair = || Value::list([1, 2]);
    assert_eq!(message::<bool>("x"), r#"invalid type: string "x", expected a boolean"#);
    assert_eq!(message::<u8>(256), "invalid value: integer `256`, expected u8");
    assert_eq!(message::<u64>(-1), "invalid value: integer `-1`, expected u64");
    assert_eq!(message::<i64>(1.0), "invalid type: floating point `1.0`, expected i64");
    assert_eq!(message::<String>(Value::Null), "invalid type: unit value, expected a string");
    assert_eq!(message::<(u8, u8, u8)>(pair()), "invalid length 2, expected a tuple of size 3");
    assert_eq!(message::<(u8,)>(pair()), "invalid length 2, expected fewer items in the list");
    assert_eq!(
        message::<[u8; 1]>(Value::bytes(*b"ab")),
        "invalid length 2, expected 1 element in sequence"
    );
    assert_eq!(
        message::<Tuple>(Value::dict([("a", 1)])),
        "invalid type: map, expected tuple struct Tuple"
    );
    assert!(message::<Everything>(Value::dict([("bool", true)])).starts_with("missing field `"));
    let line = || Value::dict([("Line", pair())]);
    assert_eq!(
        message::<Shape>("Circle"),
        "invalid type: unit variant, expected a newtype variant"
    );
    assert_eq!(message::<Shape>("Line"), "invalid type: unit variant, expected a tuple variant");
    assert_eq!(message::<Shape>("Named"), "invalid type: unit variant, expected a struct variant");
    assert!(message::<Shape>("Square").starts_with("unknown variant `Square`, expected one of"));
    assert_eq!(
        message::<Shape>(Value::dict([("Nothing", 1)])),
        "invalid type: integer `1`, expected a unit variant"
    );
    let expected = "the name of a variant, or a dict with that as its only key";
    assert_eq!(
        message::<Shape>(Value::dict([("Line", 1), ("x", 2)])),
        format!("invalid type: map, expected {expected}")
    );
    assert_eq!(message::<Shape>(7), format!("invalid type: integer `7`, expected {expected}"));
    assert!(from_value::<Shape>(line().as_ref()).is_ok());
    // The text of a number is the one that is written, no other.
    for key in ["05", "+5", "5 ", "5.0", "", "256"] {
        let message = message::<BTreeMap<u8, i64>>(Value::dict([(key, 1)]));
        assert!(message.starts_with(&format!("invalid type: string {key:?}")), "{message}");
    }
    assert_eq!(
        message::<BTreeMap<bool, i64>>(Value::dict([("yes", 1)])),
        r#"invalid type: string "yes", expected a boolean"#
    );
}

#[test]
fn other_forms_are_taken_too() {
    let taken: Tuple = from_value(Value::list([Value::from(1), "x".into()]).as_ref()).unwrap();
    assert_eq!(taken, Tuple(1, "x".into()));
    assert_eq!(from_value::<Vec<u8>>(ValueRef::Bytes(b"ab")).unwrap(), b"ab");
    assert_eq!(from_value::<f64>(ValueRef::Int(-3)).unwrap(), -3.0);
    assert_eq!(from_value::<Option<()>>(ValueRef::Null).unwrap(), None);
    let nothing = Value::dict([("Nothing", ())]);
    assert_eq!(from_value::<Shape>(nothing.as_ref()).unwrap(), Shape::Nothing);
    assert_eq!(
        from_value::<BTreeMap<Option<Newtype>, u8>>(Value::dict([("a", 1)]).as_ref())
            .unwrap()
            .len(),
        1
    );
    #[derive(Debug, Deserialize)]
    #[serde(untagged)]
    enum Either {
        Number(u64),
        Text(String),
    }
    let both = Value::list([Value::from(1), "x".into()]);
    let both: Vec<Either> = from_value(both.as_ref()).unwrap();
    assert!(matches!(&both[..], [Either::Number(1), Either::Text(text)] if text == "x"));
}

#[test]
fn text_and_bytes_are_borrowed() {
    #[derive(Deserialize)]
    struct Borrowed<'a> {
        text: &'a str,
        bytes: &'a [u8],
        #[serde(borrow)]
        either: Cow<'a, str>,
        #[serde(borrow)]
        keys: HashMap<&'a str, IgnoredAny>,
    }
    let keys = Value::dict([("key", Value::list([1]))]);
    let value = Value::dict([
        ("text", Value::from("text")),
        ("bytes", Value::bytes(*b"bytes")),
        ("either", "either".into()),
        ("keys", keys),
    ]);
    let it: Borrowed<'_> = from_value(value.as_ref()).unwrap();
    assert_eq!(it.text.as_ptr(), value.get("text").unwrap().as_str().unwrap().as_ptr());
    assert_eq!(it.bytes.as_ptr(), value.get("bytes").unwrap().as_bytes().unwrap().as_ptr());
    assert!(matches!(it.either, Cow::Borrowed("either")));
    assert!(it.keys.contains_key("key"));
}

/// A type as deep as one wants, by lists.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Nested(Vec<Nested>);

/// Types that are endless without being a level of a value.
#[derive(Debug, Deserialize)]
struct Endless(#[allow(dead_code, reason = "never made")] Option<Box<Endless>>);

#[derive(Debug, Deserialize, PartialEq, Eq, Hash)]
struct EndlessNewtype(Box<EndlessNewtype>);

#[derive(Debug, Deserialize, PartialEq, Eq, Hash)]
#[serde(transparent)]
struct EndlessSome(Option<Box<EndlessSome>>);

struct EndlessOption;

impl Serialize for EndlessOption {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_some(self)
    }
}

struct EndlessKey;

impl Serialize for EndlessKey {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_newtype_struct("EndlessKey", self)
    }
}

struct EndlessVariant;

impl Serialize for EndlessVariant {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_newtype_variant("EndlessVariant", 0, "Next", self)
    }
}

#[test]
fn nesting_ends_at_the_limit_of_the_store_and_the_stack_is_safe() {
    let deep = |levels: usize| (1..levels).fold(Nested(vec![]), |inner, _| Nested(vec![inner]));
    let most = comes_back(&deep(Value::MAX_DEPTH));
    assert_eq!(most.depth(), Value::MAX_DEPTH);
    let too_deep = Some(ErrorKind::TooDeep);
    assert_eq!(to_value(&deep(Value::MAX_DEPTH + 1)).unwrap_err().refusal(), too_deep);
    assert_eq!(to_value(&EndlessOption).unwrap_err().refusal(), too_deep);
    assert_eq!(to_value(&EndlessVariant).unwrap_err().refusal(), too_deep);
    assert_eq!(to_value(&Keyed(EndlessKey)).unwrap_err().refusal(), too_deep);
    assert_eq!(from_value::<Endless>(ValueRef::Int(1)).unwrap_err().refusal(), too_deep);
    assert_eq!(from_value::<EndlessNewtype>(ValueRef::Int(1)).unwrap_err().refusal(), too_deep);
    assert_eq!(from_value::<EndlessSome>(ValueRef::Int(1)).unwrap_err().refusal(), too_deep);
    let keyed = Value::dict([("k", 1)]);
    let newtype = from_value::<Keyed<EndlessNewtype>>(keyed.as_ref()).unwrap_err();
    let some = from_value::<Keyed<EndlessSome>>(keyed.as_ref()).unwrap_err();
    assert_eq!((newtype.refusal(), some.refusal()), (too_deep, too_deep));
    let endless = from_value::<Keyed<Endless>>(keyed.as_ref()).unwrap_err();
    assert_eq!(endless.refusal(), too_deep);
    // A value outside of the store can be deeper than any stack.
    let deeper = nested(1_000_000);
    for shallow in [Value::MAX_DEPTH, Value::MAX_DEPTH + 1] {
        let value = nested(shallow);
        assert_eq!(to_value(&value).is_ok(), shallow == Value::MAX_DEPTH);
        assert_eq!(from_value::<Value>(value.as_ref()).is_ok(), shallow == Value::MAX_DEPTH);
        assert_eq!(serde_json::to_string(&value).is_ok(), shallow == Value::MAX_DEPTH);
    }
    assert!(to_value(&deeper).is_err() && from_value::<Value>(deeper.as_ref()).is_err());
    assert!(serde_json::to_string(&deeper).unwrap_err().to_string().contains("too deep"));
    assert!(from_value::<IgnoredAny>(deeper.as_ref()).is_ok());
    // At the bottom there is room for what is no level.
    let bottom =
        (0..Value::MAX_DEPTH).fold(Value::from("Nothing"), |inner, _| Value::list([inner]));
    let shapes: NestedShape = from_value(bottom.as_ref()).unwrap();
    assert!(to_value(&shapes).unwrap().same(&bottom));
}

/// Lists of lists with a variant at the bottom.
enum NestedShape {
    Shape(Shape),
    List(Vec<NestedShape>),
}

impl Serialize for NestedShape {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Shape(shape) => shape.serialize(serializer),
            Self::List(list) => list.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for NestedShape {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;

        impl<'de> serde::de::Visitor<'de> for Either {
            type Value = NestedShape;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a list or a variant")
            }

            fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<NestedShape, E> {
                Shape::deserialize(name.into_deserializer()).map(NestedShape::Shape)
            }

            fn visit_seq<A: serde::de::SeqAccess<'de>>(
                self,
                mut items: A,
            ) -> Result<NestedShape, A::Error> {
                let mut list = Vec::new();
                while let Some(item) = items.next_element()? {
                    list.push(item);
                }
                Ok(NestedShape::List(list))
            }
        }
        deserializer.deserialize_any(Either)
    }
}

#[test]
fn a_panic_in_the_types_own_code_changes_nothing() {
    struct Panics;

    impl Serialize for Panics {
        fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            panic!("from the type");
        }
    }
    let kv = Kv::new();
    kv.set("k", 1).unwrap();
    let own = kv.clone();
    assert!(std::panic::catch_unwind(move || own.set_as("k", &Panics)).is_err());
    assert_eq!(kv.get_as::<i64>("k").unwrap(), Some(1));
}

proptest! {
    #![proptest_config(property::seeded(256))]

    #[test]
    fn a_value_is_itself_in_serdes_model(value in value()) {
        let there = to_value(&value).unwrap();
        prop_assert!(there.same(&value), "{:?} became {:?}", value, there);
        let back: Value = from_value(value.as_ref()).unwrap();
        prop_assert!(back.same(&value), "{:?} became {:?}", value, back);
        let snapshot: Snapshot = from_value(value.as_ref()).unwrap();
        prop_assert!(snapshot.serialize(ValueSerializer::default()).unwrap().same(&value));
        let reader: ValueDeserializer<'_> = value.as_ref().into_deserializer();
        prop_assert!(Value::deserialize(reader).unwrap().same(&value));
    }

    #[test]
    fn a_value_without_bytes_and_nan_comes_back_from_json_text(value in finite_value()) {
        let text = serde_json::to_string(&value).unwrap();
        let back: Value = serde_json::from_str(&text).unwrap();
        prop_assert!(back.same(&value), "{:?} became {:?}", value, back);
    }
}
