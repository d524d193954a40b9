//! What a large array tells of absent keys without a look at its buckets.
//!
//! A word per bucket has two bits for the tag of every entry that was ever inserted
//! there (Bloom 1970; a filter per bucket as Putze, Sanders and Singler, WEA 2007). They are an
//! eighth of the buckets' memory, and stay in caches that buckets do not fit into. Bits are never
//! taken back, so where keys come and go for long a filter says less and less, until the next
//! migration makes a new one.
//!
//! Looked at only by threads that expect to miss: to one that finds its key it is one more
//! line to wait for. And not while a migration runs.

use super::tag::Tag;
use crate::sync::{AtomicU64, Ordering};
use core::cell::Cell;

/// The least size, as a power of two, of arrays with a filter: 32 MB of buckets. Small where tests
/// are to meet one.
#[cfg(not(epochkv_loom))]
const FROM: u32 = if cfg!(any(test, debug_assertions)) { 4 } else { 19 };

/// Whether an array of `2^lg` buckets has a filter.
#[cfg(not(epochkv_loom))]
#[inline(always)]
pub(super) const fn is_in(lg: u32) -> bool {
    lg >= FROM
}

#[cfg(epochkv_loom)]
pub(super) use is_in_model as is_in;

/// In a model, which says so itself, all or none.
#[cfg(epochkv_loom)]
pub(super) fn is_in_model(_: u32) -> bool {
    IN_MODEL.get()
}

#[cfg(epochkv_loom)]
thread_local! {
    static IN_MODEL: Cell<bool> = const { Cell::new(false) };
}

/// Whether the tables of this thread's models have filters from now on. None may be alive: their
/// memory has another layout.
#[cfg(epochkv_loom)]
pub fn use_filter(yes: bool) {
    IN_MODEL.set(yes);
}

/// The filter of one bucket and its chain. All zero before the first insertion.
///
/// Relaxed everywhere: bits are set before the claim of an insertion, and before a moved
/// bucket is published, so whoever has seen the entry sees them.
#[repr(transparent)]
pub(super) struct Filter(AtomicU64);

impl Filter {
    #[cfg(epochkv_loom)]
    pub(super) fn unused() -> Self {
        Self(AtomicU64::new(0))
    }

    /// From now on these tags are not excluded.
    #[inline]
    pub(super) fn admit(&self, tags: impl IntoIterator<Item = Tag>) {
        let bits = tags.into_iter().fold(0, |bits, tag| bits | bits_of(tag));
        // Relaxed: who has seen a bit here passes it on with what it publishes later.
        if self.0.load(Ordering::Relaxed) & bits != bits {
            self.0.fetch_or(bits, Ordering::Relaxed);
        }
    }

    /// Whether no entry with this tag has ever been here.
    #[inline]
    pub(super) fn excludes(&self, tag: Tag) -> bool {
        let bits = bits_of(tag);
        self.0.load(Ordering::Relaxed) & bits != bits
    }
}

/// One bit by the lowest six bits of the tag, which differ most within a bucket, one by all of
/// them, mixed (Fibonacci hashing, Knuth 1973).
#[inline]
fn bits_of(tag: Tag) -> u64 {
    let number = tag.number() as u32;
    1 << (number % u64::BITS) | 1 << (number.wrapping_mul(0x9e37_79b9) >> (u32::BITS - 6))
}

/// How a lookup in an array with a filter has ended.
#[derive(Clone, Copy)]
pub(super) enum Lookup {
    Hit,
    /// A miss without the filter.
    Miss,
    /// A miss by the filter.
    Excluded,
    /// A miss that the filter did not know of.
    Passed,
}

thread_local! {
    /// How much this thread expects to miss.
    static EXPECTATION: Cell<i32> = const { Cell::new(0) };
}

/// The highest expectation, and the one from which filters are asked.
const MOST: i32 = 64;
const ASK_FROM: i32 = if cfg!(debug_assertions) { 1 } else { 16 };

#[inline(always)]
fn expectation() -> i32 {
    // Where thread-locals are made by the system, there is none while a thread ends.
    EXPECTATION.try_with(Cell::get).unwrap_or(0)
}

/// Whether this thread's next lookup should ask the filter.
#[inline(always)]
pub(super) fn expects_to_miss() -> bool {
    // A model repeats.
    cfg!(epochkv_loom) || expectation() >= ASK_FROM
}

/// Lets the thread's expectation follow: to more than half of misses it begins to ask, to
/// less than a fifth it ends; and where filters say little, it seldom asks.
#[inline(always)]
pub(super) fn learn(lookup: Lookup) {
    let by = match lookup {
        // All there is to do for a thread that finds its keys.
        Lookup::Hit if expectation() == 0 => return,
        Lookup::Hit => -1,
        Lookup::Miss => 1,
        Lookup::Excluded => 4,
        Lookup::Passed => -8,
    };
    let _ = EXPECTATION.try_with(|it| it.set((it.get() + by).clamp(0, MOST)));
}

#[cfg(all(test, not(epochkv_loom)))]
mod tests {
    use super::{ASK_FROM, EXPECTATION, Lookup, expects_to_miss, is_in, learn};
    use crate::reclaim;
    use crate::table::tests::{Hash, Map, collide, ends, spread};

    const LG: u32 = 8;
    const KEYS: u64 = 5 << LG;

    /// Of so many absent keys, those that the filter of the current array does not exclude.
    fn passed(map: &Map, hash: Hash, absent: core::ops::Range<u64>) -> usize {
        let guard = reclaim::pin();
        let array = map.table.array(&guard);
        let excluded = |key: u64| {
            let filter = array.filter(array.bucket(hash(key))).expect("the array has one");
            filter.excludes(array.tag(hash(key)))
        };
        absent.filter(|&key| !excluded(key)).count()
    }

    #[test]
    fn excludes_most_absent_keys_and_no_other() {
        assert!(!is_in(3) && is_in(4));
        let map = Map::with_buckets(LG, spread);
        assert_eq!(passed(&map, spread, 0..KEYS), 0);
        (0..KEYS).for_each(|key| _ = map.set(key, key));
        assert_eq!(passed(&map, spread, 0..KEYS), KEYS as usize);
        let passed = passed(&map, spread, KEYS..11 * KEYS);
        assert!(passed < KEYS as usize / 2, "{passed} of {} passed", 10 * KEYS);
    }

    #[test]
    fn a_moved_key_is_admitted_and_a_removed_one_is_until_then() {
        let spread_out = (spread as Hash, [6, 9, 4, 5, 5, 13], 10);
        // All of these are in two buckets.
        let crowded = (ends as Hash, [5, 6, 4, 8, 8, 5], 40);
        for (hash, sizes, most) in [spread_out, crowded] {
            let map = Map::with_buckets(4, hash);
            (0..80).for_each(|key| _ = map.set(key, key));
            for lg in sizes {
                // What has begun by itself.
                map.table.finish_migration();
                (0..40).for_each(|key| _ = map.remove(key));
                assert_eq!(passed(&map, hash, 0..80), 80);
                map.table.resize_to(lg, &reclaim::pin());
                map.table.finish_migration();
                assert_eq!(passed(&map, hash, 40..80), 40);
                assert!(passed(&map, hash, 0..40) <= most);
                (0..40).for_each(|key| _ = map.set(key, key));
            }
        }
    }

    #[test]
    fn a_key_is_found_while_it_moves_whatever_is_expected() {
        let map = Map::with_buckets(LG, spread);
        (0..KEYS).for_each(|key| _ = map.set(key, key));
        let guard = reclaim::pin();
        map.table.resize_to(LG + 1, &guard);
        for key in 0..KEYS {
            // Into the successor, of which the old filter knows nothing.
            map.set(key + KEYS, key);
            EXPECTATION.set(64);
            assert_eq!((map.get(key), map.get(key + KEYS)), (Some(key), Some(key)));
        }
    }

    #[test]
    fn who_misses_begins_to_ask_and_who_finds_or_asks_in_vain_ends() {
        EXPECTATION.set(0);
        (0..ASK_FROM).for_each(|_| {
            assert!(!expects_to_miss());
            learn(Lookup::Miss);
        });
        assert!(expects_to_miss());
        (0..100).for_each(|_| learn(Lookup::Excluded));
        assert_eq!(EXPECTATION.get(), 64);
        // One in four is absent.
        (0..100).for_each(|_| {
            learn(Lookup::Excluded);
            (0..3).for_each(|_| learn(Lookup::Hit));
        });
        assert!(expects_to_miss());
        (0..64).for_each(|_| learn(Lookup::Hit));
        assert!(!expects_to_miss());
        (0..ASK_FROM).for_each(|_| learn(Lookup::Miss));
        learn(Lookup::Passed);
        assert!(!expects_to_miss());
    }

    #[test]
    fn lookups_ask_by_what_they_have_met() {
        let map = Map::with_buckets(LG, spread);
        (0..KEYS).for_each(|key| _ = map.set(key, key));
        EXPECTATION.set(0);
        (KEYS..2 * KEYS).for_each(|key| assert_eq!(map.get(key), None));
        assert_eq!(EXPECTATION.get(), 64);
        (0..KEYS).for_each(|key| assert_eq!(map.get(key), Some(key)));
        assert!(!expects_to_miss());
    }

    #[test]
    fn a_filter_that_says_little_is_seldom_asked() {
        // Of one hash, so nothing is excluded.
        let map = Map::with_buckets(LG, collide);
        map.set(0, 0);
        EXPECTATION.set(0);
        for key in 1..KEYS {
            assert_eq!(map.get(key), None);
            assert!(EXPECTATION.get() <= ASK_FROM);
        }
    }
}
