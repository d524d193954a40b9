//! Two threads on one store, judged by all orders in which one thread alone
//! could have done the same.
//!
//! A race names what both threads do. The harness first lets one thread do it,
//! in every order that keeps each thread's own, on a fresh store each time, and
//! notes all answers and what is in the store afterwards. Then it explores the
//! two threads: an execution whose answers and final state equal none of those
//! noted is not linearizable, and fails.

use super::{Bound, Collector, Gate, explore};
use core::fmt::Debug;
use core::hash::{BuildHasher, Hasher};
use core::time::Duration;
use epochkv::{Clock, Kv};
use loom::sync::atomic::{AtomicU64, Ordering};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

/// A store that a model can replay: fixed hashes, and a clock that loom sees.
pub type Store = Kv<str, FirstByte, ModelClock>;

/// One step of a thread: what it does, and what it was told.
pub type Op = fn(&World) -> String;

/// The keys that races use: `k` and `kk` have one hash; `n` shares their bucket
/// in tables of one and two buckets; `j` only in a table of one.
const KEYS: [&str; 4] = ["k", "kk", "n", "j"];

/// Hashes a key to its first byte, in all places of the hash that the table uses.
#[derive(Clone, Copy, Debug, Default)]
pub struct FirstByte;

/// The state of [`FirstByte`].
#[derive(Debug, Default)]
pub struct FirstByteHasher(u64);

impl BuildHasher for FirstByte {
    type Hasher = FirstByteHasher;

    fn build_hasher(&self) -> FirstByteHasher {
        FirstByteHasher::default()
    }
}

impl Hasher for FirstByteHasher {
    fn write(&mut self, bytes: &[u8]) {
        let first = bytes.first().copied().unwrap_or(0);
        self.0 = u64::from_ne_bytes([first; 8]);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// A clock whose readings take part in the exploration. (As those of the crate's own
/// `ManualClock` do; but that moves by a loop, which makes models larger.)
#[derive(Clone, Debug)]
pub struct ModelClock(Arc<AtomicU64>);

impl ModelClock {
    fn new() -> Self {
        Self(Arc::new(AtomicU64::new(0)))
    }

    /// Moves the clock forward.
    pub fn advance(&self, by: Duration) {
        let by = u64::try_from(by.as_nanos()).expect("a short time");
        // AcqRel: pairs with `now_ns`.
        self.0.fetch_add(by, Ordering::AcqRel);
    }
}

impl Clock for ModelClock {
    fn now_ns(&self) -> u64 {
        // A clock must not go back as seen by all threads together, so a reading
        // has to be the latest one, which in loom only an exchange is.
        // AcqRel: pairs with `advance`.
        self.0.fetch_add(0, Ordering::AcqRel)
    }
}

/// A store and its clock.
#[derive(Clone, Debug)]
pub struct World {
    pub kv: Store,
    pub clock: ModelClock,
}

impl World {
    /// An empty store of two buckets at time zero.
    pub fn new() -> Self {
        let clock = ModelClock::new();
        Self { kv: Kv::builder().capacity(7).hasher(FirstByte).clock(clock.clone()).build(), clock }
    }

    /// Moves everything into an array of `2^lg` buckets, if either array has one.
    pub fn resize(&self, lg: u32) {
        self.kv.start_resize(lg);
        self.help_resize();
    }

    /// Does one write's share of a migration, which is all of it if either array
    /// has one bucket. (`finish_resize` loops, and loom lets it read for
    /// ever that the migration is not complete.)
    pub fn help_resize(&self) {
        assert!(!self.kv.delete("x"));
    }

    /// The answer of the last step, and what there is then.
    fn end(&self, after: Op) -> Vec<String> {
        let answer = after(self);
        [vec![answer], self.observe()].concat()
    }

    /// All that can be seen of the store when nobody works on it.
    fn observe(&self) -> Vec<String> {
        let kv = &self.kv;
        let of_key = |key: &&str| show((kv.get(key), kv.ttl(key)));
        let mut seen: Vec<_> = KEYS.iter().map(of_key).collect();
        let stats = kv.stats();
        seen.push(show((kv.keys("*"), stats.entries, stats.expired)));
        seen
    }
}

/// An answer, as text.
pub fn show(answer: impl Debug) -> String {
    format!("{answer:?}")
}

/// What both threads were told, and what was there afterwards.
type Outcome = (Vec<String>, Vec<String>, Vec<String>);

/// Two threads and what they do.
pub struct Race {
    name: &'static str,
    before: fn(&World),
    left: &'static [Op],
    right: &'static [Op],
    after: Op,
    bound: Bound,
    filtered: bool,
}

impl Race {
    /// A race on a store that `before` has prepared. The bound is none.
    pub fn new(name: &'static str, before: fn(&World)) -> Self {
        let after: Op = |_| String::new();
        Self { name, before, left: &[], right: &[], after, bound: Bound::None, filtered: false }
    }

    /// On tables with filters, as large ones have.
    pub fn filtered(self) -> Self {
        Self { filtered: true, ..self }
    }

    /// What is done when both have ended; its answer is part of the outcome.
    pub fn after(self, after: Op) -> Self {
        Self { after, ..self }
    }

    /// Explores at most so many preemptions.
    pub fn preemptions(self, most: usize) -> Self {
        Self { bound: Bound::Preemptions(most), ..self }
    }

    /// Explores as far as this in a long run.
    pub fn or_long(self, long: Bound) -> Self {
        Self { bound: self.bound.or_long(long), ..self }
    }

    /// What the one thread does, and what the other one.
    pub fn between(self, left: &'static [Op], right: &'static [Op]) {
        let race = Self { left, right, ..self };
        let legal = race.orders();
        let (name, bound) = (race.name, race.bound);
        let seen = Arc::new(Mutex::new(BTreeSet::new()));
        let noted = Arc::clone(&seen);
        let expected = legal.clone();
        explore(name, bound, Collector::Keep, move || {
            let outcome = race.run();
            if !legal.contains(&outcome) {
                panic!("no order explains {outcome:#?}\nlegal are {legal:#?}");
            }
            noted.lock().expect("nobody panicked").insert(outcome);
        });
        let seen = seen.lock().expect("nobody panicked");
        assert!(seen.len() == expected.len(), "orders never seen: {:#?}", &expected - &seen);
    }

    /// The outcomes of all orders of one thread alone.
    fn orders(&self) -> BTreeSet<Outcome> {
        let outcomes = Arc::new(Mutex::new(BTreeSet::new()));
        let noted = Arc::clone(&outcomes);
        let (before, left, right, after) = (self.before, self.left, self.right, self.after);
        let mut alone = loom::model::Builder::new();
        alone.max_branches = super::MAX_BRANCHES;
        alone.check(move || {
            // What is right is told without filters.
            epochkv::internals::use_filter(false);
            let steps = left.len() + right.len();
            // Bit `n` says whether step `n` is the right thread's.
            for order in 0u32..1 << steps {
                if order.count_ones() as usize != right.len() {
                    continue;
                }
                let world = World::new();
                before(&world);
                let (mut left, mut right) = (left.iter(), right.iter());
                let mut outcome = Outcome::default();
                for step in 0..steps {
                    let (ops, answers) = match order >> step & 1 {
                        0 => (&mut left, &mut outcome.0),
                        _ => (&mut right, &mut outcome.1),
                    };
                    answers.extend(ops.next().map(|op| op(&world)));
                }
                outcome.2 = world.end(after);
                noted.lock().expect("nobody panicked").insert(outcome);
            }
            epochkv::internals::release_kept();
        });
        let outcomes = outcomes.lock().expect("nobody panicked");
        outcomes.clone()
    }

    /// One execution of both threads.
    fn run(&self) -> Outcome {
        epochkv::internals::use_filter(self.filtered);
        let world = World::new();
        (self.before)(&world);
        let other = world.clone();
        let gate = Gate::default();
        let others_gate = gate.clone();
        let ops = self.right;
        let right = loom::thread::spawn(move || act(ops, &other, &others_gate));
        let left = act(self.left, &world, &gate);
        let right = right.join().expect("the other thread panicked");
        (left, right, world.end(self.after))
    }
}

/// What one thread does.
fn act(ops: &[Op], world: &World, gate: &Gate) -> Vec<String> {
    let step = |op: &Op| {
        gate.pass();
        op(world)
    };
    ops.iter().map(step).collect()
}
