//! Dumps and loads beside readers and writers.

use super::watchdog::watched;
use super::{contents, dump_of, store, store_at};
use epochkv::Value;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::thread;
use std::time::Duration;

/// Ends the threads also when the body panics.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Does `work` again and again in two threads until `body` is done.
fn beside<R>(work: impl Fn(i64) + Sync, body: impl FnOnce() -> R) -> R {
    let (over, turn) = (AtomicBool::new(false), AtomicI64::new(0));
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    work(turn.fetch_add(1, Ordering::Relaxed));
                }
            });
        }
        let _over = Over(&over);
        while turn.load(Ordering::Relaxed) < 1000 {
            thread::yield_now();
        }
        body()
    })
}

/// A value that shows whether its halves belong together.
fn pair(n: i64) -> Value {
    Value::list([n, -n])
}

fn is_pair(value: &Value) -> bool {
    let half = |at: usize| value.at(at).and_then(Value::as_int);
    half(0).zip(half(1)).is_some_and(|(one, other)| one == -other)
}

#[test]
fn a_dump_beside_writers_has_each_key_once_and_whole() {
    watched("dumps beside writers", dumps_beside_writers);
}

fn dumps_beside_writers() {
    let kv = store();
    (0..3000).for_each(|n| kv.set(&format!("stays:{n}"), pair(0)).unwrap());
    kv.set("counter", 0).unwrap();
    let work = |n: i64| {
        kv.set(&format!("stays:{}", n % 3000), pair(n)).unwrap();
        kv.incr("counter").unwrap();
        // Keys that come and go let the table grow and shrink.
        kv.set(&format!("comes:{n}"), pair(n)).unwrap();
        kv.delete(&format!("comes:{}", n - 5000));
    };
    let dumps = beside(work, || {
        (0..20)
            .map(|_| {
                let before = kv.get("counter").unwrap().as_int().unwrap();
                let dump = dump_of(&kv);
                (before, dump, kv.get("counter").unwrap().as_int().unwrap())
            })
            .collect::<Vec<_>>()
    });
    for (before, dump, after) in dumps {
        let other = store();
        let loaded = other.load(&dump[..]).unwrap();
        assert_eq!(loaded.stored, other.live_len() as u64, "no key was there twice");
        assert!((0..3000).all(|n| other.exists(&format!("stays:{n}"))));
        let counted = other.get("counter").unwrap().as_int().unwrap();
        assert!((before..=after).contains(&counted));
        let pairs = contents(&other).into_iter().filter(|(key, ..)| key != "counter");
        pairs.for_each(|(key, value, _)| assert!(is_pair(&value), "{key}: {value}"));
    }
}

#[test]
fn a_load_beside_writers_takes_nothing_from_them() {
    watched("loads beside writers", loads_beside_writers);
}

fn loads_beside_writers() {
    let source = store();
    (0..20_000).for_each(|n| source.set(&format!("loaded:{n}"), pair(1)).unwrap());
    (0..500).for_each(|n| source.set(&format!("both:{n}"), pair(2)).unwrap());
    let dump = dump_of(&source);
    let kv = store();
    let counted = AtomicI64::new(0);
    let work = |n: i64| {
        kv.set(&format!("both:{}", n % 500), pair(n)).unwrap();
        kv.set(&format!("own:{n}"), pair(n)).unwrap();
        assert!(kv.get(&format!("own:{n}")).is_some_and(|value| is_pair(&value.to_value())));
        assert!(kv.delete(&format!("own:{n}")));
        kv.incr("counter").unwrap();
        counted.fetch_add(1, Ordering::Relaxed);
    };
    beside(work, || {
        for _ in 0..3 {
            assert_eq!(kv.load(&dump[..]).unwrap().stored, 20_500);
        }
    });
    assert_eq!(kv.get("counter").unwrap(), counted.into_inner());
    assert_eq!(kv.live_len(), 20_501);
    for (key, value, _) in contents(&kv) {
        assert!(key == "counter" || is_pair(&value), "{key}: {value}");
    }
}

#[test]
fn a_sweep_finds_what_was_loaded() {
    let (kv, clock) = store_at(Duration::from_secs(1));
    (0..3000).for_each(|n| kv.set_ex(&n.to_string(), n, 60).unwrap());
    let dump = dump_of(&kv);
    kv.clear();
    // From now on writers tell of their deadlines, and the walk over what was there is done.
    while kv.sweep(10_000).more {}
    kv.load(&dump[..]).unwrap();
    clock.advance(Duration::from_secs(60));
    let mut removed = 0;
    while !kv.is_empty() {
        let swept = kv.sweep(10_000);
        assert!(swept.more || swept.removed > 0, "{} are forgotten", kv.len());
        removed += swept.removed;
    }
    assert_eq!(removed, 3000);
}
