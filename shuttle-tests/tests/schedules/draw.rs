//! What a thread of a scenario does next.

use crate::history::{Op, Ret, Val};
use crate::rng::Rng;

pub(crate) const MILLISECOND: u64 = 1_000_000;

/// One of the eight steps of a thread.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step {
    /// A call, as `tests/linearize` knows it.
    Call(Op),
    /// An increment by `Kv::update`.
    Update(i64),
    /// The clock moves on by a millisecond.
    Tick,
    Sweep,
    /// A migration to 2^n buckets begins.
    Resize(u32),
    /// The collector may free what nobody reads.
    Flush,
}

/// Draws the steps of one thread.
#[derive(Debug)]
pub(crate) struct Draw {
    pub(crate) rng: Rng,
    /// The key of the next step.
    pub(crate) key: u32,
    keys: u32,
    thread: u64,
    written: u64,
    /// The value that each key was last seen with.
    seen: Vec<Val>,
}

impl Draw {
    pub(crate) fn new(seed: u64, thread: u16, keys: u32) -> Self {
        let thread = u64::from(thread);
        let rng = Rng::new(seed ^ (thread << 48));
        Self { rng, key: 0, keys, thread, written: 0, seen: vec![Val::Text(0); keys as usize] }
    }

    pub(crate) fn step(&mut self, draw: fn(&mut Self) -> Step) -> Step {
        self.key = self.rng.below(u64::from(self.keys)) as u32;
        draw(self)
    }

    /// A value that nobody else writes, a quarter of them text; integers are spaced to keep
    /// increments apart.
    pub(crate) fn value(&mut self) -> Val {
        self.written += 1;
        let id = ((self.thread + 1) << 8) | self.written;
        if self.rng.one_in(4) { Val::Text(id) } else { Val::Int((id << 12) as i64) }
    }

    pub(crate) fn amount(&mut self) -> i64 {
        1 + self.rng.below(3) as i64
    }

    /// The value that this thread has last seen under the key, or one that is never written.
    pub(crate) fn seen(&self) -> Val {
        self.seen[self.key as usize]
    }

    pub(crate) fn learn(&mut self, op: Op, ret: Ret) {
        let value = match (op, ret) {
            (_, Ret::Value(Some(value))) => value,
            (Op::Incr(_), Ret::Int(n)) => Val::Int(n),
            (Op::Set(value, _), Ret::Unit) => value,
            _ => return,
        };
        self.seen[self.key as usize] = value;
    }
}
