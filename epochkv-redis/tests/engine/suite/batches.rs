//! Many keys at once.

use super::differences::Backend;
use epochkv::{Store, Value};

pub async fn many_keys(store: &impl Store, _: Backend) {
    store.set_many([("a", 1), ("c", 3), ("a", 4)], 60).await.expect("set");
    let found = store.get_many(["a", "b", "c", "a"]).await.expect("get");
    let found: Vec<_> = found.iter().map(|value| value.as_ref().and_then(|v| v.as_int())).collect();
    assert_eq!(found, [Some(4), None, Some(3), Some(4)]);
    assert_eq!(store.ttl("c").await.expect("ttl"), 60);
    assert_eq!(store.delete_many(["a", "a", "b"]).await.expect("delete"), 1);
    assert_eq!(store.keys("*").await.expect("keys"), ["c"]);
}

/// Longer than what is sent at once, in number and in bytes.
pub async fn long_batches(store: &impl Store, _: Backend) {
    let keys: Vec<_> = (0..2_500).map(|n| format!("key:{n}")).collect();
    let items = keys.iter().zip(0..).map(|(key, n)| (key.as_str(), n));
    store.set_many(items, 0).await.expect("set");
    let found = store.get_many(keys.iter().map(String::as_str)).await.expect("get");
    assert_eq!(found.len(), keys.len());
    for (n, value) in (0..).zip(found) {
        assert_eq!(value.expect("it is there"), n);
    }
    let removed = store.delete_many(keys.iter().map(String::as_str)).await.expect("delete");
    assert_eq!(removed, keys.len());

    let long = Value::from("x".repeat(300_000));
    let items = keys.iter().take(20).map(|key| (key.as_str(), &long));
    store.set_many(items, 0).await.expect("set");
    let found = store.get_many(keys.iter().take(20).map(String::as_str)).await.expect("get");
    assert!(found.into_iter().all(|value| value.is_some_and(|value| value == long)));
}

pub async fn a_refused_batch_changes_nothing(store: &impl Store, _: Backend) {
    let deep = (0..=Value::MAX_DEPTH).fold(Value::Null, |inner, _| Value::list([inner]));
    let error = store.set_many([("a", Value::from(1)), ("b", deep)], 0).await;
    assert!(!error.expect_err("too deep").may_have_happened());
    assert!(store.keys("*").await.expect("keys").is_empty());
}

pub async fn no_keys(store: &impl Store, _: Backend) {
    assert!(store.get_many([]).await.expect("get").is_empty());
    store.set_many::<i64>([], 0).await.expect("set");
    assert_eq!(store.delete_many([]).await.expect("delete"), 0);
}
