//! Which operations the recorder runs on which keys.

use crate::history::{Op, Ret, Ttl, Val};
use crate::rng::Rng;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

/// How the keys of a mix are chosen.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Keys {
    /// A few keys for the whole run: long histories, calls that meet often.
    Hot(u32),
    /// New keys in each round of calls: first inserts that race.
    Fresh,
    /// Half of each.
    Both(u32),
}

/// What runs beside the recorded threads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Beside {
    Nothing,
    /// Inserts and deletes many other keys, so that the table grows and shrinks.
    Filler,
    /// Moves the clock, if it can be moved, and reclaims.
    Ticker,
}

/// The longest time to live that ends during a run, in milliseconds.
const LONGEST_TTL: u64 = 12;
const MILLISECOND: u64 = 1_000_000;

/// A time to live that never ends during a run.
const HOUR: u64 = 3_600_000 * MILLISECOND;

/// One workload.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mix {
    pub(crate) name: &'static str,
    pub(crate) keys: Keys,
    pub(crate) beside: Beside,
    /// Whether deadlines are reached, changed and asked for. In the other mixes some
    /// entries have one that is far away.
    pub(crate) ttl: bool,
    /// One call in so many is a `clear`; 0 for none.
    pub(crate) clear_every: u64,
}

/// Draws the calls of one thread.
#[derive(Debug)]
pub(crate) struct Script<'a> {
    mix: Mix,
    rng: Rng,
    thread: u16,
    written: u64,
    meeting: &'a Meeting,
    calls: u32,
    round: u32,
    /// Values seen lately, as expectations for compare-and-set.
    seen: [Option<(u32, Val)>; 64],
}

/// Fresh keys are numbered from here.
const FIRST_FRESH: u32 = 1 << 16;

/// The calls of each thread in a round, and the fresh keys of a round.
const ROUND_CALLS: u32 = 16;
const ROUND_KEYS: u32 = 4;

/// Where the threads of a run wait for each other before each round. Threads left
/// to themselves hardly meet on a small machine: each runs through its time slice
/// alone, and fresh keys would have one user.
#[derive(Debug)]
pub(crate) struct Meeting {
    threads: u32,
    arrived: AtomicU32,
}

impl Meeting {
    pub(crate) fn new(threads: u16) -> Self {
        Self { threads: u32::from(threads), arrived: AtomicU32::new(0) }
    }

    /// Waits until all threads have come to `round`, but not for ever: a thread that
    /// panicked never comes.
    fn wait(&self, round: u32) {
        // Relaxed: a count; the threads exchange nothing else here.
        self.arrived.fetch_add(1, Ordering::Relaxed);
        let all = (round + 1) * self.threads;
        for patience in 0..20_000 {
            if self.arrived.load(Ordering::Relaxed) >= all {
                return;
            }
            // Those who only spin start at the same moment, which is the point.
            if patience % 256 == 255 {
                thread::yield_now();
            } else {
                std::hint::spin_loop();
            }
        }
    }
}

impl<'a> Script<'a> {
    pub(crate) fn new(mix: Mix, seed: u64, thread: u16, meeting: &'a Meeting) -> Self {
        let rng = Rng::new(seed ^ (u64::from(thread) << 48));
        Self { mix, rng, thread, written: 0, meeting, calls: 0, round: 0, seen: [None; 64] }
    }

    /// The next key and what to do with it.
    pub(crate) fn next(&mut self) -> (u32, Op) {
        if self.calls % ROUND_CALLS == 0 {
            self.round = self.calls / ROUND_CALLS;
            self.meeting.wait(self.round);
        }
        self.calls += 1;
        if self.mix.clear_every > 0 && self.rng.one_in(self.mix.clear_every) {
            return (0, Op::Clear);
        }
        let key = match self.mix.keys {
            Keys::Hot(count) => self.hot(count),
            Keys::Fresh => self.fresh(),
            Keys::Both(count) => {
                if self.rng.one_in(2) {
                    self.hot(count)
                } else {
                    self.fresh()
                }
            }
        };
        (key, self.operation(key))
    }

    /// Remembers what a call on `key` found, for later expectations.
    pub(crate) fn learn(&mut self, key: u32, op: Op, ret: Ret) {
        let value = match (op, ret) {
            (_, Ret::Value(Some(value))) => value,
            (Op::Incr(_), Ret::Int(n)) => Val::Int(n),
            (Op::Set(value, _), Ret::Unit) => value,
            _ => return,
        };
        self.seen[key as usize % 64] = Some((key, value));
    }

    fn hot(&mut self, count: u32) -> u32 {
        self.rng.below(u64::from(count)) as u32
    }

    /// A key of this round, or now and then of the round before.
    fn fresh(&mut self) -> u32 {
        let lag = u32::from(self.rng.one_in(8));
        let first = self.round.saturating_sub(lag) * ROUND_KEYS;
        FIRST_FRESH + first + self.rng.below(u64::from(ROUND_KEYS)) as u32
    }

    /// A value that nobody else writes. Even keys hold integers only, a quarter of
    /// the writes to odd keys is text; integers are spaced to keep increments apart.
    fn value(&mut self, key: u32) -> Val {
        self.written += 1;
        let id = (u64::from(self.thread) << 40) | self.written;
        if key % 2 == 1 && self.rng.one_in(4) { Val::Text(id) } else { Val::Int((id << 12) as i64) }
    }

    fn ttl(&mut self) -> Ttl {
        match self.rng.below(4) {
            0 => None,
            _ if self.mix.ttl => Some(self.short_ttl()),
            1 => Some(HOUR),
            _ => None,
        }
    }

    fn short_ttl(&mut self) -> u64 {
        (1 + self.rng.below(LONGEST_TTL)) * MILLISECOND
    }

    fn expected(&mut self, key: u32) -> Val {
        match self.seen[key as usize % 64] {
            Some((seen, value)) if seen == key => value,
            _ => Val::Text(0),
        }
    }

    fn operation(&mut self, key: u32) -> Op {
        if self.mix.ttl && self.rng.one_in(4) {
            return match self.rng.below(4) {
                0 => Op::Persist,
                1 => Op::TimeLeft,
                _ => Op::Expire(self.short_ttl()),
            };
        }
        match self.rng.below(32) {
            0..8 => Op::Get,
            8 => Op::Exists,
            9..12 => Op::Set(self.value(key), self.ttl()),
            12 | 13 => Op::Swap(self.value(key), self.ttl()),
            14 | 15 => Op::SetIfAbsent(self.value(key), self.ttl()),
            16 => Op::SetIfPresent(self.value(key), self.ttl()),
            17 => Op::GetOrInsert(self.value(key), self.ttl()),
            18..20 => Op::CompareAndSet(self.expected(key), self.value(key), self.ttl()),
            20 => Op::CompareAndDelete(self.expected(key)),
            21 | 22 => Op::Delete,
            23 | 24 => Op::Take,
            _ => Op::Incr(1 + self.rng.below(3) as i64),
        }
    }
}
