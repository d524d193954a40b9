//! Storing and reading.

use super::differences::{Backend, Difference};
use epochkv::{ErrorKind, MAX_KEY_LEN, Store, StoreErrorKind, Value};

fn shapes() -> Vec<Value> {
    let deepest = (0..Value::MAX_DEPTH).fold(Value::from("x"), |inner, _| Value::list([inner]));
    let mut shapes = vec![
        Value::Null,
        deepest,
        Value::from(Vec::<i64>::new()),
        Value::dict::<&str, i64>([]),
        Value::dict([("", Value::Null), ("a\0b", Value::from([1.5, f64::NAN]))]),
        Value::list([Value::from(1), Value::from("1"), Value::from(1.0), Value::from(true)]),
        Value::bytes(*b""),
        Value::bytes(*b"\xc1\xff\0"),
        Value::bytes(*b"12"),
    ];
    shapes.extend([true, false].map(Value::from));
    shapes.extend([0, 1, -1, i64::MIN, i64::MAX].map(Value::from));
    let floats = [0.0, -0.0, 1.0, 0.1, f64::MIN_POSITIVE, f64::MAX, f64::INFINITY];
    shapes.extend(floats.map(Value::from));
    shapes.extend(
        [f64::NEG_INFINITY, f64::NAN, f64::from_bits(0x7ff0_0000_0000_0001)].map(Value::from),
    );
    shapes.extend(
        ["", "text", "12", "-1", "007", "+3", "-0", " 1", "1.5", "true", "null"].map(Value::from),
    );
    shapes.extend(
        ["9223372036854775807", "9223372036854775808", "ключ 🔑", "a\0\r\nb"].map(Value::from),
    );
    shapes.push(Value::from("long ".repeat(100_000)));
    shapes
}

pub async fn all_shapes_come_back(store: &impl Store, _: Backend) {
    for value in shapes() {
        store.set("k", &value).await.expect("set");
        let found = store.get("k").await.expect("get").expect("it is there");
        assert!(found.as_ref().same(value.as_ref()), "{value:?} came back as {found:?}");
        assert!(store.exists("k").await.expect("exists"), "{value:?}");
        assert_eq!(store.get_or("k", "default").await.expect("get").kind(), value.kind());
    }
}

pub async fn a_key_is_any_text(store: &impl Store, _: Backend) {
    let keys = ["", "\0", "a b\r\n", "ключ", "{tag}x", "}{", "*", "?[a]\\", "a:b", "🔑"];
    for (n, key) in (0..).zip(keys) {
        store.set(key, n).await.expect("set");
    }
    for (n, key) in (0..).zip(keys) {
        assert_eq!(store.get(key).await.expect("get").expect(key), n);
    }
    let mut sorted = keys.to_vec();
    sorted.sort_unstable();
    assert_eq!(store.keys("*").await.expect("keys"), sorted);
}

pub async fn absent_keys(store: &impl Store, _: Backend) {
    assert!(store.get("k").await.expect("get").is_none());
    assert!(!store.exists("k").await.expect("exists"));
    assert!(!store.delete("k").await.expect("delete"));
    assert_eq!(store.ttl("k").await.expect("ttl"), -2);
    assert_eq!(store.ttl_ms("k").await.expect("ttl"), -2);
    assert!(store.take("k").await.expect("take").is_none());
    assert!(!store.persist("k").await.expect("persist"));
}

pub async fn defaults_are_not_stored(store: &impl Store, _: Backend) {
    assert_eq!(store.get_or("k", 7).await.expect("get"), 7);
    assert!(!store.exists("k").await.expect("exists"));
    for value in [Value::from(false), Value::from(0), Value::from(""), Value::Null] {
        store.set("k", &value).await.expect("set");
        assert_eq!(store.get_or("k", "default").await.expect("get"), value);
    }
}

pub async fn set_replaces_any_kind(store: &impl Store, _: Backend) {
    for old in shapes().into_iter().take(5) {
        store.set_ex("k", &old, 60).await.expect("set");
        store.set("k", 1).await.expect("set");
        assert_eq!(store.get("k").await.expect("get").expect("it is there"), 1);
        assert_eq!(store.ttl("k").await.expect("ttl"), -1, "the deadline goes");
    }
}

pub async fn deleting(store: &impl Store, _: Backend) {
    store.set_ex("k", 1, 60).await.expect("set");
    assert!(store.delete("k").await.expect("delete"));
    assert!(!store.delete("k").await.expect("delete"));
    assert_eq!(store.incr("k").await.expect("incr"), 1);
    assert_eq!(store.ttl("k").await.expect("ttl"), -1, "the deadline went with the key");
}

pub async fn a_value_too_deep_is_refused(store: &impl Store, _: Backend) {
    let deep = (0..=Value::MAX_DEPTH).fold(Value::Null, |inner, _| Value::list([inner]));
    store.set("k", 1).await.expect("set");
    let refused = [
        store.set("k", &deep).await.expect_err("too deep"),
        store.swap("k", &deep, 0).await.expect_err("too deep"),
        store.set_if_absent("k", &deep, 0).await.expect_err("too deep"),
        store.set_if_present("k", &deep, 0).await.expect_err("too deep"),
        store.compare_and_set("k", 1, &deep, 0).await.expect_err("too deep"),
        store.set_many([("k", &deep)], 0).await.expect_err("too deep"),
        store.update("k", |_| epochkv::Change::Set(deep.clone())).await.expect_err("too deep"),
    ];
    for error in refused {
        assert_eq!(error.kind(), StoreErrorKind::Refused(ErrorKind::TooDeep));
        assert!(!error.may_have_happened());
    }
    // It is compared with nothing, so it is not there.
    assert!(!store.compare_and_set("k", &deep, 2, 0).await.expect("compare"));
    assert!(!store.compare_and_delete("k", &deep).await.expect("compare"));
    assert_eq!(store.get("k").await.expect("get").expect("it is there"), 1);
}

pub async fn a_key_too_long_is_refused(store: &impl Store, _: Backend) {
    let key = "k".repeat(MAX_KEY_LEN + 1);
    let refused = [
        store.set(&key, 1).await.expect_err("too long"),
        store.incr(&key).await.expect_err("too long"),
        store.set_many([("k", 1), (&key, 1)], 0).await.expect_err("too long"),
    ];
    for error in refused {
        assert_eq!(error.kind(), StoreErrorKind::Refused(ErrorKind::KeyTooLong));
        assert!(!error.may_have_happened());
    }
    assert!(store.get(&key).await.expect("get").is_none());
    assert!(!store.exists(&key).await.expect("exists"));
    assert!(!store.delete(&key).await.expect("delete"));
    assert_eq!(store.ttl(&key).await.expect("ttl"), -2);
    let found = store.get_many([key.as_str(), "k"]).await.expect("get");
    assert!(found.iter().all(Option::is_none), "nothing was written");
}

pub async fn snapshots_stay(store: &impl Store, backend: Backend) {
    store.set("k", "text").await.expect("set");
    let (first, second) = (store.get("k").await.expect("get"), store.get("k").await.expect("get"));
    store.clear().await.expect("clear");
    let (first, second) = (first.expect("it was there"), second.expect("it was there"));
    assert_eq!((&first, &second), (&second, &first));
    assert_eq!(first, "text");
    assert_eq!(first.is_same(&second), !backend.has(Difference::Identity));
}
