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
        visit_in(self.array(guard), cursor, found, guard)
    }
}

/// [`Table::visit`] in this array.
#[inline]
fn visit_in<'g, E: Entry>(
    array: Array<'g, E>,
    cursor: Cursor,
    found: &mut Vec<Shared<'g, E>>,
    guard: &'g Guard,
) -> Option<Cursor> {
    let start = found.len();
    let mut tags = Tags::default();
    let visit = Visit::whole(array, array.index_of(cursor.position));
    let is_whole = visit.first == cursor.position;
    if !(is_whole && visit.bucket().collect_all(found, &mut tags, guard)) {
        visit.within(cursor.position, u64::MAX).collect_parts(found, &mut tags, guard);
    }
    if tags.may_repeat() {
        remove_duplicates(found, start);
    }
    cursor.next(array.lg())
}

/// A scan on its way.
#[derive(Debug)]
pub struct Walk {
    at: Option<Cursor>,
    /// The number of doublings of the table whose next buckets are on their way from memory.
    ahead_in: Option<u32>,
}

/// Steps by which buckets are fetched ahead: as long as memory takes.
const AHEAD: usize = 8;

impl From<Cursor> for Walk {
    fn from(cursor: Cursor) -> Self {
        Self { at: Some(cursor), ahead_in: None }
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

impl<E: Entry> Table<E> {
    /// One step of a walk, as [`visit`](Self::visit); nothing at its end. The entries are on
    /// their way from memory then: better take some more steps before they are read. (Where two
    /// may have one key they are read at once.)
    #[inline]
    pub fn step<'g>(&self, walk: &mut Walk, found: &mut Vec<Shared<'g, E>>, guard: &'g Guard) {
        let Some(cursor) = walk.at else { return };
        let array = self.array(guard);
        let index = array.index_of(cursor.position);
        // At the table's end those are its first ones, which does no harm.
        let fetch = |steps: usize| prefetch(array.at(index + steps));
        if walk.ahead_in == Some(array.lg()) {
            fetch(AHEAD);
        } else {
            walk.ahead_in = Some(array.lg());
            (0..=AHEAD).for_each(fetch);
        }
        walk.at = visit_in(array, cursor, found, guard);
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

    /// Collects the entries where not all of the bucket are wanted, or where a migration is
    /// running.
    #[cold]
    fn collect_parts(self, found: &mut Vec<Shared<'g, E>>, tags: &mut Tags, guard: &'g Guard) {
        let (mut visits, mut visit) = (Vec::new(), Some(self));
        while let Some(current) = visit {
            let start = found.len();
            if current.bucket().collect_all(found, tags, guard) {
                current.keep_wanted(found, start);
            } else {
                current.collect_moving(found, tags, &mut visits, guard);
            }
            visit = visits.pop();
        }
    }

    /// Collects the entries of a bucket that has begun to freeze; or, where they have moved,
    /// adds the visits that collect them from the successor.
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
    fn a_walk_from_anywhere_meets_what_is_not_below() {
        let map = Map::with_buckets(2, |key| key);
        let keys: Vec<u64> = (0..32).map(|n| n << 59).collect();
        keys.iter().for_each(|&key| _ = map.set(key, 0));
        // In a table at rest, in one that has begun to grow, and in one that has grown.
        for state in 0..3 {
            let guard = reclaim::pin();
            match state {
                1 => map.table.resize_to(4, &guard),
                2 => map.table.finish_migration(),
                _ => {}
            }
            for start in keys.iter().flat_map(|&key| [key.saturating_sub(1), key, key + 1]) {
                let mut found = Vec::new();
                let mut cursor = Some(Cursor::from(start));
                while let Some(at) = cursor {
                    cursor = map.table.visit(at, &mut found, &guard);
                }
                let mut met: Vec<u64> = found.iter().map(|entry| entry.get().key).collect();
                met.sort_unstable();
                let expected = keys.iter().copied().filter(|&key| key >= start);
                assert!(met.into_iter().eq(expected), "{state}, from {start:x}");
            }
        }
    }

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
