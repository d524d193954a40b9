//! A thread that stands still in the middle of a call, or keeps what it was given,
//! holds back nothing that others remove.

use super::{SLACK_BYTES, alone, out};
use epochkv::{Change, Clock, Error, ErrorKind, Input, Kv, ManualClock, Pattern, Ttl};
use std::cell::Cell;
use std::hash::{BuildHasher, DefaultHasher, RandomState};
use std::mem;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::{Duration, Instant};

/// Where a thread stands still until it is told to go on.
struct Place {
    arrives: Sender<()>,
    goes_on: Receiver<()>,
}

impl Place {
    fn stand(&self) {
        self.arrives.send(()).expect("the test waits for it");
        self.goes_on.recv().expect("the test lets it go on");
    }
}

thread_local! {
    /// Where the next hash of this thread is to stand still.
    static IN_HASHER: Cell<Option<Place>> = const { Cell::new(None) };
    /// The same for the next reading of the clock.
    static IN_CLOCK: Cell<Option<Place>> = const { Cell::new(None) };
}

#[derive(Clone)]
struct StandingClock(ManualClock);

impl Clock for StandingClock {
    fn now_ns(&self) -> u64 {
        if let Some(place) = IN_CLOCK.take() {
            place.stand();
        }
        self.0.now_ns()
    }
}

/// Stands still where it is converted.
struct Converted(Place);

impl<'v> From<Converted> for Input<'v> {
    fn from(Converted(place): Converted) -> Self {
        place.stand();
        "text".into()
    }
}

impl From<Converted> for Ttl {
    fn from(Converted(place): Converted) -> Self {
        place.stand();
        9.into()
    }
}

#[derive(Default)]
struct Hasher(RandomState);

impl BuildHasher for Hasher {
    type Hasher = DefaultHasher;

    fn build_hasher(&self) -> DefaultHasher {
        if let Some(place) = IN_HASHER.take() {
            place.stand();
        }
        self.0.build_hasher()
    }
}

type Store = Kv<str, Hasher, StandingClock>;

/// Something within which a thread stands still.
type Host = (&'static str, fn(&Store, Place));

/// Everything that runs the caller's code, but for the exceptions below, and
/// everything that the caller may keep.
const HOSTS: [Host; 23] = [
    ("update", |kv, place| {
        let keep = |_: Option<&_>| {
            place.stand();
            Change::Keep
        };
        assert!(kv.update("k", keep).unwrap().is_some());
    }),
    ("get_or_insert_with", |kv, place| {
        let make = || {
            place.stand();
            1
        };
        assert_eq!(kv.get_or_insert_with("made", 0, make).unwrap(), 1);
    }),
    ("try_get_or_insert_with", |kv, place| {
        let make = || {
            place.stand();
            Err::<i64, _>(ErrorKind::Overflow.into())
        };
        let failed: Result<_, Error> = kv.try_get_or_insert_with("made", 0, make);
        assert_eq!(failed.unwrap_err().kind(), ErrorKind::Overflow);
    }),
    ("a made value", |kv, place| {
        assert_eq!(kv.get_or_insert_with("made", 0, || Converted(place)).unwrap(), "text");
    }),
    ("an expected value", |kv, place| {
        assert!(kv.compare_and_delete("k", Converted(place)));
    }),
    ("retain", |kv, place| {
        let mut place = Some(place);
        kv.retain(|_, _| {
            mem::take(&mut place).iter().for_each(Place::stand);
            true
        });
    }),
    ("for_each_key", |kv, place| {
        let mut place = Some(place);
        kv.for_each_key(&Pattern::new("*"), |_| {
            mem::take(&mut place).iter().for_each(Place::stand);
        });
    }),
    ("set_many's items", |kv, place| {
        kv.set_many([("k", 1)].into_iter().inspect(|_| place.stand()), 0).unwrap();
    }),
    ("get_many's keys", |kv, place| {
        assert_eq!(kv.get_many(["k"].into_iter().inspect(|_| place.stand())).len(), 1);
    }),
    ("delete_many's keys", |kv, place| {
        assert_eq!(kv.delete_many(["k"].into_iter().inspect(|_| place.stand())), 1);
    }),
    ("with_many's keys", |kv, place| {
        kv.with_many(["k"].into_iter().inspect(|_| place.stand()), |_, _| ());
    }),
    ("the conversion of set's value", |kv, place| kv.set("k", Converted(place)).unwrap()),
    ("the conversion of swap's value", |kv, place| {
        assert!(kv.swap("k", Converted(place), 9).unwrap().is_some());
    }),
    ("the conversion of a value in set_many", |kv, place| {
        kv.set_many([("k", Converted(place))], 9).unwrap();
    }),
    ("the conversion of a time to live", |kv, place| {
        kv.set_ex("k", 1, Converted(place)).unwrap();
    }),
    ("the clock of set_ex", |kv, place| {
        IN_CLOCK.set(Some(place));
        kv.set_ex("k", 1, 9).unwrap();
    }),
    ("the clock of set_many", |kv, place| {
        IN_CLOCK.set(Some(place));
        kv.set_many([("k", 1)], 9).unwrap();
    }),
    ("the callback of a sweep", |kv, place| {
        let mut removed = 0;
        kv.sweep_with(1000, |_, _| {
            removed += 1;
            place.stand();
        });
        assert_eq!(removed, 1);
    }),
    ("a snapshot", |kv, place| {
        let kept = kv.get("k").unwrap();
        place.stand();
        assert_eq!(kept, "text");
    }),
    ("an item", |kv, place| {
        let kept = kv.scan_prefix("k").next().unwrap();
        place.stand();
        assert_eq!(kept.snapshot(), "text");
    }),
    ("a scan on its way", |kv, place| {
        let everything = Pattern::new("*");
        let mut scan = kv.scan(&everything);
        assert!(scan.next().is_some());
        place.stand();
        assert!(scan.count() >= KEYS - 1);
    }),
    ("the hasher of a read", |kv, place| {
        IN_HASHER.set(Some(place));
        assert!(kv.exists("k"));
    }),
    ("the hasher of a write", |kv, place| {
        IN_HASHER.set(Some(place));
        kv.set("k", 2).unwrap();
    }),
];

/// What holds back garbage, as the documentation warns: closures that read in place.
const IN_PLACE: [Host; 2] = [
    ("with", |kv, place| _ = kv.with("k", |_| place.stand())),
    ("with_many", |kv, place| kv.with_many(["k"], |_, _| place.stand())),
];

/// So does a clock, where a call reads it for an entry that has a deadline: in the middle.
const CLOCKS: [Host; 6] = [
    ("the clock of get", |kv, place| {
        IN_CLOCK.set(Some(place));
        assert!(kv.get("timed").is_some());
    }),
    ("the clock of get_many", |kv, place| {
        IN_CLOCK.set(Some(place));
        assert_eq!(kv.get_many(["timed"]).len(), 1);
    }),
    ("the clock of delete", |kv, place| {
        IN_CLOCK.set(Some(place));
        assert!(kv.delete("timed"));
    }),
    ("the clock of incr", |kv, place| {
        IN_CLOCK.set(Some(place));
        kv.incr("timed").unwrap();
    }),
    ("the clock of expire", |kv, place| {
        IN_CLOCK.set(Some(place));
        assert!(kv.expire("timed", Duration::from_secs(7)));
    }),
    ("the clock of keys", |kv, place| {
        IN_CLOCK.set(Some(place));
        assert!(kv.keys("*").len() > KEYS);
    }),
];

/// What may be out beside what was there before.
const MOST: isize = 16 << 20;

/// Tries of a host that count, and tries in all: one does not count if it is shown that a
/// writer was stopped in the middle of a write, which holds back garbage too.
const TRIES: usize = 3;
const ALL_TRIES: usize = 60;

/// What no write takes whose thread has its core all the time.
const STOPPED: Duration = Duration::from_millis(2);

/// Keys that two threads overwrite meanwhile, how often, and with how many bytes:
/// 80 MB go through them.
const KEYS: usize = 200;
const WRITES: usize = 50_000;
const BYTES: usize = 800;

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

/// Lets two threads write while a thread stands still in `host`.
fn beside(host: fn(&Store, Place)) -> Seen {
    let clock = StandingClock(ManualClock::new());
    let kv: Store = Kv::builder().hasher(Hasher::default()).clock(clock.clone()).build();
    let text = "x".repeat(BYTES);
    let key = |thread: usize, n: usize| format!("{thread}:{}", n % (KEYS / 2));
    (0..2).for_each(|thread| (0..KEYS).for_each(|n| kv.set(&key(thread, n), &*text).unwrap()));
    kv.set("k", "text").unwrap();
    kv.set_ex("timed", 1, 9).unwrap();
    kv.set_ex("expired", 1, 1).unwrap();
    clock.0.advance(Duration::from_secs(1));
    let (arrives, arrived) = mpsc::channel();
    let (goes_on, waits) = mpsc::channel();
    let kv = &kv;
    let write = |thread: usize, before: isize| {
        let (mut most, mut longest, mut last) = (0, Duration::ZERO, Instant::now());
        for n in 0..WRITES {
            kv.set(&key(thread, n), &*text).unwrap();
            most = most.max(out().0 - before);
            let now = Instant::now();
            longest = longest.max(now - mem::replace(&mut last, now));
        }
        (most, longest)
    };
    let write = &write;
    thread::scope(|scope| {
        let standing = scope.spawn(move || host(kv, Place { arrives, goes_on: waits }));
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
    })
}

#[test]
fn a_thread_that_stands_still_holds_back_no_garbage() {
    let _alone = alone();
    for (name, host) in HOSTS {
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
    for (name, host) in hosts {
        let seen = beside(*host);
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
