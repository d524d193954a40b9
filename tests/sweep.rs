//! Sweeping by hand, with a clock that moves by hand: what has expired goes,
//! nothing else does, and nothing is forgotten.

use epochkv::{Clock, IncrOptions, Kv, ManualClock, Ttl, Value};
use operations::{Seeds, Store, Time, UPKEEP, WRITES, store};
use seed::{Rng, seed_of_run};
use std::hash::RandomState;
use std::panic;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use weak::Weak;

#[path = "common/operations.rs"]
mod operations;
#[path = "common/seed.rs"]
mod seed;
#[path = "common/weak.rs"]
mod weak;

const ALL: usize = usize::MAX;

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

/// A store for which writers note their deadlines.
fn fed() -> (Store, Time) {
    let (kv, clock) = store();
    assert!(!kv.sweep(ALL).more);
    (kv, clock)
}

/// Sweeps in portions until nothing is due.
fn sweep(kv: &Store) -> usize {
    let mut removed = 0;
    for _ in 0..100_000 {
        let swept = kv.sweep(100);
        assert!(!swept.busy);
        removed += swept.removed;
        if !swept.more {
            return removed;
        }
    }
    panic!("there always is more to do");
}

#[test]
fn an_expired_entry_goes_without_traffic_and_not_before() {
    let (kv, clock) = fed();
    kv.set_ex("k", 1, Duration::from_millis(5)).unwrap();
    kv.set("forever", 1).unwrap();
    clock.advance(Duration::from_nanos(4_999_999));
    assert_eq!((sweep(&kv), kv.len()), (0, 2));
    clock.advance(Duration::from_nanos(1));
    assert_eq!((sweep(&kv), kv.len()), (1, 1));
    let stats = kv.stats();
    assert_eq!((stats.expired, stats.swept, stats.handles), (1, 1, 0));
}

/// What is done to a key with 10 seconds left, and how long it lives then.
type Renewal = (&'static str, fn(&Store), Option<u64>);

const RENEWALS: &[Renewal] = &[
    ("set_ex longer", |kv| kv.set_ex("k", 2, 20).unwrap(), Some(20)),
    ("set_ex shorter", |kv| kv.set_ex("k", 2, 5).unwrap(), Some(5)),
    ("set_ex the same", |kv| kv.set_ex("k", 2, 10).unwrap(), Some(10)),
    ("set", |kv| kv.set("k", "text").unwrap(), None),
    ("expire longer", |kv| assert!(kv.expire("k", secs(20))), Some(20)),
    ("expire shorter", |kv| assert!(kv.expire("k", secs(5))), Some(5)),
    ("persist", |kv| assert!(kv.persist("k")), None),
    ("persist, expire", |kv| assert!(kv.persist("k") && kv.expire("k", secs(20))), Some(20)),
    ("incr", |kv| assert_eq!(kv.incr("k"), Ok(2)), Some(10)),
    ("incr_float", |kv| assert_eq!(kv.incr_float("k", 0.5), Ok(1.5)), Some(10)),
    (
        "incr_with ttl_refresh",
        |kv| _ = kv.incr_with("k", &IncrOptions::by(1).ttl_refresh(20)).unwrap(),
        Some(20),
    ),
    ("delete, set_ex", |kv| assert!(kv.delete("k") && kv.set_ex("k", 2, 20).is_ok()), Some(20)),
    (
        "clear, set_ex",
        |kv| {
            kv.clear();
            kv.set_ex("k", 2, 20).unwrap();
        },
        Some(20),
    ),
    ("set_many", |kv| kv.set_many([("k", 2)], 20).unwrap(), Some(20)),
    ("swap", |kv| assert!(kv.swap("k", 2, 20).unwrap().is_some()), Some(20)),
    ("set_if_present", |kv| assert!(kv.set_if_present("k", 2, 20).unwrap()), Some(20)),
    ("get_and_expire", |kv| assert!(kv.get_and_expire("k", secs(20)).is_some()), Some(20)),
];

/// A renewed key is not evicted by its stale handle, and not forgotten: neither
/// if it was filed before, nor if it was not, nor if the table was resized.
#[test]
fn a_renewed_key_lives_as_long_as_it_should_and_is_swept_then() {
    for (name, renew, lives) in RENEWALS {
        for way in 0..8 {
            let (kv, clock) = if way & 1 == 0 { fed() } else { store() };
            kv.set_ex("k", 1, 10).unwrap();
            if way & 2 == 0 {
                sweep(&kv);
            }
            renew(&kv);
            if way & 4 == 0 {
                (0..500).for_each(|n| kv.set(&format!("filler:{n}"), n).unwrap());
            }
            let others = kv.len() - 1;
            let end = lives.unwrap_or(100);
            for second in 1..=end {
                clock.advance(secs(1));
                let removed = sweep(&kv);
                let gone = *lives == Some(second);
                assert_eq!(removed, usize::from(gone), "{name}, {way}: after {second} s");
                assert_eq!(kv.len(), others + usize::from(!gone), "{name}, {way}: {second} s");
            }
            assert_eq!(kv.exists("k"), lives.is_none(), "{name}, {way}");
        }
    }
}

#[test]
fn extending_a_time_to_live_files_one_handle() {
    let (kv, clock) = fed();
    for n in 0..100_000 {
        kv.set_ex("session", n, 60).unwrap();
        assert!(kv.expire("session", secs(61)));
        clock.advance(Duration::from_millis(1));
        if n % 100 == 99 {
            // So few would not be weeded out.
            sweep(&kv);
            // Or two, when the first has just been moved.
            let handles = kv.stats().handles;
            assert!((1..=2).contains(&handles) && kv.len() == 1, "{handles} after {n}");
        }
    }
    clock.advance(secs(60) + Duration::from_millis(999));
    assert_eq!(sweep(&kv), 1);
}

#[test]
fn starting_late_finds_what_was_set_before() {
    let (kv, clock) = store();
    for n in 0..5_000u64 {
        kv.set_ex(&format!("key:{n}"), 1, secs(1 + n % 10)).unwrap();
        kv.set(&format!("stays:{n}"), 1).unwrap();
    }
    clock.advance(secs(1));
    for second in 1..=10 {
        assert_eq!(sweep(&kv), 500, "{second}");
        clock.advance(secs(1));
    }
    assert_eq!((kv.len(), kv.stats().handles), (5_000, 0));
}

/// Stopping forgets what was filed; starting again must not rely on it.
#[test]
fn stopping_and_starting_again_loses_nothing() {
    let (kv, clock) = store();
    for round in 0..20 {
        kv.set_ex(&format!("one:{round}"), 1, 50).unwrap();
        let sweeper = kv.start_sweeper(secs(3600)).unwrap();
        kv.set_ex(&format!("two:{round}"), 1, 50).unwrap();
        drop(sweeper);
        kv.set_ex(&format!("three:{round}"), 1, 50).unwrap();
        // Written over, some of them with a handle that is lost.
        kv.set_ex(&format!("two:{}", round / 2), 2, 60).unwrap();
        kv.set_ex(&format!("one:{}", round / 2), 2, 60).unwrap();
    }
    assert_eq!((sweep(&kv), kv.len()), (0, 60));
    clock.advance(secs(50));
    assert_eq!((sweep(&kv), kv.len()), (40, 20));
    clock.advance(secs(10));
    assert_eq!((sweep(&kv), kv.len()), (20, 0));
}

#[test]
fn keys_of_one_hash_are_told_apart() {
    let clock = ManualClock::new();
    let hasher = Weak { bits: 0, high: false };
    let kv: Kv<str, _, _> = Kv::builder().hasher(hasher).clock(clock.clone()).build();
    for late in [true, false] {
        for n in 0..300u64 {
            kv.set_ex(&format!("key:{n}"), 1, secs(1 + n % 3)).unwrap();
            if n % 2 == 0 {
                assert!(kv.expire(&format!("key:{n}"), secs(4)));
            }
            if !late {
                kv.sweep(ALL);
            }
        }
        for left in [250, 200, 150, 0] {
            clock.advance(secs(1));
            while kv.sweep(50).more {}
            assert_eq!(kv.len(), left, "late {late}");
        }
        assert_eq!(kv.stats().handles, 0);
    }
}

/// moka #56, #472, tokio #8252, Redis 0772098b1: times at the ends of the range.
#[test]
fn a_time_that_is_never_reached_is_not_filed() {
    let (kv, clock) = fed();
    kv.set_ex("a", 1, u64::MAX).unwrap();
    kv.set_ex("b", 1, Duration::MAX).unwrap();
    kv.set_ex("c", 1, Duration::from_nanos(1)).unwrap();
    kv.set("d", 1).unwrap();
    assert!(kv.expire("d", Duration::MAX));
    assert_eq!(sweep(&kv), 0);
    assert_eq!(kv.stats().handles, 1);
    clock.advance(secs(10 * 365 * 24 * 3600));
    assert_eq!(sweep(&kv), 1);
    assert!(kv.expire("a", secs(1)));
    clock.advance(secs(1));
    assert_eq!(sweep(&kv), 1);
    clock.advance(Duration::MAX);
    assert_eq!((sweep(&kv), kv.len()), (0, 2));
}

/// tokio #8334: a far key does not delay the near ones, at any size of the time.
#[test]
fn a_far_key_does_not_hold_up_near_ones() {
    for bits in [30, 36, 42] {
        let (kv, clock) = fed();
        kv.set_ex("far", 1, Duration::from_millis(1 << (bits + 1))).unwrap();
        sweep(&kv);
        clock.advance(Duration::from_millis((1 << bits) - 50));
        for n in 0..100 {
            kv.set_ex("near", n, Duration::from_millis(1)).unwrap();
            clock.advance(Duration::from_millis(1));
            assert_eq!(sweep(&kv), 1, "2^{bits} ms, {n}");
        }
        assert!(kv.exists("far"));
    }
}

/// moka #549, #564: what is set over an expired entry is not bound by its deadline.
#[test]
fn an_expired_entry_that_was_overwritten_leaves_no_deadline() {
    let (kv, clock) = fed();
    kv.set_ex("k", 1, 5).unwrap();
    clock.advance(secs(5));
    kv.set("k", 2).unwrap();
    assert_eq!(sweep(&kv), 0);
    assert_eq!((kv.get("k").unwrap(), kv.ttl("k")), (Value::from(2).into(), -1));
    // And with a new deadline that one counts.
    kv.set_ex("k", 3, 5).unwrap();
    clock.advance(secs(5));
    kv.set_ex("k", 4, 5).unwrap();
    assert_eq!((sweep(&kv), kv.ttl("k")), (0, 5));
    clock.advance(secs(5));
    assert_eq!((sweep(&kv), kv.incr("k")), (1, Ok(1)));
    assert_eq!(kv.ttl("k"), -1, "an increment after the sweep starts anew");
}

/// A clock that goes back, against its contract (moka #119, tokio #684).
#[derive(Clone, Default)]
struct Unsteady(Arc<AtomicU64>);

impl Clock for Unsteady {
    fn now_ns(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }
}

#[test]
fn a_clock_that_goes_back_makes_nothing_early_and_the_sweep_end() {
    const HOUR: u64 = 3_600_000_000_000;
    let clock = Unsteady::default();
    let kv: Kv<str, _, _> = Kv::builder().hasher(RandomState::new()).clock(clock.clone()).build();
    let set = |ns: u64| clock.0.store(ns, Ordering::SeqCst);
    set(10 * HOUR);
    kv.sweep(ALL);
    kv.set_ex("old", 1, 3600).unwrap();
    kv.sweep(ALL);
    set(9 * HOUR);
    kv.set_ex("new", 1, 60).unwrap();
    for _ in 0..3 {
        let swept = kv.sweep(1000);
        assert!(!swept.more && swept.removed == 0, "{swept:?}");
    }
    assert!(kv.exists("new"));
    // When the clock is where it was, what has expired meanwhile goes.
    set(10 * HOUR + 1_000_000);
    assert_eq!((kv.sweep(1000).removed, kv.len()), (1, 1));
    set(11 * HOUR);
    assert_eq!((kv.sweep(1000).removed, kv.len()), (1, 0));
}

#[test]
fn years_that_pass_at_once_and_a_clock_that_stands_still() {
    let (kv, clock) = fed();
    for n in 0..1_000u64 {
        kv.set_ex(&n.to_string(), 1, secs(n * n * 300 + 1)).unwrap();
    }
    for _ in 0..10 {
        assert_eq!(sweep(&kv), 0);
    }
    clock.advance(secs(10 * 365 * 24 * 3600));
    assert_eq!((sweep(&kv), kv.len()), (1_000, 0));
}

#[test]
fn the_callback_is_told_the_key_and_its_last_value() {
    let (kv, clock) = fed();
    kv.set_ex("text", "words", 5).unwrap();
    kv.set_ex("count", 1, 5).unwrap();
    kv.incr_by("count", 41).unwrap();
    kv.set_ex("lazy", 1, 5).unwrap();
    kv.set_ex("deleted", 1, 5).unwrap();
    kv.set_ex("stays", 1, 6).unwrap();
    kv.delete("deleted");
    clock.advance(secs(5));
    assert!(kv.get("lazy").is_none());
    let mut told = Vec::new();
    let swept = kv.sweep_with(ALL, |key, value| told.push((key.to_owned(), value.to_value())));
    told.sort_by(|one, other| one.0.cmp(&other.0));
    assert_eq!(told, [("count".to_owned(), 42.into()), ("text".to_owned(), "words".into())]);
    assert_eq!((swept.removed, kv.stats().expired, kv.stats().swept), (2, 3, 2));
}

/// The callback may call everything, also on its own key, and sweep.
#[test]
fn the_callback_may_call_the_store() {
    for (name, call) in [WRITES, UPKEEP].concat() {
        let (kv, clock) = fed();
        for key in ["a", "b", "c"] {
            kv.set_ex(key, 1, 5).unwrap();
        }
        clock.advance(secs(5));
        let mut told = 0;
        let swept = kv.sweep_with(ALL, |key, _| {
            assert!(!kv.exists(key), "{name}: it is gone before anybody is told");
            call(&kv, key);
            assert_eq!(kv.sweep(ALL).removed, 0);
            told += 1;
        });
        assert_eq!((swept.removed, told), (3, 3), "{name}");
        let (len, live) = (kv.len(), kv.live_len());
        assert_eq!(len, live, "{name}");
    }
}

#[test]
fn a_panic_of_the_callback_is_caught_and_counted() {
    let (kv, clock) = fed();
    (0..10).for_each(|n| kv.set_ex(&n.to_string(), n, 5).unwrap());
    clock.advance(secs(5));
    let hook = panic::take_hook();
    panic::set_hook(Box::new(|_| {}));
    let swept = kv.sweep_with(ALL, |_, value| assert!(value.as_int().unwrap() % 2 == 0));
    panic::set_hook(hook);
    assert_eq!((swept.removed, kv.len(), kv.stats().callback_panics), (10, 0, 5));
    kv.set_ex("k", 1, 5).unwrap();
    clock.advance(secs(5));
    assert_eq!(sweep(&kv), 1);
}

/// What the callback panics with is foreign too.
#[test]
fn a_panic_whose_payload_panics_keeps_no_other_entry_from_being_told() {
    struct Payload;
    impl Drop for Payload {
        fn drop(&mut self) {
            panic::resume_unwind(Box::new("of the payload"));
        }
    }
    let (kv, clock) = fed();
    (0..10).for_each(|n| kv.set_ex(&n.to_string(), n, 5).unwrap());
    clock.advance(secs(5));
    let mut told = 0;
    kv.sweep_with(ALL, |_, _| {
        told += 1;
        panic::resume_unwind(Box::new(Payload));
    });
    assert_eq!((told, kv.stats().callback_panics), (10, 10));
}

#[test]
fn keys_of_bytes_are_swept_too() {
    let clock = ManualClock::new();
    let kv = Kv::builder().byte_keys().clock(clock.clone()).build();
    kv.set_ex(b"\xff\x00", 1, 5).unwrap();
    clock.advance(secs(5));
    let mut told = Vec::new();
    kv.sweep_with(ALL, |key, _| told.push(key.to_vec()));
    assert_eq!(told, [b"\xff\x00"]);
}

/// Redis e2b7932b3: no shrinking after a mass expiry; and f20774ece: the cycle
/// that burns its time on an empty table.
#[test]
fn a_sparse_table_shrinks_by_itself_and_then_there_is_nothing_to_do() {
    for expire in [true, false] {
        let (kv, clock) = fed();
        (0..20_000).for_each(|n| kv.set_ex(&n.to_string(), n, 5).unwrap());
        sweep(&kv);
        let grown = kv.stats();
        if expire {
            clock.advance(secs(5));
        } else {
            // Too few removals by one thread for the traffic's own check.
            kv.clear();
            (0..7).for_each(|n| kv.set(&n.to_string(), n).unwrap());
        }
        sweep(&kv);
        let shrunk = kv.stats();
        assert!(shrunk.buckets <= 8 && shrunk.buckets < grown.buckets, "{shrunk:?}");
        assert!(!shrunk.resizing);
        let resizes = shrunk.resizes;
        // What was cleared comes back in steps, and not before the guards of other tests have gone.
        let is_at_rest = || (0..100).all(|_| !kv.sweep(1000).more);
        assert!((0..50).any(|_| is_at_rest()));
        assert_eq!(kv.stats().resizes, resizes);
    }
}

#[test]
fn a_table_that_no_removal_has_looked_at_begins_to_shrink_by_a_sweep() {
    const PER_THREAD: usize = 50;
    let kv = Kv::new();
    let names: Vec<_> = (0..20_000).map(|n| n.to_string()).collect();
    names.iter().for_each(|name| kv.set(name, 1).unwrap());
    while kv.sweep(1000).more {}
    let grown = kv.stats();
    for names in names.chunks(PER_THREAD) {
        std::thread::scope(|scope| {
            scope.spawn(|| {
                // A thread looks at its first removal, and then at every 61st.
                let another = Kv::new();
                another.set("k", 1).unwrap();
                another.delete("k");
                kv.delete_many(names.iter().map(String::as_str));
            });
        });
    }
    assert_eq!((kv.len(), kv.stats().buckets), (0, grown.buckets));
    while kv.sweep(1).more {}
    let shrunk = kv.stats();
    assert!(shrunk.buckets <= 8 && !shrunk.resizing, "{shrunk:?}");
}

/// Whatever is done to a few keys, and whenever it is swept: afterwards nothing
/// is left that has expired, and nothing is gone that has not, by a twin that is
/// never swept. In half of the runs sweeping never begins anew, which would make
/// up for what was forgotten.
#[test]
fn random_operations_leave_nothing_behind() {
    let seed = seed_of_run("random_operations_leave_nothing_behind");
    let mut rng = Rng::new(seed);
    let begins_anew = |name: &str| name.contains("sweep") || name == "clear";
    for run in 0..600 {
        let (kv, clock) = if run % 2 == 0 { fed() } else { store() };
        let twin: Store = Kv::builder().hasher(Seeds::default()).clock(clock.clone()).build();
        let anew = run % 4 < 2;
        let operations: Vec<_> =
            operations::all().filter(|&(name, _)| anew || !begins_anew(name)).collect();
        for step in 0..100 {
            let key = ["a", "b", "c", "aa"][rng.next() as usize % 4];
            let (name, call) = operations[rng.next() as usize % operations.len()];
            call(&kv, key);
            if !name.contains("sweep") {
                call(&twin, key);
            }
            match rng.next() % 12 {
                0 => clock.advance(secs(rng.next() % 12)),
                1 => clock.advance(Duration::from_millis(rng.next() % 3)),
                2 => _ = kv.sweep(rng.next() as usize % 6),
                3 if anew => drop(kv.start_sweeper(secs(3600)).unwrap()),
                4 => {
                    let ttl = Ttl::from(secs(rng.next() % 20));
                    [&kv, &twin].iter().for_each(|kv| kv.set_ex(key, 1, ttl).unwrap());
                }
                5 => {
                    sweep(&kv);
                    let len = kv.len();
                    let [mut live, mut expected] = [&kv, &twin].map(|kv| kv.keys("*"));
                    live.sort_unstable();
                    expected.sort_unstable();
                    assert_eq!(live, expected, "run {run}, step {step}, {name}");
                    assert_eq!(len, live.len(), "run {run}, step {step}, {name}");
                }
                _ => {}
            }
        }
        // Those with a deadline that comes.
        clock.advance(secs(30));
        sweep(&kv);
        let len = kv.len();
        assert_eq!(len, kv.live_len(), "run {run}");
    }
}
