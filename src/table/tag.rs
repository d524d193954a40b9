//! The part of a hash that a slot word carries.

/// Doublings of a table for which tags stay the same. A power of two.
///
/// The more, the seldomer a migration has to ask entries for their hashes; the fewer, the
/// more bits of a tag are not those that chose the bucket: 8 at least, of 15.
const DOUBLINGS: u32 = if cfg!(epochkv_loom) { 2 } else { 8 };

/// Tags change so many doublings before a multiple of [`DOUBLINGS`]: at 2^5, 2^13, 2^21 buckets
/// and so on. So they tell most where tables of 10^5 and of 10^7 entries are. Below 2^5 they are the
/// highest 12 bits.
const EARLIER: u32 = if cfg!(epochkv_loom) { 0 } else { 3 };

/// The bits of a word that are its tag.
const MASK: usize = !0 << SHIFT;
const SHIFT: u32 = 48;

/// Its other bits.
pub(super) const OTHERS: usize = !MASK;

/// Set in the tag of every live word, and in no other word's.
pub(super) const LIVE: usize = 1 << 63;

/// The upper 16 bits of a live word, where they stand there: [`LIVE`] and 15 bits of the entry's
/// hash. These begin among the bits that choose the bucket, so that the next ones, by which a
/// bucket's entries part when the table grows, are among them: then words are moved, and no entry
/// is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tag(usize);

/// How many bits of a hash are above its tag in a table of `2^lg` buckets, plus [`EARLIER`], so
/// that it is zero where tags have not changed yet.
#[inline]
fn window(lg: u32) -> u32 {
    (lg + EARLIER) & !(DOUBLINGS - 1)
}

/// Whether entries have the same tags in tables of `2^one` and of `2^other` buckets.
pub(super) fn are_the_same(one: u32, other: u32) -> bool {
    window(one) == window(other)
}

impl Tag {
    /// Of an entry with this hash in a table of `2^lg` buckets; `lg` is at most 40.
    #[inline]
    pub(super) fn of(hash: u64, lg: u32) -> Self {
        Self::in_word((hash >> (1 + EARLIER) << window(lg)) as usize)
    }

    /// The tag of the live word that has these upper bits, but for [`LIVE`].
    #[inline]
    pub(super) fn in_word(word: usize) -> Self {
        Self((word | LIVE) & MASK)
    }

    /// All bits of a live word that is nothing but its tag.
    #[inline]
    pub(super) fn bits(self) -> usize {
        self.0
    }

    /// The tag as a number of 16 bits.
    #[inline]
    pub(super) fn number(self) -> usize {
        self.0 >> SHIFT
    }

    /// The bits of the hash that this is of in a table of `2^lg` buckets, where they stand there.
    pub(super) fn of_hash(self, lg: u32) -> u64 {
        ((self.0 & !LIVE) as u64) >> window(lg) << (1 + EARLIER)
    }

    /// Of so many slots the one into which an entry is put if it is free: keys that are
    /// inserted into one bucket at the same time seldom meet in one slot.
    #[inline]
    pub(super) fn home(self, slots: usize) -> usize {
        // The lowest bits: those are never among the ones that choose the bucket.
        ((self.number() & 0x7f) * slots) >> 7
    }
}

#[cfg(all(test, not(epochkv_loom)))]
mod tests {
    use super::{LIVE, OTHERS, Tag, are_the_same};

    const HASH: u64 = 0x0123_4567_89ab_cdef;

    #[test]
    fn begins_with_the_bits_that_chose_the_bucket_since_the_last_change() {
        for (lg, bits) in [(5, 5), (12, 5), (13, 13), (20, 13), (21, 21), (36, 29), (40, 37)] {
            let tag = Tag::of(HASH, lg);
            assert_eq!(tag.number(), 0x8000 | (HASH << bits >> 49) as usize, "{lg}");
            assert_eq!(tag.bits(), tag.number() << 48);
            assert_eq!(tag, Tag::in_word(tag.bits() << 1 >> 1 | 0xffff_ffff_ffff));
            assert_eq!(tag.of_hash(lg), HASH & (0x7fff << 49 >> bits), "{lg}");
        }
        for lg in 0..5 {
            let tag = Tag::of(HASH, lg);
            assert_eq!(tag.number(), 0x8000 | (HASH >> 52) as usize, "{lg}");
            assert_eq!(tag.of_hash(lg), HASH & (0xfff << 52), "{lg}");
        }
    }

    #[test]
    fn is_that_of_words_that_have_it_live_or_not() {
        for bits in [0, 1, 0x5a5a, 0x7fff_usize] {
            let tag = Tag::in_word(bits << 48);
            for word in [0, 0xf, OTHERS].map(|others| bits << 48 | others) {
                assert!(Tag::in_word(word) == tag && Tag::in_word(word | LIVE) == tag);
                for bit in 48..63 {
                    assert!(Tag::in_word(word ^ 1 << bit) != tag, "{bits:#x} {bit}");
                }
            }
        }
    }

    #[test]
    fn is_the_same_for_eight_doublings() {
        assert!(are_the_same(0, 4) && are_the_same(12, 5) && are_the_same(37, 40));
        assert!(!are_the_same(4, 5) && !are_the_same(13, 12) && !are_the_same(20, 21));
    }

    #[test]
    fn tells_with_the_bucket_where_an_entry_is_in_each_table_with_the_same_tags() {
        let top = |hash: u64, lg: u32| hash & !(u64::MAX >> lg);
        let bits = (0..64).flat_map(|bit| [1 << bit, !(1 << bit)]);
        let hashes: Vec<u64> = bits.chain([0, u64::MAX, HASH, !HASH]).collect();
        for (one, other) in (0..=40).flat_map(|one| (0..=40).map(move |other| (one, other))) {
            for &hash in hashes.iter().filter(|_| are_the_same(one, other)) {
                let tag = Tag::of(hash, one);
                let known = top(hash, one) | tag.of_hash(one);
                assert_eq!(top(known, other), top(hash, other), "{hash:#x}, {one}, {other}");
                assert_eq!((Tag::of(known, other), Tag::of(hash, other)), (tag, tag));
            }
        }
    }

    #[test]
    fn homes_are_even_shares_of_the_lowest_seven_bits() {
        for slot in 0..7_usize {
            let first = (slot << 7).div_ceil(7);
            let last = ((slot + 1) << 7).div_ceil(7) - 1;
            for bits in [first, last] {
                for others in [0, 0x7f80] {
                    let tag = Tag::in_word((others | bits) << 48);
                    assert_eq!(tag.home(7), slot, "{bits:#x} {others:#x}");
                }
            }
        }
    }
}
