//! Deciding and writing at one instant.

use super::differences::Backend;
use epochkv::{Change, Snapshot, Store, Ttl, Value};
use futures_util::future::join_all;

pub async fn set_if(store: &impl Store, _: Backend) {
    assert!(!store.set_if_present("k", 1, 0).await.expect("set"));
    assert!(!store.exists("k").await.expect("exists"));
    assert!(store.set_if_absent("k", 1, 60).await.expect("set"));
    assert!(!store.set_if_absent("k", 2, 0).await.expect("set"));
    assert_eq!(store.get("k").await.expect("get").expect("it is there"), 1);
    assert_eq!(store.ttl("k").await.expect("ttl"), 60);
    assert!(store.set_if_present("k", 3, 0).await.expect("set"));
    assert_eq!(store.get("k").await.expect("get").expect("it is there"), 3);
    assert_eq!(store.ttl("k").await.expect("ttl"), -1);
}

pub async fn swap_and_take(store: &impl Store, _: Backend) {
    assert!(store.swap("k", "one", 60).await.expect("swap").is_none());
    assert_eq!(store.ttl("k").await.expect("ttl"), 60);
    assert_eq!(store.swap("k", 2, 0).await.expect("swap").expect("an old value"), "one");
    assert_eq!(store.ttl("k").await.expect("ttl"), -1);
    assert_eq!(store.take("k").await.expect("take").expect("a value"), 2);
    assert!(store.take("k").await.expect("take").is_none());
}

pub async fn compare(store: &impl Store, _: Backend) {
    let (idle, busy) = (Value::from("idle"), Value::from("busy"));
    assert!(!store.compare_and_set("k", &idle, &busy, 0).await.expect("compare"));
    store.set("k", &idle).await.expect("set");
    assert!(!store.compare_and_set("k", &busy, &idle, 0).await.expect("compare"));
    assert!(store.compare_and_set("k", &idle, &busy, 60).await.expect("compare"));
    assert_eq!(store.ttl("k").await.expect("ttl"), 60);
    assert!(store.compare_and_set("k", &busy, &busy, Ttl::NEVER).await.expect("compare"));
    assert_eq!(store.ttl("k").await.expect("ttl"), -1);
    assert!(!store.compare_and_delete("k", &idle).await.expect("compare"));
    assert!(store.compare_and_delete("k", &busy).await.expect("compare"));
    assert!(!store.compare_and_delete("k", &busy).await.expect("compare"));
    // Whatever it comes in, what is expected is the same.
    store.set("k", "a").await.expect("set");
    assert!(store.compare_and_set("k", "a", b"b", 0).await.expect("compare"));
    assert!(!store.compare_and_set("k", "b", 1, 0).await.expect("compare"), "text is not bytes");
    assert!(store.compare_and_set("k", &b"b"[..], "c", 0).await.expect("compare"));
    assert!(store.compare_and_set("k", String::from("c"), b"d", 0).await.expect("compare"));
    assert!(store.compare_and_set("k", b"d".to_vec(), [1, 2], 0).await.expect("compare"));
    let seen = store.get("k").await.expect("get").expect("it is there");
    assert!(store.compare_and_delete("k", &seen).await.expect("compare"));
}

pub async fn compare_goes_by_bits(store: &impl Store, _: Backend) {
    let nan = Value::from(f64::NAN);
    let dict = Value::dict([("b", nan.clone()), ("a", Value::from(-0.0))]);
    for value in [nan, dict, Value::from(-0.0), Value::from("12"), Value::from(12), Value::Null] {
        store.set("k", &value).await.expect("set");
        for other in [Value::from(0.0), Value::from(0), Value::from(12.0), Value::bytes(*b"12")] {
            let set = store.compare_and_set("k", &other, 1, 0).await.expect("compare");
            assert!(!set, "{value:?} for {other:?}");
        }
        assert!(store.compare_and_set("k", &value, 1, 0).await.expect("compare"), "{value:?}");
    }
}

fn push(old: Option<&Snapshot>, item: i64) -> Change {
    let mut list = old.and_then(Snapshot::as_list).map(|list| list.to_vec()).unwrap_or_default();
    list.push(Value::from(item));
    Change::Set(Value::from(list))
}

pub async fn updates(store: &impl Store, _: Backend) {
    for n in 1..=3 {
        let new = store.update("k", |old| push(old, n)).await.expect("update");
        assert_eq!(new.expect("a value"), Value::from((1..=n).collect::<Vec<_>>()));
    }
    let kept = store.update("k", |_| Change::Keep).await.expect("update");
    assert_eq!(kept.expect("the old value"), Value::from([1, 2, 3]));
    assert!(store.update("k", |_| Change::Remove).await.expect("update").is_none());
    assert!(!store.exists("k").await.expect("exists"));
    assert!(store.update("k", |_| Change::Remove).await.expect("update").is_none());
    assert!(store.update("k", |_| Change::Keep).await.expect("update").is_none());
    assert!(!store.exists("k").await.expect("exists"));
}

pub async fn updates_keep_or_set_the_deadline(store: &impl Store, _: Backend) {
    store.set_ex("k", 1, 60).await.expect("set");
    store.update("k", |_| Change::Set(2.into())).await.expect("update");
    assert_eq!(store.ttl("k").await.expect("ttl"), 60);
    store.update("k", |_| Change::SetEx(3.into(), 30.into())).await.expect("update");
    assert_eq!(store.ttl("k").await.expect("ttl"), 30);
    store.update("k", |_| Change::SetEx(4.into(), Ttl::NEVER)).await.expect("update");
    assert_eq!(store.ttl("k").await.expect("ttl"), -1);
    store.update("new", |_| Change::Set(1.into())).await.expect("update");
    assert_eq!(store.ttl("new").await.expect("ttl"), -1);
}

pub async fn updates_in_many_tasks(store: &impl Store, _: Backend) {
    const TASKS: i64 = 6;
    const ROUNDS: i64 = 25;
    let work = async |task: i64| {
        for round in 0..ROUNDS {
            let item = task * ROUNDS + round;
            store.update("list", |old| push(old, item)).await.expect("update");
            loop {
                let seen = store.get_or("sum", 0).await.expect("get").to_value();
                let Value::Int(sum) = seen else { panic!("{seen:?}") };
                store.set_if_absent("sum", 0, 0).await.expect("set");
                if store.compare_and_set("sum", &seen, sum + 1, 0).await.expect("compare") {
                    break;
                }
            }
        }
    };
    join_all((0..TASKS).map(work)).await;
    let list = store.get("list").await.expect("get").expect("it is there");
    let mut items: Vec<_> = list.as_list().expect("a list").iter().map(|v| v.as_int()).collect();
    items.sort_unstable();
    assert_eq!(items, (0..TASKS * ROUNDS).map(Some).collect::<Vec<_>>(), "none lost, none twice");
    assert_eq!(store.get("sum").await.expect("get").expect("it is there"), TASKS * ROUNDS);
}

pub async fn a_lock(store: &impl Store, _: Backend) {
    let try_lock = async |owner: i64| store.set_if_absent("lock", owner, 30).await.expect("set");
    let won = join_all((0..8).map(try_lock)).await;
    assert_eq!(won.iter().filter(|won| **won).count(), 1);
    let owner = store.get("lock").await.expect("get").expect("it is held");
    assert!(!store.compare_and_delete("lock", 99).await.expect("compare"));
    assert!(store.compare_and_delete("lock", &owner).await.expect("compare"));
    let swapped = join_all((0..8_i64).map(async |n| store.swap("last", n, 0).await.expect("swap")));
    let mut seen: Vec<_> =
        swapped.await.into_iter().flatten().filter_map(|old| old.as_int()).collect();
    seen.extend(store.take("last").await.expect("take").and_then(|last| last.as_int()));
    seen.sort_unstable();
    assert_eq!(seen, (0..8).collect::<Vec<_>>(), "each value is replaced once");
}

pub async fn a_future_does_nothing_unless_polled(store: &impl Store, _: Backend) {
    drop(store.set("k", 1));
    drop(store.incr("k"));
    drop(store.set_many([("k", 1)], 0));
    drop(store.update("k", |_| Change::Set(1.into())));
    assert!(!store.exists("k").await.expect("exists"));
}
