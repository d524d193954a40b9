//! A counter that threads add to without sharing a cache line.

use crate::sync::stat::{AtomicIsize, AtomicU64, AtomicUsize, Ordering};
use crossbeam_utils::CachePadded;
use std::sync::LazyLock;

/// A sum spread over cache lines.
///
/// [`increment`](Self::increment) and [`decrement`](Self::decrement) are wait-free.
/// As long as a process has no more threads than twice its cores, and at most 64, each adds to a
/// line of its own, by a load and a store; later threads share as many lines again,
/// by atomic addition. [`sum`](Self::sum) reads all lines and is exact whenever
/// nobody adds.
#[derive(Debug)]
pub(crate) struct Sharded {
    /// The owned ones, then as many shared ones.
    shards: Box<[CachePadded<AtomicIsize>]>,
}

impl Sharded {
    pub(crate) fn new() -> Self {
        Self { shards: (0..2 * *SEATS).map(|_| CachePadded::default()).collect() }
    }

    /// Adds 1 and returns the new value of the calling thread's shard.
    #[inline]
    pub(crate) fn increment(&self) -> isize {
        self.add(1)
    }

    /// Subtracts 1.
    #[inline]
    pub(crate) fn decrement(&self) {
        self.add(-1);
    }

    #[inline]
    fn add(&self, amount: isize) -> isize {
        let index = seat();
        let shard = &self.shards[index];
        // Relaxed, all of them: a statistic; nothing is published through it.
        if index < self.shards.len() / 2 {
            // Nobody else writes here: the seat is this thread's.
            let sum = shard.load(Ordering::Relaxed).wrapping_add(amount);
            shard.store(sum, Ordering::Relaxed);
            sum
        } else {
            shard.fetch_add(amount, Ordering::Relaxed).wrapping_add(amount)
        }
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

/// The number of shards that have one owner: twice the cores, as a power of two, and at most the
/// bits of `TAKEN`. Twice, because beside
/// the threads that work there are some that have worked, as the first one, and have a seat. Asking
/// the system takes microseconds, and every `clear` makes a counter.
static SEATS: LazyLock<usize> = LazyLock::new(|| {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    (2 * cores).next_power_of_two().min(u64::BITS as usize)
});

/// One bit for each seat that is taken.
static TAKEN: AtomicU64 = AtomicU64::new(0);

/// A thread's right to an owned shard of every counter; or, from `SEATS` on, the
/// index of a shared one.
struct Seat(usize);

thread_local! {
    static SEAT: Seat = Seat::take();
}

/// The number of shards that have one owner, a power of two, for what else is
/// spread over threads.
pub(crate) fn seats() -> usize {
    *SEATS
}

/// The index of the calling thread's shard.
#[inline]
pub(crate) fn seat() -> usize {
    // While a thread's destructors run it has no seat any more.
    SEAT.try_with(|seat| seat.0).unwrap_or_else(|_| *SEATS)
}

impl Seat {
    #[cold]
    fn take() -> Self {
        static LATER: AtomicUsize = AtomicUsize::new(0);
        let free = |taken: u64| Some(taken.trailing_ones() as usize).filter(|seat| seat < &*SEATS);
        // Acquire: pairs with the release in `drop`: the additions of the seat's
        // last owner are seen, so the next store does not undo them.
        let claim = |taken: u64| free(taken).map(|seat| taken | (1 << seat));
        let taken = TAKEN.fetch_update(Ordering::Acquire, Ordering::Relaxed, claim);
        // Relaxed: only spreads the threads that come later.
        let shared = || *SEATS + LATER.fetch_add(1, Ordering::Relaxed) % *SEATS;
        Self(taken.ok().and_then(free).unwrap_or_else(shared))
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        if self.0 < *SEATS {
            // Release: see `take`.
            TAKEN.fetch_and(!(1 << self.0), Ordering::Release);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{SEATS, Sharded, seat};
    use std::sync::Barrier;
    use std::time::{Duration, Instant};

    /// The owned seats of threads that live at once, more than there are seats.
    fn owned() -> Vec<usize> {
        let count = 3 * *SEATS + 1;
        let all = Barrier::new(count);
        let take = || {
            let mine = seat();
            all.wait();
            mine
        };
        let mut seats: Vec<usize> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..count).map(|_| scope.spawn(take)).collect();
            threads.into_iter().map(|thread| thread.join().expect("it ends")).collect()
        });
        seats.sort_unstable();
        assert!(seats.iter().all(|it| *it < 2 * *SEATS), "{seats:?}");
        seats.truncate(seats.partition_point(|it| it < &*SEATS));
        seats
    }

    #[test]
    fn a_seat_is_one_threads_alone_and_free_after_it() {
        // Other tests may have seats too, but not for long.
        let until = |found: &dyn Fn(&[usize]) -> bool| {
            let start = Instant::now();
            loop {
                let seats = owned();
                assert!(seats.is_sorted_by(|one, next| one < next), "owned by two: {seats:?}");
                if found(&seats) {
                    return seats;
                }
                assert!(start.elapsed() < Duration::from_secs(20), "{seats:?} alone are free");
                std::thread::sleep(Duration::from_millis(1));
            }
        };
        let first = until(&|seats| !seats.is_empty());
        until(&|seats| first.iter().all(|seat| seats.contains(seat)));
    }

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
    fn seats_are_passed_on_without_a_loss() {
        // More threads than seats at any time, and far more over time.
        let counter = Sharded::new();
        for _ in 0..50 {
            std::thread::scope(|scope| {
                for _ in 0..2 * *super::SEATS + 1 {
                    scope.spawn(|| (0..100).for_each(|_| _ = counter.increment()));
                }
            });
        }
        assert_eq!(counter.sum(), 50 * (2 * *super::SEATS + 1) * 100);
    }

    #[test]
    fn a_negative_sum_shows_as_zero() {
        let counter = Sharded::new();
        counter.decrement();
        assert_eq!(counter.sum(), 0);
    }
}
