//! `Table`: which array is current; making, clearing and dropping it.

use super::array::{Array, ArrayCell, Detached, MAX_LG, OwnedArray};
use super::entry::Entry;
use super::progress::Progress;
use crate::counter::Sharded;
use crate::reclaim::{self, Guard};
use crate::sync::stat::{AtomicU64, Ordering};
use crossbeam_utils::CachePadded;
use std::sync::Arc;

/// Buckets whose entries one deferred call releases after `clear`.
const RELEASE_SLICE: usize = 256;

/// The hash table. See the module's page.
pub struct Table<E: Entry> {
    /// Read by every operation, written only by resizes and `clear`.
    root: CachePadded<ArrayCell<E>>,
    /// The table never shrinks below this.
    min_lg: u32,
    resizes: AtomicU64,
}

/// The dimensions of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Buckets of the current array.
    pub buckets: usize,
    /// Overflow buckets of the current array.
    pub overflow_buckets: usize,
    /// Bytes of the current array and, during a migration, of its successor.
    pub bytes: usize,
    /// Whether a migration is running.
    pub migrating: bool,
    /// Migrations completed since the table was made.
    pub resizes: u64,
}

impl<E: Entry> Table<E> {
    /// A table that holds `capacity` entries without growing.
    pub fn with_capacity(capacity: usize) -> Self {
        Self::with_buckets(lg_for(capacity))
    }

    /// A table of `2^lg` buckets.
    pub fn with_buckets(lg: u32) -> Self {
        Self {
            root: CachePadded::new(ArrayCell::new(Self::fresh(lg))),
            min_lg: lg,
            resizes: AtomicU64::new(0),
        }
    }

    fn fresh(lg: u32) -> OwnedArray<E> {
        OwnedArray::allocate(lg, Progress::new(0), Arc::new(Sharded::new()))
    }

    /// The current array. Every attempt of an operation starts here.
    #[inline]
    pub(super) fn array<'g>(&self, guard: &'g Guard) -> Array<'g, E> {
        self.root.load_root(guard)
    }

    pub(super) fn root(&self) -> &ArrayCell<E> {
        &self.root
    }

    pub(super) fn min_lg(&self) -> u32 {
        self.min_lg
    }

    pub(super) fn count_resize(&self) {
        // Relaxed: a statistic.
        self.resizes.fetch_add(1, Ordering::Relaxed);
    }

    /// The number of entries; exact whenever nobody inserts or removes.
    pub fn len(&self, guard: &Guard) -> usize {
        self.array(guard).header().entries.sum()
    }

    /// The dimensions of the table now.
    pub fn shape(&self, guard: &Guard) -> Shape {
        let array = self.array(guard);
        let next = array.header().next.load(guard);
        Shape {
            buckets: array.len(),
            overflow_buckets: array.overflow_buckets(),
            bytes: array.bytes() + next.map_or(0, Array::bytes),
            migrating: next.is_some(),
            // Relaxed: a statistic.
            resizes: self.resizes.load(Ordering::Relaxed),
        }
    }

    /// Removes all entries at one instant, in constant time: the root moves to
    /// a fresh array. The old entries are released in slices, each when the
    /// collector comes by.
    pub fn clear(&self, guard: &Guard) {
        let detached = self.root.swap(Self::fresh(self.min_lg));
        release_later(detached, guard);
    }
}

fn release_later<E: Entry>(mut detached: Detached<E>, guard: &Guard) {
    guard.defer(move || {
        let guard = reclaim::pin();
        if detached.release_some(RELEASE_SLICE, &guard) {
            release_later(detached, &guard);
        }
    });
}

impl<E: Entry> Drop for Table<E> {
    fn drop(&mut self) {
        let guard = reclaim::pin();
        let mut detached = Detached::from(self.root.take());
        while detached.release_some(usize::MAX, &guard) {}
    }
}

/// The smallest number of buckets that keeps `entries` at half a bucket's slots.
pub(super) fn lg_for(entries: usize) -> u32 {
    (entries / 7 * 2).max(1).next_power_of_two().trailing_zeros().clamp(0, MAX_LG)
}
