//! Patterns, walks and clearing.

use super::Random;
use super::differences::{Backend, Difference};
use epochkv::{Expiry, Pattern, Store, StoreScan, Value};
use futures_util::future::{Either, select};
use std::collections::BTreeMap;
use std::pin::pin;

pub async fn patterns(store: &impl Store, _: Backend) {
    let keys = ["", "a", "a*", "a/b", "ab", "abc", "a-c", "a]c", "b", "ключ", "[x]", "a\\"];
    store.set_many(keys.map(|key| (key, 1)), 0).await.expect("set");
    let cases: [(&str, &[&str]); 17] = [
        ("", &[""]),
        ("*", &["", "[x]", "a", "a*", "a-c", "a/b", "a\\", "a]c", "ab", "abc", "b", "ключ"]),
        ("**", &["", "[x]", "a", "a*", "a-c", "a/b", "a\\", "a]c", "ab", "abc", "b", "ключ"]),
        ("?", &["a", "b"]),
        ("????", &["ключ"]),
        ("a", &["a"]),
        ("none", &[]),
        ("a*c", &["a-c", "a]c", "abc"]),
        (r"a\*", &["a*"]),
        ("a[b-]c", &["a-c", "abc"]),
        ("a[^b]c", &["a-c", "a]c"]),
        ("[a-b]", &["a", "b"]),
        ("[b-a]", &["a", "b"]),
        ("[]", &[]),
        ("[ab", &["a", "b"]),
        (r"\[x\]", &["[x]"]),
        ("a\\", &["a\\"]),
    ];
    for (pattern, expected) in cases {
        assert_eq!(store.keys(pattern).await.expect("keys"), expected, "{pattern:?}");
    }
}

pub async fn patterns_against_the_matcher(store: &impl Store, _: Backend) {
    let mut random = Random(0xa11);
    let text = |random: &mut Random, alphabet: &[char], longest: usize| -> String {
        (0..random.below(longest + 1)).map(|_| *random.pick(alphabet)).collect()
    };
    let mut keys = BTreeMap::new();
    for n in 0..200 {
        keys.insert(text(&mut random, &['a', 'b', '-', ']', '*', '\\', 'é'], 5), n);
    }
    let items = keys.iter().map(|(key, n)| (key.as_str(), *n));
    store.set_many(items, 0).await.expect("set");
    let alphabet = ['a', 'b', '-', ']', '[', '^', '*', '*', '?', '\\', 'é'];
    for _ in 0..300 {
        let source = text(&mut random, &alphabet, 7);
        let pattern = Pattern::new(source.as_str());
        let expected: Vec<_> = keys.keys().filter(|key| pattern.is_match(key)).cloned().collect();
        assert_eq!(store.keys(&source).await.expect("keys"), expected, "{source:?}");
    }
}

pub async fn keys_are_sorted_and_met_once(store: &impl Store, _: Backend) {
    let keys: Vec<_> = (0..3_000).map(|n| format!("user:{n}")).collect();
    store.set_many(keys.iter().map(|key| (key.as_str(), 1)), 0).await.expect("set");
    store.set("job:1", 1).await.expect("set");
    let mut sorted = keys.clone();
    sorted.sort_unstable();
    assert_eq!(store.keys("user:*").await.expect("keys"), sorted);
    let mut scanned = Vec::new();
    let mut scan = store.scan(&Pattern::prefix("user:"));
    while let Some(item) = scan.next_item().await.expect("scan") {
        scanned.push(item.key().to_owned());
    }
    assert!(scan.next_item().await.expect("scan").is_none(), "the end stays the end");
    scanned.sort_unstable();
    assert_eq!(scanned, sorted);
}

pub async fn scans_show_values_and_deadlines(store: &impl Store, _: Backend) {
    store.set("int", 7).await.expect("set");
    store.set_ex("dict", Value::dict([("a", 1)]), 60).await.expect("set");
    let mut items = BTreeMap::new();
    let mut scan = store.scan(&Pattern::new("*"));
    while let Some(item) = scan.next_item().await.expect("scan") {
        items.insert(item.key().to_owned(), (item.snapshot().to_value(), item.expiry()));
    }
    assert_eq!(items.len(), 2);
    assert_eq!(items["int"], (Value::from(7), Expiry::Never));
    assert_eq!(items["dict"].0, Value::dict([("a", 1)]));
    assert_eq!(items["dict"].1.as_secs(), 60);
    let mut one = store.scan(&Pattern::new("int"));
    assert_eq!(
        one.next_item().await.expect("scan").expect("it is there").value().as_int(),
        Some(7)
    );
    assert!(one.next_item().await.expect("scan").is_none());
    let mut none = store.scan(&Pattern::new("none"));
    assert!(none.next_item().await.expect("scan").is_none());
}

pub async fn lasting_keys_are_met_while_others_come_and_go(store: &impl Store, _: Backend) {
    let lasting: Vec<_> = (0..300).map(|n| format!("lasting:{n:03}")).collect();
    store.set_many(lasting.iter().map(|key| (key.as_str(), 1)), 0).await.expect("set");
    let churn = async {
        let mut round = 0;
        loop {
            let keys: Vec<_> = (0..200).map(|n| format!("passing:{round}:{n}")).collect();
            store.set_many(keys.iter().map(|key| (key.as_str(), 1)), 0).await.expect("set");
            store.delete_many(keys.iter().map(String::as_str)).await.expect("delete");
            round += 1;
            tokio::task::yield_now().await;
        }
    };
    let walks = async {
        for _ in 0..15 {
            let keys = store.keys("*").await.expect("keys");
            assert!(keys.is_sorted_by(|one, other| one < other), "each once");
            let met: Vec<_> = keys.into_iter().filter(|key| key.starts_with("lasting")).collect();
            assert_eq!(met, lasting);
            let mut met = Vec::new();
            let mut scan = store.scan(&Pattern::new("lasting:*"));
            while let Some(item) = scan.next_item().await.expect("scan") {
                met.push(item.key().to_owned());
            }
            met.sort_unstable();
            assert_eq!(met, lasting);
            tokio::task::yield_now().await;
        }
    };
    let (churn, walks) = (pin!(churn), pin!(walks));
    let _: Either<((), _), _> = select(churn, walks).await;
}

pub async fn clearing(store: &impl Store, _: Backend) {
    let keys: Vec<_> = (0..2_000).map(|n| n.to_string()).collect();
    store.set_many(keys.iter().map(|key| (key.as_str(), 1)), 60).await.expect("set");
    let held = store.get("7").await.expect("get").expect("it is there");
    store.clear().await.expect("clear");
    assert!(store.keys("*").await.expect("keys").is_empty());
    assert_eq!(held, 1);
    assert_eq!(store.incr("7").await.expect("incr"), 1);
    assert_eq!(store.ttl("7").await.expect("ttl"), -1, "the deadline went too");
    store.clear().await.expect("clear");
    store.clear().await.expect("clear an empty store");
}

/// Keys are written in order, in several places. What was there before a clear is gone after
/// it; and if it is one instant, what survives is what was written last.
pub async fn clearing_while_others_write(store: &impl Store, backend: Backend) {
    for round in 0..20 {
        let key = |n: usize| format!("{round}:{n:03}");
        for n in 0..20 {
            store.set(&key(n), 1).await.expect("set");
        }
        let write = async {
            for n in 20..120 {
                store.set(&key(n), 1).await.expect("set");
                tokio::task::yield_now().await;
            }
        };
        let clear = async {
            store.clear().await.expect("clear");
        };
        futures_util::future::join(write, clear).await;
        let left = store.keys("*").await.expect("keys");
        assert!(left.iter().all(|left| *left >= key(20)), "set before, and still there: {left:?}");
        if !backend.has(Difference::Clear) {
            let first = 120 - left.len();
            assert_eq!(left, (first..120).map(key).collect::<Vec<_>>(), "not one instant");
        }
        store.clear().await.expect("clear");
    }
}
