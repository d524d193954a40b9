//! Calls of all kinds, one of which is interrupted; and what becomes of values whose
//! references are counted.

use super::{Faulty, FaultyStore, panics, quiet_panic};
use epochkv::{Change, Kv, ManualClock, Snapshot, Ttl, Value};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

type Model = HashMap<String, Value>;

/// A text that entries do not hold themselves, so each of them counts.
pub fn counted() -> Arc<str> {
    "x".repeat(2000).into()
}

/// Fails unless the text soon has so many holders: neither more, which would be a leak,
/// nor fewer, which would be one freed twice.
pub fn is_held(text: &Arc<str>, times: usize, what: &str) {
    let start = Instant::now();
    while Arc::strong_count(text) != times {
        // Another test may be keeping garbage for a while.
        let held = Arc::strong_count(text);
        assert!(start.elapsed() < Duration::from_secs(20), "{what}: {held} hold it, not {times}");
        Kv::new().flush();
    }
}

type OnModel = Box<dyn Fn(&mut Model)>;

/// A call, and what it does to the model.
type Step = (Box<dyn Fn(&FaultyStore)>, OnModel);

fn step(kv: impl Fn(&FaultyStore) + 'static, model: impl Fn(&mut Model) + 'static) -> Step {
    (Box::new(kv), Box::new(model))
}

fn put(key: &str, value: impl Into<Value>) -> impl Fn(&mut Model) + 'static {
    let (key, value) = (key.to_owned(), value.into());
    move |model| _ = model.insert(key.clone(), value.clone())
}

fn gone(key: &str) -> impl Fn(&mut Model) + 'static {
    let key = key.to_owned();
    move |model| _ = model.remove(&key)
}

/// Calls on integers.
fn on_integers() -> Vec<Step> {
    let mut steps = vec![
        step(|kv| kv.set("a", 1).unwrap(), put("a", 1)),
        step(|kv| kv.set_ex("b", 2, 9).unwrap(), put("b", 2)),
        step(|kv| _ = kv.incr_by("c", 3).unwrap(), put("c", 3)),
        step(|kv| _ = kv.get_or_insert_with("d", 0, || 4).unwrap(), put("d", 4)),
    ];
    // Enough to grow the table on the way.
    for n in 0..40 {
        let key = format!("e{n}");
        steps.push(step(move |kv| kv.set(&format!("e{n}"), n).unwrap(), put(&key, n)));
    }
    let both = |model: &mut Model| model.extend(["f", "g"].map(|key| (key.to_owned(), 6.into())));
    let count = |model: &mut Model| {
        let old = model.get("e1").and_then(Value::as_int).unwrap_or(0);
        model.insert("e1".to_owned(), (old + 1).into());
    };
    let replace = |model: &mut Model| _ = model.get_mut("e2").map(|value| *value = 22.into());
    steps.extend([
        step(|kv| kv.set_many([("f", 6), ("g", 6)], 0).unwrap(), both),
        step(|kv| _ = kv.incr("e1").unwrap(), count),
        step(|kv| _ = kv.swap("a", 10, 0).unwrap(), put("a", 10)),
        step(|kv| _ = kv.take("b"), gone("b")),
        step(|kv| _ = kv.delete("c"), gone("c")),
        step(|kv| _ = kv.expire("d", Duration::ZERO), gone("d")),
        step(|kv| _ = kv.update("h", |_| Change::Set(11.into())).unwrap(), put("h", 11)),
        step(|kv| _ = kv.compare_and_set("e2", 2, 22, 0).unwrap(), replace),
        step(|kv| _ = kv.compare_and_delete("e3", 3), gone("e3")),
        step(|kv| _ = (kv.get("a"), kv.ttl("a"), kv.keys("a")), |_| ()),
    ]);
    steps
}

/// A call on the key of this number, and what the key has then whatever it had before.
type OnText = fn(&FaultyStore, &str, &Arc<str>);

/// Calls that store the text, whatever is there.
const STORE: [OnText; 7] = [
    |kv, key, text| kv.set(key, Arc::clone(text)).unwrap(),
    |kv, key, text| kv.set_ex(key, Arc::clone(text), 9).unwrap(),
    |kv, key, text| _ = kv.swap(key, Arc::clone(text), 9).unwrap(),
    |kv, key, text| {
        kv.set_many([(key, 1.into()), (key, Value::from(Arc::clone(text)))], 0).unwrap()
    },
    |kv, key, text| _ = kv.update(key, |_| Change::Set(Arc::clone(text).into())).unwrap(),
    |kv, key, text| {
        let change = |_: Option<&Snapshot>| Change::SetEx(Arc::clone(text).into(), 9.into());
        _ = kv.update(key, change).unwrap();
    },
    |kv, key, text| {
        // The same text is there, another one, or none.
        if !kv.compare_and_set(key, Arc::clone(text), Arc::clone(text), 9).unwrap() {
            kv.set(key, Arc::clone(text)).unwrap();
        }
    },
];

/// Calls that leave the text as it is.
const KEEP: [OnText; 6] = [
    |kv, key, text| assert!(kv.get(key).is_none_or(|seen| seen == **text)),
    |kv, key, _| _ = kv.incr(key),
    |kv, key, _| _ = kv.expire(key, Duration::from_secs(7)),
    |kv, key, _| _ = kv.persist(key),
    |kv, key, _| _ = kv.update(key, |_| Change::Keep),
    |kv, key, _| kv.with_many([key, key], |_, _| ()),
];

/// Calls that remove it.
const REMOVE: [OnText; 6] = [
    |kv, key, _| _ = kv.delete(key),
    |kv, key, _| _ = kv.take(key),
    |kv, key, _| _ = kv.delete_many([key]),
    |kv, key, text| _ = kv.compare_and_delete(key, Arc::clone(text)),
    |kv, key, _| _ = kv.update(key, |_| Change::Remove),
    |kv, key, _| _ = kv.expire(key, Duration::ZERO),
];

/// Calls on texts whose holders are counted.
fn on_texts(text: &Arc<str>) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut push = |calls: &[OnText], round: usize, model: &dyn Fn(&str) -> OnModel| {
        for (n, call) in calls.iter().enumerate() {
            let (call, key, text) = (*call, format!("t{}", (n + round) % 9), Arc::clone(text));
            let model = model(&key);
            steps.push(step(move |kv| call(kv, &key, &text), model));
        }
    };
    for round in 0..10 {
        let stored = |key: &str| -> OnModel { Box::new(put(key, Value::from(Arc::clone(text)))) };
        push(&STORE, round, &stored);
        push(&KEEP, round, &|_| Box::new(|_| ()));
        push(&REMOVE[round % 6..][..1], round, &|key| Box::new(gone(key)));
    }
    steps
}

/// Runs the calls with a panic in one call of the hasher, which makes that call do
/// nothing. Returns how often the hasher was called.
pub fn run(panics_at: usize) -> usize {
    let calls = Arc::new(AtomicUsize::new(0));
    let hasher = Faulty { calls: Arc::clone(&calls), panics_at };
    let kv = Kv::builder().hasher(hasher).clock(ManualClock::new()).build();
    let text = counted();
    let steps: Vec<_> = on_integers().into_iter().chain(on_texts(&text)).collect();
    let unheld = Arc::strong_count(&text);
    let mut model = Model::new();
    let mut panicked = 0;
    for (on_store, on_model) in &steps {
        if panics(|| on_store(&kv)) {
            panicked += 1;
        } else {
            on_model(&mut model);
        }
    }
    let called = calls.load(Ordering::Relaxed);
    assert_eq!(panicked, usize::from(panics_at <= called), "panics of call {panics_at}");
    let keys = kv.keys("*");
    assert_eq!(keys.len(), model.len(), "call {panics_at}");
    for key in keys {
        let (value, expected) = (kv.get(&key).map(Value::from), model.get(&key));
        assert!(value.as_ref() == expected, "{key}: {value:?}, expected {expected:?}");
    }
    assert_eq!((kv.len(), kv.live_len()), (model.len(), model.len()));
    let texts = model.values().filter(|value| value.as_str().is_some()).count();
    is_held(&text, unheld + 2 * texts, &format!("by store and model, call {panics_at}"));
    drop((kv, model));
    is_held(&text, unheld, &format!("by nobody, call {panics_at}"));
    called
}

#[test]
fn a_panic_in_the_second_run_of_an_update_changes_nothing() {
    let (seen, written, wanted) = (counted(), counted(), counted());
    let befores: [&dyn Fn(&Kv); 4] = [
        &|_| (),
        &|kv| kv.set("k", 5).unwrap(),
        &|kv| kv.set_ex("k", Arc::clone(&seen), 9).unwrap(),
        &|kv| kv.set("k", "text").unwrap(),
    ];
    let changes: [&dyn Fn() -> Change; 3] =
        [&|| Change::Set(1.into()), &|| Change::Set(Arc::clone(&wanted).into()), &|| {
            Change::Remove
        }];
    for (n, before) in befores.iter().enumerate() {
        for change in changes {
            let kv = Kv::new();
            before(&kv);
            let mut runs = 0;
            assert!(panics(|| {
                _ = kv.update("k", |_| {
                    runs += 1;
                    if runs == 2 {
                        quiet_panic();
                    }
                    // So it runs again.
                    kv.set_ex("k", Arc::clone(&written), 7).unwrap();
                    change()
                });
            }));
            assert_eq!((runs, kv.len(), kv.live_len(), kv.ttl("k")), (2, 1, 1, 7), "{n}");
            assert!(kv.get("k").unwrap() == *written);
            is_held(&written, 2, "by the store");
            assert!(kv.set_if_present("k", 1, Ttl::NEVER).unwrap() && kv.incr("k") == Ok(2));
            drop(kv);
            for text in [&seen, &written, &wanted] {
                is_held(text, 1, "by nobody");
            }
        }
    }
}
