//! One cache line of the table: the slots, the link, and the searches over a
//! chain of such lines.

use super::entry::Entry;
use super::word::{Link, LinkWord, Slot, Unready, Word, live_tag};
use crate::reclaim::{Guard, Shared};
use core::iter;

/// Slots per bucket: with the link they fill one cache line.
pub(super) const SLOTS: usize = if cfg!(epochkv_loom) { 2 } else { 7 };

/// A bucket; its overflow buckets have the same form. All zero is a bucket that
/// was never used.
#[repr(C, align(64))]
pub(super) struct Bucket<E> {
    slots: [Slot<E>; SLOTS],
    link: Link<Self>,
}

#[cfg(not(epochkv_loom))]
const _: () = assert!(size_of::<Bucket<u8>>() == 64);

/// The slot into which an entry is put if it is free: keys that are inserted into
/// one bucket at the same time seldom meet in one slot.
#[inline]
pub(super) fn home(hash: u64) -> usize {
    ((((hash >> 32) & 0xffff) as usize) * SLOTS) >> 16
}

/// What a reader finds in a chain.
pub(super) enum Probe<'g, E> {
    Hit(Shared<'g, E>),
    Miss,
    /// A migration has begun here; the successor may be the truth.
    Frozen,
}

/// What a writer finds in a chain.
pub(super) enum Search<'g, E> {
    Found { slot: &'g Slot<E>, word: Word<'g, E>, entry: Shared<'g, E> },
    Absent(Gap<'g, E>),
    Frozen,
}

/// Where an absent key may be inserted.
pub(super) enum Gap<'g, E> {
    /// A free slot, and whether it is in an overflow bucket.
    Slot { slot: &'g Slot<E>, word: Word<'g, E>, overflow: bool },
    /// The chain is full: an overflow bucket can be appended here.
    End { link: &'g Link<Bucket<E>>, word: LinkWord<'g, Bucket<E>> },
}

impl<E: Entry> Bucket<E> {
    pub(super) fn unused() -> Self {
        Self { slots: core::array::from_fn(|_| Slot::unused()), link: Link::unused() }
    }

    pub(super) fn slots(&self) -> &[Slot<E>; SLOTS] {
        &self.slots
    }

    pub(super) fn link(&self) -> &Link<Self> {
        &self.link
    }

    /// This bucket and its overflow buckets.
    pub(super) fn chain<'g>(&'g self, guard: &'g Guard) -> impl Iterator<Item = &'g Self> {
        iter::successors(Some(self), move |bucket| bucket.link.load(guard).next())
    }

    /// The reader's search. Wait-free in the length of the chain.
    #[inline(always)]
    pub(super) fn probe<'g>(&'g self, hash: u64, key: &E::Key, guard: &'g Guard) -> Probe<'g, E> {
        let tag = live_tag(hash);
        let mut bucket = self;
        loop {
            // All slots are in one line: comparing every fingerprint costs less
            // than a mispredicted branch on the first one.
            let mut candidates = bucket.candidates(tag, guard);
            while candidates != 0 {
                let word = bucket.slots[candidates.trailing_zeros() as usize].load(guard);
                candidates &= candidates - 1;
                if word.tag() == tag {
                    match word.entry() {
                        Some(entry) if E::has_key(entry, key) => return Probe::Hit(entry),
                        Some(_) => {}
                        None => return Probe::Frozen,
                    }
                }
            }
            let link = bucket.link.load(guard);
            if link.is_frozen() {
                return Probe::Frozen;
            }
            match link.next() {
                Some(next) => bucket = next,
                None => return Probe::Miss,
            }
        }
    }

    /// A bit for each slot with this tag.
    #[inline]
    fn candidates(&self, tag: usize, guard: &Guard) -> u32 {
        self.slots.iter().enumerate().fold(0, |bits, (index, slot)| {
            bits | (u32::from(slot.load(guard).tag() == tag) << index)
        })
    }

    /// The first entry of this bucket with the hash's fingerprint.
    #[inline]
    pub(super) fn likely_entry<'g>(&'g self, hash: u64, guard: &'g Guard) -> Option<Shared<'g, E>> {
        let tag = live_tag(hash);
        let mut words = self.slots.iter().map(|slot| slot.load(guard));
        words.find(|word| word.tag() == tag)?.entry()
    }

    /// The reader's search in a bucket that has begun to freeze but whose group
    /// was not ready after the guard was pinned.
    #[cold]
    pub(super) fn probe_unready<'g>(
        &'g self,
        hash: u64,
        key: &E::Key,
        unready: Unready<'g>,
        guard: &'g Guard,
    ) -> Option<Shared<'g, E>> {
        let tag = live_tag(hash);
        self.chain(guard).flat_map(Self::slots).find_map(|slot| {
            let word = slot.load(guard);
            if word.tag() != tag {
                return None;
            }
            word.entry_while(unready).filter(|&entry| E::has_key(entry, key))
        })
    }

    /// The writer's search: the key's live slot, or the best place to insert it
    /// (home slot, else the first free one, else the end of the chain).
    #[inline]
    pub(super) fn search<'g>(&'g self, hash: u64, key: &E::Key, guard: &'g Guard) -> Search<'g, E> {
        let tag = live_tag(hash);
        let home = home(hash);
        let mut gap = None;
        let mut bucket = self;
        let mut overflow = false;
        loop {
            for (index, slot) in bucket.slots.iter().enumerate() {
                let word = slot.load(guard);
                if word.is_frozen() {
                    return Search::Frozen;
                }
                if word.tag() == tag {
                    if let Some(entry) = word.entry().filter(|&entry| E::has_key(entry, key)) {
                        return Search::Found { slot, word, entry };
                    }
                } else if word.is_free() && (gap.is_none() || (!overflow && index == home)) {
                    gap = Some(Gap::Slot { slot, word, overflow });
                }
            }
            let link = bucket.link.load(guard);
            if link.is_frozen() {
                return Search::Frozen;
            }
            match link.next() {
                Some(next) => bucket = next,
                None => {
                    let end = Gap::End { link: &bucket.link, word: link };
                    return Search::Absent(gap.unwrap_or(end));
                }
            }
            overflow = true;
        }
    }

    /// Shows all live words whose entry has this hash; false, if a migration has
    /// begun here.
    pub(super) fn search_hash<'g>(
        &'g self,
        hash: u64,
        guard: &'g Guard,
        mut show: impl FnMut(&'g Slot<E>, Word<'g, E>, Shared<'g, E>),
    ) -> bool {
        let tag = live_tag(hash);
        let mut bucket = self;
        loop {
            for slot in &bucket.slots {
                let word = slot.load(guard);
                if word.is_frozen() {
                    return false;
                }
                if word.tag() == tag {
                    if let Some(entry) = word.entry().filter(|&entry| E::hash(entry) == hash) {
                        show(slot, word, entry);
                    }
                }
            }
            let link = bucket.link.load(guard);
            if link.is_frozen() {
                return false;
            }
            match link.next() {
                Some(next) => bucket = next,
                None => return true,
            }
        }
    }

    /// Freezes the whole chain: from now on it cannot change.
    pub(super) fn freeze<'g>(&'g self, guard: &'g Guard) {
        let mut bucket = Some(self);
        while let Some(current) = bucket {
            current.slots.iter().for_each(Slot::freeze);
            bucket = current.link.freeze(guard);
        }
    }
}
