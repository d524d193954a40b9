//! Growing and shrinking: deciding, starting, moving, finishing.
//!
//! A migration moves *groups*. With `m` the smaller of both sizes' exponents, a
//! group is the set of keys whose hashes agree in their highest `m` bits: some
//! neighbouring buckets of the old array, and some of the new one.

use super::array::{Array, MAX_LG, OwnedArray};
use super::bucket::{SLOTS, home};
use super::entry::Entry;
use super::progress::Progress;
use super::root::{Table, lg_for};
use super::word::Word;
use crate::reclaim::{self, Guard};
use crate::trace;
use core::cell::Cell;
use std::sync::Arc;

/// Entries per bucket above which an insertion into an overflow bucket makes
/// the table grow.
const GROW_ABOVE: usize = 5;

/// A table with less than this share of a bucket's slots in use shrinks: one
/// entry and a quarter per bucket.
const SHRINK_BELOW_QUARTERS: usize = 5;

/// Every so many removals, or insertions into overflow buckets that are there
/// already, of a thread's it is looked whether the table has the right size.
const CHECK_EVERY: usize = 64;

/// Chunks that one guard covers where a thread does a whole migration.
const CHUNKS_PER_PIN: usize = 64;

/// The most doublings that one migration undoes, so that a group stays small.
const SHRINK_STEPS: u32 = 3;

impl<E: Entry> Table<E> {
    /// After an insertion into an overflow bucket: `appended` if that is new,
    /// `count` entries are there by the calling thread's part of the count.
    #[inline]
    pub(super) fn grow_now_and_then(
        &self,
        array: Array<'_, E>,
        appended: bool,
        count: isize,
        guard: &Guard,
    ) {
        if appended || count % CHECK_EVERY as isize == 0 {
            self.grow_if_full(array, guard);
        }
    }

    /// Starts to grow if the array is full; or, if churn has left a large part
    /// of the buckets with an overflow bucket, to rebuild it.
    #[cold]
    fn grow_if_full(&self, array: Array<'_, E>, guard: &Guard) {
        if array.header().next.load(guard).is_some() {
            return;
        }
        let entries = array.header().entries.sum();
        if entries >= GROW_ABOVE * array.len() {
            return self.start_migration(array, array.lg() + 1, guard);
        }
        // Long chains may need as many as this, and would again after a rebuild.
        let needed = entries / SLOTS;
        if array.overflow_buckets() > needed + array.len() / 4 + SLOTS {
            let crowded = 2 * entries > SLOTS * array.len();
            self.start_migration(array, array.lg() + u32::from(crowded), guard);
        }
    }

    /// After a removal.
    #[inline]
    pub(super) fn shrink_now_and_then(&self, array: Array<'_, E>, guard: &Guard) {
        thread_local! {
            static REMOVALS: Cell<usize> = const { Cell::new(0) };
        }
        if cfg!(epochkv_loom) {
            // The count would outlive an execution of a model, which must repeat.
            return;
        }
        let count = REMOVALS.try_with(|count| count.replace(count.get().wrapping_add(1)));
        if count.is_ok_and(|count| count % CHECK_EVERY == 0) && array.lg() > self.min_lg() {
            self.shrink_if_sparse(array, guard);
        }
    }

    #[cold]
    fn shrink_if_sparse(&self, array: Array<'_, E>, guard: &Guard) {
        let entries = array.header().entries.sum();
        if entries * 4 < array.len() * SHRINK_BELOW_QUARTERS {
            self.shrink(array, entries, guard);
        }
    }

    fn shrink(&self, array: Array<'_, E>, entries: usize, guard: &Guard) {
        let lg = lg_for(entries).max(self.min_lg()).max(array.lg().saturating_sub(SHRINK_STEPS));
        if lg < array.lg() {
            self.start_migration(array, lg, guard);
        }
    }

    /// Shrinks the table as far as its entries allow, all by the calling
    /// thread. Others go on working.
    pub fn shrink_to_fit(&self) {
        loop {
            let guard = reclaim::pin();
            let array = self.array(&guard);
            if array.header().next.load(&guard).is_none() {
                self.shrink(array, array.header().entries.sum(), &guard);
            }
            if array.header().next.load(&guard).is_none() {
                return;
            }
            drop(guard);
            self.finish_migration();
        }
    }

    /// Starts to migrate the current array into one of `2^lg` buckets.
    #[cfg(any(test, epochkv_loom))]
    pub fn resize_to(&self, lg: u32, guard: &Guard) {
        self.start_migration(self.array(guard), lg, guard);
    }

    /// Finishes a running migration, if there is one, some chunks under one guard.
    pub fn finish_migration(&self) {
        loop {
            let guard = reclaim::pin();
            let array = self.array(&guard);
            for _ in 0..CHUNKS_PER_PIN {
                let Some(next) = array.header().next.load(&guard) else { return };
                if self.array(&guard) != array {
                    return;
                }
                self.help_migration(array, next, &guard);
            }
        }
    }

    /// Upkeep without traffic: some chunks of a running migration, or the start of
    /// one if the table is sparse. Returns whether one is running.
    pub fn tend(&self, guard: &Guard) -> bool {
        let array = self.array(guard);
        let Some(next) = array.header().next.load(guard) else {
            if array.lg() > self.min_lg() {
                self.shrink_if_sparse(array, guard);
            }
            return array.header().next.load(guard).is_some();
        };
        for _ in 0..CHUNKS_PER_PIN {
            if self.array(guard) != array {
                break;
            }
            self.help_migration(array, next, guard);
        }
        true
    }

    fn start_migration(&self, array: Array<'_, E>, lg: u32, guard: &Guard) {
        // Only the current array is migrated: a successor waits until it is
        // promoted, and an array that `clear` took away is past it.
        if self.array(guard) != array || array.header().next.load(guard).is_some() {
            return;
        }
        let lg = lg.min(MAX_LG);
        let groups = array.len().min(1 << lg);
        let entries = Arc::clone(&array.header().entries);
        let next = OwnedArray::allocate(lg, Progress::new(groups), entries);
        let buckets = next.share().len();
        // The loser of a race drops its array.
        if array.header().next.install(next).is_ok() {
            trace::resize_begins(array.len(), buckets, array.header().entries.sum());
        }
    }

    /// One write's share of a running migration.
    #[cold]
    pub(super) fn help_migration<'g>(
        &self,
        array: Array<'g, E>,
        next: Array<'g, E>,
        guard: &'g Guard,
    ) {
        let progress = &next.header().progress;
        if let Some(chunk) = progress.claim() {
            let mut words = Vec::new();
            for group in chunk.groups() {
                array.migrate_group(next, group, &mut words, guard);
            }
            progress.finish(&chunk);
        }
        if progress.is_complete() && self.root().promote(array, next, guard) {
            self.count_resize();
            trace::resize_ends(next.len());
            self.shrink_if_sparse(next, guard);
        }
    }
}

impl<'g, E: Entry> Array<'g, E> {
    /// Moves one group into the successor; returns when it is ready, whoever
    /// moved it. `words` is a buffer.
    pub(super) fn migrate_group(
        self,
        next: Self,
        group: usize,
        words: &mut Vec<(u64, Word<'g, E>)>,
        guard: &'g Guard,
    ) {
        let groups = self.len().min(next.len());
        let of_group = |array: Self| {
            let first = group * array.per_group(groups);
            first..first + array.per_group(groups)
        };
        let Some(unready) = next.at(of_group(next).start).link().unready(guard) else {
            return;
        };
        words.clear();
        for source in of_group(self) {
            let source = self.at(source);
            source.freeze(guard);
            for slot in source.chain(guard).flat_map(|bucket| bucket.slots()) {
                let word = slot.load(guard);
                if let Some(entry) = word.entry_while(unready) {
                    words.push((E::hash(entry), word));
                }
            }
        }
        // The group's first bucket comes last: its link makes all of them ready
        // at once (I6).
        for target in of_group(next).rev() {
            next.fill(target, words, guard);
        }
    }

    /// Writes the words that belong into bucket `index` of this successor.
    /// Every helper arrives at the same layout (I7): home slots first, in the
    /// order of `words`, then the free slots, then overflow buckets.
    fn fill(self, index: usize, words: &[(u64, Word<'g, E>)], guard: &'g Guard) {
        let target = self.at(index);
        if self.is_ready(index, guard) {
            return;
        }
        let mut layout = [None; SLOTS];
        let mut rest = Vec::new();
        for &(hash, word) in words.iter().filter(|(hash, _)| self.index_of(*hash) == index) {
            match &mut layout[home(hash)] {
                place @ None => *place = Some(word),
                Some(_) => rest.push(word),
            }
        }
        let mut rest = rest.into_iter();
        for place in &mut layout {
            if place.is_none() {
                *place = rest.next();
            }
        }
        for (slot, word) in target.slots().iter().zip(layout) {
            if let Some(word) = word {
                slot.fill(word);
            }
        }
        // Longer chains are built from their end, each bucket before it is linked.
        let rest = rest.as_slice();
        let mut overflow = None;
        for words in rest.rchunks(SLOTS) {
            let bucket = self.overflow_bucket();
            for (slot, word) in bucket.slots().iter().zip(words) {
                slot.fill_private(*word);
            }
            bucket.link().publish_private(overflow);
            overflow = Some(bucket);
        }
        if target.link().publish(overflow) && overflow.is_some() {
            self.count_overflow_buckets(rest.len().div_ceil(SLOTS));
        }
    }
}
