//! A thread that stands still in the middle of a call, or keeps what it was given,
//! holds back nothing that others remove, and loses nothing.

use super::places::{
    CLOCKS, DROPS, HOSTS, Hashers, Host, IN_PLACE, KEYS, Place, StandingClock, Store, left_by,
};
use super::{SLACK_BYTES, alone, out};
use epochkv::{Kv, ManualClock, Value};
use std::fmt::Write;
use std::mem;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

/// What may be out beside what was there before.
const MOST: isize = 16 << 20;

/// Tries of a host that count, and tries in all: one does not count if it is shown that a
/// writer was stopped in the middle of a write, which holds back garbage too.
const TRIES: usize = 3;
const ALL_TRIES: usize = 60;

/// What no write takes whose thread has its core all the time.
const STOPPED: Duration = Duration::from_millis(2);

/// How often each of two threads overwrites keys meanwhile, and with how many bytes: 80 MB go
/// through them.
const WRITES: usize = 50_000;
const BYTES: usize = 800;

/// One of the keys of a thread.
fn key(thread: usize, n: usize) -> String {
    format!("{thread}:{}", n % (KEYS / 2))
}

/// The text of a write of this number, in a buffer.
fn text(n: usize, buffer: &mut String) -> &str {
    const DIGITS: usize = 8;
    buffer.truncate(BYTES - DIGITS);
    while buffer.len() < BYTES - DIGITS {
        buffer.push('x');
    }
    write!(buffer, "{n:0DIGITS$}").expect("a string takes everything");
    buffer
}

/// What two writers have seen while a thread stood still.
#[derive(Debug)]
struct Seen {
    /// The most that was out, beside what was before.
    most: isize,
    /// Entries that waited in the end.
    garbage: usize,
    /// The longest write of one of them.
    longest: Duration,
}

/// Lets two threads write while a thread stands still in `host`, and looks for all keys when
/// it has gone on.
fn beside((name, host): Host) -> Seen {
    let clock = StandingClock(ManualClock::new());
    let kv: Store = Kv::builder().hasher(Hashers::default()).clock(clock.clone()).build();
    (0..2).for_each(|thread| (0..KEYS).for_each(|n| kv.set(&key(thread, n), "early").unwrap()));
    kv.set("k", "text").unwrap();
    kv.set_ex("timed", 1, 9).unwrap();
    kv.set_ex("expired", 1, 1).unwrap();
    clock.0.advance(Duration::from_secs(1));
    let (arrives, arrived) = mpsc::channel();
    let (goes_on, waits) = mpsc::channel();
    let kv = &kv;
    let write = |thread: usize, before: isize| {
        let mut buffer = String::new();
        let (mut most, mut longest, mut last) = (0, Duration::ZERO, Instant::now());
        for n in 0..WRITES {
            kv.set(&key(thread, n), text(n, &mut buffer)).unwrap();
            most = most.max(out().0 - before);
            let now = Instant::now();
            longest = longest.max(now - mem::replace(&mut last, now));
        }
        (most, longest)
    };
    let write = &write;
    let seen = thread::scope(|scope| {
        let place = Place::Stands { arrives, goes_on: waits };
        let standing = scope.spawn(move || host(kv, place));
        arrived.recv().expect("it stands");
        let before = out().0;
        let writers = [0, 1].map(|thread| scope.spawn(move || write(thread, before)));
        let [one, other] = writers.map(|writer| writer.join().expect("no panic"));
        // The writers have ended, so who still holds back something is the one that stands.
        super::flush();
        let garbage = kv.stats().garbage;
        goes_on.send(()).expect("it waits");
        standing.join().expect("no panic");
        Seen { most: one.0.max(other.0), garbage, longest: one.1.max(other.1) }
    });
    let mut buffer = String::new();
    for n in WRITES - KEYS / 2..WRITES {
        let text = text(n, &mut buffer);
        let are_last = (0..2).all(|thread| kv.get(&key(thread, n)).is_some_and(|it| it == *text));
        assert!(are_last, "{name}: write {n}");
    }
    let left = ["k", "timed", "made"].map(|key| kv.get(key).map(Value::from));
    assert_eq!(left, left_by(name), "{name}");
    assert_eq!(kv.live_len(), KEYS + left.iter().flatten().count(), "{name}");
    seen
}

#[test]
fn a_thread_that_stands_still_holds_back_no_garbage() {
    let _alone = alone();
    for host in HOSTS.into_iter().chain(DROPS) {
        let name = host.0;
        let (mut good, mut not_counted) = (0, Vec::new());
        while good < TRIES {
            let seen = beside(host);
            assert!(seen.garbage < WRITES / 100, "{name}: {seen:?}");
            if seen.most < MOST {
                good += 1;
                continue;
            }
            assert!(seen.longest > STOPPED, "{name}: {seen:?}, and no writer was stopped");
            not_counted.push(seen);
            assert!(good + not_counted.len() < ALL_TRIES, "{name}: {not_counted:?}");
        }
        if !not_counted.is_empty() {
            println!("{name}: a writer was stopped: {not_counted:?}");
        }
    }
}

fn holds_back_all(hosts: &[Host]) {
    let _alone = alone();
    let before = out().0;
    for host in hosts {
        let (name, seen) = (host.0, beside(*host));
        assert!(seen.most > 4 * MOST, "{name}: {seen:?}");
        // All but what the two have not handed over.
        assert!(seen.garbage > 2 * WRITES - 200, "{name}: {seen:?}");
        // Then it all comes back.
        let start = Instant::now();
        while out().0 > before + SLACK_BYTES || Kv::new().stats().garbage > 0 {
            let (bytes, garbage) = (out().0 - before, Kv::new().stats().garbage);
            let is_late = start.elapsed() > Duration::from_secs(10);
            assert!(!is_late, "{name}: {bytes} bytes, {garbage} entries");
            super::flush();
        }
    }
}

/// What the documentation warns of; and the proof that the test above would see it.
#[test]
fn a_thread_that_stands_still_in_with_holds_back_all_garbage() {
    holds_back_all(&IN_PLACE);
}

/// An exception too, of which it says that clocks take the time they take.
#[test]
fn a_thread_that_stands_still_in_its_clock_holds_back_all_garbage() {
    holds_back_all(&CLOCKS);
}
