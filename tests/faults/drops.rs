//! The caller's `Drop` panics: of what a call was given, and of what a store or a sweeper owns.
//! Where it sleeps, or its thread dies, see `tests/memory`.

use super::operations::{Store, store};
use super::script::{counted, is_held};
use super::{check_usable, panics, quiet_panic};
use epochkv::{Change, Clock, Input, Kv, ManualClock, Pattern, Ttl};
use std::hash::{BuildHasher, DefaultHasher, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

/// Panics when it is dropped.
struct Bomb;

impl Bomb {
    /// For closures, which own what they use.
    fn is_owned(&self) {}
}

impl Drop for Bomb {
    fn drop(&mut self) {
        quiet_panic();
    }
}

impl<'v> From<Bomb> for Input<'v> {
    fn from(_: Bomb) -> Self {
        "converted".into()
    }
}

impl From<Bomb> for Ttl {
    fn from(_: Bomb) -> Self {
        9.into()
    }
}

/// A call that drops one, and whether it is done by then; else nothing has changed.
type Dropping = (&'static str, bool, fn(&Store, Bomb));

const DROPPING: [Dropping; 17] = [
    ("update", true, |kv, bomb| {
        let change = move |_: Option<&_>| {
            bomb.is_owned();
            Change::Set("done".into())
        };
        _ = kv.update("k", change);
    }),
    ("a maker", false, |kv, bomb| {
        let make = move || {
            bomb.is_owned();
            "made"
        };
        _ = kv.get_or_insert_with("absent", 0, make);
    }),
    ("a maker that has not run", false, |kv, bomb| {
        let make = move || {
            bomb.is_owned();
            "made"
        };
        _ = kv.get_or_insert_with("other", 0, make);
    }),
    ("a time of a maker that has not run", false, |kv, bomb| {
        _ = kv.get_or_insert_with("other", bomb, || "made");
    }),
    ("with", false, |kv, bomb| _ = kv.with("other", move |_| bomb.is_owned())),
    ("with of an absent key", false, |kv, bomb| _ = kv.with("absent", move |_| bomb.is_owned())),
    ("with of an expired key", false, |kv, bomb| {
        _ = kv.with("expired", move |_| bomb.is_owned());
    }),
    ("with_many", false, |kv, bomb| kv.with_many(["other"], move |_, _| bomb.is_owned())),
    ("retain", true, |kv, bomb| {
        let keep = move |key: &str, _: &_| {
            bomb.is_owned();
            key != "k"
        };
        _ = kv.retain(keep);
    }),
    ("for_each_key", false, |kv, bomb| {
        kv.for_each_key(&Pattern::new("*"), move |_| bomb.is_owned());
    }),
    ("sweep_with", false, |kv, bomb| _ = kv.sweep_with(1000, move |_, _| bomb.is_owned())),
    ("get_many", false, |kv, bomb| {
        _ = kv.get_many(["k"].into_iter().inspect(move |_| bomb.is_owned()));
    }),
    ("set_many", false, |kv, bomb| {
        _ = kv.set_many([("k", 1)].into_iter().inspect(move |_| bomb.is_owned()), 0);
    }),
    ("delete_many", true, |kv, bomb| {
        _ = kv.delete_many(["k"].into_iter().inspect(move |_| bomb.is_owned()));
    }),
    ("with_many's keys", false, |kv, bomb| {
        kv.with_many(["k"].into_iter().inspect(move |_| bomb.is_owned()), |_, _| ());
    }),
    ("a converted value", false, |kv, bomb| _ = kv.set("k", bomb)),
    ("a converted time", false, |kv, bomb| _ = kv.set_ex("k", 1, bomb)),
];

#[test]
fn of_what_a_call_was_given() {
    for (name, is_done, call) in DROPPING {
        let text = counted();
        let (kv, clock) = store();
        kv.set("k", Arc::clone(&text)).unwrap();
        kv.set_ex("other", 1, 9).unwrap();
        kv.set_ex("expired", 1, 1).unwrap();
        clock.advance(Duration::from_secs(1));
        let before = kv.get("k").unwrap();
        assert!(panics(|| call(&kv, Bomb)), "{name}");
        let is_same = kv.get("k").is_some_and(|after| after.is_same(&before));
        assert_eq!((is_same, kv.get("other").unwrap().as_int()), (!is_done, Some(1)), "{name}");
        assert!(!kv.exists("absent") && !kv.exists("expired"), "{name}");
        check_usable(&kv, name);
        drop((kv, before));
        is_held(&text, 1, name);
    }
}

/// A hasher, or a clock, that panics when it is dropped, or counts its drops.
enum Owned {
    Counts(Arc<AtomicUsize>),
    Panics,
}

impl Drop for Owned {
    fn drop(&mut self) {
        match self {
            Self::Counts(drops) => _ = drops.fetch_add(1, Ordering::Relaxed),
            Self::Panics => quiet_panic(),
        }
    }
}

struct Hashers(RandomState, #[expect(dead_code, reason = "it is dropped")] Owned);

impl BuildHasher for Hashers {
    type Hasher = DefaultHasher;

    fn build_hasher(&self) -> DefaultHasher {
        self.0.build_hasher()
    }
}

struct Time(ManualClock, #[expect(dead_code, reason = "it is dropped")] Owned);

impl Clock for Time {
    fn now_ns(&self) -> u64 {
        self.0.now_ns()
    }
}

#[test]
fn of_a_hasher_or_clock_when_its_store_goes() {
    for is_hasher in [true, false] {
        let (text, drops) = (counted(), Arc::new(AtomicUsize::new(0)));
        let (bad, good) = (Owned::Panics, Owned::Counts(Arc::clone(&drops)));
        let (hasher, clock) = if is_hasher { (bad, good) } else { (good, bad) };
        let hasher = Hashers(RandomState::new(), hasher);
        let clock = Time(ManualClock::new(), clock);
        let kv: Kv<str, _, _> = Kv::builder().hasher(hasher).clock(clock).build();
        (0..500).for_each(|n| kv.set_ex(&n.to_string(), Arc::clone(&text), 9).unwrap());
        kv.sweep(1000);
        let (snapshot, other) = (kv.get("7").unwrap(), kv.clone());
        assert!(!panics(|| drop(kv)));
        // In a thread, which dies of it.
        assert!(thread::spawn(move || drop(other)).join().is_err());
        // The snapshot outlives it all, and all else is freed.
        is_held(&text, 2, "by the snapshot");
        assert!(snapshot == *text);
        drop(snapshot);
        is_held(&text, 1, "by nobody");
        assert_eq!(drops.load(Ordering::Relaxed), 1);
    }
}

#[test]
fn of_a_sweepers_callback() {
    let kv = Kv::new();
    let bomb = Bomb;
    let sweeper = kv.start_sweeper_with(Duration::from_millis(1), move |_, _| bomb.is_owned());
    // Its thread dies, and this one waits for that.
    drop(sweeper.unwrap());
    let sweeper = kv.start_sweeper(Duration::from_millis(1)).unwrap();
    kv.set_ex("k", 1, Duration::from_millis(5)).unwrap();
    while !kv.is_empty() {
        thread::sleep(Duration::from_millis(1));
    }
    drop(sweeper);
    assert_eq!(kv.set("k", 1), Ok(()));
    assert_eq!(kv.stats().callback_panics, 0);
}
