//! Weak iteration: every key that stays is met exactly once, also across resizes.

use super::array::Array;
use super::entry::Entry;
use super::root::Table;
use crate::reclaim::{Guard, Shared};
use core::num::NonZeroU64;

/// Where a scan goes on. A position stands for the keys whose hashes end in it,
/// in as many bits as the table had when the scan began; so it means the same
/// set of keys whatever the table does meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Cursor {
    lg: u32,
    position: u64,
}

const LG_SHIFT: u32 = 56;

impl Cursor {
    /// As one word, never zero, for callers who keep it elsewhere.
    pub fn pack(self) -> NonZeroU64 {
        NonZeroU64::MIN.saturating_add(self.position | (u64::from(self.lg) << LG_SHIFT))
    }

    /// The reverse of [`pack`](Self::pack); any word is a cursor of some scan.
    pub fn unpack(word: NonZeroU64) -> Self {
        let word = word.get() - 1;
        let lg = ((word >> LG_SHIFT) as u32).min(super::array::MAX_LG);
        Self { lg, position: word & ((1 << lg) - 1) }
    }

    fn mask(self) -> u64 {
        (1 << self.lg) - 1
    }
}

/// Some keys of one array: of bucket `index`, those whose hash is `want` under `mask`.
struct Visit<'g, E> {
    array: Array<'g, E>,
    index: u64,
    mask: u64,
    want: u64,
}

impl<E: Entry> Table<E> {
    /// The start of a scan.
    pub fn scan(&self, guard: &Guard) -> Cursor {
        Cursor { lg: self.array(guard).lg(), position: 0 }
    }

    /// Appends the live entries of one position to `found`, each key once, and
    /// returns the next position. Writes nothing.
    pub fn visit<'g>(
        &self,
        cursor: Cursor,
        found: &mut Vec<Shared<'g, E>>,
        guard: &'g Guard,
    ) -> Option<Cursor> {
        let start = found.len();
        let array = self.array(guard);
        let (mask, want) = (cursor.mask(), cursor.position);
        let mut visits: Vec<_> =
            array.buckets_of(mask, want).map(|index| Visit { array, index, mask, want }).collect();
        while let Some(visit) = visits.pop() {
            visit.collect(found, &mut visits, guard);
        }
        remove_duplicates(found, start);
        let position = cursor.position + 1;
        (position <= cursor.mask()).then_some(Cursor { position, ..cursor })
    }
}

impl<'g, E: Entry> Array<'g, E> {
    /// The buckets in which keys with `hash & mask == want` can be.
    fn buckets_of(self, mask: u64, want: u64) -> impl Iterator<Item = u64> + use<E> {
        let common = mask & self.mask();
        (want & common..self.len() as u64).step_by(common as usize + 1)
    }
}

impl<'g, E: Entry> Visit<'g, E> {
    /// Collects the entries from this array; or, where they have moved, adds the
    /// visits that collect them from the successor.
    fn collect(self, found: &mut Vec<Shared<'g, E>>, visits: &mut Vec<Self>, guard: &'g Guard) {
        let start = found.len();
        if self.collect_unfrozen(found, guard) {
            return;
        }
        found.truncate(start);
        // Frozen words are seen only after their successor.
        let Some(next) = self.array.header().next.load(guard) else {
            return;
        };
        let group = self.index & self.array.mask() & next.mask();
        if let Some(unready) = next.bucket(group).link().unready(guard) {
            for slot in self.bucket().chain(guard).flat_map(|bucket| bucket.slots()) {
                let entry = slot.load(guard).entry_while(unready);
                found.extend(entry.filter(|&entry| self.wants(entry)));
            }
            return;
        }
        // The keys of this bucket, and of them those wanted: both conditions are
        // on low bits, so one implies the other or contradicts it.
        let (mask, want) = if self.mask > self.array.mask() {
            (self.mask, self.want)
        } else {
            (self.array.mask(), self.index)
        };
        visits.extend(next.buckets_of(mask, want).map(|index| Visit {
            array: next,
            index,
            mask,
            want,
        }));
    }

    /// Whether the bucket was not frozen, and its entries are found.
    fn collect_unfrozen(&self, found: &mut Vec<Shared<'g, E>>, guard: &'g Guard) -> bool {
        for bucket in self.bucket().chain(guard) {
            for slot in bucket.slots() {
                let word = slot.load(guard);
                if word.is_frozen() {
                    return false;
                }
                if word.is_live() {
                    found.extend(word.entry().filter(|&entry| self.wants(entry)));
                }
            }
            if bucket.link().load(guard).is_frozen() {
                return false;
            }
        }
        true
    }

    fn bucket(&self) -> &'g super::bucket::Bucket<E> {
        self.array.bucket(self.index)
    }

    fn wants(&self, entry: Shared<'g, E>) -> bool {
        E::hash(entry) & self.mask == self.want
    }
}

/// A key that was removed and inserted again during a visit may have been seen
/// in both places.
fn remove_duplicates<E: Entry>(found: &mut Vec<Shared<'_, E>>, start: usize) {
    if found.len() - start < 2 {
        return;
    }
    found[start..]
        .sort_unstable_by(|&a, &b| E::hash(a).cmp(&E::hash(b)).then_with(|| E::compare_keys(a, b)));
    let mut kept = start;
    for index in start + 1..found.len() {
        if !super::entry::same_key(found[kept], found[index]) {
            kept += 1;
            found[kept] = found[index];
        }
    }
    found.truncate(kept + 1);
}
