//! The loop under all walks over the store.

use super::Kv;
use crate::glob::Pattern;
use crate::key::Key;
use crate::reclaim::{self, Shared};
use crate::record::Record;
use crate::table::Walk;
use crate::time::clock::Clock;
use crate::time::ttl::Now;
use core::hash::BuildHasher;

/// Positions of the table visited under one pin at most: some hundred entries.
pub(super) const STRIDE: usize = 64;

/// Entries that a position has on average, about.
pub(super) const ENTRIES: usize = 4;

/// Entries that one position has at most, mostly.
const FOUND: usize = 8;

impl<K: Key + ?Sized, S: BuildHasher, C: Clock> Kv<K, S, C> {
    /// Visits the next positions, so many at most, under one guard, and shows the live
    /// entries that match to `visit`, which is not user code.
    pub(super) fn step(
        &self,
        walk: &mut Walk,
        positions: usize,
        pattern: &Pattern<K>,
        mut visit: impl FnMut(Shared<'_, Record<K>>, &Now<'_, C>),
    ) {
        // Calls the user's hasher, so not under the guard.
        let exact = pattern.exact_bytes().map(|key| (key, self.hash_bytes(key)));
        let now = self.now();
        let guard = reclaim::pin();
        if let Some((key, hash)) = exact {
            let found = self.table().find(hash, key, &guard);
            if let Some(record) = found.and_then(|it| self.unless_expired(it, &now, &guard)) {
                visit(record, &now);
            }
            return walk.end();
        }
        let mut found = Vec::with_capacity(FOUND);
        for _ in 0..positions {
            if walk.cursor().is_none() {
                return;
            }
            self.table().step(walk, &mut found, &guard);
            for record in found.drain(..) {
                if pattern.is_match_bytes(record.key_bytes()) {
                    if let Some(record) = self.unless_expired(record, &now, &guard) {
                        visit(record, &now);
                    }
                }
            }
        }
    }
}
