//! Times to live.

use super::differences::{Backend, Difference};
use epochkv::{Expiry, Pattern, Store, StoreScan, Ttl};
use std::time::{Duration, Instant};
use tokio::time::sleep;

const MS: fn(u64) -> Duration = Duration::from_millis;

pub async fn zero_is_for_ever(store: &impl Store, _: Backend) {
    store.set_ex("k", 1, 60).await.expect("set");
    store.set_ex("k", 2, 0).await.expect("set");
    assert_eq!(store.expiry("k").await.expect("expiry"), Expiry::Never);
    store.set_ex("k", 3, Duration::ZERO).await.expect("set");
    assert_eq!(store.ttl_ms("k").await.expect("ttl"), -1);
    assert!(Ttl::from_secs(-1).is_err());
}

pub async fn the_time_left_is_rounded_up(store: &impl Store, _: Backend) {
    store.set_ex("k", 1, 10).await.expect("set");
    assert_eq!(store.ttl("k").await.expect("ttl"), 10);
    store.set_ex("k", 1, MS(1400)).await.expect("set");
    assert_eq!(store.ttl("k").await.expect("ttl"), 2);
    store.set_ex("k", 1, MS(400)).await.expect("set");
    assert_eq!(store.ttl("k").await.expect("ttl"), 1);
    let left = store.ttl_ms("k").await.expect("ttl");
    assert!((1..=400).contains(&left), "{left}");
}

pub async fn an_expired_key_is_absent_everywhere(store: &impl Store, _: Backend) {
    for key in ["a", "b", "c", "d", "e", "f", "g", "h"] {
        store.set_ex(key, 1, MS(60)).await.expect("set");
    }
    sleep(MS(80)).await;
    assert!(store.get("a").await.expect("get").is_none());
    assert!(!store.exists("a").await.expect("exists"));
    assert!(!store.delete("a").await.expect("delete"));
    assert_eq!(store.ttl("a").await.expect("ttl"), -2);
    assert!(!store.expire("a", MS(1000)).await.expect("expire"));
    assert!(!store.persist("a").await.expect("persist"));
    assert!(store.take("a").await.expect("take").is_none());
    assert!(!store.set_if_present("a", 2, 0).await.expect("set"));
    assert!(!store.compare_and_set("b", 1, 2, 0).await.expect("compare"));
    assert!(!store.compare_and_delete("b", 1).await.expect("compare"));
    assert!(store.get_and_expire("b", MS(1000)).await.expect("get").is_none());
    assert!(store.keys("*").await.expect("keys").is_empty());
    assert!(store.scan(&Pattern::new("*")).next_item().await.expect("scan").is_none());
    assert_eq!(store.delete_many(["a", "b"]).await.expect("delete"), 0);
    // And writing starts anew, without the old deadline.
    assert!(store.set_if_absent("c", 2, 0).await.expect("set"));
    assert_eq!(store.incr_by("d", 5).await.expect("incr"), 5);
    let by = epochkv::IncrOptions::by(5);
    assert_eq!(store.incr_with("e", &by).await.expect("incr").value, 5);
    assert!(store.swap("f", 2, 0).await.expect("swap").is_none());
    let seen = store
        .update("g", |old| {
            assert!(old.is_none());
            epochkv::Change::Set(2.into())
        })
        .await;
    assert_eq!(seen.expect("update").expect("a value"), 2);
    store.set("h", 2).await.expect("set");
    for key in ["c", "d", "e", "f", "g", "h"] {
        assert_eq!(store.ttl(key).await.expect("ttl"), -1, "{key}");
    }
}

pub async fn a_key_lives_as_long_as_it_was_told(store: &impl Store, backend: Backend) {
    let early = if backend.has(Difference::Clock) { MS(5) } else { Duration::ZERO };
    for _ in 0..5 {
        let ttl = MS(40);
        let start = Instant::now();
        store.set_ex("k", 1, ttl).await.expect("set");
        loop {
            let asked = Instant::now();
            let is_there = store.exists("k").await.expect("exists");
            if !is_there {
                assert!(start.elapsed() + early >= ttl, "gone after {:?}", start.elapsed());
                break;
            }
            assert!(asked - start < ttl + MS(500), "it does not go");
        }
    }
}

pub async fn times_too_long(store: &impl Store, backend: Backend) {
    // 100 million years.
    let long = Duration::from_secs(100_000_000 * 31_557_600);
    store.set_ex("k", 1, long).await.expect("set");
    let left = store.ttl_ms("k").await.expect("ttl");
    assert!(i128::from(left) > long.as_millis() as i128 - 60_000, "{left}");
    for longer in [Duration::MAX, Duration::from_millis(u64::MAX)] {
        store.set_ex("k", 1, longer).await.expect("set");
        let counted = store.ttl_ms("k").await.expect("ttl");
        let most = if backend.has(Difference::LongestTtl) { i64::MAX / 2 } else { i64::MAX };
        assert!(counted > most - 60_000 && counted <= most, "{counted}");
        assert!(store.expire("k", longer).await.expect("expire"));
        store.swap("k", 1, longer).await.expect("swap");
        assert!(store.get_and_expire("k", longer).await.expect("get").is_some());
        let refresh = epochkv::IncrOptions::by(1).ttl_refresh(longer);
        store.incr_with("k", &refresh).await.expect("incr");
        let counted = store.ttl_ms("k").await.expect("ttl");
        assert!(counted > most - 60_000 && counted <= most, "{counted}");
    }
}

pub async fn times_below_a_millisecond(store: &impl Store, _: Backend) {
    store.set_ex("k", 1, Duration::from_nanos(1)).await.expect("it is no zero");
    sleep(MS(10)).await;
    assert!(!store.exists("k").await.expect("exists"), "and not for ever");
}

pub async fn expiring_and_persisting(store: &impl Store, _: Backend) {
    assert!(!store.expire("k", MS(1000)).await.expect("expire"));
    store.set("k", "v").await.expect("set");
    assert!(!store.persist("k").await.expect("persist"));
    assert!(store.expire("k", MS(9500)).await.expect("expire"));
    assert_eq!(store.ttl("k").await.expect("ttl"), 10);
    assert!(store.persist("k").await.expect("persist"));
    assert!(!store.persist("k").await.expect("persist"));
    assert_eq!(store.ttl("k").await.expect("ttl"), -1);
    assert_eq!(store.get("k").await.expect("get").expect("it is there"), "v");
    assert!(store.expire("k", Duration::ZERO).await.expect("zero removes it"));
    assert!(!store.exists("k").await.expect("exists"));
}

pub async fn reading_and_renewing(store: &impl Store, _: Backend) {
    assert!(store.get_and_expire("k", MS(1000)).await.expect("get").is_none());
    store.set_ex("k", "v", 5).await.expect("set");
    let found = store.get_and_expire("k", MS(60_000)).await.expect("get");
    assert_eq!(found.expect("it is there"), "v");
    assert_eq!(store.ttl("k").await.expect("ttl"), 60);
    let found = store.get_and_expire("k", Duration::ZERO).await.expect("get");
    assert_eq!(found.expect("it is there"), "v");
    assert!(!store.exists("k").await.expect("exists"), "zero removes it");
}
