//! The loop under all walks over the store.

use super::Kv;
use super::access::Hashed;
use crate::glob::Pattern;
use crate::key::Key;
use crate::reclaim::{self, Guard, Shared};
use crate::record::Record;
use crate::table::Walk;
use crate::time::clock::Clock;
use crate::time::ttl::Now;
use core::hash::BuildHasher;
use core::mem;

/// Positions of the table visited under one pin at most: some hundred entries.
pub(super) const STRIDE: usize = 64;

/// Entries that a position has on average, about.
pub(super) const ENTRIES: usize = 4;

/// Entries that a walk over everything collects at once: about those of one pin.
pub(super) const PAGE: usize = STRIDE * ENTRIES;

/// Entries that a position has at most, mostly.
const MANY: usize = 8;

/// An entry is read when those of so many more positions have been met: by then it has come
/// from memory. Not so the last ones under a pin.
const LAG: usize = 4;

impl<K: Key + ?Sized, S: BuildHasher, C: Clock> Kv<K, S, C> {
    /// Visits the next positions, so many at most, under one guard, and lets `show` have the
    /// live entries that match. It is not user code.
    pub(super) fn step(
        &self,
        walk: &mut Walk,
        positions: usize,
        pattern: &Pattern<K>,
        mut show: impl FnMut(Shared<'_, Record<K>>, &Now<'_, C>),
    ) {
        // Calls the user's hasher, so not under the guard.
        let exact = pattern.exact_bytes().map(|key| (key, self.hash_bytes(key)));
        // The allocator may take its time, too.
        let mut found = Vec::with_capacity(if exact.is_some() { 0 } else { MANY * positions });
        let guard = reclaim::pin();
        if let Some((key, hash)) = exact {
            // What is below the cursor has been met, perhaps by another pattern.
            if walk.cursor().is_some_and(|at| u64::from(at) <= hash) {
                self.show_live(self.table().find(hash, key, &guard), &mut show, &guard);
            }
            return walk.end();
        }
        // Those before `read` have been read; of them, those that match are before `matching`.
        let (mut read, mut matching) = (0, 0);
        let mut ends = [0; LAG];
        for position in 0.. {
            if position < positions && walk.cursor().is_some() {
                self.table().step(walk, &mut found, &guard);
            } else if read == found.len() {
                break;
            }
            let end = mem::replace(&mut ends[position % LAG], found.len());
            while read < end {
                let record = found[read];
                if pattern.is_match_bytes(record.key_bytes()) {
                    found[matching] = record;
                    matching += 1;
                }
                read += 1;
            }
        }
        found.truncate(matching);
        self.show_live(found, &mut show, &guard);
    }

    /// Shows those that are alive of entries that were just found. One reading of the clock
    /// does for all of them, because it is made now.
    fn show_live<'g>(
        &self,
        found: impl IntoIterator<Item = Shared<'g, Record<K>>>,
        show: &mut impl FnMut(Shared<'_, Record<K>>, &Now<'_, C>),
        guard: &'g Guard,
    ) {
        let now = self.now();
        for record in found {
            if !now.is_past(record.deadline()) {
                show(record, &now);
                continue;
            }
            let key = Hashed { key: record.key(), hash: record.hash() };
            if let Some(another) = self.after_expiry(&key, &now, guard) {
                show(another, &self.now());
            }
        }
    }
}
