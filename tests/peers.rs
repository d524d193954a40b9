//! Bugs that other stores had and that no other file tests. `docs/VERIFICATION.md`
//! has the whole list, with the test that stands for each.

use epochkv::{
    Change, ErrorKind, IncrOptions, Kv, MAX_KEY_LEN, ManualClock, Pattern, Snapshot, Ttl, Value,
};
use operations::{all, store};
use std::cell::Cell;
use std::collections::HashMap;
use std::hash::RandomState;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};
use watchdog::watched;
use weak::Weak;

#[path = "common/operations.rs"]
mod operations;
#[path = "common/watchdog.rs"]
mod watchdog;
#[path = "common/weak.rs"]
mod weak;

/// A text that entries share instead of copying it: its count tells how many of
/// them there are, and a value that is dropped twice takes it below its holders.
fn counted() -> Arc<str> {
    "x".repeat(2000).into()
}

/// Waits until nobody else holds the text. Garbage of threads that have ended
/// needs some steps of the collector.
fn is_released(text: &Arc<str>, what: &str) {
    let start = Instant::now();
    while Arc::strong_count(text) != 1 {
        let held = Arc::strong_count(text) - 1;
        assert!(start.elapsed() < Duration::from_secs(10), "{what}: {held} are never released");
        Kv::new().flush();
        thread::yield_now();
    }
}

/// Runs both at once, many times, on a key that is absent at first.
fn race(rounds: usize, one: impl Fn(&Kv) + Sync, other: impl Fn(&Kv) + Sync) -> Kv {
    let kv = Kv::new();
    let start = Barrier::new(2);
    let run = |call: &dyn Fn(&Kv)| {
        for _ in 0..rounds {
            start.wait();
            call(&kv);
        }
    };
    thread::scope(|scope| {
        scope.spawn(|| run(&other));
        run(&one);
    });
    kv
}

/// crossbeam-skiplist #735, quick_cache #120: the loser of a race for a removal kept
/// its reference, or a value was given away twice.
#[test]
fn of_removals_that_race_each_releases_what_it_got() {
    let text = counted();
    let set = |kv: &Kv| kv.set("k", Arc::clone(&text)).unwrap();
    let removals: [fn(&Kv); 4] = [
        |kv| _ = kv.delete("k"),
        |kv| _ = kv.take("k"),
        |kv| _ = kv.get("k").is_some_and(|seen| kv.compare_and_delete_snapshot("k", &seen)),
        |kv| _ = kv.update("k", |_| Change::Remove),
    ];
    for one in removals {
        for other in removals {
            let kv = race(
                200,
                |kv| {
                    set(kv);
                    one(kv);
                },
                other,
            );
            drop(kv);
            is_released(&text, "removals");
        }
    }
}

/// papaya 265c87a, 3b25374: an insertion that lost, and an update that failed, kept
/// what they had made.
#[test]
fn of_insertions_that_race_the_losers_release_what_they_made() {
    let text = counted();
    let made = || Value::from(Arc::clone(&text));
    let insertions: [&(dyn Fn(&Kv) + Sync); 5] = [
        &|kv| _ = kv.set_if_absent("k", made(), 0),
        &|kv| _ = kv.get_or_insert_with("k", 0, made),
        &|kv| _ = kv.update("k", |_| Change::Set(made())),
        &|kv| _ = kv.compare_and_set("k", 1, made(), 0),
        &|kv| _ = kv.swap("k", made(), 5),
    ];
    for one in insertions {
        for other in insertions {
            let kv = race(100, |kv| one(kv), other);
            assert!(kv.len() <= 1);
            // Only what is there holds the text.
            kv.delete("k");
            is_released(&text, "insertions");
        }
    }
    // Overtaken for sure, by a call within the call.
    let kv = Kv::new();
    let mut runs = 0;
    let overtaken = |_: Option<&Snapshot>| {
        runs += 1;
        if runs < 10 {
            kv.set("k", runs).unwrap();
            kv.delete("k");
            kv.set("k", "another").unwrap();
        }
        Change::Set(made())
    };
    assert_eq!(kv.update("k", overtaken).unwrap().unwrap(), *text);
    assert_eq!(runs, 10);
    let overtaken = || {
        kv.set("l", "another").unwrap();
        made()
    };
    assert_eq!(kv.get_or_insert_with("l", 0, overtaken).unwrap(), "another");
    kv.delete("k");
    is_released(&text, "overtaken insertions");
}

/// scc RUSTSEC-2026-0205, papaya 3b25374: what a refused call had made was dropped
/// twice, or never.
#[test]
fn a_refused_write_releases_what_it_was_given() {
    let text = counted();
    let deep = (0..200).fold(Value::from(Arc::clone(&text)), |inner, _| Value::list([inner]));
    let kv = Kv::new();
    kv.set("k", "present").unwrap();
    let plain = || Value::from(Arc::clone(&text));
    assert!(kv.set("k", &deep).is_err() && kv.swap("k", &deep, 0).is_err());
    assert!(kv.update("k", |_| Change::Set(deep.clone())).is_err());
    assert!(kv.get_or_insert_with("absent", 0, || deep.clone()).is_err());
    assert!(kv.set_many([("k", &plain()), ("l", &deep)], 0).is_err());
    assert!(!kv.set_if_absent("k", plain(), 0).unwrap());
    assert!(!kv.set_if_present("absent", plain(), 0).unwrap());
    assert!(!kv.compare_and_set("k", plain(), plain(), 0).unwrap());
    let stale: Snapshot = plain().into();
    assert!(!kv.compare_and_set_snapshot("k", &stale, plain(), 0).unwrap());
    drop((deep, stale));
    is_released(&text, "refused writes");
    assert_eq!((kv.get("k").unwrap(), kv.len()), (Snapshot::from(Value::from("present")), 1));
}

/// dashmap #74, #195, #319, #369: a result of `get` or an iterator that was alive held
/// up a write, in the same thread or in another.
#[test]
fn what_is_held_holds_up_nobody() {
    watched("all operations beside a snapshot, items and a scan on its way", || {
        for (name, operation) in all() {
            let (kv, _) = store();
            (0..50).for_each(|n| kv.set(&format!("filler:{n}"), n).unwrap());
            kv.set_ex("k", "text", 9).unwrap();
            let snapshot = kv.get("k").unwrap();
            let everything = Pattern::new("*");
            let mut scan = kv.scan(&everything);
            let item = scan.next().expect("there are keys");
            operation(&kv, "k");
            thread::scope(|scope| _ = scope.spawn(|| operation(&kv, "k")));
            assert_eq!(snapshot, "text", "{name}");
            // The scan goes on over what is left.
            assert!(scan.count() <= 51 && !item.key().is_empty(), "{name}");
        }
    });
}

/// Redis 7b070423b, fe3630634; scc 3.0.7: an iterator that was left half-way blocked
/// resizing for ever, or read a table that was freed.
#[test]
fn a_walk_left_half_way_lets_the_table_grow_and_shrink() {
    watched("resizes beside walks that stand still", || {
        let kv = Kv::new();
        let everything = Pattern::new("*");
        (0..500).for_each(|n| kv.set(&n.to_string(), n).unwrap());
        let mut scan = kv.scan(&everything);
        let (cursor, _) = kv.scan_page(epochkv::Cursor::START, &everything, 10);
        let first = scan.next();
        let before = kv.stats();
        (500..20_000).for_each(|n| kv.set(&n.to_string(), n).unwrap());
        let grown = kv.stats();
        assert!(grown.buckets >= 16 * before.buckets, "{before:?}, {grown:?}");
        (100..20_000).for_each(|n| assert!(kv.delete(&n.to_string())));
        kv.shrink_to_fit();
        assert!(kv.stats().buckets <= 64, "{:?}", kv.stats());
        // Both go on in a table that is another one by now, and meet what was there all
        // along once.
        let met: Vec<_> = first.into_iter().chain(scan).map(|item| item.key().to_owned()).collect();
        for stable in (0..100).map(|n: usize| n.to_string()) {
            assert_eq!(met.iter().filter(|key| **key == stable).count(), 1, "{stable}");
        }
        assert!(kv.scan_page(cursor, &everything, usize::MAX).1.len() <= 100);
    });
}

/// dashmap #305: shrinking and writing waited for each other.
#[test]
fn shrinking_beside_writers_ends_and_loses_nothing() {
    watched("shrink_to_fit beside writers", || {
        let kv = Kv::new();
        let write = |thread: usize| {
            for round in 0..20 {
                (0..300).for_each(|n| kv.set(&format!("{thread}:{n}"), round).unwrap());
                (0..300).for_each(|n| assert!(kv.delete(&format!("{thread}:{n}")), "{n}"));
            }
            kv.set(&format!("{thread}:last"), 1).unwrap();
        };
        let write = &write;
        thread::scope(|scope| {
            (0..2).for_each(|thread| _ = scope.spawn(move || write(thread)));
            (0..2).for_each(|_| _ = scope.spawn(|| (0..200).for_each(|_| kv.shrink_to_fit())));
        });
        assert_eq!(kv.keys("*"), ["0:last", "1:last"]);
        assert_eq!((kv.len(), kv.live_len()), (2, 2));
    });
}

/// moka #34: entries freed too early, seen only where threads are many. moka #412: a writer that
/// looped for ever beside others.
#[test]
fn more_threads_than_cores_all_get_on_and_see_whole_values() {
    const THREADS: usize = 24;
    const CALLS: usize = 2000;
    const KEYS: usize = 16;
    watched("many threads on few keys", || {
        let kv = Kv::new();
        let sweeper = kv.start_sweeper(Duration::from_millis(1)).unwrap();
        let call = |n: usize| {
            let key = format!("key:{}", n / 4 % KEYS);
            let letter = ["a", "b", "c", "d", "e"][n % 5];
            match n % 4 {
                0 => {
                    kv.set_ex(&key, letter.repeat(1 + n % 1500), Duration::from_millis(1)).unwrap()
                }
                1 => kv.set(&key, letter.repeat(1 + n % 70)).unwrap(),
                2 => _ = kv.delete(&key),
                _ => _ = kv.incr("calls").unwrap(),
            }
            if let Some(text) = kv.get(&key) {
                let bytes = text.as_str().expect("a text").as_bytes();
                assert!(bytes.iter().all(|byte| *byte == bytes[0]), "{text:?}");
            }
        };
        let call = &call;
        thread::scope(|scope| {
            for thread in 0..THREADS {
                scope.spawn(move || (0..CALLS).for_each(|n| call(thread + n)));
            }
        });
        drop(sweeper);
        assert_eq!(kv.get("calls").unwrap(), (THREADS * CALLS / 4) as i64);
    });
}

/// flurry e54f12e, #90: sizes at which a resize went wrong, and keys that were set
/// again while it ran. moka #348: a count that was off after two quick insertions.
#[test]
fn at_every_power_of_two_the_count_is_exact_and_no_key_is_missing() {
    let kv = Kv::new();
    let name = |n: usize| format!("key:{n}");
    // Text: an integer would be overwritten in place.
    let set = |n: usize, value: usize| kv.set(&name(n), value.to_string()).unwrap();
    let is_set =
        |n: usize| kv.get(&name(n)).is_some_and(|seen| seen == (n + 1).to_string().as_str());
    for n in 0..1 << 13 {
        set(n, n);
        set(n, n + 1);
        // One that was there before, wherever it is by now.
        set(n / 2, n / 2 + 1);
        assert_eq!(kv.len(), n + 1);
        if (n + 1).is_power_of_two() || (n + 2).is_power_of_two() || n.is_power_of_two() {
            assert!((0..=n).all(is_set));
            assert_eq!((kv.live_len(), kv.keys("key:*").len()), (n + 1, n + 1));
        }
    }
    for n in (0..1 << 13).rev() {
        assert!(kv.delete(&name(n)) && !kv.delete(&name(n)));
        assert_eq!(kv.len(), n);
        if n.is_power_of_two() {
            assert!((0..n).all(|n| kv.exists(&name(n))) && kv.live_len() == n);
        }
    }
}

/// moka #43, #59, once_cell RUSTSEC-2019-0017, quick_cache #120: an initialiser that
/// panicked left a key that nobody could make any more, or a placeholder that counted.
#[test]
fn a_maker_that_panics_leaves_no_trace() {
    let kv = Kv::new();
    for round in 0..100 {
        let made = catch_unwind(AssertUnwindSafe(|| {
            kv.get_or_insert_with("k", 9, || -> i64 { resume_unwind(Box::new("planned")) })
        }));
        assert!(made.is_err());
        assert_eq!((kv.len(), kv.live_len(), kv.exists("k"), kv.ttl("k")), (0, 0, false, -2));
        assert_eq!(kv.get_or_insert_with("k", 9, || round).unwrap(), round);
        assert!(kv.delete("k"));
    }
}

/// As a maker that panics: one that fails, and what it made is refused.
#[test]
fn a_maker_that_fails_leaves_no_trace() {
    #[derive(Debug, PartialEq)]
    enum Failure {
        Planned,
        Store(ErrorKind),
    }
    impl From<epochkv::Error> for Failure {
        fn from(error: epochkv::Error) -> Self {
            Self::Store(error.kind())
        }
    }
    let kv = Kv::new();
    let deep = (0..129).fold(Value::from(1), |inner, _| Value::list([inner]));
    let long = "k".repeat(MAX_KEY_LEN + 1);
    for round in 0..100 {
        let fails = || Err::<i64, _>(Failure::Planned);
        assert_eq!(kv.try_get_or_insert_with("k", 9, fails), Err(Failure::Planned));
        let refused = kv.try_get_or_insert_with("k", 9, || Ok::<_, Failure>(&deep));
        assert_eq!(refused, Err(Failure::Store(ErrorKind::TooDeep)));
        // The key is refused before anything is made.
        let refused = kv.try_get_or_insert_with(&long, 9, fails);
        assert_eq!(refused, Err(Failure::Store(ErrorKind::KeyTooLong)));
        assert_eq!((kv.len(), kv.live_len(), kv.exists("k"), kv.ttl("k")), (0, 0, false, -2));
        let made = kv.try_get_or_insert_with("k", 9, || Ok::<_, Failure>(round));
        assert_eq!((made.unwrap(), kv.ttl("k")), (Value::from(round).into(), 9));
        // What is there is found, and nothing is made.
        assert_eq!(kv.try_get_or_insert_with("k", 9, fails).unwrap(), round);
        assert!(kv.delete("k"));
    }
}

/// moka #322: the time was read before the caller's code ran, so an entry lived
/// shorter than it was told to.
#[test]
fn time_that_passes_in_a_closure_is_not_taken_from_the_entry() {
    let (kv, clock) = store();
    let second = Duration::from_secs(1);
    let made = || {
        clock.advance(5 * second);
        "made"
    };
    assert_eq!(kv.get_or_insert_with("made", second, made).unwrap(), "made");
    assert_eq!(kv.ttl_ms("made"), 1000);
    let changed = |_: Option<&Snapshot>| {
        clock.advance(5 * second);
        Change::SetEx("changed".into(), second.into())
    };
    assert_eq!(kv.update("changed", changed).unwrap().unwrap(), "changed");
    assert_eq!((kv.ttl_ms("made"), kv.ttl_ms("changed")), (-2, 1000));
    clock.advance(second - Duration::from_millis(1));
    assert_eq!(kv.ttl_ms("changed"), 1);
    clock.advance(Duration::from_millis(1));
    assert!(!kv.exists("changed"));
}

/// JCTools #151, h2o-3 #412: under keys that come and go a table grew for ever, or
/// never shrank; Redis e2b7932b3: it stayed large after a mass deletion.
#[test]
fn keys_that_come_and_go_leave_a_small_table_and_an_exact_count() {
    const ALIVE: usize = 1000;
    let kv = Kv::new();
    let mut name = String::new();
    let mut named = |n: usize, call: &dyn Fn(&str)| {
        name.clear();
        _ = std::fmt::Write::write_fmt(&mut name, format_args!("key:{n}"));
        call(&name);
    };
    let mut most = 0;
    for n in 0..300_000 {
        named(n, &|key| kv.set(key, 1).unwrap());
        if n >= ALIVE {
            named(n - ALIVE, &|key| assert!(kv.delete(key)));
        }
        if n % 1000 == 0 {
            let stats = kv.stats();
            most = most.max(stats.buckets + stats.overflow_buckets);
        }
    }
    assert_eq!((kv.len(), kv.live_len()), (ALIVE, ALIVE));
    assert!(7 * most <= 8 * ALIVE, "{most} buckets for {ALIVE} keys");
}

/// JDK-8062841: a call within the closure of a call looped for ever if both keys were
/// in one bucket.
#[test]
fn calls_within_closures_may_be_on_keys_that_collide() {
    watched("nested calls on colliding keys", || {
        let hasher = Weak { bits: 0, high: false };
        let kv: Kv<str, Weak> = Kv::builder().hasher(hasher).build();
        for count in 0..20 {
            let key = |n: usize| format!("{count}:{n}");
            let nested = || {
                kv.get_or_insert_with(&key(1), 0, || {
                    kv.set(&key(2), 2).unwrap();
                    kv.update(&key(2), |_| {
                        _ = kv.delete(&key(3));
                        kv.update(&key(3), |_| Change::Set(3.into())).unwrap();
                        Change::Set(20.into())
                    })
                    .unwrap();
                    1
                })
            };
            assert_eq!(kv.get_or_insert_with(&key(0), 0, || nested().unwrap()).unwrap(), 1);
            let expected = [Some(1), Some(1), Some(20), Some(3)];
            let seen = [0, 1, 2, 3].map(|n| kv.get(&key(n)).and_then(|value| value.as_int()));
            assert_eq!(seen, expected);
        }
        assert_eq!((kv.len(), kv.live_len()), (80, 80));
    });
}

/// Redis c7dc17fc0: a count that failed created its key.
#[test]
fn a_count_that_fails_creates_nothing() {
    let (kv, _) = store();
    for _ in 0..2 {
        let full = IncrOptions::by(5).max(3).ttl_on_create(9);
        assert_eq!(kv.incr_with("k", &full).map(|done| (done.value, done.applied)), Ok((0, 0)));
        assert!(kv.incr_with("k", &IncrOptions::by(1).min(2).max(1)).is_err());
        assert!(kv.incr_float("k", f64::NAN).is_err());
        assert!(kv.incr_float("k", f64::INFINITY).is_err());
        assert_eq!((kv.len(), kv.live_len(), kv.exists("k"), kv.ttl("k")), (0, 0, false, -2));
        kv.set("k", 1).unwrap();
        assert!(kv.delete("k"));
    }
}

/// A known seed lets a client choose keys that all collide. Each store draws its own.
#[test]
fn every_store_hashes_in_its_own_way() {
    let walk = || {
        let kv = Kv::new();
        (0..100).for_each(|n| kv.set(&n.to_string(), n).unwrap());
        // Walks go in the order of hashes.
        let order: Vec<_> = kv.scan(&Pattern::new("*")).map(|item| item.key().to_owned()).collect();
        assert_eq!(order.len(), 100);
        order
    };
    let mut orders: HashMap<Vec<String>, usize> = HashMap::new();
    (0..8).for_each(|_| *orders.entry(walk()).or_default() += 1);
    assert_eq!(orders.len(), 8, "two stores hash alike");
}

/// concread RUSTSEC-2020-0092 and some twenty others: `Send` and `Sync` without bounds
/// on what a user brings along. Does not compile if the store has them.
#[test]
fn a_store_with_parts_of_one_thread_stays_in_that_thread() {
    trait UnlessSend<Ambiguous> {
        const IS_NOT: bool = true;
    }
    impl<T: ?Sized> UnlessSend<()> for T {}
    impl<T: ?Sized + Send> UnlessSend<u8> for T {}
    trait UnlessSync<Ambiguous> {
        const IS_NOT: bool = true;
    }
    impl<T: ?Sized> UnlessSync<()> for T {}
    impl<T: ?Sized + Sync> UnlessSync<u8> for T {}

    /// May be sent, but not shared: a handle that is sent is shared, too.
    #[derive(Clone)]
    struct Counting(RandomState, Cell<u32>);
    impl std::hash::BuildHasher for Counting {
        type Hasher = <RandomState as std::hash::BuildHasher>::Hasher;
        fn build_hasher(&self) -> Self::Hasher {
            self.1.set(self.1.get() + 1);
            self.0.build_hasher()
        }
    }
    type Hashed = Kv<str, Counting>;
    type Shared = Kv<str, std::rc::Rc<u8>, ManualClock>;
    const {
        assert!(<Hashed as UnlessSend<_>>::IS_NOT && <Hashed as UnlessSync<_>>::IS_NOT);
        assert!(<Shared as UnlessSend<_>>::IS_NOT && <Shared as UnlessSync<_>>::IS_NOT);
    }
    let kv: Hashed = Kv::builder().hasher(Counting(RandomState::new(), Cell::new(0))).build();
    kv.set("k", 1).unwrap();
    assert!(kv.exists("k") && kv.set_if_present("k", 2, Ttl::NEVER).unwrap());
}
