//! The workloads, and what each of them needs.

use crate::keys::{Draw, Keys, Shape};
use clap::ValueEnum;
use core::time::Duration;

/// The text under a key at the beginning, and what writers write: 24 bytes each.
pub const TEXTS: [&str; 2] = ["the first text of 24 b..", "some other text of 24 b."];

/// An hour: a deadline that no run reaches.
pub const LONG: Duration = Duration::from_secs(3600);

/// A deadline that has passed before a key comes up again.
pub const SHORT: Duration = Duration::from_millis(1);

/// The skew of YCSB.
const SKEW: f64 = 0.99;

/// A question that is put to all contestants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum Workload {
    /// Read a value in place, uniform, all keys there.
    GetHit,
    /// Get a snapshot to keep, uniform, all keys there.
    GetSnapshot,
    /// Read the values of 64 keys at once.
    GetBatch,
    /// Look up keys that are not there.
    GetMiss,
    /// 95 % reads, 5 % overwrites, zipf 0.99.
    YcsbB,
    /// Half reads, half overwrites, zipf 0.99.
    YcsbA,
    /// Overwrite, uniform.
    Overwrite,
    /// Insert a new key, remove the oldest.
    Churn,
    /// Count on one key, all threads.
    IncrHot,
    /// Count, zipf 0.99.
    IncrZipf,
    /// Count, uniform.
    IncrUniform,
    /// Half sets with a deadline, half reads; a tenth of all keys has expired.
    TtlMix,
    /// Fill an empty store; then again, with each call timed.
    Grow,
    /// Read what is there while the others fill an empty store, with each read timed.
    GrowReads,
    /// Meet all keys with a prefix, while one writer overwrites.
    KeysScan,
    /// List all keys with a prefix, sorted, while one writer overwrites.
    KeysList,
    /// Memory per entry, and garbage under writers.
    Memory,
}

/// What a store holds before the first round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fill {
    /// Nothing: the workload makes stores of its own.
    Nothing,
    /// Text under every key.
    Text,
    /// Text under every key, a tenth of it about to expire.
    Expiring,
    /// A counter under every key.
    Counters,
}

impl Workload {
    /// The name in tables and files.
    #[must_use]
    pub fn name(self) -> String {
        self.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
    }

    /// What a store holds before the first round.
    #[must_use]
    pub const fn fill(self) -> Fill {
        match self {
            Self::Grow | Self::GrowReads | Self::Memory => Fill::Nothing,
            Self::TtlMix => Fill::Expiring,
            Self::IncrHot | Self::IncrZipf | Self::IncrUniform => Fill::Counters,
            _ => Fill::Text,
        }
    }

    /// Whether it leaves a store as it was, so that the next one can use it.
    #[must_use]
    pub const fn only_reads(self) -> bool {
        matches!(self, Self::GetHit | Self::GetSnapshot | Self::GetBatch | Self::GetMiss)
    }

    /// Whether the number of threads can be chosen.
    #[must_use]
    pub const fn scales(self) -> bool {
        !matches!(self, Self::KeysScan | Self::KeysList)
    }

    /// Whether it makes its own stores, one at a time.
    #[must_use]
    pub const fn fills_its_own(self) -> bool {
        matches!(self.fill(), Fill::Nothing)
    }

    /// The least number of threads: some have one for each of two tasks.
    #[must_use]
    pub const fn least_threads(self) -> usize {
        if matches!(self, Self::GrowReads) { 2 } else { 1 }
    }

    /// How its keys are drawn.
    const fn draw(self) -> Draw {
        match self {
            Self::YcsbA | Self::YcsbB | Self::IncrZipf => Draw::Zipf(SKEW),
            _ => Draw::Uniform,
        }
    }

    const fn shape(self) -> Shape {
        match self {
            Self::GetMiss => Shape::Absent,
            _ => Shape::Present,
        }
    }

    /// The keys of one thread, in the order of use.
    fn walk(self, n: usize, seed: u64) -> Keys {
        match self {
            // These go through all keys in order.
            Self::Grow | Self::GrowReads | Self::Churn => Keys::all(0),
            // One key of many.
            Self::IncrHot => Keys::of(Shape::Present, [n / 2; 64].into_iter()),
            _ => {
                // Several times the keys, but no more than a thread uses in a few rounds.
                let len = (4 * n).clamp(1 << 13, 1 << 21);
                Keys::drawn(self.shape(), self.draw(), n, len, seed)
            }
        }
    }
}

/// The keys of a workload: the same for all contestants.
#[derive(Debug)]
pub struct Course {
    /// The number of keys that a store holds.
    pub n: usize,
    /// All keys in order; twice as many for churn.
    pub all: Keys,
    /// One sequence per thread.
    pub walks: Vec<Keys>,
}

impl Course {
    /// The keys for a workload with `n` keys and up to so many threads.
    #[must_use]
    pub fn new(workload: Workload, n: usize, threads: usize, seed: u64) -> Self {
        let all = Keys::all(if workload == Workload::Churn { 2 * n } else { n });
        let walk = |thread| workload.walk(n, seed ^ (thread as u64) << 32);
        Self { n, all, walks: (0..threads).map(walk).collect() }
    }
}
