//! Counting.

use super::Random;
use super::differences::Backend;
use epochkv::{ErrorKind, IncrOptions, Incremented, Store, StoreErrorKind, Ttl, Value};
use std::time::Duration;

pub async fn counting(store: &impl Store, _: Backend) {
    assert_eq!(store.incr("k").await.expect("incr"), 1);
    assert_eq!(store.incr("k").await.expect("incr"), 2);
    assert_eq!(store.incr_by("k", -5).await.expect("incr"), -3);
    assert_eq!(store.get("k").await.expect("get").expect("it is there"), -3);
    assert_eq!(store.incr_by("zero", 0).await.expect("incr"), 0);
    assert_eq!(store.get("zero").await.expect("get").expect("0 is created too"), 0);
    assert_eq!(store.ttl("zero").await.expect("ttl"), -1);
    assert_eq!(store.incr_by("least", i64::MIN).await.expect("incr"), i64::MIN);
    assert_eq!(store.incr_by("least", i64::MAX).await.expect("incr"), -1);
}

pub async fn counting_keeps_the_deadline(store: &impl Store, _: Backend) {
    store.set_ex("k", 1, 60).await.expect("set");
    assert_eq!(store.incr("k").await.expect("incr"), 2);
    assert_eq!(store.ttl("k").await.expect("ttl"), 60);
}

pub async fn what_is_no_integer_is_not_counted(store: &impl Store, _: Backend) {
    let others = [
        Value::from(5.0),
        Value::from("5"),
        Value::from("text"),
        Value::from(""),
        Value::from("007"),
        Value::from(true),
        Value::Null,
        Value::bytes(*b"5"),
        Value::from([5]),
        Value::dict([("a", 5)]),
    ];
    for value in others {
        store.set_ex("k", &value, 60).await.expect("set");
        let plain = store.incr("k").await.expect_err("no integer");
        let bounded = store.incr_with("k", &IncrOptions::by(1)).await.expect_err("no integer");
        for error in [plain, bounded] {
            let refused = StoreErrorKind::Refused(ErrorKind::NotAnInteger);
            assert_eq!(error.kind(), refused, "{value:?}");
            assert!(!error.may_have_happened());
        }
        assert!(
            store.get("k").await.expect("get").expect("it stays").as_ref().same(value.as_ref())
        );
        assert_eq!(store.ttl("k").await.expect("ttl"), 60);
    }
}

pub async fn counting_beyond_i64(store: &impl Store, _: Backend) {
    for (value, amount) in [(i64::MAX, 1), (i64::MIN, -1), (i64::MAX, i64::MAX), (-2, i64::MIN)] {
        store.set_ex("k", value, 60).await.expect("set");
        let error = store.incr_by("k", amount).await.expect_err("too much");
        assert_eq!(error.kind(), StoreErrorKind::Refused(ErrorKind::Overflow));
        assert_eq!(store.get("k").await.expect("get").expect("it stays"), value);
        assert_eq!(store.ttl("k").await.expect("ttl"), 60);
        assert_eq!(store.incr_by("k", 0).await.expect("incr"), value);
    }
}

pub async fn bounds(store: &impl Store, _: Backend) {
    let up = IncrOptions::by(3).max(7);
    for (value, applied) in [(3, 3), (6, 3), (6, 0)] {
        let counted = store.incr_with("up", &up).await.expect("incr");
        assert_eq!(counted, Incremented { value, applied });
    }
    let saturated = store.incr_with("up", &up.saturate(true)).await.expect("incr");
    assert_eq!(saturated, Incremented { value: 7, applied: 1 });

    let down = IncrOptions::by(-5).min(0);
    let counted = store.incr_with("down", &down).await.expect("incr");
    assert_eq!(counted, Incremented { value: 0, applied: 0 });
    assert!(!store.exists("down").await.expect("exists"), "nothing is created");
    let counted = store.incr_with("down", &down.saturate(true)).await.expect("incr");
    assert_eq!(counted, Incremented { value: 0, applied: 0 });
    assert!(store.exists("down").await.expect("exists"), "the bound was applied");

    let error = store.incr_with("k", &IncrOptions::by(1).min(2).max(1)).await;
    let error = error.expect_err("no number is allowed");
    assert_eq!(error.kind(), StoreErrorKind::Refused(ErrorKind::BadBounds));
}

pub async fn bounds_at_the_ends_of_i64(store: &impl Store, _: Backend) {
    store.set("k", i64::MAX - 1).await.expect("set");
    let by = IncrOptions::by;
    let counted = store.incr_with("k", &by(2)).await.expect("out of bounds is no error");
    assert_eq!(counted, Incremented { value: i64::MAX - 1, applied: 0 });
    let counted = store.incr_with("k", &by(2).saturate(true)).await.expect("incr");
    assert_eq!(counted, Incremented { value: i64::MAX, applied: 1 });
    let counted = store.incr_with("k", &by(i64::MIN)).await.expect("incr");
    assert_eq!(counted, Incremented { value: -1, applied: i64::MIN });
    let counted = store.incr_with("k", &by(i64::MIN).saturate(true)).await.expect("incr");
    assert_eq!(counted, Incremented { value: i64::MIN, applied: i64::MIN + 1 });
    // What was applied need not fit either.
    let counted = store.incr_with("k", &by(1).min(i64::MAX).saturate(true)).await.expect("incr");
    assert_eq!(counted, Incremented { value: i64::MAX, applied: i64::MAX });
}

/// Near every power of ten and of two at which arithmetic by halves or floats could go wrong.
pub async fn bounds_against_a_model(store: &impl Store, _: Backend) {
    let mut edges = vec![0];
    for edge in [10, 1_000_000_000, 1 << 53, 1_000_000_000_000_000_000, i64::MAX - 1] {
        for near in [edge - 1, edge, edge + 1] {
            edges.extend([near, -near]);
        }
    }
    edges.push(i64::MIN);
    let mut random = Random(0x5eed);
    for _ in 0..1_500 {
        let pick = |random: &mut Random| *random.pick(&edges);
        let (old, by) = (pick(&mut random), pick(&mut random));
        let (one, other) = (pick(&mut random), pick(&mut random));
        let (min, max) = (one.min(other), one.max(other));
        let saturate = random.below(2) == 0;
        store.set("k", old).await.expect("set");
        let options = IncrOptions::by(by).min(min).max(max).saturate(saturate);
        let counted = store.incr_with("k", &options).await.expect("incr");
        let new = match old.checked_add(by).filter(|sum| (min..=max).contains(sum)) {
            Some(sum) => sum,
            None if saturate => old.saturating_add(by).clamp(min, max),
            None => old,
        };
        let expected = Incremented { value: new, applied: new.saturating_sub(old) };
        assert_eq!(counted, expected, "{old} and {options:?}");
        assert_eq!(store.get("k").await.expect("get").expect("it is there"), new);
    }
}

pub async fn deadlines_of_counters(store: &impl Store, _: Backend) {
    // What the key has before, how it is counted, what it has then.
    let by = || IncrOptions::by(1);
    let cases = [
        (None, by(), -1),
        (Some(100), by(), 100),
        (None, by().ttl_on_create(50), 50),
        (Some(0), by().ttl_on_create(50), -1),
        (Some(100), by().ttl_on_create(50), 100),
        (None, by().ttl_if_none(50), 50),
        (Some(0), by().ttl_if_none(50), 50),
        (Some(100), by().ttl_if_none(50), 100),
        (None, by().ttl_refresh(50), 50),
        (Some(0), by().ttl_refresh(50), 50),
        (Some(100), by().ttl_refresh(50), 50),
        (Some(100), by().ttl_refresh(Ttl::NEVER), -1),
        (Some(100), by().max(1).ttl_refresh(50), 100),
        (Some(100), by().max(1).saturate(true).ttl_refresh(50), 50),
    ];
    for (before, options, ttl) in cases {
        store.delete("k").await.expect("delete");
        if let Some(before) = before {
            store.set_ex("k", 1, before).await.expect("set");
        }
        store.incr_with("k", &options).await.expect("incr");
        assert_eq!(store.ttl("k").await.expect("ttl"), ttl, "{before:?} and {options:?}");
    }
}

pub async fn a_window(store: &impl Store, _: Backend) {
    let window = IncrOptions::by(1).max(2).ttl_on_create(Duration::from_millis(150));
    for applied in [1, 1, 0] {
        assert_eq!(store.incr_with("k", &window).await.expect("incr").applied, applied);
    }
    tokio::time::sleep(Duration::from_millis(170)).await;
    let counted = store.incr_with("k", &window).await.expect("incr");
    assert_eq!(counted, Incremented { value: 1, applied: 1 }, "a new window");
}

pub async fn counters_in_many_tasks(store: &impl Store, _: Backend) {
    const TASKS: i64 = 8;
    const ROUNDS: i64 = 50;
    let bounded = IncrOptions::by(1).max(TASKS * ROUNDS / 2);
    let count = async || {
        let (mut seen, mut applied) = (Vec::new(), 0);
        for _ in 0..ROUNDS {
            seen.push(store.incr("plain").await.expect("incr"));
            applied += store.incr_with("bounded", &bounded).await.expect("incr").applied;
        }
        (seen, applied)
    };
    let results = futures_util::future::join_all((0..TASKS).map(|_| count())).await;
    let mut seen: Vec<_> = results.iter().flat_map(|(seen, _)| seen.clone()).collect();
    seen.sort_unstable();
    assert_eq!(seen, (1..=TASKS * ROUNDS).collect::<Vec<_>>(), "each number once");
    let applied: i64 = results.iter().map(|(_, applied)| applied).sum();
    assert_eq!(applied, TASKS * ROUNDS / 2);
}
