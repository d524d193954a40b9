//! A thread that dies in its caller's code, in the middle of a call or with what it was
//! given, beside others that write: it takes nothing along, and nothing of it stays.

use super::places::{
    CLOCKS, DROPS, HOSTS, Hashers, Host, IN_PLACE, KEYS, Place, StandingClock, Store,
};
use super::writers::{Stop, wait_for};
use super::{alone, comes_back, out};
use epochkv::{Kv, ManualClock};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// Threads that die in a host, one after the other.
const DEATHS: usize = 20;

/// What each of two writers writes at least after that: much more than may wait.
const WRITES: usize = 4000;

/// Removed entries that may wait in the end: what the last thread has not handed over.
const WAITING: usize = 100;

/// So long that what the store has can be told from what the process has.
fn text(n: usize) -> String {
    format!("{n:02000}")
}

fn key(thread: usize, n: usize) -> String {
    format!("{thread}:{}", n % (KEYS / 2))
}

/// Writes its keys in turns until it is told to stop, and counts; returns how often.
fn write(kv: &Store, thread: usize, writes: &AtomicUsize, stop: &AtomicBool) -> usize {
    for n in 0.. {
        if n >= KEYS / 2 && stop.load(Ordering::Relaxed) {
            return n;
        }
        kv.set(&key(thread, n), text(n)).unwrap();
        kv.incr("counter").unwrap();
        writes.store(n, Ordering::Relaxed);
    }
    unreachable!("a counter without an end")
}

/// Lets threads die in `host` beside two writers. Returns how many bytes were out in the end.
fn beside((name, host): Host) -> isize {
    let clock = StandingClock(ManualClock::new());
    let kv: Store = Kv::builder().hasher(Hashers::default()).clock(clock.clone()).build();
    let (writes, stop) = ([const { AtomicUsize::new(0) }; 2], AtomicBool::new(false));
    let written = thread::scope(|scope| {
        let [one, other] = [0, 1].map(|thread| {
            let (kv, writes, stop) = (&kv, &writes[thread], &stop);
            scope.spawn(move || write(kv, thread, writes, stop))
        });
        let stop_at_the_end = Stop(&stop);
        // All keys are there, and the table has grown.
        wait_for(&writes, KEYS, name);
        for _ in 0..DEATHS {
            // So long that as many of it, lost with the answers of these calls, would show.
            kv.set("k", "text".repeat(2000)).unwrap();
            kv.set_ex("timed", 1, 9).unwrap();
            kv.set_ex("expired", 1, 1).unwrap();
            clock.0.advance(Duration::from_secs(1));
            let before = kv.get("k").unwrap();
            let panics = kv.stats().callback_panics;
            let worker = kv.clone();
            let died = thread::spawn(move || host(&worker, Place::Dies)).join().is_err();
            // A sweep goes on when its callback has panicked.
            assert!(died || kv.stats().callback_panics == panics + 1, "{name}");
            assert!(kv.get("k").is_some_and(|after| after.is_same(&before)), "{name}");
            assert_eq!((kv.ttl("timed"), kv.exists("made")), (8, false), "{name}");
        }
        wait_for(&writes, WRITES, name);
        drop(stop_at_the_end);
        [one, other].map(|writer| writer.join().expect("no panic"))
    });
    for (thread, written) in written.into_iter().enumerate() {
        for n in written - KEYS / 2..written {
            assert!(kv.get(&key(thread, n)).is_some_and(|it| it == *text(n)), "{name}: {n}");
        }
    }
    assert_eq!(kv.get("counter").unwrap(), written.iter().sum::<usize>() as i64, "{name}");
    // Beside the writers' keys those of the hosts that live, and the counter.
    assert_eq!(kv.live_len(), KEYS + 3, "{name}");
    let start = Instant::now();
    while kv.stats().garbage > WAITING {
        let garbage = kv.stats().garbage;
        assert!(start.elapsed() < Duration::from_secs(10), "{name}: {garbage} entries");
        // A scope does not wait for what its threads hand over at their end.
        super::flush();
    }
    out().0
}

#[test]
fn a_thread_that_dies_in_its_callers_code_takes_nothing_along() {
    let _alone = alone();
    let all = [&HOSTS[..], &DROPS, &IN_PLACE, &CLOCKS].concat();
    for host in all {
        comes_back(host.0, || beside(host));
    }
}
