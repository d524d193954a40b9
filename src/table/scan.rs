//! Weak iteration: every key that stays is met exactly once, also across resizes.

use super::array::Array;
use super::bucket::prefetch_entry;
use super::entry::Entry;
use super::root::Table;
use crate::reclaim::{Guard, Shared, prefetch};

/// Where a scan goes on: all keys whose hash, with its bits reversed, is below
/// this have been met.
///
/// In that order the keys of a bucket lie together, in a table of any size; so
/// a cursor means the same set of keys whatever the table does meanwhile, and
/// every step costs one bucket of the table as it is then. (After the order in
/// which Redis scans, by Pieter Noordhuis, 2012; the exact position in place of a
/// bucket index is what rules out repetitions.)
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Cursor {
    position: u64,
}

impl Cursor {
    /// Where a scan begins.
    pub const START: Self = Self { position: 0 };

    /// The cursor behind the bucket of a table of `2^lg` that this one is in.
    fn next(self, lg: u32) -> Option<Self> {
        let width = 1u64.checked_shl(u64::BITS - lg)?;
        let position = (self.position & !(width - 1)).checked_add(width)?;
        Some(Self { position })
    }
}

impl From<u64> for Cursor {
    fn from(position: u64) -> Self {
        Self { position }
    }
}

impl From<Cursor> for u64 {
    fn from(cursor: Cursor) -> Self {
        cursor.position
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
    /// Appends the live entries of one step to `found`, each key once, and
    /// returns where to go on. Writes nothing.
    pub fn visit<'g>(
        &self,
        cursor: Cursor,
        found: &mut Vec<Shared<'g, E>>,
        guard: &'g Guard,
    ) -> Option<Cursor> {
        let start = found.len();
        let array = self.array(guard);
        let mask = array.mask();
        let index = cursor.position.reverse_bits() & mask;
        // Stays empty unless a migration is running here.
        let mut visits = Vec::new();
        let mut visit = Some(Visit { array, index, mask, want: index });
        while let Some(current) = visit {
            current.collect(cursor, found, &mut visits, guard);
            visit = visits.pop();
        }
        remove_duplicates(found, start);
        cursor.next(array.lg())
    }
}

impl<E: Entry> Table<E> {
    /// Starts to fetch what the steps after the one at `cursor` will read: the
    /// entries of the next bucket, and the bucket behind it.
    pub fn look_ahead(&self, cursor: Cursor, guard: &Guard) {
        let array = self.array(guard);
        let bucket = |cursor: Cursor| array.bucket(cursor.position.reverse_bits());
        let Some(next) = cursor.next(array.lg()) else { return };
        for slot in bucket(next).slots() {
            if let Some(entry) = slot.load(guard).entry() {
                prefetch_entry(entry);
            }
        }
        if let Some(second) = next.next(array.lg()) {
            prefetch(bucket(second));
        }
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
    fn collect(
        self,
        cursor: Cursor,
        found: &mut Vec<Shared<'g, E>>,
        visits: &mut Vec<Self>,
        guard: &'g Guard,
    ) {
        let start = found.len();
        if self.collect_unfrozen(cursor, found, guard) {
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
                found.extend(entry.filter(|&entry| self.wants(entry, cursor)));
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
    fn collect_unfrozen(
        &self,
        cursor: Cursor,
        found: &mut Vec<Shared<'g, E>>,
        guard: &'g Guard,
    ) -> bool {
        for bucket in self.bucket().chain(guard) {
            for slot in bucket.slots() {
                let word = slot.load(guard);
                if word.is_frozen() {
                    return false;
                }
                if word.is_live() {
                    found.extend(word.entry().filter(|&entry| self.wants(entry, cursor)));
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

    /// Whether an entry belongs to this visit and was not met before: the table
    /// may have shrunk since, and this bucket may have been met in part.
    fn wants(&self, entry: Shared<'g, E>, cursor: Cursor) -> bool {
        let hash = E::hash(entry);
        hash & self.mask == self.want && hash.reverse_bits() >= cursor.position
    }
}

/// Entries of one visit that are compared pair by pair.
const FEW: usize = 16;

/// A key that was removed and inserted again during a visit may have been seen
/// in both places.
fn remove_duplicates<E: Entry>(found: &mut Vec<Shared<'_, E>>, start: usize) {
    // Mostly a handful of entries with different hashes: found out by their
    // pairs, without sorting.
    let new = &found[start..];
    let hash = |index: usize| E::hash(new[index]);
    let pairs = |end: usize| (0..end).map(move |other| (other, end));
    if new.len() <= FEW
        && !(0..new.len()).flat_map(pairs).any(|(one, other)| hash(one) == hash(other))
    {
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
