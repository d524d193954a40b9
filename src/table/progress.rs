//! How far a migration has come: which chunks of groups are taken, which are done.

use crate::sync::stat::{AtomicUsize, Ordering as StatOrdering};
use crate::sync::{AtomicU64, Ordering};
use crossbeam_utils::CachePadded;

/// Groups per chunk: the work that one write does for a running migration.
pub(super) const CHUNK: usize = if cfg!(epochkv_loom) { 1 } else { 2 };

/// The shared record of one migration. Without groups it is complete at once.
pub(super) struct Progress {
    groups: usize,
    /// Taken so far; goes round, so that a stalled thread's chunk is taken again.
    claimed: CachePadded<AtomicUsize>,
    done: CachePadded<AtomicU64>,
    /// One bit per chunk: makes `done` count each chunk once.
    bits: Box<[AtomicU64]>,
}

/// A chunk to migrate.
pub(super) struct Chunk {
    index: usize,
    groups: usize,
}

impl Chunk {
    pub(super) fn groups(&self) -> core::ops::Range<usize> {
        let first = self.index * CHUNK;
        first..(first + CHUNK).min(self.groups)
    }
}

impl Progress {
    pub(super) fn new(groups: usize) -> Self {
        let words = groups.div_ceil(CHUNK).div_ceil(64);
        Self {
            groups,
            claimed: CachePadded::default(),
            done: CachePadded::new(AtomicU64::new(0)),
            bits: (0..words).map(|_| AtomicU64::new(0)).collect(),
        }
    }

    /// The number of groups; none in a table that has no predecessor.
    pub(super) fn groups(&self) -> usize {
        self.groups
    }

    fn chunks(&self) -> usize {
        self.groups.div_ceil(CHUNK)
    }

    /// The next chunk to work on, if it is not done yet.
    pub(super) fn claim(&self) -> Option<Chunk> {
        if self.groups == 0 {
            return None;
        }
        // Relaxed: distributes work; correctness does not rest on it.
        let index = self.claimed.fetch_add(1, StatOrdering::Relaxed) % self.chunks();
        // Relaxed: at worst a chunk is looked at twice.
        let done = self.bits[index / 64].load(Ordering::Relaxed) & bit(index) != 0;
        (!done).then_some(Chunk { index, groups: self.groups })
    }

    /// Reports a chunk as migrated.
    pub(super) fn finish(&self, chunk: &Chunk) {
        // Release: carries the chunk's words to whoever sees the migration
        // complete by the bits. No acquire: the other bits are read in `bits_set`.
        let before = self.bits[chunk.index / 64].fetch_or(bit(chunk.index), Ordering::Release);
        if before & bit(chunk.index) == 0 {
            // Release: pairs with `is_complete`, which acquires all reports up to
            // the one it reads: additions go on with each other's release sequences.
            self.done.fetch_add(1, Ordering::Release);
        }
    }

    /// Whether every chunk is done.
    pub(super) fn is_complete(&self) -> bool {
        let chunks = self.chunks();
        // Acquire: pairs with `finish`; the promoted table's words are seen.
        if self.done.load(Ordering::Acquire) == chunks as u64 {
            return true;
        }
        // A thread may have been stopped between its bit and its count. Once
        // all chunks have been handed out twice, the bits themselves are asked,
        // so that nobody depends on it. Relaxed: when to look is only a matter of cost.
        self.claimed.load(StatOrdering::Relaxed) >= 2 * chunks && self.bits_set() == chunks
    }

    fn bits_set(&self) -> usize {
        // Acquire: pairs with `finish`, as above.
        let ones = |word: &AtomicU64| word.load(Ordering::Acquire).count_ones() as usize;
        self.bits.iter().map(ones).sum()
    }
}

fn bit(index: usize) -> u64 {
    1 << (index % 64)
}

#[cfg(all(test, not(epochkv_loom)))]
mod tests {
    use super::{CHUNK, Ordering, Progress, bit};

    #[test]
    fn every_group_is_handed_out_and_counted_once() {
        for groups in [1, CHUNK, CHUNK + 1, 3 * CHUNK - 1, 64 * CHUNK, 256 * CHUNK] {
            let progress = Progress::new(groups);
            let mut seen = vec![0; groups];
            while !progress.is_complete() {
                let Some(chunk) = progress.claim() else {
                    continue;
                };
                chunk.groups().for_each(|group| seen[group] += 1);
                progress.finish(&chunk);
                if chunk.index == 0 {
                    progress.finish(&chunk);
                }
            }
            assert!(seen.iter().all(|&times| times == 1), "{groups} groups");
            assert_eq!(progress.done.load(Ordering::Acquire), progress.chunks() as u64);
            assert!(progress.claim().is_none());
        }
    }

    #[test]
    fn a_thread_that_stops_before_it_counts_is_not_waited_for() {
        let progress = Progress::new(3 * CHUNK);
        for _ in 0..2 {
            let chunk = progress.claim().expect("one is not done");
            progress.finish(&chunk);
        }
        let last = progress.claim().expect("one is left");
        progress.bits[0].fetch_or(bit(last.index), Ordering::AcqRel);
        // Until all have been handed out once more, the thread may just be on its way.
        for _ in 0..3 {
            assert!(!progress.is_complete());
            assert!(progress.claim().is_none());
        }
        assert!(progress.is_complete());
    }
}
