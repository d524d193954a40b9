//! `Table`: which array is current; making, clearing and dropping it.

use super::array::{Array, ArrayCell, Detached, MAX_LG, OwnedArray};
use super::entry::Entry;
use super::progress::Progress;
use crate::counter::Sharded;
use crate::reclaim::{Guard, Section, Stack};
use crate::sync::fence;
use crate::sync::stat::{AtomicU64, Ordering};
use crossbeam_utils::CachePadded;
use std::sync::Arc;

/// What a cleared table counts as where retired bytes are counted: enough to be
/// handed to the collector at once.
const CLEARED_BYTES: usize = 1 << 20;

/// The hash table. See the module's page.
pub struct Table<E: Entry> {
    shared: CachePadded<Shared<E>>,
    /// The table never shrinks below this.
    min_lg: u32,
    resizes: AtomicU64,
    /// The store's, which events of resizes tell.
    name: Arc<str>,
}

/// Read by every operation, written only by resizes and `clear`.
struct Shared<E: Entry> {
    root: ArrayCell<E>,
    /// Tables that were cleared and that no guard can reach any more. Writers
    /// release them a few buckets at a time.
    cleared: Arc<Stack<Detached<E>>>,
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
    /// A table that holds `capacity` entries without growing, of the store of this name.
    pub fn with_capacity(capacity: usize, name: Arc<str>) -> Self {
        let mut table = Self::with_buckets(lg_for(capacity));
        table.name = name;
        table
    }

    /// A table of `2^lg` buckets.
    pub fn with_buckets(lg: u32) -> Self {
        Self {
            shared: CachePadded::new(Shared {
                root: ArrayCell::new(Self::fresh(lg)),
                cleared: Arc::new(Stack::new()),
            }),
            min_lg: lg,
            resizes: AtomicU64::new(0),
            name: Arc::default(),
        }
    }

    fn fresh(lg: u32) -> OwnedArray<E> {
        OwnedArray::allocate(lg, Progress::new(0), Arc::new(Sharded::new()))
    }

    /// The current array. Every attempt of an operation starts here.
    #[inline]
    pub(super) fn array<'g>(&self, section: &'g Section) -> Array<'g, E> {
        self.shared.root.load_root(section)
    }

    pub(super) fn root(&self) -> &ArrayCell<E> {
        &self.shared.root
    }

    /// The name of the store.
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    pub(super) fn min_lg(&self) -> u32 {
        self.min_lg
    }

    pub(super) fn count_resize(&self) {
        // Relaxed: a statistic.
        self.resizes.fetch_add(1, Ordering::Relaxed);
    }

    /// The number of entries; exact whenever nobody inserts or removes.
    pub fn len(&self, section: &Section) -> usize {
        self.array(section).header().entries.sum()
    }

    /// The dimensions of the table now.
    pub fn shape(&self, section: &Section) -> Shape {
        let array = self.array(section);
        let next = array.header().next.load(section);
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
    /// a fresh array. The old entries are released by later writes, each a few,
    /// or by [`release_cleared`](Self::release_cleared).
    pub fn clear(&self, guard: &Guard) {
        let detached = self.shared.root.swap(Self::fresh(self.min_lg));
        // A time that the clock shows only from now on is not for the old table, whatever moves
        // the clock; pairs with the fence of `Now::read`.
        fence();
        let cleared = Arc::clone(&self.shared.cleared);
        guard.retire(CLEARED_BYTES, move || cleared.push(detached));
    }

    /// Releases entries of cleared tables. An empty bucket takes one of the budget, each
    /// entry four. Returns whether something is left, as far as this thread can see.
    #[inline]
    pub fn release_cleared(&self, budget: usize) -> bool {
        !self.shared.cleared.is_empty() && self.release_some(budget)
    }

    #[cold]
    fn release_some(&self, budget: usize) -> bool {
        let mut cleared = self.shared.cleared.take_all();
        if let Some(mut detached) = cleared.pop() {
            if detached.release_some(budget) {
                cleared.push(detached);
            }
        }
        let left = !cleared.is_empty();
        // In the order in which they were.
        cleared.into_iter().rev().for_each(|detached| self.shared.cleared.push(detached));
        left
    }

    /// Releases all but the last of the tables that earlier calls of [`clear`](Self::clear) have
    /// left. So who clears again and again pays for it, and they do not pile up.
    pub fn release_earlier(&self) {
        if self.shared.cleared.is_empty() {
            return;
        }
        // The last one comes first.
        let mut cleared = self.shared.cleared.take_all().into_iter();
        if let Some(last) = cleared.next() {
            self.shared.cleared.push(last);
        }
        cleared.for_each(drop);
    }
}

impl<E: Entry> Drop for Table<E> {
    fn drop(&mut self) {
        drop(Detached::from(self.shared.root.take()));
    }
}

/// The smallest number of buckets that keeps `entries` at half a bucket's slots, of which
/// it has seven outside of models.
pub(super) fn lg_for(entries: usize) -> u32 {
    let buckets = (entries.div_ceil(7)).saturating_mul(2).max(1);
    buckets.checked_next_power_of_two().map_or(MAX_LG, usize::trailing_zeros).min(MAX_LG)
}
