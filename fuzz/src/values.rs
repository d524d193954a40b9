//! Values of any shape against plain recursive data.
//!
//! The input describes two trees, and the ways in which they become values.

use super::bytes::Bytes;
use super::tree::Tree;
use epochkv::{
    Dict, ErrorKind, Input, Kind, Kv, List, ManualClock, Snapshot, TryFromValueError, Value,
};
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::Arc;

/// Longer than any key that is drawn: the fuzzer finds every other one.
const NO_KEY: &str = "a key that is longer than any that a tree has";

#[inline]
pub fn run(input: &[u8]) {
    let mut bytes = Bytes::new(input);
    let one = Tree::draw(&mut bytes);
    // Often equal, or nearly: else comparison would say no at once.
    let other = if bytes.bool() { one.clone() } else { Tree::draw(&mut bytes) };
    let (value, again) = (one.value_by(&mut bytes), one.value_by(&mut bytes));
    let other_value = other.value_by(&mut bytes);
    looks_as(&one, &value);
    prints_as(&one, &value);
    compares_as((&one, &value), (&one, &value.clone()));
    compares_as((&one, &value), (&one, &again));
    compares_as((&one, &value), (&other, &other_value));
    becomes_rust(&one, &value);
    goes_through_a_store(&one, &value, &other_value);
    // Of a value that nobody else holds, the content is moved out.
    drop(other_value);
    comes_apart(&one, again);
}

fn looks_as(tree: &Tree, value: &Value) {
    assert!(tree.is(value.as_ref()), "{value:?} is not {tree:?}");
    assert_eq!(value.kind(), tree.kind());
    assert_eq!(value.depth(), tree.depth());
    let seen = [
        value.is_null(),
        value.as_bool().is_some(),
        value.as_int().is_some(),
        value.as_float().is_some(),
        value.as_str().is_some(),
        value.as_bytes().is_some(),
        value.as_list().is_some(),
        value.as_dict().is_some(),
    ];
    use Kind::{Bool, Bytes, Dict, Float, Int, List, Null, Str};
    let kinds = [Null, Bool, Int, Float, Str, Bytes, List, Dict];
    assert_eq!(seen, kinds.map(|kind| kind == tree.kind()));
    if let Tree::List(items) = tree {
        assert!(
            items
                .iter()
                .enumerate()
                .all(|(at, item)| { value.at(at).is_some_and(|found| item.is(found.as_ref())) })
        );
        assert!(value.at(items.len()).is_none() && value.get("k").is_none());
    }
    if let Tree::Dict(entries) = tree {
        assert!(
            entries
                .iter()
                .all(|(key, item)| { value.get(key).is_some_and(|found| item.is(found.as_ref())) })
        );
        assert!(value.get(NO_KEY).is_none() && value.at(0).is_none());
    }
}

fn prints_as(tree: &Tree, value: &Value) {
    let expected = tree.debug();
    assert_eq!(format!("{value:?}"), expected);
    assert_eq!(format!("{:?}", value.as_ref()), expected);
    assert_eq!(format!("{:?}", Snapshot::from(value.clone())), expected);
    let text = value.to_string();
    assert_eq!(value.as_ref().to_string(), text);
    match tree {
        Tree::Null => assert_eq!(text, "null"),
        Tree::Bool(it) => assert_eq!(text, it.to_string()),
        Tree::Int(it) => assert_eq!(text, it.to_string()),
        Tree::Float(it) => assert_eq!(text, format!("{it:?}")),
        Tree::Str(it) => assert_eq!(&text, it),
        Tree::Bytes(it) => assert_eq!(text, format!("b\"{}\"", it.escape_ascii())),
        Tree::List(_) => assert!(text.starts_with('[') && text.ends_with(']')),
        Tree::Dict(_) => assert!(text.starts_with('{') && text.ends_with('}')),
    }
    // Width and precision may be anything.
    assert!(format!("{value:>40.3}").chars().count() >= text.chars().count().min(3));
}

fn compares_as((one, value): (&Tree, &Value), (other, other_value): (&Tree, &Value)) {
    let equal = one.equals(other, |one, other| one == other);
    let same = one.equals(other, |one, other| one.to_bits() == other.to_bits());
    let snapshots = (Snapshot::from(value.clone()), Snapshot::from(other_value.clone()));
    for (value, other) in [(value, other_value), (other_value, value)] {
        assert_eq!(value == other, equal, "{value:?} == {other:?}");
        assert_eq!(value.as_ref() == other.as_ref(), equal);
        assert_eq!(*value == other.as_ref(), equal);
        assert_eq!(value.same(other), same, "{value:?} same as {other:?}");
        assert_eq!(value.as_ref().same(other.as_ref()), same);
    }
    assert_eq!(snapshots.0 == snapshots.1, equal);
    assert_eq!(snapshots.0 == *other_value, equal);
    assert!(value.same(value) && other_value.same(other_value), "a value is the same as itself");
}

/// What a conversion says: the type's own content, or the two kinds of the error.
fn gives<T: Debug>(found: Result<T, TryFromValueError>, tree: &Tree, kind: Kind) -> Option<T> {
    match found {
        Ok(content) => {
            assert_eq!(kind, tree.kind(), "{content:?} came out of {tree:?}");
            Some(content)
        }
        Err(error) => {
            assert_ne!(kind, tree.kind(), "{error}");
            assert_eq!((error.expected(), error.found()), (kind, tree.kind()));
            None
        }
    }
}

fn becomes_rust(tree: &Tree, value: &Value) {
    let int = gives(i64::try_from(value), tree, Kind::Int);
    assert!(int.is_none_or(|it| tree.is(Value::from(it).as_ref())));
    let byte = u8::try_from(value).ok();
    assert_eq!(byte, int.and_then(|it| u8::try_from(it).ok()));
    let wide = u128::try_from(value).ok();
    assert_eq!(wide, int.and_then(|it| u128::try_from(it).ok()));
    assert_eq!(gives(bool::try_from(value), tree, Kind::Bool), value.as_bool());
    let float = gives(f64::try_from(value), tree, Kind::Float);
    assert_eq!(float.map(f64::to_bits), value.as_float().map(f64::to_bits));
    assert_eq!(gives(<&str>::try_from(value), tree, Kind::Str), value.as_str());
    let text = gives(Arc::<str>::try_from(value), tree, Kind::Str);
    assert!(text.is_none_or(|it| tree.is(Value::from(it).as_ref())));
    let blob = gives(Arc::<[u8]>::try_from(value), tree, Kind::Bytes);
    assert!(blob.is_none_or(|it| tree.is(Value::from(it).as_ref())));
    let list = gives(Vec::<Value>::try_from(value), tree, Kind::List);
    assert!(list.is_none_or(|it| tree.is(Value::from(it).as_ref())));
    let map = gives(BTreeMap::<String, Value>::try_from(value), tree, Kind::Dict);
    assert!(map.is_none_or(|it| tree.is(Value::from(it).as_ref())));
    // Items of one type: all or nothing.
    if let Tree::List(items) = tree {
        let ints: Option<Vec<i64>> = items
            .iter()
            .map(|item| if let Tree::Int(it) = item { Some(*it) } else { None })
            .collect();
        assert_eq!(Vec::<i64>::try_from(value).ok(), ints);
    }
}

/// The input's own depth decides whether the store takes it; then everything comes back.
fn goes_through_a_store(tree: &Tree, value: &Value, other: &Value) {
    let hasher = ahash::RandomState::with_seeds(1, 2, 3, 4);
    let kv: Kv<str, _, _> = Kv::builder().hasher(hasher).clock(ManualClock::new()).build();
    let stored = kv.set("k", value);
    if tree.depth() > Value::MAX_DEPTH {
        assert_eq!(stored.map_err(|error| error.kind()), Err(ErrorKind::TooDeep));
        assert!(!kv.exists("k"));
        return;
    }
    assert_eq!(stored, Ok(()));
    let snapshot = kv.get("k").expect("just set");
    assert!(tree.is(snapshot.as_ref()), "{snapshot:?} came back for {tree:?}");
    assert!(tree.is(Value::from(&snapshot).as_ref()));
    assert_eq!(snapshot.kind(), tree.kind());
    assert_eq!(kv.with("k", |read| tree.is(read)), Some(true));
    assert!(snapshot.is_same(&kv.get("k").expect("still there")));
    // What came out goes in again.
    assert_eq!(kv.set("copy", &snapshot), Ok(()));
    assert_eq!(kv.set("input", Input::from(value.as_ref())), Ok(()));
    for key in ["copy", "input"] {
        assert!(tree.is(kv.get(key).expect("just set").as_ref()));
    }
    assert_eq!(kv.compare_and_set("k", value, 1, 0), Ok(true));
    // An own value is not lost with its entry.
    assert_eq!(kv.set("k", other).is_ok(), other.depth() <= Value::MAX_DEPTH);
    kv.clear();
    kv.flush();
    assert!(tree.is(snapshot.as_ref()), "{snapshot:?} is no longer {tree:?}");
}

fn comes_apart(tree: &Tree, value: Value) {
    match value {
        Value::List(list) => {
            let rebuilt = List::from(list.into_vec());
            assert!(tree.is(Value::from(rebuilt).as_ref()));
        }
        Value::Dict(dict) => {
            assert_eq!(Dict::from(dict.to_map()).depth(), tree.depth());
            let rebuilt = Dict::from(dict.into_map());
            assert!(tree.is(Value::from(rebuilt).as_ref()));
        }
        scalar => assert!(tree.is(scalar.as_ref())),
    }
}
