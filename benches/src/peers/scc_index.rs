//! scc's `HashIndex`: reads without locks, writes as new entries.

use crate::contestant::Contestant;
use crate::slot::{Found, Slot};
use ahash::RandomState;
use core::time::Duration;
use scc::{Guard, HashIndex};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

/// Counters are behind an `Arc`: a resize copies values while others read them.
type IndexSlot = Slot<Arc<AtomicI64>>;

/// A `HashIndex` of scc.
#[derive(Debug)]
pub struct SccIndex {
    map: HashIndex<Box<str>, IndexSlot, RandomState>,
}

impl SccIndex {
    #[inline]
    fn with<R>(&self, key: &str, read: impl FnOnce(&Arc<str>) -> R) -> Option<R> {
        let found = self.map.peek_with(key, |_, slot| Found::read(slot, read)).flatten();
        Found::answer(found, || self.evict(key))
    }

    #[cold]
    fn evict(&self, key: &str) {
        self.map.remove_if_sync(key, Slot::is_expired);
    }

    #[inline]
    fn put(&self, key: &str, slot: IndexSlot) {
        if let Some(mut present) = self.map.get_sync(key) {
            present.update(slot);
            return;
        }
        self.put_new(key, slot);
    }

    #[inline]
    fn put_new(&self, key: &str, slot: IndexSlot) {
        if let Err((_, slot)) = self.map.insert_sync(key.into(), slot) {
            self.put(key, slot);
        }
    }
}

impl Contestant for SccIndex {
    const NAME: &'static str = "scc HashIndex";

    // An update inserts a new entry and then removes the old one. A reader who has
    // passed the place of the new one can come too late for the old one.
    const MAY_MISS_OVERWRITTEN: bool = true;

    type Snapshot = Arc<str>;

    fn new(_: usize) -> Self {
        Self { map: HashIndex::with_hasher(super::hasher()) }
    }

    #[inline]
    fn read<R>(&self, key: &str, read: impl FnOnce(&str) -> R) -> Option<R> {
        self.with(key, |text| read(text))
    }

    #[inline]
    fn get(&self, key: &str) -> Option<Arc<str>> {
        self.with(key, Arc::clone)
    }

    fn get_many(&self, keys: &[&str], mut read: impl FnMut(&str)) {
        // One guard for all of them.
        let guard = Guard::new();
        for key in keys {
            let slot = self.map.peek(*key, &guard);
            let found = slot.and_then(|slot| Found::read(slot, |text| read(text)));
            Found::answer(found, || self.evict(key));
        }
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
        self.put_new(key, Slot::text(text, None));
    }

    #[inline]
    fn remove(&self, key: &str) -> bool {
        self.map.remove_sync(key)
    }

    #[inline]
    fn incr(&self, key: &str) -> i64 {
        loop {
            let counted = self.map.peek_with(key, |_, slot| {
                let count = slot.as_count().filter(|_| !slot.is_expired())?;
                Some(count.fetch_add(1, Ordering::Relaxed) + 1)
            });
            if let Some(count) = counted.flatten() {
                return count;
            }
            self.evict(key);
            if self.map.insert_sync(key.into(), Slot::shared_count(1)).is_ok() {
                return 1;
            }
        }
    }

    fn visit_keys(&self, prefix: &str, mut visit: impl FnMut(&str)) {
        let guard = Guard::new();
        for (key, slot) in self.map.iter(&guard) {
            if key.starts_with(prefix) && !slot.is_expired() {
                visit(key);
            }
        }
    }
}
