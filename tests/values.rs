//! Values through the public API: equality, printing, depth, sharing, teardown.

use std::collections::BTreeMap;
use std::fmt::{Debug, Display};
use std::sync::{Barrier, mpsc};
use std::thread;
use std::time::Duration;

use epochkv::{Dict, DictIter, Input, Kind, List, TryFromValueError, Value, ValueRef};
use proptest::prelude::*;

#[path = "values/conversions.rs"]
mod conversions;
#[path = "common/property.rs"]
mod property;

/// Deep enough to overflow any stack under recursion; small under an interpreter.
const DEEP: usize = if cfg!(miri) { 2_000 } else { 1_000_000 };

/// Runs a test body on a small stack, and fails instead of hanging if it takes far too long.
fn on_small_stack(body: impl FnOnce() + Send + 'static) {
    let (done, finished) = mpsc::channel();
    let worker = thread::Builder::new()
        .stack_size(256 * 1024)
        .spawn(move || {
            body();
            let _ = done.send(());
        })
        .expect("thread starts");
    let outcome = finished.recv_timeout(Duration::from_secs(120));
    assert_ne!(outcome, Err(mpsc::RecvTimeoutError::Timeout), "takes far too long");
    worker.join().expect("body passes");
}

fn lists(depth: usize) -> Value {
    (0..depth).fold(Value::Null, |inner, _| Value::list([inner]))
}

fn dicts(depth: usize) -> Value {
    (0..depth).fold(Value::Null, |inner, _| Value::dict([("k", inner)]))
}

/// Lists and dicts in turn, with scalars beside the nested value.
fn mixed(depth: usize) -> Value {
    (0..depth).fold(Value::from("core"), |inner, level| {
        if level % 2 == 0 {
            Value::list([Value::from("a"), inner, Value::Null])
        } else {
            Value::dict([("a", Value::from(1.5)), ("b", inner)])
        }
    })
}

/// Every level holds the one below twice: few nodes, 2^levels paths.
fn diamonds(levels: usize, core: Value) -> Value {
    (0..levels).fold(core, |inner, level| match level % 2 {
        0 => Value::list([inner.clone(), inner]),
        _ => Value::dict([("l", inner.clone()), ("r", inner)]),
    })
}

#[test]
fn sizes_and_auto_traits() {
    const fn shareable<T: Clone + Debug + Send + Sync + Unpin>() {}
    const fn lasting<T: Default + Display + PartialEq + 'static>() {}
    const {
        assert!(size_of::<Value>() <= 24);
        assert!(size_of::<ValueRef<'_>>() <= 24);
        assert!(size_of::<List>() == size_of::<usize>());
        assert!(size_of::<Option<Value>>() == size_of::<Value>());
        shareable::<Value>();
        shareable::<ValueRef<'_>>();
        shareable::<Input<'_>>();
        shareable::<DictIter<'_>>();
        shareable::<Kind>();
        shareable::<TryFromValueError>();
        lasting::<Value>();
        lasting::<List>();
        lasting::<Dict>();
    }
}

#[test]
fn equality_follows_ieee_and_same_follows_bits() {
    let wrap = |value: Value| Value::dict([("k", Value::list([value]))]);
    let other_nan = f64::from_bits(f64::NAN.to_bits() ^ 1);
    let table = [
        (Value::from(1), Value::from(1), true, true),
        (Value::from(1), Value::from(1.0), false, false),
        (Value::from(1), Value::from(true), false, false),
        (Value::from("a"), Value::from(b"a"), false, false),
        (Value::from(0.0), Value::from(-0.0), true, false),
        (Value::from(f64::NAN), Value::from(f64::NAN), false, true),
        (Value::from(f64::NAN), Value::from(other_nan), false, false),
        (Value::Null, Value::list([Value::Null]), false, false),
        (Value::list([1, 2]), Value::list([2, 1]), false, false),
        (Value::list([1, 2]), Value::list([1]), false, false),
        (Value::List(List::new()), Value::Dict(Dict::new()), false, false),
        (Value::dict([("a", 1)]), Value::dict([("b", 1)]), false, false),
        (Value::dict([("a", 1), ("b", 2)]), Value::dict([("b", 2), ("a", 1)]), true, true),
    ];
    for (a, b, equal, same) in table {
        for (a, b) in [(a.clone(), b.clone()), (wrap(a), wrap(b))] {
            assert_eq!((a == b, b == a), (equal, equal), "{a:?} == {b:?}");
            assert_eq!((a.same(&b), b.same(&a)), (same, same), "{a:?} same {b:?}");
        }
    }
    // Sharing the node must not make a NaN inside equal to itself.
    let shared = wrap(Value::list([Value::from(f64::NAN), Value::from(1)]));
    assert_ne!(shared, shared.clone());
    assert!(shared.same(&shared.clone()));
}

/// One look at two nodes, whatever is in them, tells that they are one, or that they differ in
/// depth. By the items it would take hours.
#[test]
fn a_node_is_equal_to_itself_and_differs_from_a_deeper_one_at_once() {
    on_small_stack(|| {
        let with_last = |last: Value| (0..200_000).map(Value::from).chain([last]).collect::<List>();
        let lists = [0.into(), Value::list([0]), Value::list([Value::list([0])])].map(with_last);
        for _ in 0..100_000 {
            for one in 0..lists.len() {
                for other in 0..lists.len() {
                    assert_eq!(lists[one] == lists[other].clone(), one == other);
                }
            }
        }
    });
}

#[test]
fn values_compare_with_rust_types_both_ways() {
    macro_rules! compares {
        ($($rust:expr => $value:expr),* $(,)?) => {$(
            let (value, other) = (Value::from($value), Value::list([()]));
            assert!($rust == value && value == $rust && $rust == value.as_ref());
            assert!(value.as_ref() == $rust && $rust != other && other != $rust);
        )*};
    }
    compares! {
        true => true,
        5 => 5,
        5i64 => 5,
        1.5 => 1.5,
        "a" => "a",
        *"a" => "a",
        String::from("a") => "a",
        b"a" => b"a",
        b"a"[..] => b"a",
        *b"a" => b"a",
        b"a".to_vec() => b"a",
        List::from_iter([1]) => [1],
        Dict::from_iter([("a", 1)]) => BTreeMap::from([("a", 1)]),
        ValueRef::Int(5) => 5,
    }
    let (nan, number) = (Value::from(f64::NAN), f64::NAN);
    assert_ne!(nan, number);
    assert_ne!(number, nan);
}

#[test]
fn text_forms() {
    let table = [
        (Value::Null, "null", "Null"),
        (Value::from(true), "true", "Bool(true)"),
        (Value::from(-3), "-3", "Int(-3)"),
        (Value::from(1.0), "1.0", "Float(1.0)"),
        (Value::from(-0.0), "-0.0", "Float(-0.0)"),
        (Value::from(1e300), "1e300", "Float(1e300)"),
        (Value::from(f64::NAN), "NaN", "Float(NaN)"),
        (Value::from(f64::NEG_INFINITY), "-inf", "Float(-inf)"),
        (Value::from("a\"b\n"), "a\"b\n", r#"Str("a\"b\n")"#),
        (Value::from(b"a\"\xff"), r#"b"a\"\xff""#, r#"Bytes(b"a\"\xff")"#),
        (Value::List(List::new()), "[]", "List([])"),
        (Value::Dict(Dict::new()), "{}", "Dict({})"),
        (
            Value::list(["\"\\\n\r\t\u{1}é"]),
            r#"["\"\\\n\r\t\u0001é"]"#,
            r#"List([Str("\"\\\n\r\t\u{1}é")])"#,
        ),
        (
            Value::list([
                Value::dict([("k\"", Value::list([1, 2]))]),
                Value::bytes(*b"x"),
                1.into(),
            ]),
            r#"[{"k\"": [1, 2]}, b"x", 1]"#,
            r#"List([Dict({"k\"": List([Int(1), Int(2)])}), Bytes(b"x"), Int(1)])"#,
        ),
    ];
    for (value, display, debug) in table {
        assert_eq!(value.to_string(), display);
        assert_eq!(format!("{value:?}"), debug);
        assert_eq!(format!("{value:#?}"), debug);
        assert_eq!(value.as_ref().to_string(), display);
        assert_eq!(format!("{:?}", value.as_ref()), debug);
    }
    assert_eq!(
        format!("{:>4}|{:<4}|{:.2}", Value::from(7), Value::from("a"), Value::from(1.0)),
        "   7|a   |1.00"
    );
    assert_eq!(format!("{:>6}|{:>6}", Value::Null, Value::from(true)), "  null|  true");
    assert_eq!(format!("{:>9}", Value::list([1])), "[1]");
    assert_eq!(Value::list([" a b"]).to_string(), r#"[" a b"]"#);
    assert_eq!(format!("{:>5}", Kind::Dict), " dict");
}

#[test]
fn a_list_is_a_slice_and_a_value_by_itself() {
    let list: List = [1, 2].into_iter().collect();
    let items = [Value::from(1), Value::from(2)];
    assert_eq!((list.as_ref() as &[Value], &*list), (&items[..], &items[..]));
    assert_eq!(list.clone().into_iter().collect::<Vec<_>>(), items);
    let equal: List = items.into_iter().collect();
    assert!(list == equal && list != List::new());
    assert!(list.ptr_eq(&list.clone()) && !list.ptr_eq(&equal));
    assert_eq!(
        (list.to_string(), format!("{list:?}")),
        ("[1, 2]".into(), "List([Int(1), Int(2)])".into())
    );
}

#[test]
fn a_dict_is_a_map_and_a_value_by_itself() {
    let dict: Dict = [("a", 1)].into_iter().collect();
    let equal: Dict = [("a", 1)].into_iter().collect();
    assert!(!dict.is_empty() && Dict::new().is_empty());
    assert!(dict == equal && dict != Dict::new());
    assert!(dict.ptr_eq(&dict.clone()) && !dict.ptr_eq(&equal));
    assert_eq!(
        (dict.to_string(), format!("{dict:?}")),
        (r#"{"a": 1}"#.into(), r#"Dict({"a": Int(1)})"#.into())
    );
}

#[test]
fn a_value_is_taken_by_its_own_kind_only() {
    assert_eq!(Value::from(true).as_bool(), Some(true));
    assert_eq!(Value::from(false).as_bool(), Some(false));
    assert_eq!(Value::from(1).as_bool(), None);
}

#[test]
fn dicts_are_ordered_by_the_bytes_of_their_keys() {
    let dict: Dict = ["b", "é", "", "a", "Z", "ab", "\0", "𐍈", "\u{ffff}"]
        .into_iter()
        .map(|key| (key, key.len() as i64))
        .collect();
    let expected = ["", "\0", "Z", "a", "ab", "b", "é", "\u{ffff}", "𐍈"];
    assert!(dict.keys().eq(expected));
    assert!(dict.iter().rev().map(|(key, _)| key).eq(expected.into_iter().rev()));
    assert!((&dict).into_iter().all(|(key, value)| *value == key.len() as i64));
    assert_eq!((dict.len(), dict.iter().len(), dict.values().len()), (9, 9, 9));
    let owned: Vec<_> = dict.clone().into_iter().map(|(key, _)| key).collect();
    assert!(dict.keys().eq(owned.iter().map(|key| &**key)));
}

#[test]
fn later_entries_win() {
    let dict = Dict::from_iter([("a", 1), ("b", 2), ("a", 3)]);
    assert_eq!(dict.to_string(), r#"{"a": 3, "b": 2}"#);
    assert_eq!(dict.get("a"), Some(&Value::from(3)));
    assert!(dict.contains_key("b") && !dict.contains_key("c") && dict.get("c").is_none());
}

#[test]
fn clones_share_and_copies_do_not() {
    let value = Value::from("text");
    assert_eq!(value.as_str().map(str::as_ptr), value.clone().as_str().map(str::as_ptr));

    let list = List::from_iter([1, 2]);
    let twin = list.clone();
    assert!(list.ptr_eq(&twin) && list.as_ptr() == twin.as_ptr());
    assert!(Value::from(list.clone()).as_list().is_some_and(|inner| inner.ptr_eq(&list)));
    assert!(ValueRef::List(&list).to_value().as_list().is_some_and(|inner| inner.ptr_eq(&list)));
    let mut items = twin.into_vec();
    items.push(Value::Null);
    assert_eq!((list.len(), items.len()), (2, 3));
    let place = items.as_ptr();
    let items = List::from(items).into_vec();
    assert_eq!(items.as_ptr(), place, "an unshared list is not copied");

    let dict = Dict::from_iter([("a", 1)]);
    let mut map = dict.clone().into_map();
    map.insert("b".into(), Value::Null);
    assert_eq!((dict.len(), dict.to_map().len(), Dict::from(map).len()), (1, 1, 2));
    assert!(List::new().ptr_eq(&List::default()) && Dict::new().ptr_eq(&Dict::default()));
}

#[test]
fn depth_counts_levels_of_containers() {
    assert_eq!(Value::from("a").depth(), 0);
    assert_eq!(Value::List(List::new()).depth(), 1);
    assert_eq!(Value::Dict(Dict::new()).depth(), 1);
    assert_eq!(Value::from([[1]]).depth(), 2);
    assert_eq!(Value::list([lists(1), lists(5), Value::Null]).depth(), 6);
    assert_eq!((mixed(128).depth(), mixed(129).depth()), (Value::MAX_DEPTH, 129));
}

#[test]
fn a_million_levels_fit_on_a_small_stack() {
    on_small_stack(|| {
        for build in [lists, dicts, mixed] {
            let (value, twin) = (build(DEEP), build(DEEP));
            assert_eq!(value.depth(), DEEP);
            assert!(value == twin && value.same(&twin) && value == value.clone());
            assert!(value != build(DEEP + 1));
            assert!(value.to_string().len() > DEEP);
            assert!(format!("{value:#?}").len() > DEEP);
            assert!(
                Value::list([twin]).as_list().cloned().is_some_and(|l| l.into_vec() == [value])
            );
        }
    });
}

#[test]
fn threads_may_drop_clones_of_a_deep_value_at_once() {
    for round in 0..20 {
        let value = mixed(DEEP / 10);
        // Extra owners in the middle hand the teardown over from thread to thread.
        let middle = (0..round * 50).fold(value.clone(), |outer, _| match &outer {
            Value::List(list) => list[1].clone(),
            _ => outer.get("b").cloned().expect("nested value"),
        });
        let start = Barrier::new(3);
        thread::scope(|scope| {
            for owned in [value.clone(), value, middle] {
                let start = &start;
                let body = move || {
                    start.wait();
                    drop(owned);
                };
                let small = thread::Builder::new().stack_size(256 * 1024);
                small.spawn_scoped(scope, body).expect("thread starts");
            }
        });
    }
}

#[test]
fn shared_parts_cost_nodes_not_paths() {
    on_small_stack(|| {
        let (a, b) = (diamonds(60, Value::from(1)), diamonds(60, Value::from(1)));
        assert_eq!(a.depth(), 60);
        assert!(a == a.clone() && a == b && a.same(&b));
        assert!(a != diamonds(60, Value::from(2)));
        let nan = diamonds(60, Value::from(f64::NAN));
        assert!(nan != nan.clone() && nan.same(&diamonds(60, Value::from(f64::NAN))));
        drop((a, b, nan));

        // Sharing at other levels on each side: neither side alone shows that a pair comes again.
        let split = |inner: Value| Value::list([Value::list([&inner]), Value::list([&inner])]);
        let joined = |inner: Value| {
            let one = Value::list([inner]);
            Value::list([one.clone(), one])
        };
        let left = (0..40).fold(Value::from(1), |inner, _| split(joined(inner)));
        let right = (0..40).fold(Value::from(1), |inner, _| joined(split(inner)));
        assert!(left == right);
    });
}

fn any_value() -> impl Strategy<Value = Value> {
    let scalar = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(|bits| Value::from(f64::from_bits(bits))),
        any::<String>().prop_map(Value::from),
        any::<Vec<u8>>().prop_map(Value::from),
    ];
    scalar.prop_recursive(5, 40, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec(("[ab]{0,2}", inner), 0..5).prop_map(Value::dict),
        ]
    })
}

/// The same content, sharing nothing; written the plain way to check against.
fn rebuilt(value: &Value) -> Value {
    match value.as_ref() {
        ValueRef::List(list) => Value::list(list.iter().map(rebuilt)),
        ValueRef::Dict(dict) => Value::dict(dict.iter().map(|(key, item)| (key, rebuilt(item)))),
        scalar => scalar.to_value(),
    }
}

fn plain_equal(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::List(a), Value::List(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| plain_equal(a, b))
        }
        (Value::Dict(a), Value::Dict(b)) => {
            a.keys().eq(b.keys()) && a.values().zip(b.values()).all(|(a, b)| plain_equal(a, b))
        }
        (Value::Float(a), Value::Float(b)) => a == b,
        _ => a.kind() == b.kind() && a.same(b),
    }
}

fn plain_depth(value: &Value) -> usize {
    match value {
        Value::List(list) => 1 + list.iter().map(plain_depth).max().unwrap_or(0),
        Value::Dict(dict) => 1 + dict.values().map(plain_depth).max().unwrap_or(0),
        _ => 0,
    }
}

proptest! {
    #![proptest_config(property::seeded(256))]

    #[test]
    fn agrees_with_plain_recursion(a in any_value(), b in any_value()) {
        let copy = rebuilt(&a);
        prop_assert!(a.same(&copy) && copy.same(&a) && a.same(&a.clone()));
        prop_assert_eq!(a == copy, plain_equal(&a, &copy));
        prop_assert_eq!(a == a.clone(), plain_equal(&a, &copy));
        prop_assert_eq!(a == b, plain_equal(&a, &b));
        prop_assert_eq!(a.depth(), plain_depth(&a));
        prop_assert_eq!((format!("{a}"), format!("{a:?}")), (format!("{copy}"), format!("{copy:?}")));
        prop_assert!(Input::from(a.as_ref()).into_value().same(&a));
    }
}
