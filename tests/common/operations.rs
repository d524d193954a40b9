//! Every public operation of the store, in one table, for the rules that hold for all.

use epochkv::{
    Change, Clock, Condition, Cursor, IncrOptions, Item, Kv, ManualClock, Pattern, Ttl, Value,
};
use std::cell::Cell;
use std::fmt::Debug;
use std::hash::{BuildHasher, DefaultHasher, RandomState};
use std::ops::Deref;
use std::panic::resume_unwind;
use std::thread::LocalKey;
use std::time::Duration;

/// A store whose time stands still.
pub type Store = Kv<str, Seeds, Time>;

/// An operation: its name, and a call on a key that shows its answer as text.
pub type Operation = (&'static str, fn(&Store, &str) -> String);

const LATER: Duration = Duration::from_secs(7);

thread_local! {
    /// Readings of this thread until one panics; 0: none does.
    static READINGS: Cell<usize> = const { Cell::new(0) };
    /// The same for hashes.
    static HASHES: Cell<usize> = const { Cell::new(0) };
}

fn count_down(calls: &'static LocalKey<Cell<usize>>) {
    let left = calls.get();
    calls.set(left.saturating_sub(1));
    if left == 1 {
        // Without a word on the standard error stream.
        resume_unwind(Box::new("planned"));
    }
}

/// Makes hashes, and panics when it is told to.
#[derive(Clone, Debug, Default)]
pub struct Seeds(RandomState);

impl Seeds {
    /// Lets this thread's hash of this number panic, as [`Time::panic_at`] does.
    #[allow(dead_code, reason = "not every test that has operations interrupts them")]
    pub fn panic_at(hash: usize) -> usize {
        HASHES.replace(hash)
    }
}

impl BuildHasher for Seeds {
    type Hasher = DefaultHasher;

    fn build_hasher(&self) -> DefaultHasher {
        count_down(&HASHES);
        self.0.build_hasher()
    }
}

/// A clock that moves by hand, and that panics when it is told to.
#[derive(Clone, Debug)]
pub struct Time(ManualClock);

impl Time {
    /// Lets this thread's reading of this number panic, counted from 1 and from now; 0: none.
    /// Returns the number that is left of the last one; 0: it has panicked.
    #[allow(dead_code, reason = "not every test that has operations interrupts them")]
    pub fn panic_at(reading: usize) -> usize {
        READINGS.replace(reading)
    }
}

impl Deref for Time {
    type Target = ManualClock;

    fn deref(&self) -> &ManualClock {
        &self.0
    }
}

impl Clock for Time {
    fn now_ns(&self) -> u64 {
        count_down(&READINGS);
        self.0.now_ns()
    }

    fn refresh(&self) {
        count_down(&READINGS);
    }

    fn unix_time(&self) -> Duration {
        count_down(&READINGS);
        self.0.unix_time()
    }
}

pub fn store() -> (Store, Time) {
    let clock = Time(ManualClock::new());
    (Kv::builder().hasher(Seeds::default()).clock(clock.clone()).build(), clock)
}

fn show(answer: impl Debug) -> String {
    format!("{answer:?}")
}

/// A pattern that matches the keys that begin with this one, by a walk over all.
fn walking_pattern(key: &str) -> String {
    key.chars().flat_map(|c| ['[', '\\', c, ']']).chain(['*']).collect()
}

/// A scan's order is no part of its answer.
fn show_items(items: impl IntoIterator<Item = Item>) -> String {
    let mut items: Vec<_> = items.into_iter().collect();
    items.sort_unstable_by(|one, other| one.key().cmp(other.key()));
    show(items)
}

/// Operations that change a key or its deadline whatever is there.
pub const WRITES: &[Operation] = &[
    ("set", |kv, key| show(kv.set(key, "written"))),
    ("set", |kv, key| show(kv.set(key, 7))),
    ("set_ex", |kv, key| show(kv.set_ex(key, "written", 9))),
    ("set_ex", |kv, key| show(kv.set_ex(key, 7, Ttl::NEVER))),
    ("swap", |kv, key| show(kv.swap(key, "written", Ttl::NEVER))),
    ("set_many", |kv, key| show(kv.set_many([(key, 1), (key, 2)], 9))),
    ("delete", |kv, key| show(kv.delete(key))),
    ("delete_many", |kv, key| show(kv.delete_many([key, key]))),
    ("delete_matching", |kv, key| show(kv.delete_matching(&Pattern::prefix(key)))),
    ("take", |kv, key| show(kv.take(key))),
    ("update", |kv, key| show(kv.update(key, |_| Change::Set(Value::from(1))))),
    ("update", |kv, key| show(kv.update(key, |_| Change::SetEx(Value::from("x"), 9.into())))),
    ("update", |kv, key| show(kv.update(key, |_| Change::Remove))),
    ("update", |kv, key| show(kv.update(key, |_| Change::Keep))),
    ("retain", |kv, key| show(kv.retain(|met, _| met != key))),
    ("clear", |kv, _| {
        kv.clear();
        String::new()
    }),
];

/// Operations whose effect depends on what is there.
pub const CONDITIONAL_WRITES: &[Operation] = &[
    ("incr", |kv, key| show(kv.incr(key))),
    ("incr_by", |kv, key| show(kv.incr_by(key, -3))),
    ("incr_by", |kv, key| show(kv.incr_by(key, 0))),
    ("incr_with", |kv, key| show(kv.incr_with(key, &IncrOptions::by(2)))),
    ("incr_with", |kv, key| show(kv.incr_with(key, &IncrOptions::by(2).ttl_on_create(9)))),
    ("incr_with", |kv, key| show(kv.incr_with(key, &IncrOptions::by(2).ttl_if_none(9)))),
    ("incr_with", |kv, key| show(kv.incr_with(key, &IncrOptions::by(2).ttl_refresh(9)))),
    ("incr_with", |kv, key| show(kv.incr_with(key, &IncrOptions::by(2).max(1)))),
    ("incr_with", |kv, key| show(kv.incr_with(key, &IncrOptions::by(2).max(1).saturate(true)))),
    ("incr_float", |kv, key| show(kv.incr_float(key, 0.5))),
    ("set_if_absent", |kv, key| show(kv.set_if_absent(key, "written", 9))),
    ("set_if_present", |kv, key| show(kv.set_if_present(key, "written", 9))),
    ("compare_and_set", |kv, key| show(kv.compare_and_set(key, 5, 6, 9))),
    ("compare_and_set_snapshot", |kv, key| {
        let five = Value::from(5).into();
        show(kv.compare_and_set_snapshot(key, &five, 6, 9))
    }),
    ("compare_and_delete", |kv, key| show(kv.compare_and_delete(key, 5))),
    ("compare_and_delete_snapshot", |kv, key| {
        show(kv.compare_and_delete_snapshot(key, &Value::from(5).into()))
    }),
    ("get_or_insert_with", |kv, key| show(kv.get_or_insert_with(key, 9, || "made"))),
    ("try_get_or_insert_with", |kv, key| {
        show(kv.try_get_or_insert_with(key, 9, || Ok::<_, epochkv::Error>("made")))
    }),
    ("expire", |kv, key| show(kv.expire(key, LATER))),
    ("expire", |kv, key| show(kv.expire(key, Duration::ZERO))),
    ("expire_if", |kv, key| show(kv.expire_if(key, LATER, Condition::Always))),
    ("expire_if", |kv, key| show(kv.expire_if(key, LATER, Condition::IfNone))),
    ("expire_if", |kv, key| show(kv.expire_if(key, LATER, Condition::IfSome))),
    ("expire_if", |kv, key| show(kv.expire_if(key, LATER, Condition::IfLater))),
    ("expire_if", |kv, key| show(kv.expire_if(key, LATER, Condition::IfEarlier))),
    ("expire_if", |kv, key| show(kv.expire_if(key, LATER, Condition::IfSomeAndEarlier))),
    ("expire_at", |kv, key| show(kv.expire_at(key, LATER, Condition::Always))),
    ("get_and_expire", |kv, key| show(kv.get_and_expire(key, LATER))),
    ("persist", |kv, key| show(kv.persist(key))),
];

/// Operations that only look.
pub const READS: &[Operation] = &[
    ("get", |kv, key| show(kv.get(key))),
    ("get_or", |kv, key| show(kv.get_or(key, "default"))),
    ("with", |kv, key| show(kv.with(key, |value| value.to_value()))),
    ("exists", |kv, key| show(kv.exists(key))),
    ("ttl", |kv, key| show(kv.ttl(key))),
    ("ttl_ms", |kv, key| show(kv.ttl_ms(key))),
    ("expiry", |kv, key| show(kv.expiry(key))),
    ("get_many", |kv, key| show(kv.get_many([key, key]))),
    ("with_many", |kv, key| {
        let mut seen = Vec::new();
        kv.with_many([key, key], |_, value| seen.push(value.map(|value| value.to_value())));
        show(seen)
    }),
    ("for_each_key", |kv, key| {
        let mut keys = Vec::new();
        kv.for_each_key(&Pattern::prefix(key), |key| keys.push(key.to_owned()));
        keys.sort_unstable();
        show(keys)
    }),
    ("keys", |kv, key| show(kv.keys(key))),
    ("keys", |kv, key| show(kv.keys(&walking_pattern(key)))),
    ("scan", |kv, key| show_items(kv.scan(&Pattern::new(key)))),
    ("scan", |kv, key| show_items(kv.scan(&Pattern::new(&walking_pattern(key))))),
    ("scan_prefix", |kv, key| show_items(kv.scan_prefix(key))),
    ("scan_page", |kv, key| {
        show_items(kv.scan_page(Cursor::START, &Pattern::prefix(key), usize::MAX).1)
    }),
    ("live_len", |kv, _| show(kv.live_len())),
    ("is_same_store", |kv, _| show(kv.is_same_store(&kv.clone()))),
];

/// Operations whose answer is about the table and may count expired entries.
pub const UPKEEP: &[Operation] = &[
    ("len", |kv, _| show(kv.len())),
    ("is_empty", |kv, _| show(kv.is_empty())),
    ("name", |kv, _| show(kv.name())),
    ("stats", |kv, _| show(kv.stats())),
    ("shrink_to_fit", |kv, _| {
        kv.shrink_to_fit();
        String::new()
    }),
    ("flush", |kv, _| {
        kv.flush();
        String::new()
    }),
    ("sweep", |kv, _| show(kv.sweep(1000))),
    ("sweep_with", |kv, _| {
        // More than one operation may meet what has expired.
        kv.sweep_with(1000, |_, _| ());
        String::new()
    }),
    ("start_sweeper", |kv, _| show(kv.start_sweeper(LATER))),
    ("start_sweeper_with", |kv, _| show(kv.start_sweeper_with(LATER, |_, _| ()))),
    ("Debug", |kv, _| show(kv)),
];

/// The whole table.
pub fn all() -> impl Iterator<Item = Operation> {
    [WRITES, CONDITIONAL_WRITES, READS, UPKEEP].concat().into_iter()
}
