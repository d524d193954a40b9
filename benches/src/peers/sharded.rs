//! What one writes without any of the crates: 64 locked hash tables.

use crate::contestant::Contestant;
use crate::slot::{Found, Slot};
use ahash::RandomState;
use core::time::Duration;
use crossbeam_utils::CachePadded;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use parking_lot::Mutex;
use std::sync::Arc;

const SHARDS: usize = 64;

type Row = (Box<str>, Slot<i64>);

/// Tables of hashbrown, each in a `Mutex` of parking_lot on its own cache line.
///
/// The bare tables, not the map: they take the hash from outside, so that one
/// hash finds both the shard and the slot.
#[derive(Debug)]
pub struct Sharded {
    shards: Box<[CachePadded<Mutex<HashTable<Row>>>]>,
    hasher: RandomState,
}

impl Sharded {
    #[inline]
    fn shard(&self, key: &str) -> (u64, &Mutex<HashTable<Row>>) {
        let hash = self.hasher.hash_one(key);
        // The table itself uses the lowest bits, and the highest seven.
        (hash, &self.shards[(hash >> 48) as usize % SHARDS])
    }

    #[inline]
    fn with<R>(&self, key: &str, read: impl FnOnce(&Arc<str>) -> R) -> Option<R> {
        let (hash, shard) = self.shard(key);
        let mut table = shard.lock();
        let found = table.find(hash, |row| *row.0 == *key);
        let found = found.and_then(|(_, slot)| Found::read(slot, read));
        Found::answer(found, || {
            if let Ok(row) = table.find_entry(hash, |row| *row.0 == *key) {
                row.remove();
            }
        })
    }

    /// What is replaced is freed after the shard is unlocked.
    #[inline]
    fn put(&self, key: &str, slot: Slot<i64>) {
        let (hash, shard) = self.shard(key);
        let mut table = shard.lock();
        let replaced = match self.entry(&mut table, hash, key) {
            Entry::Occupied(mut row) => Some(core::mem::replace(&mut row.get_mut().1, slot)),
            Entry::Vacant(row) => {
                row.insert((key.into(), slot));
                None
            }
        };
        drop(table);
        drop(replaced);
    }

    #[inline]
    fn entry<'t>(&self, table: &'t mut HashTable<Row>, hash: u64, key: &str) -> Entry<'t, Row> {
        table.entry(hash, |row| *row.0 == *key, |row| self.hasher.hash_one(&*row.0))
    }
}

impl Contestant for Sharded {
    const NAME: &'static str = "sharded Mutex";

    type Snapshot = Arc<str>;

    fn new(_: usize) -> Self {
        Self {
            shards: (0..SHARDS).map(|_| CachePadded::default()).collect(),
            hasher: super::hasher(),
        }
    }

    #[inline]
    fn read<R>(&self, key: &str, read: impl FnOnce(&str) -> R) -> Option<R> {
        self.with(key, |text| read(text))
    }

    #[inline]
    fn get(&self, key: &str) -> Option<Arc<str>> {
        self.with(key, Arc::clone)
    }

    #[inline]
    fn set(&self, key: &str, text: &str) {
        self.put(key, Slot::text(text, None));
    }

    #[inline]
    fn set_ttl(&self, key: &str, text: &str, ttl: Duration) {
        self.put(key, Slot::text(text, Some(ttl)));
    }

    #[inline]
    fn insert(&self, key: &str, text: &str) {
        self.put(key, Slot::text(text, None));
    }

    #[inline]
    fn remove(&self, key: &str) -> bool {
        let (hash, shard) = self.shard(key);
        let mut table = shard.lock();
        let removed = table.find_entry(hash, |row| *row.0 == *key).ok().map(|row| row.remove().0);
        drop(table);
        removed.is_some()
    }

    #[inline]
    fn incr(&self, key: &str) -> i64 {
        let (hash, shard) = self.shard(key);
        let mut table = shard.lock();
        let mut row = match self.entry(&mut table, hash, key) {
            Entry::Occupied(row) => row,
            Entry::Vacant(row) => row.insert((key.into(), Slot::count(0))),
        };
        let (_, slot) = row.get_mut();
        if slot.is_expired() {
            *slot = Slot::count(0);
        }
        let count = slot.as_count_mut().expect("a counter");
        *count += 1;
        *count
    }

    fn visit_keys(&self, prefix: &str, mut visit: impl FnMut(&str)) {
        for shard in &self.shards {
            for (key, slot) in shard.lock().iter() {
                if key.starts_with(prefix) && !slot.is_expired() {
                    visit(key);
                }
            }
        }
    }
}
