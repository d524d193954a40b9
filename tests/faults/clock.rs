//! A clock that panics at any reading of any operation: nothing has changed, and nothing
//! is lost.

use super::operations::{Operation, Store, Time, UPKEEP, all, store};
use super::{check_usable, panics};
use epochkv::{Expiry, Value};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// Operations of many steps, of which those that were done stay done.
pub const IN_STEPS: [&str; 3] = ["delete_many", "delete_matching", "retain"];

/// More readings than any of these operations has.
const MOST_READINGS: usize = 100;

/// What key "k" is.
pub const CONTENTS: [fn(&Store); 7] = [
    |_| (),
    |kv| kv.set("k", 5).unwrap(),
    |kv| kv.set_ex("k", 5, 9).unwrap(),
    |kv| kv.set("k", "text").unwrap(),
    |kv| kv.set_ex("k", "x".repeat(2000), 9).unwrap(),
    // These two have expired.
    |kv| kv.set_ex("k", 5, 1).unwrap(),
    |kv| kv.set_ex("k", "x".repeat(2000), 1).unwrap(),
];

/// A store with one of the contents and other keys, of which one has expired.
fn filled(content: usize, is_fed: bool) -> Store {
    let (kv, clock) = store();
    if is_fed {
        // From now on writers file their deadlines.
        assert!(!kv.sweep(1000).more);
    }
    CONTENTS[content](&kv);
    kv.set_ex("another", 1, 9).unwrap();
    kv.set("one more", "text").unwrap();
    kv.set_ex("expired", "text", 1).unwrap();
    clock.advance(Duration::from_secs(1));
    kv
}

/// All that there is.
fn state(kv: &Store) -> BTreeMap<String, (Value, Expiry)> {
    let keys = kv.keys("*").into_iter();
    keys.map(|key| {
        let value = kv.get(&key).expect("nobody else writes").into();
        let expiry = kv.expiry(&key);
        (key, (value, expiry))
    })
    .collect()
}

/// Runs an operation with a panic at each of its readings. Returns how many they are.
fn interrupted((name, operation): Operation, content: usize, is_fed: bool) -> usize {
    let before = state(&filled(content, is_fed));
    let expired = 1 + usize::from(content > 4);
    let expected = operation(&filled(content, is_fed), "k");
    for reading in 1..MOST_READINGS {
        let what = format!("{name} of content {content}, fed: {is_fed}, reading {reading}");
        let kv = filled(content, is_fed);
        Time::panic_at(reading);
        let panicked = panics(|| _ = operation(&kv, "k"));
        Time::panic_at(0);
        if !panicked {
            return reading - 1;
        }
        let after = state(&kv);
        if IN_STEPS.contains(&name) {
            let stays = |(key, entry)| before.get(key) == Some(entry);
            assert!(after.iter().all(stays) && after.contains_key("one more"), "{what}");
        } else {
            assert_eq!(after, before, "{what}");
        }
        // What had expired is removed and counted once, now or before the panic.
        while kv.sweep(1000).more {}
        let stats = kv.stats();
        assert_eq!((kv.len(), stats.entries), (after.len(), after.len()), "{what}");
        assert_eq!(stats.expired, expired as u64, "{what}: {stats:?}");
        if !IN_STEPS.contains(&name) && !UPKEEP.iter().any(|(upkeep, _)| *upkeep == name) {
            assert_eq!(operation(&kv, "k"), expected, "{what}, once more");
        }
        check_usable(&kv, &what);
    }
    panic!("{name} of content {content} reads the clock for ever");
}

#[test]
fn a_panic_at_any_reading_of_the_clock_changes_nothing() {
    let mut readings = BTreeMap::<_, usize>::new();
    for operation in all() {
        for content in 0..CONTENTS.len() {
            for is_fed in [false, true] {
                *readings.entry(operation.0).or_default() +=
                    interrupted(operation, content, is_fed);
            }
        }
    }
    let none: Vec<_> = readings.iter().filter(|(_, count)| **count == 0).collect();
    println!("{readings:?}");
    assert!(readings.values().sum::<usize>() > 500, "{readings:?}");
    // What asks for no time at all.
    let timeless = [
        "Debug",
        "clear",
        "flush",
        "is_empty",
        "is_same_store",
        "len",
        "name",
        "set",
        "shrink_to_fit",
        "start_sweeper",
        "start_sweeper_with",
        "stats",
    ];
    assert!(none.iter().all(|(name, _)| timeless.contains(name)), "{none:?}");
}

/// Whoever writes beside a sweeper that is behind helps it, and reads the clock for that.
#[test]
fn a_panic_of_the_clock_while_a_writer_helps_a_sweeper_is_none_of_the_writer() {
    let (kv, clock) = store();
    let is_first = AtomicBool::new(true);
    let sweeper = kv.start_sweeper_with(Duration::from_millis(1), move |_, _| {
        // Long enough to be behind.
        if is_first.swap(false, Ordering::Relaxed) {
            thread::sleep(Duration::from_millis(300));
        }
    });
    let _sweeper = sweeper.unwrap();
    // From its first sweep on, writers file their deadlines.
    thread::sleep(Duration::from_millis(50));
    (0..20_000).for_each(|n| kv.set_ex(&n.to_string(), n, 1).unwrap());
    clock.advance(Duration::from_secs(1));
    let start = Instant::now();
    let mut caught = 0;
    for n in 0.. {
        let key = format!("new:{n}");
        // The first reading is for the deadline.
        Time::panic_at(2);
        let panicked = panics(|| kv.set_ex(&key, 1, 9).unwrap());
        caught += usize::from(Time::panic_at(0) == 0);
        assert!(!panicked && kv.exists(&key), "{key}");
        kv.delete(&key);
        if caught > 100 {
            return;
        }
        assert!(start.elapsed() < Duration::from_secs(60), "nobody helps");
    }
}

/// What a sweep has removed before its clock panics is counted as swept.
#[test]
fn a_panic_of_the_clock_in_the_middle_of_a_sweep_loses_no_count() {
    let mut removed_before_a_panic = 0;
    for reading in 1..MOST_READINGS {
        let (kv, clock) = store();
        assert!(!kv.sweep(1000).more);
        (0..300).for_each(|n| kv.set_ex(&n.to_string(), n, 1).unwrap());
        clock.advance(Duration::from_secs(1));
        Time::panic_at(reading);
        let panicked = panics(|| _ = kv.sweep(1000));
        Time::panic_at(0);
        let stats = kv.stats();
        assert_eq!(
            (stats.swept, stats.expired + kv.len() as u64),
            (stats.expired, 300),
            "{reading}"
        );
        if !panicked {
            assert!(removed_before_a_panic > 0);
            return;
        }
        removed_before_a_panic += stats.swept;
    }
    panic!("a sweep without an end");
}
