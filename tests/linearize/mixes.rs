//! Which operations the recorder runs on which keys.

use crate::history::{Op, Ret, Ttl, Val};
use crate::rng::Rng;
use std::sync::atomic::{AtomicU32, Ordering};

/// How the keys of a mix are chosen.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Keys {
    /// A few keys for the whole run: long histories, calls that meet often.
    Hot,
    /// New keys in each round of calls: first inserts that race.
    Fresh,
    /// Half of each.
    Both,
}

/// What runs beside the recorded threads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Beside {
    Nothing,
    /// Inserts and deletes many other keys, so that the table grows and shrinks.
    Filler,
    /// Moves the clock, if it can be moved, sweeps in half of the histories, and reclaims.
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
    /// The calls of the longest history. Each starts with an empty table.
    pub(crate) longest: u32,
}

/// Draws the calls of one thread.
#[derive(Debug)]
pub(crate) struct Script<'a> {
    mix: Mix,
    rng: Rng,
    thread: u16,
    written: u64,
    front: &'a Front,
    /// The calls of the claim that are not drawn yet.
    claimed: u32,
    /// Values seen lately, as expectations for compare-and-set.
    seen: [Option<(u32, Val)>; 64],
}

/// What a thread does next.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Next {
    Call(u32, Op),
    /// The clock is to be moved.
    Tick,
    End,
}

/// Fresh keys are numbered from here.
const FIRST_FRESH: u32 = 1 << 16;

/// The calls of each thread on each fresh key, on average.
const CALLS_ON_FRESH: u32 = 4;

/// The calls that a thread claims at once; few, so that all end together.
const CLAIM: u32 = 4;

/// The calls of all threads in a millisecond of a clock that they move.
const TICK_CALLS: u32 = 16;

/// How far a run has come: where its threads meet. Nobody waits for anybody: whoever runs
/// works on the keys of the round, also who has just come back from a call in
/// which it stood still. A round ends for all at the same moment, so that first inserts
/// race.
#[derive(Debug)]
pub(crate) struct Front {
    claimed: AtomicU32,
    calls: u32,
    /// How many hot keys there are.
    hot: u32,
    /// How many fresh keys a round has.
    fresh: u32,
    /// The calls of all threads in a round.
    round: u32,
}

impl Front {
    /// Draws how many keys there are at a time: often one or two, on which all calls meet.
    pub(crate) fn new(threads: u16, calls: u32, rng: &mut Rng) -> Self {
        let (hot, fresh) = (1 << rng.below(6), 1 << rng.below(3));
        let round = CALLS_ON_FRESH * fresh * u32::from(threads);
        Self { claimed: AtomicU32::new(0), calls, hot, fresh, round }
    }

    /// The number of the first call of a new claim.
    fn claim(&self) -> u32 {
        // Relaxed: a count; the threads exchange nothing else here.
        self.claimed.fetch_add(CLAIM, Ordering::Relaxed)
    }

    fn round(&self) -> u32 {
        // Relaxed: as in `claim`.
        self.claimed.load(Ordering::Relaxed) / self.round
    }
}

impl<'a> Script<'a> {
    pub(crate) fn new(mix: Mix, seed: u64, thread: u16, front: &'a Front) -> Self {
        let rng = Rng::new(seed ^ (u64::from(thread) << 48));
        Self { mix, rng, thread, written: 0, front, claimed: 0, seen: [None; 64] }
    }

    pub(crate) fn next(&mut self) -> Next {
        if self.claimed == 0 {
            let first = self.front.claim();
            if first >= self.front.calls {
                return Next::End;
            }
            self.claimed = CLAIM.min(self.front.calls - first);
            if self.mix.beside == Beside::Ticker && first % TICK_CALLS == 0 {
                return Next::Tick;
            }
        }
        self.claimed -= 1;
        let (key, op) = self.call();
        Next::Call(key, op)
    }

    fn call(&mut self) -> (u32, Op) {
        if self.mix.clear_every > 0 && self.rng.one_in(self.mix.clear_every) {
            return (0, Op::Clear);
        }
        let key = match self.mix.keys {
            Keys::Hot => self.hot(),
            Keys::Fresh => self.fresh(),
            Keys::Both if self.rng.one_in(2) => self.hot(),
            Keys::Both => self.fresh(),
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

    fn hot(&mut self) -> u32 {
        self.rng.below(u64::from(self.front.hot)) as u32
    }

    /// A key of this round, or now and then of the round before.
    fn fresh(&mut self) -> u32 {
        let lag = u32::from(self.rng.one_in(8));
        let keys = self.front.fresh;
        let first = self.front.round().saturating_sub(lag) * keys;
        FIRST_FRESH + first + self.rng.below(u64::from(keys)) as u32
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
