//! Growing and shrinking: deciding, starting, moving, finishing.
//!
//! A migration moves *groups*. With `m` the smaller of both sizes' exponents, a
//! group is the set of keys whose hashes agree in their highest `m` bits: some
//! neighbouring buckets of the old array, and some of the new one.

use super::array::{Array, MAX_LG, OwnedArray};
use super::bucket::SLOTS;
use super::entry::Entry;
use super::progress::{CHUNK, Progress};
use super::root::{Table, lg_for};
use super::tag;
use super::word::Word;
use crate::reclaim::{self, Guard};
use crate::trace;
use core::cell::Cell;
use std::sync::Arc;

/// With so many entries per bucket, an insertion into an overflow bucket makes the table
/// grow.
const GROW_FROM: usize = 5;

/// A table with less than this share of a bucket's slots in use shrinks: one
/// entry and a quarter per bucket.
const SHRINK_BELOW_QUARTERS: usize = 5;

/// Every so many removals, or insertions into overflow buckets that are there
/// already, of a thread's it is looked whether the table has the right size. A prime: a thread
/// that serves several tables in turns comes to each of them.
const CHECK_EVERY: usize = 61;

/// Groups that one guard covers where a thread does not only its share of a migration.
const GROUPS_PER_PIN: usize = 512;

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
        if entries >= GROW_FROM * array.len() {
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
            for _ in 0..GROUPS_PER_PIN / CHUNK {
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
        for _ in 0..GROUPS_PER_PIN / CHUNK {
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
        let progress = Progress::new(array.len().min(1 << lg));
        let next = OwnedArray::allocate(lg, progress, Arc::clone(&array.header().entries));
        // The loser of a race drops its array.
        if array.header().next.install(next).is_ok() {
            trace::resize_begins(self.name(), array.len(), 1 << lg, array.header().entries.sum());
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
            let mut words = Vec::with_capacity(2 * SLOTS);
            for group in chunk.groups() {
                array.migrate_group(next, group, &mut words, guard);
            }
            progress.finish(&chunk);
        }
        if progress.is_complete() && self.root().promote(array, next, guard) {
            self.count_resize();
            trace::resize_ends(self.name(), next.len());
            self.grow_or_shrink(next, guard);
        }
    }

    /// After a migration, during which entries have come and gone: nobody else looks, unless
    /// more come.
    fn grow_or_shrink(&self, array: Array<'_, E>, guard: &Guard) {
        // Models force tables to be smaller than their entries need.
        let is_full = array.header().entries.sum() >= GROW_FROM * array.len();
        if is_full && !cfg!(epochkv_loom) {
            self.start_migration(array, array.lg() + 1, guard);
        } else {
            self.shrink_if_sparse(array, guard);
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
        // Where tags stay the same they tell enough of the hash: no entry is read, which takes
        // longer than all the rest.
        let tags_stay = tag::are_the_same(self.lg(), next.lg());
        words.clear();
        for index in of_group(self) {
            let source = self.at(index);
            source.freeze(guard);
            for slot in source.chain(guard).flat_map(|bucket| bucket.slots()) {
                let word = slot.load(guard);
                if let Some(entry) = word.entry_while(unready) {
                    let known = || self.known_hash(index, word.tag());
                    let hash = if tags_stay { known() } else { E::hash(entry) };
                    words.push((hash, word.thawed(next.tag(hash))));
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
        let moved = || words.iter().filter(|(hash, _)| self.index_of(*hash) == index);
        if let Some(filter) = self.filter(target) {
            filter.admit(moved().map(|(_, word)| word.tag()));
        }
        for &(_, word) in moved() {
            match &mut layout[word.tag().home(SLOTS)] {
                place @ None => *place = Some(word),
                Some(_) => rest.push(word),
            }
        }
        let mut rest = rest.into_iter();
        for place in layout.iter_mut().filter(|place| place.is_none()) {
            *place = rest.next();
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

#[cfg(all(test, not(epochkv_loom)))]
mod tests {
    use crate::reclaim;
    use crate::table::tests::{Hash, Map, collide, ends, hashes_told, spread};
    use core::ops::Range;

    /// The `n`th key of a bucket of a table of 64, where keys are their own hashes.
    fn key(bucket: u64, n: u64) -> u64 {
        bucket << 58 | n
    }

    fn set(map: &Map, buckets: Range<u64>, ns: Range<u64>) {
        buckets.for_each(|bucket| ns.clone().for_each(|n| _ = map.set(key(bucket, n), 0)));
    }

    fn remove(map: &Map, bucket: u64, ns: Range<u64>) {
        ns.for_each(|n| assert!(map.remove(key(bucket, n)).is_some()));
    }

    /// The buckets of the table, and of the one into which it is being migrated.
    fn buckets(map: &Map) -> (usize, Option<usize>) {
        let guard = reclaim::pin();
        let array = map.table.array(&guard);
        (array.len(), array.header().next.load(&guard).map(|next| next.len()))
    }

    #[test]
    fn grows_from_five_entries_per_bucket_when_a_chain_gets_longer() {
        let map = Map::with_buckets(6, |key| key);
        set(&map, 0..45, 0..7);
        set(&map, 0..1, 7..8);
        assert_eq!((map.len(), buckets(&map)), (316, (64, None)));
        set(&map, 45..46, 0..7);
        assert_eq!((map.len(), buckets(&map)), (323, (64, None)));
        set(&map, 46..47, 0..8);
        assert_eq!((map.len(), buckets(&map)), (331, (64, Some(128))));
    }

    #[test]
    fn where_chains_have_room_it_is_looked_every_61_insertions_whether_to_grow() {
        let map = Map::with_buckets(6, |key| key);
        set(&map, 0..1, 0..8);
        set(&map, 1..46, 0..7);
        set(&map, 0..1, 8..12);
        assert_eq!((map.len(), buckets(&map)), (327, (64, None)));
        let map = Map::with_buckets(6, |key| key);
        set(&map, 0..1, 0..8);
        set(&map, 1..51, 0..7);
        set(&map, 0..1, 8..13);
        set(&map, 51..52, 0..2);
        assert_eq!((map.len(), buckets(&map)), (365, (64, None)));
        set(&map, 0..1, 13..14);
        assert_eq!((map.len(), buckets(&map)), (366, (64, Some(128))));
    }

    #[test]
    fn is_rebuilt_if_many_overflow_buckets_are_left_of_former_chains() {
        // 61 entries may have 8 overflow buckets, a quarter of 64, and 7.
        for (overflow, rebuilt) in [(31, None), (32, Some(64))] {
            let map = Map::with_buckets(6, |key| key);
            let chain = 7 + 7 * overflow;
            set(&map, 0..1, 0..chain);
            remove(&map, 0, 60..chain);
            assert_eq!((map.len(), buckets(&map)), (60, (64, None)));
            set(&map, 0..1, 60..61);
            assert_eq!(buckets(&map), (64, rebuilt), "{overflow}");
        }
    }

    #[test]
    fn grows_when_it_is_rebuilt_if_more_than_half_of_the_slots_are_in_use() {
        let map = Map::with_buckets(6, |key| key);
        set(&map, 0..33, 0..7);
        'chains: for bucket in 33..50 {
            for n in 0..60 {
                set(&map, bucket..bucket + 1, n..n + 1);
                assert!(map.len() < 5 * 64);
                if buckets(&map).1.is_some() {
                    break 'chains;
                }
            }
            remove(&map, bucket, 0..60);
        }
        assert_eq!(buckets(&map), (64, Some(128)));
    }

    #[test]
    fn no_entry_is_read_for_a_move_unless_its_tag_changes() {
        const KEYS: u64 = 300;
        for from in 11..=15 {
            for to in 11..=15 {
                // It does not shrink by itself below the size that it was made with.
                let map = Map::with_buckets(from.max(to), spread);
                map.table.resize_to(from, &reclaim::pin());
                map.table.finish_migration();
                (0..KEYS).for_each(|key| _ = map.set(key, key));
                assert_eq!(buckets(&map), (1 << from, None));
                let told = hashes_told(|| {
                    map.table.resize_to(to, &reclaim::pin());
                    map.table.finish_migration();
                });
                assert_eq!(buckets(&map), (1 << to, None));
                let stay = (from < 13) == (to < 13);
                assert_eq!(told == 0, stay, "{from} to {to}: {told}");
                assert!((0..KEYS).all(|key| map.get(key) == Some(key)), "{from} to {to}");
                assert!((KEYS..2 * KEYS).all(|key| map.get(key).is_none()));
            }
        }
    }

    #[test]
    fn after_a_migration_it_shrinks_below_one_and_a_quarter_entries_per_bucket_or_grows_from_five()
    {
        // It shrinks by at most three doublings, and to what the entries need.
        let few = [(81, None), (80, None), (79, Some(32)), (7, Some(8))];
        for (entries, next) in few.into_iter().chain([(319, None), (320, Some(128))]) {
            let map = Map::new(spread);
            (0..entries).for_each(|key| _ = map.set(key, 0));
            map.table.finish_migration();
            if buckets(&map).0 == 64 {
                map.table.resize_to(7, &reclaim::pin());
                map.table.finish_migration();
            }
            map.table.resize_to(6, &reclaim::pin());
            let guard = reclaim::pin();
            while buckets(&map).0 != 64 {
                let array = map.table.array(&guard);
                let next = array.header().next.load(&guard).expect("a migration is running");
                map.table.help_migration(array, next, &guard);
            }
            assert_eq!(buckets(&map), (64, next), "{entries}");
        }
    }

    #[test]
    fn every_61_removals_it_is_looked_whether_to_shrink() {
        let of_64_buckets = |entries| {
            let map = Map::new(spread);
            (0..entries).for_each(|key| _ = map.set(key, 0));
            map.table.finish_migration();
            map.table.resize_to(6, &reclaim::pin());
            map.table.finish_migration();
            assert_eq!(buckets(&map), (64, None));
            map
        };
        // A thread counts its removals in all tables.
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let map = of_64_buckets(140);
                let remove = |keys: Range<u64>| keys.for_each(|key| _ = map.remove(key));
                remove(0..61);
                assert_eq!((map.len(), buckets(&map)), (79, (64, None)));
                remove(61..62);
                assert_eq!((map.len(), buckets(&map)), (78, (64, Some(32))));
            });
        });
        // Which in turns are those of one and of another.
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let maps = [(); 4].map(|()| of_64_buckets(200));
                (0..200).for_each(|key| maps.iter().for_each(|map| _ = map.remove(key)));
                assert!(maps.iter().all(|map| buckets(map).0 < 64 || buckets(map).1.is_some()));
            });
        });
    }

    /// Threads that stop anywhere leave some groups moved, others frozen only.
    #[test]
    fn a_frozen_bucket_answers_until_its_group_has_moved() {
        for hash in [spread as Hash, collide, ends, |key| key << 48] {
            for (from, to) in [(0, 3), (3, 0), (3, 3), (3, 5), (5, 3), (4, 5), (4, 6), (6, 4)] {
                for moved in [0, 1, 4, 7] {
                    let map = Map::new(hash);
                    map.table.resize_to(from, &reclaim::pin());
                    map.table.finish_migration();
                    (0..60).for_each(|key| _ = map.set(key, key));
                    map.table.finish_migration();
                    let guard = reclaim::pin();
                    map.table.resize_to(to, &guard);
                    let array = map.table.array(&guard);
                    let next = array.header().next.load(&guard).expect("it has begun");
                    for group in 0..array.len().min(next.len()).min(moved) {
                        array.migrate_group(next, group, &mut Vec::new(), &guard);
                    }
                    (0..array.len()).for_each(|index| array.at(index).freeze(&guard));
                    let expected: Vec<_> = (0..60).collect();
                    let state = || {
                        let mut keys = map.keys();
                        keys.sort_unstable();
                        assert_eq!(keys, expected, "{from} to {to}, {moved} moved");
                        assert!(expected.iter().all(|&key| map.get(key) == Some(key)));
                        assert!((60..90).all(|key| map.get(key).is_none()));
                        assert_eq!(map.len(), 60);
                    };
                    state();
                    map.table.finish_migration();
                    state();
                }
            }
        }
    }
}
