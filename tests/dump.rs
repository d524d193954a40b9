//! The feature `dump`: what is saved is what is loaded, to the bit and to the millisecond.

use epochkv::{
    Clock, Dumped, ErrorKind, IncrOptions, Item, Key, Kv, LoadErrorKind, Loaded, ManualClock, Ttl,
    Value,
};
use frames::Frames;
use proptest::prelude::*;
use std::borrow::Borrow;
use std::hash::RandomState;
use std::io::{self, Read};
use std::time::Duration;
use values::{nested, value};

#[path = "dump/beside.rs"]
mod beside;
#[path = "dump/damage.rs"]
mod damage;
#[path = "dump/files.rs"]
mod files;
#[path = "../fuzz/src/frames.rs"]
mod frames;
#[path = "dump/panics.rs"]
mod panics;
#[path = "common/property.rs"]
mod property;
#[path = "common/values.rs"]
mod values;
#[path = "common/watchdog.rs"]
mod watchdog;

type Store<K = str> = Kv<K, RandomState, ManualClock>;

/// A store at a time by a clock that stands still.
fn store_at(time: Duration) -> (Store, ManualClock) {
    let clock = ManualClock::new();
    clock.advance(time);
    (Kv::builder().hasher(RandomState::new()).clock(clock.clone()).build(), clock)
}

fn store() -> Store {
    store_at(Duration::ZERO).0
}

fn byte_store() -> Store<[u8]> {
    let builder = Kv::builder().hasher(RandomState::new()).clock(ManualClock::new());
    builder.byte_keys().build()
}

fn dump_of<K: Key + ?Sized, C: Clock>(kv: &Kv<K, RandomState, C>) -> Vec<u8> {
    let mut bytes = Vec::new();
    let dumped = kv.dump(&mut bytes).unwrap();
    assert_eq!(dumped.bytes, bytes.len() as u64);
    bytes
}

/// Everything in a store: its values, and the time that they have left.
fn contents<K: Key + ?Sized, C: Clock>(
    kv: &Kv<K, RandomState, C>,
) -> Vec<(K::Owned, Value, Duration)> {
    let item = |item: Item<K>| {
        let left = match item.expiry() {
            epochkv::Expiry::In(left) => left,
            _ => Duration::ZERO,
        };
        (item.key().to_owned(), item.value().to_value(), left)
    };
    let mut items: Vec<_> = kv.scan_prefix(K::Owned::default().borrow()).map(item).collect();
    items.sort_by(|(one, ..), (other, ..)| one.cmp(other));
    items
}

fn assert_same<K: Key + ?Sized>(one: &Store<K>, other: &Store<K>) {
    let (one, other) = (contents(one), contents(other));
    assert_eq!(one.len(), other.len());
    for ((key, value, left), (other_key, other_value, other_left)) in one.iter().zip(&other) {
        assert_eq!((key, left), (other_key, other_left));
        assert!(value.same(other_value), "{key:?}: {value:?} became {other_value:?}");
    }
}

fn refused(kv: &Store, dump: &[u8]) -> LoadErrorKind {
    let before = contents(kv);
    let error = kv.load(dump).unwrap_err();
    assert!(error.position() <= dump.len() as u64);
    assert_eq!(contents(kv).len(), before.len());
    error.kind()
}

/// A bit of everything.
fn sample() -> Store {
    let (kv, _) = store_at(Duration::from_secs(5));
    kv.set("", ()).unwrap();
    kv.set("true\0", true).unwrap();
    kv.set("counter", 41).unwrap();
    kv.set_ex("wide", i64::MIN, 60).unwrap();
    kv.set("nan", f64::from_bits(0xfff8_0000_0000_beef)).unwrap();
    kv.set("-0.0", -0.0).unwrap();
    kv.set("text", "ß").unwrap();
    kv.set_ex("bytes", b"\0\xff", Duration::from_millis(1)).unwrap();
    kv.set("empty list", Value::list([(); 0])).unwrap();
    kv.set("empty dict", Value::dict([("", 0); 0])).unwrap();
    let tree = [("a", Value::list([1.into(), Value::dict([("b", "c")])])), ("z", false.into())];
    kv.set_ex("tree", Value::dict(tree), Ttl::from(u64::MAX)).unwrap();
    kv
}

#[test]
fn everything_comes_back_as_it_was() {
    let kv = sample();
    kv.set("long", "long".repeat(50_000)).unwrap();
    kv.set("long bytes", vec![9; 200_000]).unwrap();
    kv.set("deep", nested(Value::MAX_DEPTH)).unwrap();
    let dump = dump_of(&kv);
    let (other, _) = store_at(Duration::from_secs(5));
    let loaded = other.load(&dump[..]).unwrap();
    assert_eq!((loaded.read, loaded.expired, loaded.stored), (14, 0, 14));
    assert_eq!(loaded.bytes, dump.len() as u64);
    assert_same(&kv, &other);
    // A counter is one still, with its deadline if it has one.
    assert_eq!(other.incr("counter").unwrap(), 42);
    assert_eq!(other.incr("wide").unwrap(), i64::MIN + 1);
    assert_eq!(other.ttl("wide"), 60);
    assert_eq!(other.incr("text").map_err(|error| error.kind()), Err(ErrorKind::NotAnInteger));
}

#[test]
fn the_format_is_the_documented_one() {
    let (kv, _) = store_at(Duration::from_millis(3));
    let dict = Value::dict([("k", Value::list([Value::Null, true.into()])), ("l", "ab".into())]);
    kv.set_ex("key", dict, Duration::from_millis(300)).unwrap();
    let mut payload = b"\x02\x03key\x2f\x01\0\0\0\0\0\0\x08\x02".to_vec();
    payload.extend_from_slice(b"\x01k\x07\x02\x00\x02\x01l\x05\x02ab");
    let expected = Frames::new(0, 3).chunk(&payload).chunk(&[]).into_bytes();
    assert_eq!(dump_of(&kv), expected);
    let kv = byte_store();
    kv.set(&[b'k'; 200], Value::bytes(*b"\xff")).unwrap();
    let mut payload = b"\x01\xc8\x01".to_vec();
    payload.extend_from_slice(&[b'k'; 200]);
    payload.extend_from_slice(b"\x06\x01\xff");
    assert_eq!(dump_of(&kv), Frames::new(1, 0).chunk(&payload).chunk(&[]).into_bytes());
    let kv = byte_store();
    assert_eq!(dump_of(&kv), Frames::new(1, 0).chunk(&[]).into_bytes());
    for (value, bytes) in [
        (Value::Null, &b"\x00"[..]),
        (false.into(), b"\x01"),
        (true.into(), b"\x02"),
        ((-2).into(), b"\x03\xfe\xff\xff\xff\xff\xff\xff\xff"),
        ((-0.0).into(), b"\x04\0\0\0\0\0\0\0\x80"),
        ("".into(), b"\x05\x00"),
        (Value::bytes(*b""), b"\x06\x00"),
        (Value::list([(); 0]), b"\x07\x00"),
        (Value::dict([("", 0); 0]), b"\x08\x00"),
    ] {
        let kv = store();
        kv.set("", &value).unwrap();
        let payload = [b"\x01\x00", bytes].concat();
        assert_eq!(dump_of(&kv), Frames::new(0, 0).chunk(&payload).chunk(&[]).into_bytes());
    }
}

#[test]
fn keys_of_text_are_bytes_too_but_not_the_other_way() {
    let kv = sample();
    let bytes = byte_store();
    assert_eq!(bytes.load(&dump_of(&kv)[..]).unwrap().stored, 11);
    assert_eq!(bytes.get(b"text").unwrap(), "ß");
    let back = store();
    assert_eq!(refused(&back, &dump_of(&bytes)), LoadErrorKind::WrongKeys);
    bytes.set(b"\xff\0", 1).unwrap();
    let other = byte_store();
    other.load(&dump_of(&bytes)[..]).unwrap();
    assert_same(&bytes, &other);
}

#[test]
fn a_deadline_is_a_time_of_the_calendar() {
    let ms = Duration::from_millis;
    let (kv, clock) = store_at(ms(10_000));
    kv.set_ex("a", 1, ms(500)).unwrap();
    kv.set_ex("b", 2, ms(501)).unwrap();
    kv.set("c", 3).unwrap();
    let dump = dump_of(&kv);
    // A simulation goes on at the time at which it stopped, or later.
    for (later, left) in [(0, 501), (1, 500), (499, 2), (500, 1)] {
        let (kv, _) = store_at(ms(10_000 + later));
        let expired = u64::from(later == 500);
        let loaded = kv.load(&dump[..]).unwrap();
        assert_eq!((loaded.expired, loaded.stored), (expired, 3 - expired), "{later}");
        assert_eq!((kv.ttl_ms("b"), kv.ttl_ms("c")), (left, -1));
        assert_eq!(kv.exists("a"), expired == 0);
    }
    // What has expired is not written.
    clock.advance(ms(500));
    let (other, _) = store_at(ms(0));
    assert_eq!(other.load(&dump_of(&kv)[..]).unwrap().read, 2);
    assert_eq!(other.ttl_ms("b"), 10_501);
}

/// A clock that begins at any time, as that of a process does, and a calendar.
#[derive(Clone)]
struct Process {
    started: Duration,
    calendar: ManualClock,
}

impl Clock for Process {
    fn now_ns(&self) -> u64 {
        self.calendar.now_ns() - self.started.as_nanos() as u64
    }

    fn unix_time(&self) -> Duration {
        self.calendar.unix_time()
    }
}

#[test]
fn a_restart_takes_its_time_from_what_is_left() {
    let calendar = ManualClock::new();
    calendar.advance_to(Duration::from_secs(1_800_000_000));
    let process = |started: Duration| {
        let clock = Process { started, calendar: calendar.clone() };
        Kv::builder().hasher(RandomState::new()).clock(clock).build()
    };
    let kv = process(Duration::from_secs(1_799_990_000));
    kv.set_ex("session", 1, 60).unwrap();
    kv.set_ex("for ever", 1, Ttl::from(u64::MAX)).unwrap();
    let dump = dump_of(&kv);
    calendar.advance(Duration::from_millis(20_000));
    let kv = process(Duration::from_secs(1_800_000_019));
    kv.load(&dump[..]).unwrap();
    assert_eq!((kv.ttl_ms("session"), kv.ttl("for ever") > 1 << 50), (40_000, true));
    calendar.advance(Duration::from_millis(39_999));
    assert!(kv.exists("session"));
    calendar.advance(Duration::from_millis(1));
    assert!(!kv.exists("session"));
}

#[test]
fn the_clock_of_the_system_keeps_the_calendar_too() {
    let kv = Kv::builder().hasher(RandomState::new()).build();
    kv.set_ex("k", 1, 3600).unwrap();
    let dump = dump_of(&kv);
    let other = Kv::builder().hasher(RandomState::new()).build();
    other.load(&dump[..]).unwrap();
    let left = other.ttl_ms("k");
    assert!((3_500_000..=3_600_002).contains(&left), "{left}");
}

#[test]
fn a_load_goes_over_what_is_there_and_beside_the_rest() {
    let kv = store();
    kv.set("a", 1).unwrap();
    kv.set("b", 2).unwrap();
    let dump = dump_of(&kv);
    let other = store();
    other.set_ex("b", "old", 60).unwrap();
    other.set("c", 3).unwrap();
    let old = other.get("b").unwrap();
    other.load(&dump[..]).unwrap();
    assert_eq!(other.keys("*"), ["a", "b", "c"]);
    assert_eq!((other.get("b").unwrap(), other.ttl("b")), (Value::from(2).into(), -1));
    assert_eq!(old, "old");
    // Also where the key is there as a counter.
    other.incr_with("a", &IncrOptions::by(5).ttl_refresh(60)).unwrap();
    other.load(&dump[..]).unwrap();
    assert_eq!((other.get("a").unwrap(), other.ttl("a")), (Value::from(1).into(), -1));
}

#[test]
fn progress_is_shown_and_ends_with_the_result() {
    let kv = store();
    (0..5000).for_each(|n| kv.set(&format!("key:{n}"), n).unwrap());
    kv.set_ex("gone", 1, 1).unwrap();
    let mut shown: Vec<Dumped> = Vec::new();
    let mut bytes = Vec::new();
    let dumped = kv.dump_with(&mut bytes, |so_far| shown.push(*so_far)).unwrap();
    assert!((6..100).contains(&shown.len()), "{} times", shown.len());
    assert!(shown.is_sorted_by_key(|it| (it.entries, it.bytes)));
    assert_eq!((shown.last().unwrap().entries, dumped.entries), (5001, 5001));
    assert!(shown.last().unwrap().bytes > dumped.bytes / 2, "what is in its buffer is missing");
    assert_eq!(dumped.bytes, bytes.len() as u64);
    let (other, _) = store_at(Duration::from_secs(1));
    let mut shown: Vec<Loaded> = Vec::new();
    let progress = |so_far: &Loaded| {
        // Nothing is there before everything has been read.
        assert!(so_far.stored > 0 || other.is_empty());
        shown.push(*so_far);
    };
    let loaded = other.load_with(&bytes[..], progress).unwrap();
    assert!(shown.is_sorted_by_key(|it| (it.bytes, it.read, it.expired, it.stored)));
    assert_eq!(shown.iter().filter(|it| it.stored == 0).count(), 5);
    assert_eq!(shown.iter().filter(|it| it.stored > 0).count(), 5);
    assert_eq!(shown.last(), Some(&loaded));
    assert_eq!((loaded.read, loaded.expired, loaded.stored), (5001, 1, 5000));
}

/// Gives a byte at a time, and is interrupted before each.
struct Slow<'a>(&'a [u8], bool);

impl Read for Slow<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.1 = !self.1;
        if self.1 {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let len = buffer.len().min(1);
        self.0.read(&mut buffer[..len])
    }
}

#[test]
fn readers_may_be_slow_and_go_on_behind_the_dump() {
    let kv = sample();
    let mut stream = dump_of(&kv);
    stream.extend_from_slice(b"what follows");
    let (other, _) = store_at(Duration::from_secs(5));
    let mut slow = Slow(&stream, false);
    other.load(&mut slow).unwrap();
    assert_eq!(slow.0, b"what follows");
    assert_same(&kv, &other);
}

#[test]
fn the_errors_of_readers_and_writers_come_through() {
    struct Broken(usize);

    impl io::Write for Broken {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 = self.0.checked_sub(bytes.len()).ok_or(io::ErrorKind::StorageFull)?;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Err(io::ErrorKind::BrokenPipe.into())
        }
    }

    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::ErrorKind::PermissionDenied.into())
        }
    }
    let kv = sample();
    let len = dump_of(&kv).len();
    for room in 0..len {
        assert_eq!(kv.dump(Broken(room)).unwrap_err().kind(), io::ErrorKind::StorageFull);
    }
    assert_eq!(kv.dump(Broken(len)).unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    let error = kv.load(Broken(0)).unwrap_err();
    assert_eq!(error.kind(), LoadErrorKind::Io);
    let source = std::error::Error::source(&error).unwrap();
    let source = source.downcast_ref::<io::Error>().map(io::Error::kind);
    assert_eq!(source, Some(io::ErrorKind::PermissionDenied));
    let dump = dump_of(&kv);
    let error = kv.load(dump[..30].chain(Broken(0))).unwrap_err();
    assert_eq!((error.kind(), error.position()), (LoadErrorKind::Io, 24));
}

#[test]
fn a_panic_while_reading_leaves_the_store_as_it_is() {
    let kv = store();
    (0..3000).for_each(|n| kv.set(&n.to_string(), n).unwrap());
    let dump = dump_of(&kv);
    let other = store();
    other.set("before", 1).unwrap();
    let own = other.clone();
    let panics = move || own.load_with(&dump[..], |_| panic!("in the callback")).map(drop);
    assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(panics)).is_err());
    assert_eq!(other.keys("*"), ["before"]);
}

proptest! {
    #![proptest_config(property::seeded(256))]

    #[test]
    fn any_store_comes_back(
        entries in prop::collection::btree_map(
            prop::collection::vec(any::<u8>(), 0..40),
            (value(), prop::option::of(1u64..u64::MAX)),
            0..40,
        ),
        now in any::<u32>(),
    ) {
        let clock = ManualClock::new();
        clock.advance(Duration::from_nanos(now.into()));
        let build = || {
            let builder = Kv::builder().hasher(RandomState::new()).clock(clock.clone());
            builder.byte_keys().build()
        };
        let kv = build();
        for (key, (value, ms)) in &entries {
            kv.set_ex(key, value, ms.map(Duration::from_millis)).unwrap();
        }
        let dump = dump_of(&kv);
        let other = build();
        prop_assert_eq!(other.load(&dump[..]).unwrap().stored, entries.len() as u64);
        assert_same(&kv, &other);
    }
}
