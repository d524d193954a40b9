//! Places in the middle of calls where a thread is in its caller's code, or keeps what it was
//! given: there it stands still, or dies.

use epochkv::{Change, Clock, Error, ErrorKind, Input, Kv, ManualClock, Pattern, Ttl, Value};
use std::cell::Cell;
use std::hash::{BuildHasher, DefaultHasher, Hasher, RandomState};
use std::mem;
use std::panic::resume_unwind;
use std::sync::mpsc::{Receiver, Sender};
use std::time::Duration;

/// What a thread does there.
pub enum Place {
    /// It stands still until it is told to go on.
    Stands { arrives: Sender<()>, goes_on: Receiver<()> },
    /// It unwinds, without a word on the standard error stream.
    Dies,
}

impl Place {
    fn stand(&self) {
        let Self::Stands { arrives, goes_on } = self else {
            resume_unwind(Box::new("planned"));
        };
        arrives.send(()).expect("the test waits for it");
        goes_on.recv().expect("the test lets it go on");
    }
}

/// Does it where it is dropped.
struct Dropped(Place);

impl Dropped {
    /// For closures, which own what they use.
    fn is_owned(&self) {}
}

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.stand();
    }
}

thread_local! {
    /// Where the next hash of this thread is to stand still.
    static IN_HASHER: Cell<Option<Place>> = const { Cell::new(None) };
    /// The same for the next drop of what makes one.
    static IN_HASHERS_DROP: Cell<Option<Place>> = const { Cell::new(None) };
    /// The same for the next reading of the clock.
    static IN_CLOCK: Cell<Option<Place>> = const { Cell::new(None) };
}

#[derive(Clone)]
pub struct StandingClock(pub ManualClock);

impl Clock for StandingClock {
    fn now_ns(&self) -> u64 {
        if let Some(place) = IN_CLOCK.take() {
            place.stand();
        }
        self.0.now_ns()
    }
}

/// Is dropped where it is converted.
struct OnceDropped(Dropped);

impl<'v> From<OnceDropped> for Input<'v> {
    fn from(OnceDropped(dropped): OnceDropped) -> Self {
        dropped.is_owned();
        "text".into()
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
pub struct Hashers(RandomState);

pub struct StandingHasher(DefaultHasher);

impl BuildHasher for Hashers {
    type Hasher = StandingHasher;

    fn build_hasher(&self) -> StandingHasher {
        if let Some(place) = IN_HASHER.take() {
            place.stand();
        }
        StandingHasher(self.0.build_hasher())
    }
}

impl Hasher for StandingHasher {
    fn write(&mut self, bytes: &[u8]) {
        self.0.write(bytes);
    }

    fn finish(&self) -> u64 {
        self.0.finish()
    }
}

impl Drop for StandingHasher {
    fn drop(&mut self) {
        if let Some(place) = IN_HASHERS_DROP.take() {
            place.stand();
        }
    }
}

pub type Store = Kv<str, Hashers, StandingClock>;

/// Something within which a thread stands still, or dies.
pub type Host = (&'static str, fn(&Store, Place));

/// Keys that are there beside those of the hosts.
pub const KEYS: usize = 200;

/// Everything that runs the caller's code, but for the exceptions below, and
/// everything that the caller may keep.
pub const HOSTS: [Host; 23] = [
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

/// Where the caller's `Drop` runs within a call, but for the exceptions below.
pub const DROPS: [Host; 15] = [
    ("the drop of update's closure", |kv, place| {
        let dropped = Dropped(place);
        let keep = move |_: Option<&_>| {
            dropped.is_owned();
            Change::Keep
        };
        assert!(kv.update("k", keep).unwrap().is_some());
    }),
    ("the drop of a maker", |kv, place| {
        let dropped = Dropped(place);
        let make = move || {
            dropped.is_owned();
            1
        };
        assert_eq!(kv.get_or_insert_with("made", 0, make).unwrap(), 1);
    }),
    ("the drop of a maker that has not run", |kv, place| {
        let dropped = Dropped(place);
        let make = move || {
            dropped.is_owned();
            1
        };
        assert_eq!(kv.get_or_insert_with("k", 0, make).unwrap(), "text");
    }),
    ("the drop of with's closure that has not run", |kv, place| {
        let dropped = Dropped(place);
        assert!(kv.with("absent", move |_| dropped.is_owned()).is_none());
    }),
    ("the drop of with_many's closure", |kv, place| {
        let dropped = Dropped(place);
        kv.with_many(["k"], move |_, _| dropped.is_owned());
    }),
    ("the drop of retain's closure", |kv, place| {
        let dropped = Dropped(place);
        let all = move |_: &str, _: &_| {
            dropped.is_owned();
            true
        };
        assert_eq!(kv.retain(all), 0);
    }),
    ("the drop of for_each_key's closure", |kv, place| {
        let dropped = Dropped(place);
        kv.for_each_key(&Pattern::new("*"), move |_| dropped.is_owned());
    }),
    ("the drop of a sweep's callback", |kv, place| {
        let dropped = Dropped(place);
        assert_eq!(kv.sweep_with(1000, move |_, _| dropped.is_owned()).removed, 1);
    }),
    ("the drop of set_many's items", |kv, place| {
        let dropped = Dropped(place);
        kv.set_many([("k", 1)].into_iter().inspect(move |_| dropped.is_owned()), 0).unwrap();
    }),
    ("the drop of get_many's keys", |kv, place| {
        let dropped = Dropped(place);
        let keys = ["k"].into_iter().inspect(move |_| dropped.is_owned());
        assert_eq!(kv.get_many(keys).len(), 1);
    }),
    ("the drop of delete_many's keys", |kv, place| {
        let dropped = Dropped(place);
        let keys = ["absent"].into_iter().inspect(move |_| dropped.is_owned());
        assert_eq!(kv.delete_many(keys), 0);
    }),
    ("the drop of with_many's keys", |kv, place| {
        let dropped = Dropped(place);
        kv.with_many(["k"].into_iter().inspect(move |_| dropped.is_owned()), |_, _| ());
    }),
    ("the drop of a converted value", |kv, place| {
        assert_eq!(kv.set("k", OnceDropped(Dropped(place))), Ok(()));
    }),
    ("the drop of a read's hasher", |kv, place| {
        IN_HASHERS_DROP.set(Some(place));
        assert!(kv.exists("k"));
    }),
    ("the drop of a write's hasher", |kv, place| {
        IN_HASHERS_DROP.set(Some(place));
        kv.set("k", 2).unwrap();
    }),
];

/// What holds back garbage, as the documentation warns: closures that read in place, and what
/// they own.
pub const IN_PLACE: [Host; 4] = [
    ("with", |kv, place| _ = kv.with("k", |_| place.stand())),
    ("with_many", |kv, place| kv.with_many(["k"], |_, _| place.stand())),
    ("the drop of with's closure", |kv, place| {
        let dropped = Dropped(place);
        assert!(kv.with("k", move |_| dropped.is_owned()).is_some());
    }),
    ("the drop of with's closure, of an expired entry", |kv, place| {
        let dropped = Dropped(place);
        assert!(kv.with("expired", move |_| dropped.is_owned()).is_none());
    }),
];

/// So does a clock, where a call reads it for an entry that has a deadline: in the middle.
pub const CLOCKS: [Host; 6] = [
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

/// What the keys "k", "timed" and "made" are when a host that stood still has gone on.
pub fn left_by(host: &str) -> [Option<Value>; 3] {
    let k = match host {
        "an expected value" | "delete_many's keys" => None,
        "set_many's items"
        | "the conversion of a time to live"
        | "the clock of set_ex"
        | "the clock of set_many"
        | "the drop of set_many's items" => Some(1.into()),
        "the hasher of a write" | "the drop of a write's hasher" => Some(2.into()),
        _ => Some("text".into()),
    };
    let timed = match host {
        "the clock of delete" => None,
        "the clock of incr" => Some(2.into()),
        _ => Some(1.into()),
    };
    let made = match host {
        "get_or_insert_with" | "the drop of a maker" => Some(1.into()),
        "a made value" => Some("text".into()),
        _ => None,
    };
    [k, timed, made]
}
