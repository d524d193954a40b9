//! Where a key is, for writers; insert, replace, remove.

use super::array::Array;
use super::bucket::{Bucket, Gap, Search};
use super::claim::Claim;
use super::entry::Entry;
use super::root::Table;
use super::tag::Tag;
use super::word::{Outcome, Slot, Word};
use crate::reclaim::{Guard, Owned, Shared, Unlinked, prefetch};

/// What one write does about cleared tables: 64 empty buckets, or some 15 entries.
const RELEASE_PER_WRITE: usize = 64;

/// What a writer's search found.
pub enum Place<'g, E: Entry> {
    /// The key has a live entry.
    Occupied(Occupied<'g, E>),
    /// The key is absent.
    Vacant(Vacant<'g, E>),
}

/// A live entry and the right to try to change its slot.
pub struct Occupied<'g, E: Entry> {
    array: Array<'g, E>,
    slot: &'g Slot<E>,
    word: Word<'g, E>,
    entry: Shared<'g, E>,
}

/// A place where an absent key may be inserted.
pub struct Vacant<'g, E: Entry> {
    array: Array<'g, E>,
    bucket: &'g Bucket<E>,
    gap: Gap<'g, E>,
    tag: Tag,
}

impl<'g, E: Entry> Occupied<'g, E> {
    pub fn entry(&self) -> Shared<'g, E> {
        self.entry
    }
}

impl<E: Entry> Table<E> {
    /// Finds a key for writing, and does a share of the work that migrations and `clear`
    /// have left, first.
    /// Lock-free.
    #[inline(always)]
    pub fn locate<'g>(&self, hash: u64, key: &E::Key, guard: &'g Guard) -> Place<'g, E> {
        self.release_cleared(RELEASE_PER_WRITE);
        let mut array = self.array_for_write(guard);
        loop {
            let (bucket, tag) = (array.bucket(hash), array.tag(hash));
            if let Some(filter) = array.filter(bucket) {
                // For an insertion, which will look whether it has bits to set.
                prefetch(filter);
            }
            match bucket.search(tag, key, guard) {
                Search::Found { slot, word, entry } => {
                    return Place::Occupied(Occupied { array, slot, word, entry });
                }
                Search::Absent(gap) => return Place::Vacant(Vacant { array, bucket, gap, tag }),
                Search::Frozen => array = self.move_on(array, hash, guard),
            }
        }
    }

    /// The current array, after a write's share of a running migration.
    #[inline(always)]
    fn array_for_write<'g>(&self, guard: &'g Guard) -> Array<'g, E> {
        let array = self.array(guard);
        if let Some(next) = array.header().next.load(guard) {
            self.help_migration(array, next, guard);
        }
        array
    }

    /// Finds all live entries with a hash, whatever their keys, for writing; does
    /// its share of a migration first. Lock-free.
    pub fn locate_hash<'g>(&self, hash: u64, found: &mut Vec<Occupied<'g, E>>, guard: &'g Guard) {
        let mut array = self.array_for_write(guard);
        loop {
            found.clear();
            let (bucket, tag) = (array.bucket(hash), array.tag(hash));
            let is_whole = bucket.show_all(guard, |slot, word| {
                let entry =
                    word.entry().filter(|&entry| word.has_tag(tag) && E::hash(entry) == hash);
                found.extend(entry.map(|entry| Occupied { array, slot, word, entry }));
            });
            if is_whole {
                return;
            }
            array = self.move_on(array, hash, guard);
        }
    }

    /// All live entries in the bucket of a hash, for writing; none while a
    /// migration is at work there. Wait-free in the length of the chain.
    pub fn neighbours<'g>(&self, hash: u64, guard: &'g Guard) -> Vec<Occupied<'g, E>> {
        let array = self.array(guard);
        let mut found = Vec::new();
        let is_whole = array.bucket(hash).show_all(guard, |slot, word| {
            found.extend(word.entry().map(|entry| Occupied { array, slot, word, entry }));
        });
        if is_whole { found } else { Vec::new() }
    }

    /// One write's share of a running migration, without the write, for models.
    #[cfg(epochkv_loom)]
    pub fn help(&self, guard: &Guard) {
        self.array_for_write(guard);
    }

    /// A free slot of the current array's bucket for `hash`, chosen by the caller,
    /// as a place for an absent key: what a rival finds that saw another
    /// slot taken.
    #[cfg(epochkv_loom)]
    pub fn vacant_at<'g>(
        &self,
        hash: u64,
        index: usize,
        guard: &'g Guard,
    ) -> Option<Vacant<'g, E>> {
        let array = self.array(guard);
        let bucket = array.bucket(hash);
        let slot = bucket.slots().get(index)?;
        let word = slot.load(guard);
        let gap = Gap::Slot { slot, word, overflow: false };
        word.is_free().then_some(Vacant { array, bucket, gap, tag: array.tag(hash) })
    }

    /// Makes a key's successor bucket ready and goes there.
    #[cold]
    fn move_on<'g>(&self, array: Array<'g, E>, hash: u64, guard: &'g Guard) -> Array<'g, E> {
        match array.header().next.load(guard) {
            Some(next) => {
                array.migrate_group(next, array.group_of(next, hash), &mut Vec::new(), guard);
                next
            }
            // Frozen words are seen only after their successor.
            None => array,
        }
    }

    /// Inserts at a vacant place. On failure somebody else has been at work
    /// here, perhaps with the same key: the caller locates the key again, with
    /// the entry that it gets back.
    pub fn insert<'g>(
        &self,
        place: Vacant<'g, E>,
        entry: Owned<E>,
        guard: &'g Guard,
    ) -> Result<Shared<'g, E>, Owned<E>> {
        let Vacant { array, bucket, gap, tag } = place;
        if let Some(filter) = array.filter(bucket) {
            filter.admit([tag]);
        }
        let (claim, overflow, appended) = match gap {
            Gap::Slot { slot, word, overflow } => {
                (Claim::new(slot, word, entry, tag, guard)?, overflow, false)
            }
            Gap::End { link, word } => {
                let fresh = array.overflow_bucket();
                let claim = Claim::append(link, word, fresh, entry, tag, guard)?;
                array.count_overflow_buckets(1);
                (claim, true, true)
            }
        };
        match bucket.settle(claim, guard) {
            Outcome::Landed(entry) => {
                let mine = array.header().entries.increment();
                if overflow {
                    self.grow_now_and_then(array, appended, mine, guard);
                }
                Ok(entry)
            }
            Outcome::Undone(unlinked) => Err(E::duplicate(unlinked.share())),
        }
    }

    /// Replaces the located entry by one of the same key and hash. On success returns
    /// the published entry and the old one; fails if the slot has changed since.
    #[inline]
    pub fn replace<'g>(
        &self,
        place: Occupied<'g, E>,
        entry: Owned<E>,
        guard: &'g Guard,
    ) -> Result<(Shared<'g, E>, Unlinked<'g, E>), Owned<E>> {
        debug_assert!(place.array.tag(E::hash(entry.share())) == place.word.tag());
        place.slot.replace(place.word, entry, guard)
    }

    /// Removes the located entry; fails if the slot has changed since.
    pub fn remove<'g>(&self, place: Occupied<'g, E>, guard: &'g Guard) -> Option<Unlinked<'g, E>> {
        let unlinked = place.slot.remove(place.word, guard)?;
        place.array.header().entries.decrement();
        self.shrink_now_and_then(place.array, guard);
        Some(unlinked)
    }
}
