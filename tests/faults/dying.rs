//! A thread that dies in its caller's code, in any call that runs some, beside others that
//! write: nothing of theirs is lost, they go on, and what it was about to do is not done.

use super::clock::{CONTENTS, IN_STEPS};
use super::operations::{Seeds, Store, Time, all, store};
use super::script::{counted, is_held};
use super::watchdog::watched;
use super::writers::{Stop, wait_for};
use super::{HOSTS, check_usable, conversions, quiet_panic};
use epochkv::{Change, Kv, Value};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// Keys of each of two writers, and what each writes at least when the last thread has died:
/// more than may wait.
const KEYS: usize = 50;
const WRITES: usize = 3000;

/// Removed entries that may wait in the process: of each thread 64, and of those that read 2000.
const WAITING: usize = 2500;

/// More calls of user code than any of these operations makes.
const MOST_CALLS: usize = 100;

/// No key of a writer expires.
const LONG: Duration = Duration::from_secs(1 << 30);

type Model = HashMap<String, Option<Value>>;

/// Writes keys of its own by calls of all kinds until it is told to stop, and the one counter.
fn write(kv: &Store, thread: usize, writes: &AtomicUsize, stop: &AtomicBool) -> Model {
    let mut model = Model::new();
    for n in 0.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let key = format!("writer:{thread}:{}", n % KEYS);
        let value = match (n / KEYS) % 5 {
            0 => {
                kv.set(&key, n as i64).unwrap();
                Some((n as i64).into())
            }
            1 => Some(kv.incr_by(&key, 3).unwrap().into()),
            2 => {
                kv.set_ex(&key, format!("{n:01500}"), LONG).unwrap();
                Some(format!("{n:01500}").into())
            }
            3 => {
                let text = format!("{n} again");
                kv.update(&key, |_| Change::Set((&*text).into())).unwrap();
                Some(text.into())
            }
            _ => {
                assert!(kv.delete(&key), "{key}");
                None
            }
        };
        model.insert(key, value);
        kv.incr("writes").unwrap();
        writes.fetch_add(1, Ordering::Relaxed);
    }
    model
}

/// Lets threads die beside two writers, which lose nothing and go on.
fn beside_writers(what: &str, deaths: impl FnOnce(&Store, &Time) + Send + 'static) {
    let shown = what.to_owned();
    watched(what, move || {
        let (kv, clock) = store();
        // From now on writers file their deadlines.
        assert!(!kv.sweep(1000).more);
        let (writes, stop) = ([const { AtomicUsize::new(0) }; 2], AtomicBool::new(false));
        let models = thread::scope(|scope| {
            let writers = [0, 1].map(|thread| {
                let (kv, writes, stop) = (&kv, &writes[thread], &stop);
                scope.spawn(move || write(kv, thread, writes, stop))
            });
            let stop_at_the_end = Stop(&stop);
            wait_for(&writes, 2 * KEYS, &shown);
            deaths(&kv, &clock);
            wait_for(&writes, WRITES, &shown);
            drop(stop_at_the_end);
            writers.map(|writer| writer.join().expect("no panic"))
        });
        for (key, value) in models.into_iter().flatten() {
            assert!(kv.get(&key).map(Value::from) == value, "{shown}: {key}");
        }
        let written: usize = writes.iter().map(|count| count.load(Ordering::Relaxed)).sum();
        assert_eq!(kv.get("writes").unwrap(), written as i64, "{shown}");
        check_usable(&kv, &shown);
        // Other tests may keep some, for a while.
        let start = Instant::now();
        while kv.stats().garbage > WAITING {
            let garbage = kv.stats().garbage;
            assert!(start.elapsed() < Duration::from_secs(8), "{shown}: {garbage} entries");
            Kv::new().flush();
        }
    });
}

/// Threads that have died.
static DEATHS: AtomicUsize = AtomicUsize::new(0);

/// Makes a thread for a call; whether it dies.
fn dies(kv: &Store, call: impl FnOnce(&Store) + Send + 'static) -> bool {
    let kv = kv.clone();
    let has_died = thread::spawn(move || call(&kv)).join().is_err();
    DEATHS.fetch_add(usize::from(has_died), Ordering::Relaxed);
    has_died
}

/// What key "k" is.
fn state(kv: &Store) -> String {
    format!("{:?} {:?}", kv.get("k"), kv.expiry("k"))
}

/// Gives key "k" one of the contents, among which are some that have expired.
fn prepare(kv: &Store, clock: &Time, content: usize) {
    kv.delete("k");
    CONTENTS[content](kv);
    kv.set("one more", "text").unwrap();
    clock.advance(Duration::from_secs(1));
}

#[test]
fn a_thread_that_dies_in_its_hasher_or_clock_takes_nothing_along() {
    let sources = [("hasher", Seeds::panic_at as fn(usize) -> usize), ("clock", Time::panic_at)];
    // No user code runs in `clear`, and it would take the writers' keys.
    for (name, operation) in all().filter(|(name, _)| *name != "clear") {
        beside_writers(name, move |kv, clock| {
            for (content, (source, panic_at)) in
                (0..CONTENTS.len()).flat_map(|content| sources.map(|source| (content, source)))
            {
                let mut calls = 1..MOST_CALLS;
                let ends = calls.any(|call| {
                    let what = format!("{name} of content {content}, {source} {call}");
                    prepare(kv, clock, content);
                    let before = state(kv);
                    let has_died = dies(kv, move |kv| {
                        panic_at(call);
                        operation(kv, "k");
                    });
                    assert_eq!(kv.get("one more").unwrap(), "text", "{what}");
                    if has_died && !IN_STEPS.contains(&name) {
                        assert_eq!(state(kv), before, "{what}");
                    }
                    !has_died
                });
                assert!(ends, "{name} calls its {source} for ever");
            }
        });
    }
    assert!(DEATHS.load(Ordering::Relaxed) > 500, "{DEATHS:?}");
}

#[test]
fn a_thread_that_dies_in_a_conversion_or_an_iterator_takes_nothing_along() {
    for (name, call) in conversions::CALLS {
        beside_writers(name, move |kv, clock| {
            let written = counted();
            for content in 0..CONTENTS.len() {
                prepare(kv, clock, content);
                kv.set("other", 1).unwrap();
                let (before, text) = (state(kv), Arc::clone(&written));
                let has_died = dies(kv, move |kv| call(kv, &text));
                assert!(has_died, "{name} of content {content}");
                assert_eq!(state(kv), before, "{name} of content {content}");
            }
            is_held(&written, 1, name);
        });
    }
}

#[test]
fn a_thread_that_dies_in_a_closure_takes_nothing_along() {
    for (name, host) in HOSTS {
        beside_writers(name, move |kv, clock| {
            for content in [1, 2, 3, 4] {
                prepare(kv, clock, content);
                let before = state(kv);
                assert!(dies(kv, move |kv| host(kv, "k", &mut || quiet_panic())), "{name}");
                // Some begin with a key that is not there.
                let after = if kv.exists("k") { before } else { "None Missing".to_owned() };
                let is_removed = name.starts_with("get_or_insert_with");
                assert_eq!((state(kv), kv.exists("k")), (after, !is_removed), "{name}");
            }
        });
    }
}
