//! The least that a table of entries behind pointers can do: hash the key, look at one bucket,
//! which is one cache line, and at one entry. Nothing is ordered, and nobody else may write.

use ahash::RandomState;
use epochkv_bench::peers::hasher;
use std::borrow::Borrow;
use std::mem::MaybeUninit;
use std::sync::atomic::{AtomicI64, Ordering};

/// Keys are no longer.
const KEY: usize = 24;

/// Entries of a bucket: with their tags they fill a cache line.
const SLOTS: usize = 7;

/// As many as the buckets of epochkv hold at most on average.
const ENTRIES_PER_BUCKET: usize = 5;

/// Keys that are looked up at once.
pub const BATCH: usize = 64;

/// 96 bytes, of which the first 32 are read.
#[repr(C)]
pub struct Entry {
    /// Padded with zeros, which are in no key.
    key: [u8; KEY],
    /// A count, or a text's first bytes.
    value: AtomicI64,
    /// What else a store keeps of an entry. Never read nor written.
    rest: MaybeUninit<[u8; 64]>,
}

const _: () = assert!(size_of::<Entry>() == 96);

impl Entry {
    pub fn new(key: &str) -> Self {
        let mut padded = [0; KEY];
        padded[..key.len()].copy_from_slice(key.as_bytes());
        Self { key: padded, value: AtomicI64::new(1), rest: MaybeUninit::uninit() }
    }

    /// Of 16 bytes and more, by three words that overlap, as epochkv does.
    #[inline]
    fn is_of(&self, key: &str) -> bool {
        let (key, len) = (key.as_bytes(), key.len());
        assert!((16..=KEY).contains(&len), "a key of this suite");
        let word = |bytes: &[u8], at: usize| {
            bytes[at..].first_chunk().map_or(0, |word| u64::from_le_bytes(*word))
        };
        let differs = |at| word(&self.key, at) ^ word(key, at);
        let is_longer = len < KEY && self.key[len] != 0;
        differs(0) | differs(8) | differs(len - 8) == 0 && !is_longer
    }

    #[inline]
    fn first_byte(&self) -> u8 {
        self.value.load(Ordering::Relaxed) as u8
    }
}

/// Three cache lines, so that of no entry two lines are read.
#[repr(C, align(64))]
pub struct Pair([Entry; 2]);

/// The entries of some keys, one after the other.
pub fn arena<'k>(keys: impl Iterator<Item = &'k str>) -> Vec<Pair> {
    let mut entries = keys.map(Entry::new);
    let mut pairs = Vec::new();
    while let Some(one) = entries.next() {
        pairs.push(Pair([one, entries.next().unwrap_or_else(|| Entry::new(""))]));
    }
    pairs
}

/// The entries of an arena.
pub fn entries(arena: &[Pair]) -> impl Iterator<Item = &Entry> {
    let all = arena.iter().flat_map(|pair| &pair.0);
    all.filter(|entry| entry.key[0] != 0)
}

/// One cache line. A tag of 0 is an empty slot. All tags are compared at once: the least work of
/// any layout, though one lookup in a hundred goes to an entry of another key.
#[repr(C, align(64))]
struct Bucket<P> {
    tags: [u8; 8],
    slots: [Option<P>; SLOTS],
}

/// The bytes of `tags` that are `tag`, by their highest bits.
#[inline]
fn equal(tags: [u8; 8], tag: u8) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    let difference = u64::from_le_bytes(tags) ^ (ONES * u64::from(tag));
    // Exact up to the first zero byte, and who asks for more looks at the entry.
    difference.wrapping_sub(ONES) & !difference & (ONES << 7)
}

impl<P: Borrow<Entry>> Bucket<P> {
    const UNUSED: Self = {
        assert!(size_of::<Self>() == 64);
        Self { tags: [0; 8], slots: [const { None }; SLOTS] }
    };

    #[inline]
    fn find(&self, tag: u8, key: &str) -> Option<(usize, &Entry)> {
        let mut left = equal(self.tags, tag);
        while left != 0 {
            let at = left.trailing_zeros() as usize / 8;
            let entry = self.slots.get(at).and_then(Option::as_ref).map(P::borrow);
            if let Some(entry) = entry.filter(|entry| entry.is_of(key)) {
                return Some((at, entry));
            }
            left &= left - 1;
        }
        None
    }

    /// The entry that a lookup will compare first.
    #[inline]
    fn candidate(&self, tag: u8) -> Option<&Entry> {
        let at = equal(self.tags, tag).trailing_zeros() as usize / 8;
        self.slots.get(at).and_then(Option::as_ref).map(P::borrow)
    }
}

/// Buckets of pointers `P` to entries. Where one is full the next is used.
pub struct Table<P> {
    buckets: Box<[Bucket<P>]>,
    shift: u32,
    hasher: RandomState,
}

impl<P: Borrow<Entry>> Table<P> {
    /// An empty table with as many buckets as epochkv has for so many keys.
    pub fn for_keys(keys: usize) -> Self {
        let buckets = keys.div_ceil(ENTRIES_PER_BUCKET).next_power_of_two().max(2);
        Self {
            buckets: (0..buckets).map(|_| Bucket::UNUSED).collect(),
            shift: u64::BITS - buckets.ilog2(),
            hasher: hasher(),
        }
    }

    /// Where a key's bucket is, and its tag.
    #[inline]
    fn place(&self, key: &str) -> (usize, u8) {
        let hash = self.hasher.hash_one(key);
        ((hash >> self.shift) as usize, (hash as u8).max(1))
    }

    /// Adds an entry of a key that is not there.
    #[inline]
    pub fn insert(&mut self, key: &str, entry: P) {
        let (mut at, tag) = self.place(key);
        loop {
            let bucket = &mut self.buckets[at];
            let free = equal(bucket.tags, 0).trailing_zeros() as usize / 8;
            if let Some(slot) = bucket.slots.get_mut(free) {
                *slot = Some(entry);
                bucket.tags[free] = tag;
                return;
            }
            at = (at + 1) % self.buckets.len();
        }
    }

    /// Takes an entry out that is there.
    #[inline]
    pub fn remove(&mut self, key: &str) -> Option<P> {
        let (first, tag) = self.place(key);
        for at in (first..self.buckets.len()).chain(0..first) {
            let bucket = &mut self.buckets[at];
            if let Some((slot, _)) = bucket.find(tag, key) {
                bucket.tags[slot] = 0;
                return bucket.slots[slot].take();
            }
        }
        None
    }

    /// The entry of a key that is there.
    #[inline]
    fn present(&self, key: &str) -> &Entry {
        let (first, tag) = self.place(key);
        match self.buckets[first].find(tag, key) {
            Some((_, entry)) => entry,
            None => self.present_further(first, tag, key),
        }
    }

    #[cold]
    fn present_further(&self, first: usize, tag: u8, key: &str) -> &Entry {
        let further = self.buckets[first..].iter().chain(&self.buckets[..first]);
        let mut found = further.filter_map(|bucket| bucket.find(tag, key));
        found.next().map(|(_, entry)| entry).expect("the key is there")
    }

    /// The first byte under a key that is there.
    #[inline]
    pub fn hit(&self, key: &str) -> u8 {
        self.present(key).first_byte()
    }

    /// Looks for a key that is not there, in one bucket alone.
    #[inline]
    pub fn miss(&self, key: &str) -> bool {
        let (at, tag) = self.place(key);
        self.buckets[at].find(tag, key).is_none()
    }

    /// The first bytes under keys that are there, together: buckets are fetched, then entries.
    #[inline]
    pub fn batch(&self, keys: &[&str; BATCH]) -> u8 {
        let mut places = [(0, 0); BATCH];
        for (place, key) in places.iter_mut().zip(keys) {
            *place = self.place(key);
            prefetch(&raw const self.buckets[place.0]);
        }
        for (at, tag) in places {
            if let Some(entry) = self.buckets[at].candidate(tag) {
                prefetch(entry);
            }
        }
        let mut sum = 0_u8;
        for (key, (at, tag)) in keys.iter().zip(places) {
            let entry = match self.buckets[at].find(tag, key) {
                Some((_, entry)) => entry,
                None => self.present_further(at, tag, key),
            };
            sum = sum.wrapping_add(entry.first_byte());
        }
        sum
    }

    /// Adds to the count under a key that is there, and never errs.
    #[inline]
    pub fn add(&self, key: &str) -> i64 {
        self.present(key).value.fetch_add(1, Ordering::Relaxed)
    }

    /// Adds to the count under a key that is there, unless it would wrap.
    #[inline]
    pub fn add_checked(&self, key: &str) -> Option<i64> {
        super::add_checked(&self.present(key).value)
    }
}

/// Asks for a cache line.
#[inline]
fn prefetch<T>(address: *const T) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a hint, which reads nothing that the program would see, from any address.
    unsafe {
        use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T0>(address.cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = address;
}

#[cfg(test)]
mod tests {
    use super::{BATCH, Entry, Table, arena, entries, equal};
    use epochkv_bench::keys::{Keys, Shape};

    #[test]
    fn every_key_is_found_and_no_other() {
        let keys = Keys::all(10_000);
        let arena = arena(keys.iter());
        let mut table = Table::for_keys(10_000);
        keys.iter().zip(entries(&arena)).for_each(|(key, entry)| table.insert(key, entry));
        assert!(keys.iter().all(|key| table.hit(key) == 1));
        assert!(Keys::of(Shape::Absent, 0..10_000).iter().all(|key| table.miss(key)));
        let first = core::array::from_fn(|index| keys.get(index));
        assert_eq!(table.batch(&first), BATCH as u8);
        assert_eq!((table.add("user:00000007:email"), table.hit("user:00000007:email")), (1, 2));
        assert_eq!(table.add_checked("user:00000007:email"), Some(2));
    }

    #[test]
    fn what_is_removed_is_gone() {
        let keys = Keys::all(1_000);
        let mut table = Table::for_keys(1_000);
        keys.iter().for_each(|key| table.insert(key, Box::new(Entry::new(key))));
        assert!(keys.iter().all(|key| table.remove(key).is_some_and(|entry| entry.is_of(key))));
        assert!(table.remove(keys.get(1)).is_none());
    }

    #[test]
    fn tags_are_compared_at_once() {
        assert_eq!(equal([1, 2, 3, 2, 0, 0, 0, 0], 2).trailing_zeros() / 8, 1);
        assert_eq!(equal([1, 2, 3, 4, 0, 0, 0, 0], 0).trailing_zeros() / 8, 4);
        assert_eq!(equal([1; 8], 2), 0);
    }
}
