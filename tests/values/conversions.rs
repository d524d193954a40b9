//! Rust types into values and back.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

use epochkv::{
    Dict, ErrorKind, Input, Kv, List, ListItem, Snapshot, TryFromValueError, Value, ValueRef,
};
use proptest::prelude::*;

#[test]
fn rust_types_become_values() {
    /// The same source as a value and as an input must give the same text.
    macro_rules! becomes {
        ($($source:expr => $text:literal),* $(,)?) => {$(
            assert_eq!(format!("{:?}", Value::from($source)), $text);
            assert_eq!(format!("{:?}", Input::from($source).into_value()), $text);
            assert_eq!(format!("{:?}", Input::from($source).as_ref()), $text);
        )*};
    }
    let owned = String::from("o");
    let value = Value::from(4);
    becomes! {
        () => "Null",
        true => "Bool(true)",
        i8::MIN => "Int(-128)",
        i16::MIN => "Int(-32768)",
        i32::MIN => "Int(-2147483648)",
        i64::MIN => "Int(-9223372036854775808)",
        u8::MAX => "Int(255)",
        u16::MAX => "Int(65535)",
        u32::MAX => "Int(4294967295)",
        0.5f32 => "Float(0.5)",
        -0.0 => "Float(-0.0)",
        'ß' => "Str(\"ß\")",
        "s" => "Str(\"s\")",
        &owned => "Str(\"o\")",
        owned.clone() => "Str(\"o\")",
        Box::<str>::from("x") => "Str(\"x\")",
        Arc::<str>::from("x") => "Str(\"x\")",
        Cow::Borrowed("c") => "Str(\"c\")",
        Cow::<str>::Owned(owned.clone()) => "Str(\"o\")",
        &b"ab"[..] => "Bytes(b\"ab\")",
        b"ab" => "Bytes(b\"ab\")",
        *b"ab" => "Bytes(b\"ab\")",
        vec![0u8, 255] => "Bytes(b\"\\x00\\xff\")",
        Box::<[u8]>::from(*b"ab") => "Bytes(b\"ab\")",
        Arc::<[u8]>::from(*b"ab") => "Bytes(b\"ab\")",
        Cow::Borrowed(&b"ab"[..]) => "Bytes(b\"ab\")",
        Cow::<[u8]>::Owned(vec![97]) => "Bytes(b\"a\")",
        None::<i64> => "Null",
        Some(vec![Some('a'), None]) => "List([Str(\"a\"), Null])",
        vec![1, 2] => "List([Int(1), Int(2)])",
        vec![vec![1u8], vec![]] => "List([Bytes(b\"\\x01\"), Bytes(b\"\")])",
        [[1.0], [2.0]] => "List([List([Float(1.0)]), List([Float(2.0)])])",
        &["a", "b"][..] => "List([Str(\"a\"), Str(\"b\")])",
        VecDeque::from([true]) => "List([Bool(true)])",
        BTreeSet::from([2, 1]) => "List([Int(1), Int(2)])",
        BTreeMap::from([("b", 1), ("a", 2)]) => "Dict({\"a\": Int(2), \"b\": Int(1)})",
        HashMap::from([(owned.clone(), [1])]) => "Dict({\"o\": List([Int(1)])})",
        List::from_iter([1]) => "List([Int(1)])",
        Dict::from_iter([("k", 1)]) => "Dict({\"k\": Int(1)})",
        &value => "Int(4)",
        value.clone() => "Int(4)",
        value.as_ref() => "Int(4)",
        ValueRef::Str("r") => "Str(\"r\")",
        ValueRef::Bytes(b"r") => "Bytes(b\"r\")",
    }
    assert!(matches!(Input::from(owned.as_str()), Input::Str("o")));
    assert!(matches!(Input::from(ValueRef::Bytes(b"r")), Input::Bytes(b"r")));
}

#[test]
fn integers_beyond_i64_are_refused() {
    assert_eq!(Value::try_from(i64::MAX as u64), Ok(Value::from(i64::MAX)));
    assert_eq!(Value::try_from(i128::from(i64::MIN)), Ok(Value::from(i64::MIN)));
    assert_eq!(Value::try_from(7usize), Ok(Value::from(7)));
    assert_eq!(Value::try_from(-7isize), Ok(Value::from(-7)));
    for refused in [
        Value::try_from(i64::MAX as u64 + 1),
        Value::try_from(u128::MAX),
        Value::try_from(i128::MIN),
    ] {
        assert_eq!(refused.map_err(|error| error.kind()), Err(ErrorKind::Overflow));
    }
}

#[test]
fn values_become_rust_types() {
    let kv = Kv::new();
    /// Converts by value, by reference and from a view; and what the store shows of it.
    macro_rules! gives {
        ($($value:expr => $expected:expr, $target:ty);* $(;)?) => {$(
            let value = Value::from($value);
            assert_eq!(<$target>::try_from(&value).as_ref(), Ok(&$expected));
            assert_eq!(<$target>::try_from(value.as_ref()).as_ref(), Ok(&$expected));
            kv.set("k", &value).unwrap();
            let snapshot = kv.get("k").unwrap();
            assert_eq!(<$target>::try_from(&snapshot).as_ref(), Ok(&$expected));
            assert_eq!(<$target>::try_from(snapshot).as_ref(), Ok(&$expected));
            assert_eq!(<$target>::try_from(value).as_ref(), Ok(&$expected));
        )*};
    }
    gives! {
        true => true, bool;
        -1 => -1, i64;
        -128 => -128, i8;
        255 => 255, u8;
        7 => 7, u64;
        7 => 7, usize;
        1.5 => 1.5, f64;
        "a" => String::from("a"), String;
        vec![1u8] => vec![1], Vec<u8>;
        [1, 2] => vec![1, 2], Vec<i64>;
        [["a"]] => vec![vec![String::from("a")]], Vec<Vec<String>>;
        [Value::Null] => vec![Value::Null], Vec<Value>;
        BTreeMap::from([("a", 1)]) => BTreeMap::from([("a".into(), 1)]), BTreeMap<String, u32>;
        HashMap::from([("a", 1)]) => HashMap::from([("a".into(), 1)]), HashMap<String, i32>;
    }
    gives! {
        -32_768 => -32_768, i16;
        1 << 20 => 1 << 20, i32;
        -7 => -7, i128;
        -7 => -7, isize;
        65_535 => 65_535, u16;
        7 => 7, u32;
        7 => 7, u128;
    }
    let text = Value::from("a");
    assert_eq!(<&str>::try_from(&text), Ok("a"));
    let (shared, again) = (Arc::<str>::try_from(&text), Arc::<str>::try_from(text));
    assert!(Arc::ptr_eq(&shared.expect("text"), &again.expect("text")));
    let text = Snapshot::from(Value::from("a"));
    assert_eq!(<&str>::try_from(&text), Ok("a"));
    let bytes = Snapshot::from(Value::from(b"a"));
    assert_eq!(<&[u8]>::try_from(&bytes), Ok(&b"a"[..]));
    assert_eq!(Arc::<[u8]>::try_from(bytes).as_deref(), Ok(&b"a"[..]));
    let list = Snapshot::from(Value::list([1]));
    assert_eq!(<&List>::try_from(&list).cloned(), List::try_from(list));
    let dict = Snapshot::from(Value::dict([("a", 1)]));
    assert_eq!(<&Dict>::try_from(&dict).cloned(), Dict::try_from(dict));
    // A long text is shared, not copied.
    let long: Arc<str> = "long".repeat(1000).into();
    kv.set("k", Arc::clone(&long)).unwrap();
    let shown = Arc::<str>::try_from(kv.get("k").unwrap()).unwrap();
    assert!(Arc::ptr_eq(&long, &shown));
    let long: Arc<[u8]> = long.as_bytes().into();
    kv.set("k", Arc::clone(&long)).unwrap();
    let shown = Arc::<[u8]>::try_from(kv.get("k").unwrap()).unwrap();
    assert!(Arc::ptr_eq(&long, &shown));

    let message = |error: TryFromValueError| error.to_string();
    assert_eq!(u8::try_from(Value::from(256)).map_err(message), Err("int is out of range".into()));
    assert_eq!(u64::try_from(Value::from(-1)).map_err(message), Err("int is out of range".into()));
    let refused = [
        i64::try_from(Value::from(5.0)).map(drop),
        f64::try_from(Value::from(5)).map(drop),
        String::try_from(Value::from(b"a")).map(drop),
        Vec::<u8>::try_from(Value::from("a")).map(drop),
        Vec::<i64>::try_from(Value::from(["a"])).map(drop),
        List::try_from(Value::Null).map(drop),
        Dict::try_from(Snapshot::from(Value::from(5))).map(drop),
        <&List>::try_from(&Snapshot::from(Value::from("a"))).map(drop),
        u8::try_from(Snapshot::from(Value::from(256))).map(drop),
    ];
    let messages = [
        "expected int, found float",
        "expected float, found int",
        "expected str, found bytes",
        "expected bytes, found str",
        "expected int, found str",
        "expected list, found null",
        "expected dict, found int",
        "expected list, found str",
        "int is out of range",
    ];
    assert_eq!(refused.map(|result| result.map_err(message)), messages.map(|m| Err(m.into())));
}

#[test]
fn own_types_may_be_list_items() {
    #[derive(Clone)]
    struct Id(u32);
    impl From<Id> for Value {
        fn from(id: Id) -> Self {
            Self::from(id.0)
        }
    }
    impl ListItem for Id {}
    assert_eq!(Value::from([Id(1), Id(2)]), Value::list([1, 2]));
    assert_eq!(Input::from(vec![Id(1)]).into_value(), Value::list([1]));
}

proptest! {
    #![proptest_config(super::property::seeded(256))]

    #[test]
    fn conversions_round_trip(
        int in any::<i64>(),
        bits in any::<u64>(),
        text in any::<String>(),
        bytes in any::<Vec<u8>>(),
        list in any::<Vec<i32>>(),
        map in any::<BTreeMap<String, Vec<String>>>(),
    ) {
        prop_assert_eq!(i64::try_from(Value::from(int)), Ok(int));
        let float = f64::try_from(Value::from(f64::from_bits(bits)));
        prop_assert_eq!(float.map(f64::to_bits), Ok(bits));
        prop_assert_eq!(String::try_from(Value::from(&text)), Ok(text));
        prop_assert_eq!(Vec::try_from(Value::from(bytes.clone())), Ok(bytes));
        prop_assert_eq!(Vec::try_from(Value::from(list.clone())), Ok(list));
        prop_assert_eq!(BTreeMap::try_from(Value::from(map.clone())), Ok(map));
    }
}
