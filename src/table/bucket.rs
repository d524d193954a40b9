//! One cache line of the table: the slots, the link, and the searches over a
//! chain of such lines.

use super::entry::Entry;
use super::tag::Tag;
use super::word::{Link, LinkWord, Slot, Unready, Word};
use crate::reclaim::{Guard, Section, Shared, prefetch};
use core::ops::ControlFlow::{self, Break, Continue};
use core::{iter, ptr};

/// Slots per bucket: with the link they fill one cache line.
pub(super) const SLOTS: usize = if !cfg!(epochkv_loom) {
    7
} else if cfg!(epochkv_one_slot) {
    1
} else {
    2
};

/// A bucket; its overflow buckets have the same form. All zero is a bucket that
/// was never used.
#[repr(C, align(64))]
pub(super) struct Bucket<E> {
    slots: [Slot<E>; SLOTS],
    link: Link<Self>,
}

#[cfg(not(epochkv_loom))]
const _: () = assert!(size_of::<Bucket<u8>>() == 64);

/// What a search finds in one bucket.
enum Match<'g, E> {
    Slot { slot: &'g Slot<E>, word: Word<'g, E>, entry: Shared<'g, E> },
    None,
    Frozen,
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

/// A bit for each word of which `is` holds.
#[inline(always)]
fn mask<E: Entry>(words: &[Word<'_, E>; SLOTS], is: impl Fn(Word<'_, E>) -> bool) -> u32 {
    // From the last word to the first, so that each step is a shift by one.
    words.iter().rev().fold(0, |bits, &word| (bits << 1) | u32::from(is(word)))
}

/// Whether `is` holds of one of the words, without a branch on any.
#[inline(always)]
pub(super) fn any<E: Entry>(
    words: &[Word<'_, E>; SLOTS],
    is: impl Fn(Word<'_, E>) -> bool,
) -> bool {
    words.iter().fold(false, |any, &word| any | is(word))
}

/// The tags of some entries, as a set that may say too much: seldom, because who believes it
/// reads the entries before they have come from memory.
#[derive(Default)]
pub(super) struct Tags {
    /// Of the lower and of the upper half of their bits.
    seen: [u64; 2],
    twice: bool,
}

impl Tags {
    #[inline]
    pub(super) fn add<E: Entry>(&mut self, word: Word<'_, E>) {
        let number = word.tag().number();
        let [low, high] = [number, number >> 6].map(|half| 1 << (half % u64::BITS as usize));
        self.twice |= self.seen[0] & low != 0 && self.seen[1] & high != 0;
        self.seen[0] |= low;
        self.seen[1] |= high;
    }

    /// Whether a key can be among the entries twice.
    pub(super) fn may_repeat(&self) -> bool {
        self.twice
    }
}

/// Starts to fetch what a lookup reads of an entry. It may begin near the end of a
/// line: what follows is fetched at the same time, not when the first part has
/// come.
#[inline(always)]
pub(super) fn prefetch_entry<E: Entry>(entry: Shared<'_, E>) {
    let start = entry.as_ptr().as_ptr().cast::<u8>();
    prefetch(start);
    prefetch(start.wrapping_add(E::REACH));
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

    /// Whether this slot is one of this bucket alone.
    #[inline]
    pub(super) fn has(&self, slot: &Slot<E>) -> bool {
        self.slots.as_ptr_range().contains(&ptr::from_ref(slot))
    }

    /// This bucket and its overflow buckets.
    pub(super) fn chain<'g>(&'g self, section: &'g Section) -> impl Iterator<Item = &'g Self> {
        iter::successors(Some(self), move |bucket| bucket.link.load(section).next())
    }

    /// The reader's search. Wait-free in the length of the chain.
    #[inline(always)]
    pub(super) fn probe<'g>(
        &'g self,
        tag: Tag,
        key: &E::Key,
        section: &'g Section,
    ) -> Probe<'g, E> {
        match self.probe_one(tag, key, section) {
            Break(probe) => probe,
            Continue(next) => next.probe_chain(tag, key, section),
        }
    }

    /// The reader's search where the first bucket is full. A loop of its own: in one, the
    /// compiler prefers branches.
    #[inline(never)]
    fn probe_chain<'g>(&'g self, tag: Tag, key: &E::Key, section: &'g Section) -> Probe<'g, E> {
        let mut bucket = self;
        loop {
            match bucket.probe_one(tag, key, section) {
                Break(probe) => return probe,
                Continue(next) => bucket = next,
            }
        }
    }

    /// The reader's search in this bucket alone; or where to go on.
    #[inline(always)]
    fn probe_one<'g>(
        &'g self,
        tag: Tag,
        key: &E::Key,
        section: &'g Section,
    ) -> ControlFlow<Probe<'g, E>, &'g Self> {
        // One look at each slot, and nearly always at no more than one entry.
        if let Some(entry) = Word::entry_with_tag(self.words(section), tag) {
            let Some(entry) = entry else { return Break(Probe::Frozen) };
            prefetch_entry(entry);
            if E::has_key(entry, key) {
                return Break(Probe::Hit(entry));
            }
            if let Some(probe) = self.probe_all(tag, key, section) {
                return Break(probe);
            }
        }
        let link = self.link.load(section);
        if link.is_frozen() {
            return Break(Probe::Frozen);
        }
        link.next().map_or(Break(Probe::Miss), Continue)
    }

    /// The reader's search among several entries with one tag. None if the key is not
    /// in this bucket.
    #[cold]
    #[inline(never)]
    fn probe_all<'g>(
        &'g self,
        tag: Tag,
        key: &E::Key,
        section: &'g Section,
    ) -> Option<Probe<'g, E>> {
        match self.matching(tag, key, section) {
            Match::Slot { entry, .. } => Some(Probe::Hit(entry)),
            Match::None => None,
            Match::Frozen => Some(Probe::Frozen),
        }
    }

    /// The key's live slot in this bucket alone.
    #[inline(always)]
    fn matching<'g>(&'g self, tag: Tag, key: &E::Key, section: &'g Section) -> Match<'g, E> {
        // All slots are in one line: comparing every tag costs less
        // than a mispredicted branch on the first one.
        let mut candidates = mask(&self.words(section), |word| word.has_tag(tag));
        while candidates != 0 {
            let slot = &self.slots[candidates.trailing_zeros() as usize];
            candidates &= candidates - 1;
            let word = slot.load(section);
            if word.has_tag(tag) {
                let Some(entry) = word.entry() else { return Match::Frozen };
                prefetch_entry(entry);
                if E::has_key(entry, key) {
                    return Match::Slot { slot, word, entry };
                }
            }
        }
        Match::None
    }

    /// The slots, in order.
    #[inline(always)]
    fn words<'g>(&self, section: &'g Section) -> [Word<'g, E>; SLOTS] {
        self.slots.each_ref().map(|slot| slot.load(section))
    }

    /// Appends the live entries of this chain, on their way from memory, and adds their tags to
    /// `tags`. False, and nothing appended, if a migration has begun here.
    #[inline]
    pub(super) fn collect_all<'g>(
        &'g self,
        found: &mut Vec<Shared<'g, E>>,
        tags: &mut Tags,
        section: &'g Section,
    ) -> bool {
        let start = found.len();
        let mut bucket = self;
        loop {
            let (words, link) = (bucket.words(section), bucket.link.load(section));
            if link.is_frozen() | any(&words, |word| word.is_frozen()) {
                found.truncate(start);
                return false;
            }
            let mut live = mask(&words, |word| word.is_live());
            while live != 0 {
                let word = words[live.trailing_zeros() as usize];
                live &= live - 1;
                tags.add(word);
                if let Some(entry) = word.entry() {
                    prefetch_entry(entry);
                    found.push(entry);
                }
            }
            match link.next() {
                Some(next) => bucket = next,
                None => return true,
            }
        }
    }

    /// A live entry of this bucket with this tag, on its way from memory.
    #[inline]
    pub(super) fn likely_entry<'g>(
        &'g self,
        tag: Tag,
        section: &'g Section,
    ) -> Option<Shared<'g, E>> {
        let entry = Word::entry_with_tag(self.words(section), tag)??;
        prefetch_entry(entry);
        Some(entry)
    }

    /// The reader's search in a bucket that has begun to freeze but whose group
    /// was not ready after the guard was pinned.
    #[cold]
    pub(super) fn probe_unready<'g>(
        &'g self,
        tag: Tag,
        key: &E::Key,
        unready: Unready<'g>,
        section: &'g Section,
    ) -> Option<Shared<'g, E>> {
        self.chain(section).flat_map(Self::slots).find_map(|slot| {
            let word = slot.load(section);
            if !word.has_tag(tag) {
                return None;
            }
            word.entry_while(unready).filter(|&entry| E::has_key(entry, key))
        })
    }

    /// The writer's search: the key's live slot, or the best place to insert it
    /// (home slot, else the first free one, else the end of the chain).
    #[inline(always)]
    pub(super) fn search<'g>(&'g self, tag: Tag, key: &E::Key, guard: &'g Guard) -> Search<'g, E> {
        let mut gap = None;
        let mut bucket = self;
        loop {
            match bucket.matching(tag, key, guard) {
                Match::Slot { slot, word, entry } => return Search::Found { slot, word, entry },
                Match::None => {}
                Match::Frozen => return Search::Frozen,
            }
            // Which slots are free cannot be predicted, so it is not branched on.
            let words = bucket.words(guard);
            if any(&words, |word| word.is_frozen()) {
                return Search::Frozen;
            }
            let free = mask(&words, |word| word.is_free());
            let overflow = !ptr::eq(bucket, self);
            if free != 0 && gap.is_none() {
                let home = tag.home(SLOTS);
                let at_home = !overflow && free & (1 << home) != 0;
                let index = if at_home { home } else { free.trailing_zeros() as usize };
                gap = Some(Gap::Slot { slot: &bucket.slots[index], word: words[index], overflow });
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
        }
    }

    /// Shows all live words; false, if a migration has begun here.
    pub(super) fn show_all<'g>(
        &'g self,
        guard: &'g Guard,
        mut show: impl FnMut(&'g Slot<E>, Word<'g, E>),
    ) -> bool {
        let mut bucket = self;
        loop {
            for slot in &bucket.slots {
                let word = slot.load(guard);
                if word.is_frozen() {
                    return false;
                }
                if word.is_live() {
                    show(slot, word);
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

#[cfg(all(test, not(epochkv_loom)))]
mod tests {
    use super::{SLOTS, Tags};
    use crate::reclaim;
    use crate::table::tests::{Hash, Map, collide, spread};

    #[test]
    fn an_entry_goes_to_its_home_and_else_to_the_first_free_slot() {
        for slot in 0..SLOTS {
            let map = Map::with_buckets(0, |key| key);
            // In one bucket the tag is the upper 12 bits, and the home by the lowest seven of them.
            let home = ((slot << 7).div_ceil(SLOTS) as u64) << 52;
            let guard = reclaim::pin();
            let array = map.table.array(&guard);
            let live = |at: usize| array.at(0).slots()[at].load(&guard).is_live();
            map.set(home, 0);
            assert!((0..SLOTS).all(|at| live(at) == (at == slot)), "{slot}");
            map.set(home + 1, 0);
            let free = usize::from(slot == 0);
            assert!((0..SLOTS).all(|at| live(at) == (at == slot || at == free)), "{slot}");
        }
    }

    #[test]
    fn a_reader_finds_the_entry_of_every_slot_beside_others_with_its_tag() {
        let eight_with_one_tag: Hash = |key| key >> 3 << 52 | key & 7;
        for hash in [spread as Hash, collide, eight_with_one_tag] {
            let map = Map::with_buckets(0, hash);
            for keys in 1..=3 * SLOTS as u64 {
                map.set(keys, keys);
                for key in 0..=keys + 1 {
                    let value = (1..=keys).contains(&key).then_some(key);
                    assert_eq!(map.get(key), value, "{key} of {keys}");
                }
            }
            for key in 1..=3 * SLOTS as u64 {
                assert!(map.remove(key).is_some());
                assert_eq!((map.get(key), map.len()), (None, 3 * SLOTS - key as usize));
            }
        }
    }

    #[test]
    fn only_entries_with_one_tag_may_be_one_key() {
        let tag: Hash = |key| key << 52;
        // In one half of their bits tags may be the same.
        let cases: [(Hash, [u64; 4], bool); 4] = [
            (tag, [0, 1, 2, 3], false),
            (tag, [9, 9 + 64, 9 + 2 * 64, 9 + 3 * 64], false),
            (tag, [64, 65, 66, 67], false),
            (collide, [0, 1, 2, 3], true),
        ];
        for (hash, keys, may_repeat) in cases {
            let map = Map::with_buckets(0, hash);
            keys.iter().for_each(|&key| _ = map.set(key, 0));
            let guard = reclaim::pin();
            let (mut found, mut tags) = (Vec::new(), Tags::default());
            assert!(map.table.array(&guard).at(0).collect_all(&mut found, &mut tags, &guard));
            assert_eq!((found.len(), tags.may_repeat()), (4, may_repeat), "{keys:?}");
        }
    }
}
