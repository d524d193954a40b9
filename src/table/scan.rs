//! Weak iteration: every key that stays is met exactly once, also across resizes.

use super::array::Array;
use super::bucket::{Bucket, Tags};
use super::entry::Entry;
use super::root::Table;
use crate::reclaim::{Guard, Shared, prefetch};

/// Where a scan goes on: all keys whose hash is below this have been met.
///
/// Buckets are in the order of hashes in a table of any size, so a cursor means
/// the same set of keys whatever the table does meanwhile, every step costs one
/// bucket of the table as it is then, and a walk reads the table from its
/// beginning to its end.
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

/// Some keys of one array: of bucket `index`, those whose hash is in the range.
struct Visit<'g, E> {
    array: Array<'g, E>,
    index: usize,
    first: u64,
    last: u64,
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
        let mut tags = Tags::default();
        // Stays empty unless a migration is running here.
        let mut visits = Vec::new();
        let whole = Visit::whole(array, array.index_of(cursor.position));
        let mut visit = Some(whole.within(cursor.position, u64::MAX));
        while let Some(current) = visit {
            current.collect(found, &mut tags, &mut visits, guard);
            visit = visits.pop();
        }
        if tags.may_repeat() {
            remove_duplicates(found, start);
        }
        cursor.next(array.lg())
    }
}

/// A scan on its way, and how far the memory it will read is on its way.
#[derive(Clone, Debug)]
pub struct Walk {
    at: Option<Cursor>,
    buckets: Ahead,
    entries: Ahead,
}

/// A place some steps ahead of a walk.
#[derive(Clone, Debug)]
struct Ahead {
    at: Option<Cursor>,
    steps: usize,
}

/// Steps by which buckets are fetched ahead: as long as memory takes.
const BUCKETS_AHEAD: usize = 8;

/// Steps by which entries are fetched ahead, from buckets that have come.
const ENTRIES_AHEAD: usize = 3;

impl From<Cursor> for Walk {
    fn from(cursor: Cursor) -> Self {
        let ahead = Ahead { at: Some(cursor), steps: 0 };
        Self { at: Some(cursor), buckets: ahead.clone(), entries: ahead }
    }
}

impl Walk {
    /// Where the walk goes on; `None` at its end.
    pub fn cursor(&self) -> Option<Cursor> {
        self.at
    }

    /// Ends the walk.
    pub fn end(&mut self) {
        self.at = None;
    }
}

impl Ahead {
    /// Goes on until it is `steps` ahead.
    fn advance(&mut self, steps: usize, lg: u32, mut fetch: impl FnMut(u64)) {
        while self.steps < steps {
            let Some(at) = self.at else { return };
            fetch(at.position);
            self.at = at.next(lg);
            self.steps += 1;
        }
        self.steps -= 1;
    }
}

impl<E: Entry> Table<E> {
    /// One step of a walk, as [`visit`](Self::visit). If the table changes its
    /// size, what was fetched ahead is not what is needed, for a few steps.
    pub fn step<'g>(&self, walk: &mut Walk, found: &mut Vec<Shared<'g, E>>, guard: &'g Guard) {
        let Some(cursor) = walk.at else { return };
        let array = self.array(guard);
        walk.buckets.advance(BUCKETS_AHEAD, array.lg(), |hash| prefetch(array.bucket(hash)));
        walk.entries.advance(ENTRIES_AHEAD, array.lg(), |hash| {
            array.bucket(hash).prefetch_entries(guard);
        });
        walk.at = self.visit(cursor, found, guard);
    }
}

impl<'g, E: Entry> Visit<'g, E> {
    /// All keys of a bucket.
    fn whole(array: Array<'g, E>, index: usize) -> Self {
        let first = array.first_hash(index);
        let last = first | (u64::MAX.checked_shr(array.lg()).unwrap_or(0));
        Self { array, index, first, last }
    }

    /// Those of them whose hash is also in this range.
    fn within(self, first: u64, last: u64) -> Self {
        Self { first: first.max(self.first), last: last.min(self.last), ..self }
    }

    /// Collects the entries from this array; or, where they have moved, adds the
    /// visits that collect them from the successor.
    #[inline]
    fn collect(
        self,
        found: &mut Vec<Shared<'g, E>>,
        tags: &mut Tags,
        visits: &mut Vec<Self>,
        guard: &'g Guard,
    ) {
        let start = found.len();
        if self.bucket().chain(guard).all(|bucket| bucket.collect(found, tags, guard)) {
            self.keep_wanted(found, start);
            return;
        }
        found.truncate(start);
        self.collect_moving(found, tags, visits, guard);
    }

    /// As [`collect`](Self::collect), where a migration has begun to freeze.
    #[cold]
    fn collect_moving(
        self,
        found: &mut Vec<Shared<'g, E>>,
        tags: &mut Tags,
        visits: &mut Vec<Self>,
        guard: &'g Guard,
    ) {
        // Frozen words are seen only after their successor.
        let Some(next) = self.array.header().next.load(guard) else {
            return;
        };
        let start = found.len();
        if let Some(unready) = self.array.gate(next, self.first).unready(guard) {
            for slot in self.bucket().chain(guard).flat_map(Bucket::slots) {
                let word = slot.load(guard);
                if let Some(entry) = word.entry_while(unready) {
                    tags.add(word);
                    found.push(entry);
                }
            }
            return self.keep_wanted(found, start);
        }
        let buckets = next.index_of(self.first)..=next.index_of(self.last);
        let parts = buckets.map(|index| Self::whole(next, index));
        visits.extend(parts.map(|part| part.within(self.first, self.last)));
    }

    /// Of the entries found in the bucket, keeps those that belong to this visit:
    /// all, unless the table was larger when the scan came by last, or is now.
    #[inline]
    fn keep_wanted(&self, found: &mut Vec<Shared<'g, E>>, start: usize) {
        let whole = Self::whole(self.array, self.index);
        if (self.first, self.last) != (whole.first, whole.last) {
            let wanted = self.first..=self.last;
            let mut kept = start;
            for index in start..found.len() {
                if wanted.contains(&E::hash(found[index])) {
                    found[kept] = found[index];
                    kept += 1;
                }
            }
            found.truncate(kept);
        }
    }

    fn bucket(&self) -> &'g Bucket<E> {
        self.array.at(self.index)
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

#[cfg(all(test, not(epochkv_loom)))]
mod tests {
    use super::{Cursor, FEW, remove_duplicates};
    use crate::reclaim::{self, Shared};
    use crate::table::tests::{Hash, Map, Tiny, collide, spread};

    #[test]
    fn of_entries_met_twice_one_stays_and_others_are_left_alone() {
        for hash in [spread as Hash, collide] {
            for count in [1, 2, FEW / 2, FEW, 2 * FEW] {
                let map = Map::with_buckets(0, hash);
                (0..count as u64).for_each(|key| _ = map.set(key, 0));
                map.table.shrink_to_fit();
                let guard = reclaim::pin();
                let mut found = Vec::new();
                let mut cursor = Some(Cursor::START);
                while let Some(at) = cursor {
                    cursor = map.table.visit(at, &mut found, &guard);
                }
                let keys = |found: &[Shared<'_, Tiny>], from: usize| {
                    let mut keys: Vec<u64> = found[from..].iter().map(|it| it.get().key).collect();
                    keys.sort_unstable();
                    keys
                };
                let expected: Vec<u64> = (0..count as u64).collect();
                assert_eq!(keys(&found, 0), expected);
                // What an earlier step has found is before the start.
                found.extend_from_within(..);
                remove_duplicates(&mut found, count);
                assert_eq!((found.len(), keys(&found, count)), (2 * count, expected.clone()));
                found.extend_from_within(count..);
                remove_duplicates(&mut found, count);
                assert_eq!((found.len(), keys(&found, count)), (2 * count, expected.clone()));
            }
        }
    }
}
