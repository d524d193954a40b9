//! A counter that threads add to without sharing a cache line.

use crate::sync::stat::{AtomicIsize, AtomicUsize, Ordering};
use crossbeam_utils::CachePadded;
use std::sync::LazyLock;

/// A sum spread over one cache line per core.
///
/// [`increment`](Self::increment) and [`decrement`](Self::decrement) are wait-free
/// and touch the calling thread's own line;
/// [`sum`](Self::sum) reads all lines and is exact whenever nobody adds.
#[derive(Debug)]
pub(crate) struct Sharded {
    shards: Box<[CachePadded<AtomicIsize>]>,
}

impl Sharded {
    pub(crate) fn new() -> Self {
        Self { shards: (0..shards()).map(|_| CachePadded::default()).collect() }
    }

    /// Adds 1 and returns the new value of the calling thread's shard.
    #[inline]
    pub(crate) fn increment(&self) -> isize {
        // Relaxed: a statistic; nothing is published through it.
        self.shard().fetch_add(1, Ordering::Relaxed).wrapping_add(1)
    }

    /// Subtracts 1.
    #[inline]
    pub(crate) fn decrement(&self) {
        // Relaxed: as above.
        self.shard().fetch_sub(1, Ordering::Relaxed);
    }

    #[inline]
    fn shard(&self) -> &AtomicIsize {
        &self.shards[thread_index() & (self.shards.len() - 1)]
    }

    /// The sum; zero where additions of different threads are seen out of order
    /// and the sum would be negative.
    pub(crate) fn sum(&self) -> usize {
        let sum = self.shards.iter().fold(0isize, |sum, shard| {
            // Relaxed: as in `increment`.
            sum.wrapping_add(shard.load(Ordering::Relaxed))
        });
        usize::try_from(sum).unwrap_or(0)
    }
}

/// One for each core, rounded up to a power of two.
pub(crate) fn shards() -> usize {
    // Asking the system takes microseconds, and every `clear` makes a counter.
    static COUNT: LazyLock<usize> = LazyLock::new(|| {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        cores.next_power_of_two().min(64)
    });
    *COUNT
}

/// A small number of the calling thread, dense over the threads of a process.
#[inline]
pub(crate) fn thread_index() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        // Relaxed: only distinctness matters.
        static INDEX: usize = NEXT.fetch_add(1, Ordering::Relaxed);
    }
    INDEX.try_with(|index| *index).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::Sharded;

    #[test]
    fn sums_over_threads() {
        let counter = Sharded::new();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..1000).for_each(|_| _ = counter.increment()));
            }
        });
        counter.decrement();
        assert_eq!(counter.sum(), 3999);
    }

    #[test]
    fn a_negative_sum_shows_as_zero() {
        let counter = Sharded::new();
        counter.decrement();
        assert_eq!(counter.sum(), 0);
    }
}
